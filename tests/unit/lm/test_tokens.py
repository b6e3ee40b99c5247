"""Tokens of prompts: exact by the encodings that lie on this machine, estimated elsewhere, and never by the network."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.lm import tokens
from burnish.lm.request import Message
from burnish.lm.tokens import estimate, tokenizer_of

CHINESE = "我们提出一个问题：语言模型在没有例子的情况下能不能把客户的来信分到正确的类别？结果表明，两个人的意见在百分之九十二的情况下一致。"
RUSSIAN = (
    "Я заказал этот товар две недели назад, но посылка до сих пор не пришла. Пожалуйста, проверьте состояние доставки."
)
# The framing of a message.
FRAME = 4


def said(text: Any, **more: Any) -> list[Message]:
    return [{"role": "user", "content": text, **more}]


def own_text(tail: str) -> str:
    """A file of this repository."""
    return (Path(__file__).parents[3] / tail).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("openai/gpt-4", "cl100k_base"),
        ("gpt-4", "cl100k_base"),
        ("openai/gpt-3.5-turbo", "cl100k_base"),
        ("azure/gpt-35-turbo", "cl100k_base"),
        ("openai/text-embedding-3-small", "cl100k_base"),
        ("openai/gpt-4o-mini", "o200k_base"),
        ("openai/gpt-5-nano", "o200k_base"),
        ("openai/o3-mini", "o200k_base"),
        ("openai/ft:gpt-4o-mini-2024-07-18:somebody::a1", "o200k_base"),
        ("openai/something", "estimate"),
        ("anthropic/claude-sonnet-4-5", "estimate"),
        ("local/gpt-4", "estimate"),
        ("offline/icl", "estimate"),
    ],
)
def test_a_model_is_counted_by_its_own_encoding(model: str, encoding: str) -> None:
    assert tokenizer_of(model).name == encoding
    assert tokenizer_of(model) is tokenizer_of(model)


def test_a_known_encoding_counts_exactly() -> None:
    known = tokenizer_of("openai/gpt-4")
    assert known.exact
    # "token" and "ization"; OpenAI's tokenizer page splits it like this.
    assert known.count(said("tokenization")) == FRAME + 2
    assert known.count(said("")) == FRAME
    assert known.count(said("hello world")) == FRAME + 2


def test_the_counts_are_those_of_litellm() -> None:
    from burnish.lm.backends.litellm import _imported

    litellm = _imported()
    for text in (own_text("LICENSE"), own_text("Makefile"), CHINESE, RUSSIAN):
        theirs = len(litellm.encoding.encode(text, disallowed_special=()))
        assert tokenizer_of("openai/gpt-4").count(said(text)) == theirs + FRAME


def test_counts_of_parts_add_up() -> None:
    for model in ("openai/gpt-4", "local/anything"):
        known = tokenizer_of(model)
        messages = [*said("one question"), *said(CHINESE), {"role": "assistant", "content": "an answer"}]
        assert known.count(messages) == sum(known.count([message]) for message in messages)


@given(st.text())
def test_the_estimate_is_a_token_for_4_bytes(text: str) -> None:
    assert estimate(said(text)) == FRAME + -(-len(text.encode()) // 4)


def test_what_counts_without_an_encoding_is_the_estimate() -> None:
    messages = [*said("hello"), *said(None), *said([{"type": "text", "text": CHINESE}], name="user")]
    assert tokenizer_of("local/anything").count(messages) == estimate(messages)
    assert estimate([]) == 0
    assert estimate([*said("hello"), *said(None)]) == FRAME + 2 + FRAME
    assert estimate(said("hello", name="user")) == FRAME + 2 + 1


def test_a_picture_is_estimated_by_what_it_costs_and_not_by_its_bytes() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    assert estimate(said([{"type": "text", "text": "what is this"}, picture])) == FRAME + 3 + 1105
    # Nor does a tool call go for nothing where there is no text.
    call = {"id": "1", "type": "function", "function": {"name": "search", "arguments": '{"query": "weather"}'}}
    assert estimate([{"content": "", "tool_calls": [call]}]) > FRAME + 20


def test_control_tokens_in_a_text_are_text() -> None:
    assert tokenizer_of("openai/gpt-4").count(said("<|endoftext|>")) > FRAME + 1


def test_half_a_character_is_counted_too() -> None:
    for model in ("openai/gpt-4", "local/anything"):
        assert tokenizer_of(model).count(said("a \ud800 b")) > FRAME


def test_parts_tools_and_names_are_counted() -> None:
    known = tokenizer_of("openai/gpt-4")
    assert known.count(said([{"type": "text", "text": "hello world"}])) == FRAME + 2
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    with_picture = known.count(said([{"type": "text", "text": "hello world"}, picture]))
    assert FRAME + 2 < with_picture < 2000
    assert known.count(said("hello world", name="user")) == FRAME + 3
    call = {"id": "1", "type": "function", "function": {"name": "search", "arguments": '{"query": "weather"}'}}
    assert known.count([{"role": "assistant", "content": None, "tool_calls": [call]}]) > FRAME + 20


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        (own_text("python/burnish/datasets/support_tickets.jsonl"), 0.85, 1.2),
        (own_text("Makefile"), 0.75, 1.2),
        (own_text("LICENSE"), 1.2, 1.3),
        (CHINESE, 0.65, 1.2),
        (RUSSIAN, 1.0, 1.9),
    ],
    ids=["english", "code", "legal", "chinese", "russian"],
)
def test_the_estimate_is_as_far_off_as_is_said(text: str, low: float, high: float) -> None:
    estimate = tokenizer_of("local/anything").count(said(text))
    for model in ("openai/gpt-4", "openai/gpt-4o"):
        assert low < estimate / tokenizer_of(model).count(said(text)) < high


def test_a_missing_encoding_is_estimated_without_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tokens, "_folders", lambda: [tmp_path])
    tokens._load.cache_clear()
    try:
        # A connection to anywhere else would fail this test by itself.
        known = tokens.Tokenizer("cl100k_base")
        assert not known.exact
        assert known.count(said("hello world!")) == FRAME + 3
    finally:
        tokens._load.cache_clear()


def test_a_broken_file_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    address = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
    path = tmp_path / hashlib.sha1(address.encode()).hexdigest()
    path.write_bytes(b"aGVsbG8= 0\n")
    monkeypatch.setattr(tokens, "_folders", lambda: [tmp_path])
    tokens._load.cache_clear()
    try:
        assert not tokens.Tokenizer("cl100k_base").exact
        assert path.read_bytes() == b"aGVsbG8= 0\n"
    finally:
        tokens._load.cache_clear()


@pytest.mark.parametrize("name", ["gpt2", "r50k_base", "no_such_encoding"])
def test_an_encoding_that_is_not_here_is_estimated(name: str) -> None:
    assert not tokens.Tokenizer(name).exact


def test_counting_changes_nothing_of_the_process() -> None:
    script = (
        "import os, sys\n"
        "before = dict(os.environ)\n"
        "from burnish.lm.tokens import estimate, tokenizer_of\n"
        "estimate([{'role': 'user', 'content': 'hello'}])\n"
        "print('tiktoken' in sys.modules)\n"
        "print(tokenizer_of('openai/gpt-4').count([{'role': 'user', 'content': 'hello'}]))\n"
        "print(dict(os.environ) == before, 'litellm' in sys.modules, 'requests' in sys.modules)\n"
        "import tiktoken.load, tiktoken_ext.openai_public as theirs\n"
        "print(theirs.load_tiktoken_bpe is tiktoken.load.load_tiktoken_bpe)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "5", "True", "False", "False", "True"]
