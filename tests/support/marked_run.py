"""A run with a known key that says and keeps all it can: `python -m tests.support.marked_run BACKEND FOLDER`.

The key comes as MARKED_KEY, the address as MARKED_ADDRESS. What is said goes to standard output and error, and to the
log at level DEBUG, of every logger; what is kept goes to FOLDER.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import burnish
from burnish import LM, BootstrapRS, Cache, Embedder, Evaluate, context
from burnish.testing import toy
from tests.support.echoing_server import KINDS


def listen(folder: Path) -> None:
    """Log everything of everybody."""
    logging.basicConfig(level=logging.DEBUG, filename=folder / "log.txt", force=True)
    logging.captureWarnings(True)
    warnings.simplefilter("always")
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(logging.DEBUG)


def show(*things: Any) -> None:
    """Say what something is, in every way in which it can be said."""
    for thing in things:
        print(repr(thing), str(thing), f"{thing}")


def keep(folder: Path, name: str, thing: Any) -> None:
    """Pickle it, where it can be."""
    try:
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(thing))
    # What cannot be pickled says so, and must not say the key either.
    except Exception:
        print(traceback.format_exc())


def fail(folder: Path, lm: LM, embedder: Embedder) -> None:
    """Fail in every way, and show each error."""
    for kind in KINDS:
        try:
            show(lm(f"kind:{kind} a heron"))
        except burnish.BurnishError as error:
            show(error, vars(error), error.args)
            print("".join(traceback.TracebackException.from_exception(error, capture_locals=False).format()))
            logging.getLogger("marked").exception("kind %s", kind)
            keep(folder, f"error {kind}", error)
    try:
        embedder(["one", "two"])
    except burnish.BurnishError as error:
        show(error, vars(error))
        print("".join(traceback.format_exception(error)))


def main() -> None:
    """Fail, run, show and keep; ends with an error that nobody catches."""
    backend, folder = sys.argv[1], Path(sys.argv[2])
    listen(folder)
    key, address = os.environ["MARKED_KEY"], os.environ["MARKED_ADDRESS"]
    given: dict[str, Any] = {"api_base": address, "api_key": key}
    if backend == "litellm":
        given["backend"] = "litellm"
        import litellm  # noqa: F401  its loggers are there from now on

        listen(folder)
    headers = {"Authorization": f"Bearer {key}"}
    if backend == "lean":
        # OpenAI's own client, below LiteLLM, logs headers of other names as they are, at DEBUG.
        headers["X-Team-Token"] = key
    lm = LM("openai/toy", **given, extra_headers=headers, num_retries=4, timeout=20)
    once = LM("openai/once", **given, num_retries=0, timeout=3, cache=False)
    embedder = Embedder("openai/embed", **given, num_retries=0)
    fail(folder, once, embedder)
    student = toy.Classifier()
    student.set_lm(lm)
    with context(cache=Cache(folder / "cache" / "replies.sqlite"), lm=lm):
        optimizer = BootstrapRS(
            toy.metric,
            num_candidate_programs=1,
            max_bootstrapped_demos=2,
            run_dir=folder / "run",
            progress=True,
            teacher_settings={"lm": lm},
        )
        program = optimizer.compile(student, trainset=toy.trainset()[:8], valset=toy.valset()[:4])
        result = Evaluate(
            devset=toy.valset()[4:],
            metric=toy.metric,
            display_progress=True,
            display_table=True,
            save_as_json=folder / "rows.json",
            save_as_csv=folder / "rows.csv",
        )(program)
        program.save(folder / "program.json", save_field_meta=True)
        report = program.report
        show(optimizer, student, program, result, result.reasons, result.results, report, report.to_dict())
        show(lm, lm.dump_state(), vars(lm), lm._line, vars(lm._line), lm._line.endpoint, lm._line.backend)
        show(lm._line.limiter, embedder, program.dump_state(), burnish.settings, once.request([], config={}))
        for name, thing in {
            "lm": lm,
            "program": program,
            "student": student,
            "result": result,
            "endpoint": lm._line.endpoint,
            "embedder": embedder,
        }.items():
            keep(folder, name, thing)
        burnish.settings.cache.close()
        once("kind:500 a heron")


if __name__ == "__main__":
    main()
