"""Requests: the fingerprint names what is asked, and nothing else."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish._core import fingerprint
from burnish.lm.request import Output, Prefix, Request, Response, canonical, digest
from burnish.values.usage import Usage

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": texts}), max_size=6
)


def test_a_prefix_travels() -> None:
    prefix = Prefix([{"role": "system", "content": "Be brief."}])
    twin = pickle.loads(pickle.dumps(prefix))
    rest = [{"role": "user", "content": "hi"}]
    assert build(twin, rest).key == build(prefix, rest).key
    assert build(twin, rest).messages_json() == build(prefix, rest).messages_json()


def build(prefix: Prefix, rest: list[dict], **changes: object) -> Request:
    given: dict = {"params": {"temperature": 0.5, "n": 2}, "rollout_id": None, "endpoint": None, **changes}
    return Request.build(given.pop("model", "a/b"), rest, prefix=prefix, **given)


@given(messages, st.integers(0, 6))
def test_where_the_messages_are_split_makes_no_difference(all_of_them: list[dict], cut: int) -> None:
    whole = build(Prefix(), all_of_them)
    split = build(Prefix(all_of_them[:cut]), all_of_them[cut:])
    assert (split.key, split.tokens, split.messages) == (whole.key, whole.tokens, whole.messages)


@given(messages)
def test_the_key_is_the_fingerprint_of_one_line_a_message_and_one_of_parameters(asked: list[dict]) -> None:
    lines = [*map(canonical, asked), canonical(["a/b", None, None, {"n": 2, "temperature": 0.5}])]
    assert build(Prefix(), asked).key == fingerprint("\n".join(lines))


@given(messages, messages)
def test_different_messages_have_different_keys(one: list[dict], other: list[dict]) -> None:
    assert (build(Prefix(), one).key == build(Prefix(), other).key) is (one == other)


@pytest.mark.parametrize(
    "change",
    [{"model": "a/c"}, {"params": {"temperature": 0.6, "n": 2}}, {"params": {}}, {"rollout_id": 0}, {"endpoint": "x"}],
)
def test_everything_that_changes_the_reply_changes_the_key(change: dict) -> None:
    asked = [{"role": "user", "content": "hi"}]
    assert build(Prefix(), asked, **change).key != build(Prefix(), asked).key


def test_the_order_of_keys_makes_no_difference() -> None:
    one = build(Prefix(), [{"role": "user", "content": "hi"}])
    other = build(Prefix(), [{"content": "hi", "role": "user"}], params={"n": 2, "temperature": 0.5})
    assert one.key == other.key


def test_characters_beyond_ascii_and_lone_surrogates_can_be_named() -> None:
    keys = {build(Prefix(), [{"role": "user", "content": text}]).key for text in ("é", "e\u0301", "\ud800", "😀")}
    assert len(keys) == 4


def test_a_digest_is_32_hex_digits() -> None:
    assert len(digest("x")) == 32
    assert digest("x") != digest("y")


jsonable = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=5,
)


@settings(max_examples=30)
@given(
    st.lists(
        st.builds(Output, texts, st.none() | texts, st.dictionaries(texts, jsonable, max_size=2)),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 99),
)
def test_a_response_comes_back_as_it_was_stored(outputs: list[Output], tokens: int) -> None:
    response = Response(tuple(outputs), Usage(1, tokens, 2, 0.5, 0), "a/b")
    assert Response.from_json(response.to_json()) == response


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "3",
        '{"v": 2, "o": [], "u": {}, "m": "x"}',
        '{"v": 1, "o": [[1]], "u": {}, "m": "x"}',
        '{"v": 1, "o": 3, "u": {}, "m": ""}',
        '{"v": 1, "o": [], "u": {"bills": 1}, "m": ""}',
    ],
)
def test_anything_else_is_no_stored_response(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  json's own message, or ours
        Response.from_json(text)
