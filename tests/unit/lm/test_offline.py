"""The offline model as a backend: the same reply each time, and better ones from better prompts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from burnish.adapters.chat import ChatAdapter
from burnish.datasets.support_tickets import intents, load
from burnish.errors import ConfigError
from burnish.lm.backends.base import Endpoint
from burnish.lm.backends.offline import OfflineBackend, create
from burnish.lm.request import Message, Request, Response
from burnish.values.signature import Signature

ADAPTER = ChatAdapter()
TRIAGE = Signature("ticket -> intent: Intent", "Sort the ticket.", custom_types={"Intent": Literal[intents()]})
TASTE = Signature("text -> taste: Literal['sweet', 'sour']")
TASTES = [
    {"text": "honey cake with syrup", "taste": "sweet"},
    {"text": "lemon juice and vinegar", "taste": "sour"},
    {"text": "chocolate with sugar", "taste": "sweet"},
    {"text": "pickled lime", "taste": "sour"},
]


@pytest.fixture(scope="module")
def model() -> OfflineBackend:
    return create(Endpoint("offline/icl"))


def complete(
    model: OfflineBackend, messages: Sequence[Message], rollout_id: int | None = None, **params: Any
) -> Response:
    return asyncio.run(model.complete(Request.build("offline/icl", messages, params=params, rollout_id=rollout_id)))


def prompt(
    signature: type[Signature],
    inputs: Mapping[str, Any],
    *,
    demos: Sequence[Any] = (),
    instructions: str = "Answer.",
) -> list[Message]:
    compiled = ADAPTER.compile(signature, instructions=instructions, demos=demos)
    return [*compiled.prefix.messages, *ADAPTER.render(signature, inputs)]


def ask(model: OfflineBackend, signature: type[Signature], inputs: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return ADAPTER.parse(signature, complete(model, prompt(signature, inputs, **more)).texts[0])


def right(model: OfflineBackend, *, demos: Sequence[Any] = (), instructions: str = "Sort the ticket.") -> int:
    """How many of the validation and test tickets come out right."""
    rows = [*load("val"), *load("test")]
    given = {"demos": demos, "instructions": instructions}
    return sum(ask(model, TRIAGE, {"ticket": row.ticket}, **given)["intent"] == row.intent for row in rows)


def test_only_one_model_exists() -> None:
    with pytest.raises(ConfigError, match=r"'offline/gpt'.*'offline/icl'"):
        create(Endpoint("offline/gpt"))


def test_the_same_question_has_the_same_answer_in_any_order(model: OfflineBackend) -> None:
    asked = [prompt(TRIAGE, {"ticket": row.ticket}, demos=load("train")[:16]) for row in load("val")[:20]]
    first = [complete(model, messages, temperature=1.0).texts for messages in asked]
    other = create(Endpoint("offline/icl"))
    again = [complete(other, messages, temperature=1.0).texts for messages in reversed(asked)]
    assert again == first[::-1]


def test_demos_and_descriptions_make_it_better(model: OfflineBackend) -> None:
    draw = random.Random(0)
    few, many = draw.sample(load("train"), 32), draw.sample(load("train"), 96)
    bare, with_few, with_many = right(model), right(model, demos=few), right(model, demos=many)
    # Of 260: by label names alone well above chance (22), and each step a clear one.
    assert bare > 80
    assert with_few > bare + 20
    assert with_many > with_few + 20
    rows = "\n".join(f"{' '.join(row.ticket.split())} -> {row.intent}" for row in load("train"))
    propose = Signature("examples, basic_instruction -> proposed_instruction")
    written = ask(model, propose, {"examples": rows, "basic_instruction": "Sort the ticket."})["proposed_instruction"]
    assert written.startswith("Sort the ticket.\n")
    assert right(model, instructions=written) > bare + 30


def test_which_demos_are_shown_matters(model: OfflineBackend) -> None:
    one_sided = [row for row in load("train") if row.intent in intents()[:2]][:16]
    assert right(model, demos=one_sided) < right(model, demos=load("train")[:16]) - 8


def test_without_demos_it_goes_by_the_names_of_the_labels(model: OfflineBackend) -> None:
    labels = Signature("text -> intent: Literal['lost_card', 'exchangeRate', 'top-up']")
    for text, label in (
        ("I cannot find my card, I think it is lost", "lost_card"),
        ("what rates do you use to exchange dollars", "exchangeRate"),
        ("topping up fails", "top-up"),
    ):
        assert ask(model, labels, {"text": text}) == {"intent": label}


@pytest.mark.parametrize(
    "instructions",
    [
        "Say how it tastes.\nsweet: honey, sugar, cake\nsour: lemon, vinegar",
        "Say how it tastes.\n- **Sweet** - honey, sugar, cake\n- **Sour** - lemon, vinegar",
        "Use `sweet` for honey, sugar and cake.\nUse `sour` for lemon or vinegar.",
    ],
)
def test_it_reads_what_the_instructions_say_about_labels(model: OfflineBackend, instructions: str) -> None:
    for text, taste in (("a spoon of honey", "sweet"), ("a slice of lemon", "sour")):
        assert ask(model, TASTE, {"text": text}, instructions=instructions) == {"taste": taste}
    turned = instructions.replace("weet", "#").replace("our", "weet").replace("#", "our")
    assert ask(model, TASTE, {"text": "a slice of lemon"}, instructions=turned) == {"taste": "sweet"}


def test_labels_of_a_plain_text_field_come_from_the_demos(model: OfflineBackend) -> None:
    plain = Signature("text -> taste")
    assert ask(model, plain, {"text": "sugar and honey"}, demos=TASTES) == {"taste": "sweet"}
    assert ask(model, plain, {"text": "a lime"}, demos=TASTES) == {"taste": "sour"}


def test_a_demo_contributes_what_it_shows(model: OfflineBackend) -> None:
    signature = Signature("text, place -> note, taste: Literal['sweet', 'sour']")
    demos = [{**demo, "note": "seen"} if demo["taste"] == "sweet" else demo for demo in TASTES]
    answers = ask(model, signature, {"text": "vinegar", "place": "here"}, demos=demos)
    assert answers == {"note": "seen", "taste": "sour"}


def test_a_reason_names_its_evidence_and_comes_before_the_answer(model: OfflineBackend) -> None:
    signature = Signature("text -> reasoning, taste: Literal['sweet', 'sour']")
    reply = complete(model, prompt(signature, {"text": "more vinegar please"}, demos=TASTES)).texts[0]
    answers = ADAPTER.parse(signature, reply)
    assert list(answers) == ["reasoning", "taste"]
    assert answers["taste"] == "sour"
    assert "vinegar" in answers["reasoning"]
    assert "lemon juice and vinegar" in answers["reasoning"]


def test_outputs_of_other_types_are_valid_with_and_without_demos(model: OfflineBackend) -> None:
    signature = Signature(
        "text -> count: int, share: float, ok: bool, tags: list[str], more: dict[str, int], no: int | None"
    )
    empty = ask(model, signature, {"text": "some 7 of 12.5"})
    assert empty == {"count": 7, "share": 7.0, "ok": True, "tags": [], "more": {}, "no": 7}
    demos = [
        {"text": "lemon", "count": 3, "share": 0.5, "ok": False, "tags": ["a"], "more": {"b": 1}, "no": None},
        {"text": "honey", "count": 4, "share": 0.6, "ok": True, "tags": [], "more": {}, "no": 5},
    ]
    shown = {name: value for name, value in demos[0].items() if name != "text"}
    assert ask(model, signature, {"text": "more lemon"}, demos=demos) == shown


def test_n_completions(model: OfflineBackend) -> None:
    messages = prompt(TRIAGE, {"ticket": "I want my money back and to cancel"}, demos=load("train")[:16])
    alike = complete(model, messages, n=3)
    assert len(alike.outputs) == 3
    assert len(set(alike.texts)) == 1
    assert alike.usage.calls == 1
    assert (alike.usage.dollars, alike.usage.unpriced) == (0.0, 0)
    assert alike.usage.completion_tokens >= 3 * (len(alike.texts[0]) // 4)


def test_temperature_and_rollout_id_draw_among_near_ties_only(model: OfflineBackend) -> None:
    tied = prompt(TASTE, {"text": "nothing of either"}, demos=TASTES)
    drawn = {complete(model, tied, rollout_id, temperature=1.0).texts[0] for rollout_id in range(20)}
    assert len(drawn) == 2
    assert len({complete(model, tied, rollout_id).texts[0] for rollout_id in range(20)}) == 1
    clear = prompt(TASTE, {"text": "honey cake with syrup"}, demos=TASTES)
    assert len({complete(model, clear, rollout_id, temperature=1.0).texts[0] for rollout_id in range(20)}) == 1


def test_a_reply_is_cut_off_where_no_more_tokens_are_allowed(model: OfflineBackend) -> None:
    messages = prompt(TASTE, {"text": "honey"}, demos=TASTES)
    whole, short = (
        complete(model, messages, max_tokens=500).outputs[0],
        complete(model, messages, max_tokens=5).outputs[0],
    )
    assert whole.finish_reason == "stop"
    assert short.finish_reason == "length"
    assert short.text == whole.text[:20]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": "hi"}],
        [{"role": "user", "content": "\0 ]] [[ ## x"}],
        [{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {}}]}],
        [{"role": "system", "content": "Output fields:"}, {"role": "user", "content": ""}],
        [{"role": "system", "content": "Output fields:\n- `x` (one of: )"}, {"role": "user", "content": "?"}],
        [{"role": "assistant", "content": None}],
    ],
)
def test_any_prompt_has_a_reply(model: OfflineBackend, messages: list[Message]) -> None:
    assert complete(model, messages).texts[0]


def test_it_forgets_old_prompts_and_still_answers_alike(model: OfflineBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [prompt(TASTE, {"text": "lemon"}, demos=TASTES, instructions=f"Task {i}.") for i in range(6)]
    before = [complete(model, messages).texts for messages in asked]
    monkeypatch.setattr("burnish.lm.backends.offline._KEPT", 2)
    small = create(Endpoint("offline/icl"))
    assert [complete(small, messages).texts for messages in [*asked, *asked]] == [*before, *before]
    assert len(small._learnt) == 2
