"""A key that is given to an LM stays there: nothing that a compile writes or says holds it."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish.lm.backends.base import Endpoint
from burnish.lm.cache import Cache
from burnish.lm.request import Request
from burnish.lm.secrets import bare_address, cleared, is_secret, of_address, without_secrets
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
    address = f"https://user:{MARKER}@models.example:8000/v1?api-version=2&api-key={MARKER}"
    lm = ScriptedLM([], api_base=address, extra_body=body, response_format=schema, aws_access_key_id=MARKER)
    state = lm.dump_state()
    assert MARKER not in str(state)
    assert state["api_base"] == "https://models.example:8000/v1?api-version=2"
    assert (state["extra_body"], state["response_format"]) == ({"top_k": 3, "proxies": [{}]}, schema)
    assert lm._line.endpoint.api_base == address
    assert lm.params["extra_body"] == body


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apikey",
        "apiKey",
        "api-key",
        "x-api-key",
        "X-Goog-Api-Key",
        "Ocp-Apim-Subscription-Key",
        "access_token",
        "Authorization",
        "extra_headers",
        "client-secret",
        "aws_access_key_id",
        "key",
    ],
)
def test_a_credential_is_known_by_its_name_however_it_is_written(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["max_tokens", "monkey", "prompt_cache_key", "api_version", "keywords", "logit_bias", "tokenizer", "code"]
)
def test_what_only_sounds_like_a_credential_is_none(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        ("http://h:8000/v1", "http://h:8000/v1"),
        ("http://me:pass@h/v1?a=1#part", "http://h/v1?a=1"),
        ("http://h/v1?api-version=2024-10-21&api-key=sk&b=%20c", "http://h/v1?api-version=2024-10-21&b=%20c"),
        ("http://h/v1?code=a&sig=b&X-Amz-Signature=c&subscription%2Dkey=d&apikey=e&token=f", "http://h/v1"),
        ("http://h/v1?debug", "http://h/v1?debug"),
        ("http://me:pass@[h/v1?key=sk", "[h/v1"),
    ],
)
def test_an_address_loses_its_credentials_and_nothing_else(address: str, bare: str) -> None:
    assert bare_address(address) == bare
    assert bare_address(bare) == bare


def test_what_an_address_held_is_cleared_from_texts_and_what_it_asks_is_not() -> None:
    address = "http://me:first%20word@h/v1?api-version=2024-10-21&key=second%2Fword"
    said = "at 2024-10-21: first%20word, first word, second%2Fword, second/word"
    assert cleared(said, {"": of_address(address)}) == "at 2024-10-21: ***, ***, ***, ***"
    assert of_address("http://[h?key=sk-123456") == []


def test_an_endpoint_shows_and_pickles_its_address_without_credentials() -> None:
    endpoint = Endpoint("a/b", f"http://me:{MARKER}@h/v1?api-version=2&code={MARKER}", 5.0, {"api_key": MARKER})
    assert MARKER not in repr(endpoint)
    pickled = pickle.dumps(endpoint)
    assert MARKER.encode() not in pickled
    assert pickle.loads(pickled) == Endpoint("a/b", "http://h/v1?api-version=2", 5.0)


def test_a_list_of_keys_is_left_out_as_one_key_is() -> None:
    given = {"api_key": [MARKER, MARKER], "headers": {"x-api-key": MARKER, "accept": "json"}, "stop": ["a"]}
    assert without_secrets(given) == {"headers": {"accept": "json"}, "stop": ["a"]}


def test_an_embedder_is_pickled_without_the_keys_in_its_body_and_address() -> None:
    embedder = burnish.Embedder(
        "local/m",
        api_base=f"http://h/v1?api-version=2&api-key={MARKER}",
        extra_body={"apikey": MARKER, "user": "me"},
        extra_headers={"x-api-key": MARKER},
    )
    pickled = pickle.dumps(embedder)
    assert MARKER.encode() not in pickled
    again = pickle.loads(pickled)
    assert again.params == {"extra_body": {"user": "me"}}
    assert again._hosted.endpoint.api_base == "http://h/v1?api-version=2"
