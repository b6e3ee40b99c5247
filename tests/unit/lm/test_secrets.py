"""A key that is given to an LM stays there: nothing that a compile writes or says holds it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import burnish
from burnish.lm.cache import Cache
from burnish.lm.request import Request
from burnish.testing import ScriptedLM, toy

MARKER = "sk-marker-4711"


def answer(request: Request) -> Any:
    """The toy model, which now and then does not answer in the form asked for."""
    return "no sections" if request.key[0] in "01" else toy.lm()._script.replies(request)


def test_no_file_and_no_text_of_a_compile_holds_a_key(tmp_path: Path, capfd: Any) -> None:
    lm = ScriptedLM(answer, cache=True, api_key=MARKER, extra_headers={"Authorization": f"Bearer {MARKER}"})
    teacher = ScriptedLM(answer, cache=True, api_key=MARKER, temperature=0.3)
    student = toy.Classifier()
    student.set_lm(lm)
    with (
        burnish.context(cache=Cache(tmp_path / "cache" / "replies.sqlite")),
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always")
        program = burnish.BootstrapRS(
            toy.metric,
            teacher_settings={"lm": teacher},
            num_candidate_programs=2,
            run_dir=tmp_path / "run",
            progress=True,
        ).compile(student, trainset=toy.trainset(), valset=toy.valset())
        evaluated = burnish.Evaluate(devset=toy.valset(), metric=toy.metric, display_table=True)(program)
        program.save(tmp_path / "program.json", save_field_meta=True)
        burnish.settings.cache.close()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    names = {path.name for path in written}
    assert {"replies.sqlite", "journal.sqlite", "report.json", "program.json"} <= names
    assert [str(path) for path in written if MARKER.encode() in path.read_bytes()] == []
    said = capfd.readouterr()
    said_otherwise = [str(program.report), repr(program.report), repr(evaluated), *map(str, warned)]
    assert MARKER not in "".join([said.out, said.err, *said_otherwise])
    assert lm._line.endpoint.secrets["api_key"] == MARKER


def test_a_loaded_program_has_the_lm_without_its_key(tmp_path: Path) -> None:
    student = toy.Classifier()
    student.set_lm(ScriptedLM([], api_key=MARKER, temperature=0.25))
    student.save(tmp_path / "program.json")
    loaded = toy.Classifier()
    loaded.load(tmp_path / "program.json")
    lm = loaded.get_lm()
    assert lm is not None
    assert lm.params == {"temperature": 0.25}
    assert lm._line.endpoint.secrets == {}


def test_nested_parameters_and_addresses_are_saved_without_their_keys() -> None:
    schema = {"properties": {"token": {"type": "string"}}}
    body = {"api_key": MARKER, "top_k": 3, "proxies": [{"password": MARKER}]}
    address = f"https://user:{MARKER}@models.example:8000/v1?api-key={MARKER}"
    lm = ScriptedLM([], api_base=address, extra_body=body, response_format=schema, aws_access_key_id=MARKER)
    state = lm.dump_state()
    assert MARKER not in str(state)
    assert state["api_base"] == "https://models.example:8000/v1"
    assert (state["extra_body"], state["response_format"]) == ({"top_k": 3, "proxies": [{}]}, schema)
    assert lm._line.endpoint.api_base == address
    assert lm.params["extra_body"] == body
