"""How the offline model reads prompts: fields and types, sections, demos, labels, data in free text."""

from __future__ import annotations

import json

import pytest

from burnish.adapters.chat import ChatAdapter
from burnish.lm.backends.icl.labels import descriptions, named
from burnish.lm.backends.icl.prompt import Field, Question, read_choices, read_question, read_task
from burnish.lm.backends.icl.rows import find_rows, named_outputs
from burnish.values.signature import InputField, OutputField, Signature

ROWS = [
    {"text": "where is my parcel", "intent": "delivery"},
    {"text": "give me the money back", "intent": "refund"},
    {"text": "the parcel is late: help", "intent": "delivery"},
]


class Sort(Signature):
    """Sort it."""

    text: str = InputField(desc="what was said")
    reasoning: str = OutputField()
    intent: str = OutputField(desc="one of: delivery, refund")
    score: int | None = OutputField(ge=1, le=5)


def test_a_rendered_prompt_reads_back() -> None:
    adapter = ChatAdapter()
    demos = [{"text": "hello\n\nthere", "intent": "delivery", "score": 2}]
    before = adapter.compile(Sort, instructions="Sort it.\n\nInput: the text.\n- `refund`: money", demos=demos)
    (last,) = adapter.render(Sort, {"text": "where\n\nis it"})
    question = read_question(last["content"])
    task = read_task(before.prefix.messages, question)
    assert question == Question({"text": "where\n\nis it"}, ("reasoning", "intent", "score"))
    assert [field.name for field in task.fields] == ["reasoning", "intent", "score"]
    assert task.fields[1] == Field("intent", "str", "one of: delivery, refund")
    assert task.fields[2].kind.endswith(", or null")
    assert task.instructions == "Sort it.\n\nInput: the text.\n- `refund`: money"
    assert [(dict(demo.inputs), dict(demo.outputs)) for demo in task.demos] == [
        ({"text": "hello\n\nthere"}, {"intent": "delivery", "score": "2"})
    ]


def test_other_layouts_are_read_as_far_as_they_go() -> None:
    system = (
        "Your input fields are:\n1. `text` (str):\n\nYour output fields are:\n1. `taste` (Literal['sweet', 'sour']): how\n\n"
        "[[ ## text ## ]]\n{text}\n\n[[ ## taste ## ]]\n{taste}\n\nIn adhering to this structure, your objective is:\n  Taste it."
    )
    closing = "Respond with the field `[[ ## taste ## ]]`, and then end with the marker `[[ ## completed ## ]]`."
    question = read_question(f"[[ ## text ## ]]\nlemon\n\n{closing}")
    task = read_task([{"role": "system", "content": system}], question)
    assert question.inputs == {"text": "lemon"}
    assert task.fields == (Field("taste", "Literal['sweet', 'sour']", "how", ("sweet", "sour")),)
    assert task.instructions == "Taste it."


def test_a_json_prompt_is_read_and_answered_as_json() -> None:
    before = [
        {
            "role": "system",
            "content": "Output fields:\n- `taste` (str)\n\nReply with one JSON object.\n\nTask:\nTaste it.",
        },
        {"role": "user", "content": '{"text": "lemon"}'},
        {"role": "assistant", "content": '{"taste": "sour", "more": [1]}'},
    ]
    task = read_task(before, read_question('{"text": "lime"}'))
    assert task.as_json
    assert [dict(demo.outputs) for demo in task.demos] == [{"taste": "sour", "more": "[1]"}]


@pytest.mark.parametrize(
    ("kind", "choices"),
    [
        ("one of: a | b c | d", ("a", "b c", "d")),
        ('one of: "a | b" | c', ("a | b", "c")),
        ("one of: a (x): y | b", ("a (x): y", "b")),
        ('one of: "quoted" | b | null', ('"quoted"', "b", "null")),
        ("str", ()),
        ("Literal['a', 3]", ("a", "3")),
    ],
)
def test_choices(kind: str, choices: tuple[str, ...]) -> None:
    assert read_choices(kind) == choices


def test_descriptions_of_labels_in_any_spelling() -> None:
    text = (
        "Mind: be kind.\nLost Card: gone\n2. `top_up` -> add money\nFor “top_up” also cash.\n`top_up` or `lost_card`?"
    )
    found = descriptions(["lost_card", "top_up"], [text])
    assert found["lost_card"] == "gone"
    assert found["top_up"].startswith("add money")
    assert "cash" in found["top_up"]


def test_labels_that_a_text_introduces() -> None:
    assert named("Answer with one of: refund, `delivery` or other.") == ["refund", "delivery", "other"]
    assert named("a: one\nb: two\nc: three") == ["a", "b", "c"]
    assert named("Note: be brief.\nHint: think.") == []


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        "\n".join(map(json.dumps, ROWS)),
        f"Here are examples:\n{[f'Example({row})' for row in ROWS]}",
        "\n\n".join(f"text: {row['text']}\nintent: {row['intent']}" for row in ROWS),
        "\n\n".join(
            f"[[ ## text ## ]]\n{r['text']}\n\n[[ ## intent ## ]]\n{r['intent']}\n\n[[ ## completed ## ]]" for r in ROWS
        ),
        "\n".join(f"- {row['text']} -> {row['intent']}" for row in ROWS),
    ],
)
def test_examples_are_found_in_any_form(text: str) -> None:
    rows = find_rows(["Some other text: nothing.", text])
    assert rows is not None
    assert rows.pairs == tuple((row["text"], row["intent"]) for row in ROWS)
    assert rows.are_classes


def test_known_outputs_are_the_label_and_no_part_of_the_text() -> None:
    records = [{"text": f"text {n}", "group": "ab"[n % 2], "intent": f"i{n // 2}", "sure": "yes"} for n in range(8)]
    text = "\n".join(map(json.dumps, records))
    rows = find_rows([text], outputs=["intent"])
    assert rows is not None
    assert (rows.label_name, rows.pairs[3]) == ("intent", ("text 3\nb\nyes", "i1"))
    both = find_rows([text], outputs=["group", "intent"])
    assert both is not None
    assert (both.label_name, both.pairs[3]) == ("group", ("text 3\nyes", "b"))
    # Names that no record has, and names of all its members, say nothing.
    assert find_rows([text], outputs=["kind"]) == find_rows([text], outputs=list(records[0])) == find_rows([text])


def test_outputs_are_named_in_a_list_under_a_line_that_says_so() -> None:
    step = "The step `fine`.\nIt is given:\n- text (str)\nIt must produce:\n- `group` (str): of 3\n- intent (one of: a)\n\n- no"
    assert named_outputs([step, "Outputs:\n* intent\n* why"]) == ["group", "intent", "why"]
    assert named_outputs(["It must produce: nothing", "", "- a\n- b", "inputs:\n- a"]) == []


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "a: b", "just words\nand more", "x -> y", "{'a': " * 50])
def test_no_examples_are_found_where_there_are_none(text: str) -> None:
    assert find_rows([text]) is None
