"""Replies that are one JSON object, and the schema that endpoints hold them to."""

from __future__ import annotations

import enum
import json
from typing import Annotated, Any, Literal

import jsonschema
import pydantic
import pytest

import burnish
from burnish.adapters.json import JSONAdapter
from burnish.adapters.schema import response_format, strict_schema
from burnish.errors import ReplyError
from burnish.lm.capabilities import UNKNOWN, Capabilities
from burnish.testing import serving
from burnish.values.signature import InputField, OutputField, Signature
from tests.support import typed_values

ADAPTER = JSONAdapter()
STRUCTURED = Capabilities(structured_output=True)


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad mood"


class Point(pydantic.BaseModel):
    x: int = pydantic.Field(ge=0)
    label: str | None = None


class Triage(Signature):
    """Sort the ticket."""

    ticket: str = InputField(desc="what came in")
    team: Literal["billing", "login"] = OutputField(desc="who takes it")
    urgency: int = OutputField(ge=1, le=5)


def test_the_prompt_shows_the_form():
    system, user, assistant = ADAPTER.compile(
        Triage, instructions="Sort it.", demos=[{"ticket": "Pay", "team": "billing", "urgency": 2}]
    ).prefix.messages
    assert (
        system["content"]
        == """You are given input fields and answer with output fields.

Input fields:
- `ticket` (str): what came in

Output fields:
- `team` (one of: billing | login): who takes it
- `urgency` (int, from 1 to 5)

Write the reply as one JSON object of exactly this form, with nothing before or after it:

{
  "team": {team},
  "urgency": {urgency}
}

Task:
Sort it."""
    )
    assert user["content"] == "[[ ## ticket ## ]]\nPay"
    assert assistant["content"] == '{"team": "billing", "urgency": 2}'
    (last,) = ADAPTER.render(Triage, {"ticket": "Log in"})
    assert last["content"].endswith("Reply with one JSON object with the keys `team`, `urgency`.")


def test_incomplete_demos_say_so():
    user, assistant = (m["content"] for m in ADAPTER.format_demo(Triage, {"ticket": "t", "team": "billing"}))
    assert user.startswith("(an incomplete example: some outputs are not shown.)")
    assert json.loads(assistant) == {"team": "billing", "urgency": "Not shown."}
    assert ADAPTER.format_demo(Triage, {"ticket": "t"}) == []


ONE_OF = Literal["a", 1, None]  # noqa: PYI061 - as users write it
RIGHT = {"team": "login", "urgency": 5}


@pytest.mark.parametrize(
    "reply",
    [
        '{"team": "login", "urgency": 5}',
        '\n {"urgency": 5, "team": "login"}\n',
        '```json\n{"team": "login", "urgency": 5}\n```',
        'Here you go:\n```\n{"team": "login", "urgency": 5}\n```\nBye!',
        'Sure: {"team": "login", "urgency": 5}. Anything [else]?',
        "See [1] and {this}: {'team': 'login', 'urgency': 5,}",
        "{'team': 'login', 'urgency': 5}",
        '{"team": "login", "urgency": 5,}',
        '{team: "login", urgency: 5}',
        '{"team": "login" "urgency": 5}',
        '{"team": "login", // who\n "urgency": 5}',
        '{"Team": "Login", "URGENCY": "5"}',
        '{"team": "login", "urgency": 5.0, "why": {"a": [1]}}',
        '{"team": "login", "urgency": "5 (very)"}',
        '{"response": {"team": "login", "urgency": 5}}',
        '[{"team": "login", "urgency": 5}]',
        '{"team": "login"}\n{"team": "login", "urgency": 5}',
        '<think>{"team": "billing", "urgency": 1}</think>{"team": "login", "urgency": 5}',
        'it opened before {"team": "billing"}</think>\n{"team": "login", "urgency": 5}',
        "[[ ## team ## ]]\nlogin\n\n[[ ## urgency ## ]]\n5\n\n[[ ## completed ## ]]",
    ],
)
def test_objects_are_found_and_mended(reply):
    assert ADAPTER.parse(Triage, reply) == RIGHT


@pytest.mark.parametrize(
    ("reply", "field", "message"),
    [
        ("", None, "no JSON object with the keys `team`, `urgency`"),
        ("no idea", None, "no JSON object.*'no idea'"),
        ("[1, 2]", None, "no JSON object"),
        ('{"team": "login", "urgency": 5', None, "no whole JSON object .it may have been cut off"),
        ('{"team": "login", "urgency"', None, "may have been cut off"),
        ('```json\n{"team": "login", "urgency": 5', None, "may have been cut off"),
        ('[{"team": "login", "urgency": 5}, {"team', None, "may have been cut off"),
        ('<think>{"team": "login", "urgency": 5}', None, "ends inside its thoughts"),
        ('{"team": "login", "why": "x"}', "urgency", "no key `urgency`, only `team`, `why`"),
        ('{"team": "sales", "urgency": 5}', "team", "'sales', and that is not one of"),
        ('{"team": null, "urgency": 5}', "team", "null"),
        ('{"team": "login", "urgency": 9}', "urgency", "less than or equal to 5"),
        ('{"team": "login", "urgency": true}', "urgency", "true"),
        ('{"team": "login", "urgency": [5]}', "urgency", "no int"),
        ('{"team": "login", "urgency": "{urgency}"}', "urgency", "placeholder"),
        ('{"team": "login", "urgency": "Not shown."}', "urgency", "placeholder"),
    ],
)
def test_what_is_wrong_is_named_and_the_reply_kept(reply, field, message):
    with pytest.raises(ReplyError, match=message) as caught:
        ADAPTER.parse(Triage, reply)
    assert (caught.value.reply, caught.value.field) == (reply, field)


@pytest.mark.parametrize(
    ("kind", "reply", "value"),
    [
        (str, '{"a": " as\\tit is "}', " as\tit is "),
        (str, '{"a": ""}', ""),
        (str, '{"a": 3}', "3"),
        (str, '{"a": true}', "true"),
        (str, '{"a": ["x", "é"]}', '["x", "é"]'),
        (str, '{"a": "<think>not a thought"}', "<think>not a thought"),
        (str | None, '{"a": null}', None),
        (str | None, '{"a": "null"}', "null"),
        (bool, '{"a": "Yes."}', True),
        (bool, '{"a": 0}', False),
        (float, '{"a": 3}', 3.0),
        (Mood, '{"a": "Bad Mood"}', Mood.BAD),
        (Mood, '{"a": "GOOD"}', Mood.GOOD),
        (Literal["1", "2"], '{"a": 2}', "2"),
        (Literal["a", None], '{"a": null}', None),  # noqa: PYI061 - as users write it
        (list[str], '{"a": "[\\"x\\", \\"y\\"]"}', ["x", "y"]),
        (list[int], '{"a": ["1", 2.0]}', [1, 2]),
        (Point, '{"a": {"x": 1}}', Point(x=1)),
        (Point, '{"x": 1, "label": "l"}', Point(x=1, label="l")),
        (Point, '```json\n{"x": 1}\n```', Point(x=1)),
        (list[Point], '[{"x": 1}]', [Point(x=1)]),
        (dict[str, int], '{"b": 1}', {"b": 1}),
        (int, "42", 42),
        (Any, '{"a": {"b": [null]}}', {"b": [None]}),
        (int | str, '{"a": "3"}', "3"),
        (int | str, '{"a": 3}', 3),
    ],
)
def test_values_of_a_lone_output(kind, reply, value):
    assert ADAPTER.parse(Signature({"a": (kind, OutputField())}), reply) == {"a": value}


@pytest.mark.parametrize(
    ("kind", "reply"),
    [
        (str, "Paris"),
        (str, '{"b": "Paris"}'),
        (str, '{"a": null}'),
        (int, "It is 42"),
        (int, '{"a": "many"}'),
        (Point, '{"a": {"x": -1}}'),
        (Point, '{"a": 3}'),
        (list[int], '{"a": ["x"]}'),
        (list[int], "[1, 2"),
        (float, '{"a": NaN}'),
    ],
)
def test_values_that_a_lone_output_is_not(kind, reply):
    with pytest.raises(ReplyError) as caught:
        ADAPTER.parse(Signature({"a": (kind, OutputField())}), reply)
    assert caught.value.reply == reply


def test_outputs_with_a_default_may_be_left_out():
    made = Signature({"a": OutputField(), "b": (list[int], OutputField(default_factory=list))})
    assert ADAPTER.parse(made, '{"a": "x"}') == {"a": "x", "b": []}
    assert ADAPTER.parse(made.delete("a"), "{}") == {"b": []}
    with pytest.raises(ReplyError):
        ADAPTER.parse(made.delete("a"), "I cannot help with that.")


class TestSchema:
    def test_it_is_asked_for_where_the_model_can_be_held_to_it(self):
        options = ADAPTER.options(Triage, {}, STRUCTURED)
        assert options == {
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "reply",
                    "strict": True,
                    "schema": {
                        "type": "object",
                        "properties": {
                            "team": {"type": "string", "enum": ["billing", "login"], "description": "who takes it"},
                            "urgency": {"type": "integer"},
                        },
                        "required": ["team", "urgency"],
                        "additionalProperties": False,
                    },
                },
            }
        }
        assert ADAPTER.options(Triage.with_instructions("Other."), {}, STRUCTURED) is options
        assert ADAPTER.options(Triage, {}, UNKNOWN) == {}

    @pytest.mark.parametrize(
        "kind", [dict[str, int], dict, list, Any, tuple[int, str], list[dict[str, Any]], list[Any]]
    )
    def test_types_that_strict_mode_cannot_say_are_asked_for_as_any_object(self, kind):
        assert response_format(Signature({"a": (kind, OutputField())})) == {"type": "json_object"}

    @pytest.mark.parametrize(("kind", "values"), typed_values.KINDS, ids=lambda part: str(part)[:40])
    def test_every_object_in_it_is_closed_and_a_right_reply_fits(self, kind, values):
        made = Signature({"a": (kind, OutputField()), "schema": OutputField(), "model_config": OutputField()})
        schema = strict_schema(made)
        if schema is None:
            return
        jsonschema.Draft202012Validator.check_schema(schema)
        for part in parts(schema):
            if part.get("type") == "object":
                assert part["additionalProperties"] is False
                assert part["required"] == list(part["properties"])
            assert part.keys() & {"type", "anyOf", "$ref"}
            assert "$ref" not in part or len(part) == 1

    def test_what_a_right_reply_is_fits(self):
        class Leaf(pydantic.BaseModel):
            kind: Literal["leaf"]
            mood: Mood

        class Node(pydantic.BaseModel):
            kind: Literal["node"]
            inside: list[Annotated[Leaf | Node, pydantic.Field(discriminator="kind")]]

        made = Signature({"tree": (Node, OutputField()), "n": (ONE_OF, OutputField())})
        schema = strict_schema(made)
        node = {"kind": "node", "inside": [{"kind": "leaf", "mood": "good"}, {"kind": "node", "inside": []}]}
        jsonschema.validate({"tree": node, "n": None}, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"tree": {**node, "more": 1}, "n": "a"}, schema)
        assert ADAPTER.parse(made, json.dumps({"tree": node, "n": 1}))["tree"].inside[0].mood is Mood.GOOD


def parts(schema: Any) -> list[dict[str, Any]]:
    """Every schema in a schema."""
    inside = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())]
    inside += [schema["items"]] if "items" in schema else []
    return [schema, *(part for one in inside for part in parts(one))]


def refusing(request: burnish.Request) -> Any:
    """What the server below says: an older server does not know of schemas."""
    if "response_format" in request.params:
        raise burnish.ConfigError("Unsupported parameter: 'response_format' of type 'json_schema'.")
    return '{"team": "login", "urgency": 5}'


def test_a_real_server_that_refuses_schemas_is_asked_without():
    with serving(answer="tests.unit.adapters.test_json:refusing") as server:
        lm = burnish.LM("openai/gpt-4o-mini", api_base=server.url, api_key="none", cache=False)
        with burnish.context(lm=lm, adapter="json"):
            predict = burnish.Predict(Triage)
            assert [predict(ticket=str(n)).toDict() for n in range(2)] == [RIGHT] * 2
        assert [entry["status"] for entry in server.seen()] == [400, 200, 200]


def test_the_embedded_model_answers_in_json_too():
    with burnish.context(lm=burnish.LM("offline/icl"), adapter="json"):
        predict = burnish.Predict("text -> kind: Literal['bird', 'fish']")
        predict.demos = [{"text": "a wren", "kind": "bird"}, {"text": "a trout", "kind": "fish"}] * 3
        assert predict(text="the trout there").kind == "fish"
