"""KNNFewShot as a user runs it: one command that can be killed and given again, and one that uses what it saved.

`python -m tests.support.knn_script URL FOLDER` compiles the toy chain, writes FOLDER/program.json and its index, and keeps
FOLDER/run as the run directory; with `--load` it loads them instead, and prints the predictions on the valset as JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import burnish
from burnish.testing import toy


def compile_nearest(url: str, folder: Path, *, threads: int = 8) -> burnish.Report:
    """Compile, save, and say what was found."""
    optimizer = burnish.KNNFewShot(
        6, toy.trainset(), metric=toy.metric, max_rounds=2, num_threads=threads, run_dir=folder / "run", progress=False
    )
    with burnish.context(lm=model(url)):
        program = optimizer.compile(toy.Chain())
    program.save(folder / "program.json")
    report: burnish.Report = program.report
    return report


def predictions(url: str, folder: Path) -> list[dict[str, str]]:
    """What the saved program says on the valset."""
    program = burnish.NearestDemos(toy.Chain())
    program.load(folder / "program.json")
    with burnish.context(lm=model(url)):
        return [prediction.toDict() for prediction in program.batch(toy.valset())]


def model(url: str) -> burnish.LM:
    """The server's model, every call of which is a request."""
    return burnish.LM("local/toy", api_base=url, cache=False, num_retries=0)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--load", action="store_true")
    options = parser.parse_args()
    if options.load:
        print(json.dumps(predictions(options.url, options.folder)))
    else:
        print(json.dumps({"calls": compile_nearest(options.url, options.folder).total.calls}))


if __name__ == "__main__":
    main()
