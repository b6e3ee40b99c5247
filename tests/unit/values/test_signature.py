"""Signatures are read from classes and from text, and every change makes a new one."""

from __future__ import annotations

import copy
import enum
import pickle
from typing import Annotated, Any, ClassVar, Literal, Optional

import annotated_types
import pydantic
import pytest

from burnish.errors import SignatureError, StateError
from burnish.values.signature import (
    InputField,
    OutputField,
    Signature,
    SignatureMeta,
    ensure_signature,
    make_signature,
)
from burnish.values.types.audio import Audio
from burnish.values.types.code import Code
from burnish.values.types.file import File
from burnish.values.types.history import History
from burnish.values.types.image import Image


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Review(Signature):
    """Judge the review.

    Be fair.
    """

    LIMIT: ClassVar[int] = 3

    text: str = InputField(desc="what a customer wrote", prefix="Customer:")
    language = InputField()
    mood: Mood = OutputField()
    stars: int = OutputField(desc="how many stars", ge=1, le=5)


class TestClasses:
    def test_fields_types_and_instructions_come_from_the_body(self):
        assert Review.instructions == "Judge the review.\n\nBe fair."
        assert list(Review.fields) == ["text", "language", "mood", "stars"]
        assert list(Review.input_fields) == ["text", "language"]
        assert list(Review.output_fields) == ["mood", "stars"]
        assert Review.signature == "text, language -> mood, stars"
        assert [field.annotation for field in Review.fields.values()] == [str, str, Mood, int]
        assert Review.LIMIT == 3

    def test_fields_are_those_of_pydantic_with_the_keys_that_dspy_users_read(self):
        assert isinstance(Review.fields["stars"], pydantic.fields.FieldInfo)
        assert Review.fields["text"].json_schema_extra == {
            "desc": "what a customer wrote",
            "prefix": "Customer:",
            "__dspy_field_type": "input",
        }
        assert Review.fields["mood"].json_schema_extra == {
            "desc": "${mood}",
            "prefix": "Mood:",
            "__dspy_field_type": "output",
        }
        kind = Annotated[(int, *Review.fields["stars"].metadata)]
        with pytest.raises(pydantic.ValidationError):
            pydantic.TypeAdapter(kind).validate_python(6)

    def test_inputs_stand_before_outputs_wherever_they_are_written(self):
        class Mixed(Signature):
            answer = OutputField()
            question = InputField()

        assert list(Mixed.fields) == ["question", "answer"]

    def test_without_a_docstring_the_task_names_the_fields(self):
        class Plain(Signature):
            question = InputField()
            context = InputField()
            answer = OutputField()

        assert Plain.instructions == "Given the fields `question`, `context`, produce the fields `answer`."
        assert Plain.delete("context").instructions == "Given the fields `question`, produce the fields `answer`."
        assert Signature("-> joke").instructions == "Produce the fields `joke`."

    def test_subclasses_inherit_fields_and_task(self):
        class Longer(Review):
            reason: str = OutputField()

        assert Longer.signature == "text, language -> mood, stars, reason"
        assert Longer.instructions == Review.instructions

    def test_types_are_found_where_the_class_is_written(self):
        class Size(enum.Enum):
            S = 1

        class Shirt(Signature):
            class Fabric(enum.Enum):
                WOOL = "wool"

            size: Size = InputField()
            fabric: Fabric = OutputField()
            note: Optional[Annotated[str, "free text"]] = OutputField()  # noqa: UP045 - as users write it

        assert Shirt.fields["size"].annotation is Size
        assert Shirt.fields["fabric"].annotation is Shirt.Fabric

    def test_one_field_object_can_serve_many_fields(self):
        shared = InputField(desc="shared")

        class Pair(Signature):
            left: int = shared
            right: str = shared
            sum = OutputField()

        assert [field.annotation for field in Pair.input_fields.values()] == [int, str]
        assert shared.annotation is None

    def test_what_is_neither_input_nor_output_is_refused(self):
        with pytest.raises(SignatureError, match=r"Wrong: `note` is neither input nor output"):

            class Wrong(Signature):
                note: str

        with pytest.raises(SignatureError, match=r"field 'note' needs InputField"):

            class Defaulted(Signature):
                note: str = "a"

        with pytest.raises(SignatureError, match=r"field 'note' needs InputField"):

            class Pydantics(Signature):
                note: str = pydantic.Field(max_length=3)

    def test_unknown_types_and_options_are_refused(self):
        with pytest.raises(SignatureError, match=r"`note: Nowhere`.*'Nowhere' is not defined"):

            class Wrong(Signature):
                note: Nowhere = InputField()  # noqa: F821 - what is tested

        with pytest.raises(SignatureError, match=r"OutputField has no option `description_`, `gte`"):
            OutputField(gte=1, description_="x")

    @pytest.mark.parametrize(
        ("option", "instead"), [("format", "burnish.Type"), ("parser", "give the field a type"), ("type_", "annotate")]
    )
    def test_what_dspy_once_took_says_what_to_do_instead(self, option, instead):
        with pytest.raises(
            SignatureError, match=f"InputField has no option `{option}`.*Instead of `{option}`, .*{instead}"
        ):
            InputField(**{option: str})

    @pytest.mark.parametrize("option", ["desc", "prefix"])
    def test_words_are_texts(self, option):
        with pytest.raises(SignatureError, match=rf"OutputField\({option}=3\): `{option}` is a text"):
            OutputField(**{option: 3})

    def test_a_description_in_pydantics_way_counts(self):
        assert InputField(description="d").json_schema_extra["desc"] == "d"

    def test_it_is_not_instantiated(self):
        with pytest.raises(SignatureError, match=r"Predict\(Review\)"):
            Review(text="a")


class TestText:
    def test_types_of_python_and_typing(self):
        read = Signature(
            "question, context: list[str], n: int | None -> answer: Literal['yes', 'no, -> never', 3, -1], "
            "confidence: float, by: dict[str, tuple[int, ...]], rest: typing.Optional[Any], late: 'list[int]'"
        )
        assert {name: field.annotation for name, field in read.fields.items()} == {
            "question": str,
            "context": list[str],
            "n": int | None,
            "answer": Literal["yes", "no, -> never", 3, -1],
            "confidence": float,
            "by": dict[str, tuple[int, ...]],
            "rest": Any | None,
            "late": list[int],
        }
        assert list(read.input_fields) == ["question", "context", "n"]

    def test_arrows_and_brackets_in_quotes_are_text(self):
        read = Signature("""a -> b: Literal['] -> [', "it's -> \\" so"]""")
        assert read.fields["b"].annotation == Literal["] -> [", "it's -> \" so"]

    def test_own_types_are_found_in_the_callers_frame_or_passed(self):
        class Local(pydantic.BaseModel):
            x: int

        def inner():
            return Signature("a: Mood -> b: list[Local], c: Literal[Mood.GOOD], d: pydantic.BaseModel")

        fields = inner().fields
        assert fields["a"].annotation is Mood
        assert fields["b"].annotation == list[Local]
        assert fields["c"].annotation == Literal[Mood.GOOD]
        assert fields["d"].annotation is pydantic.BaseModel
        passed = Signature("a -> b: Other", custom_types={"Other": Local})
        assert passed.fields["b"].annotation is Local
        assert ensure_signature("a -> b: Local").fields["b"].annotation is Local

    def test_instructions_and_name(self):
        read = Signature("a -> b", "  Do it.\n  Now.", "Done")
        assert (read.instructions, read.__name__) == ("Do it.\nNow.", "Done")
        assert isinstance(read, SignatureMeta)
        assert issubclass(read, Signature)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("question", r"one \"->\".*'question' has no arrow"),
            ("a => b", "'a => b' has no arrow"),
            ("a -> b -> c", "has 2 arrows"),
            ("a --> b", "cannot read 'a -'"),
            ("a ->", "'a ->' has no outputs"),
            ("a, b -> c, a", "'a' is an input and an output"),
            ("a, a -> b", "input 'a' stands there twice"),
            ("a b -> c", "cannot read 'a b'"),
            ("class -> b", "cannot read 'class'"),
            ("_a -> b", "'_a' cannot be the name"),
            ("demos -> b", "input 'demos' has the name of an argument"),
            ("a=1 -> b", "cannot read 'a=1'"),
            ("*a -> b", r"cannot read '\*a'"),
            ("a): pass\ndef f(b -> c", "cannot read"),
            ("\0 -> b", "cannot read"),
            ("a -> b: strr", r"unknown type `strr`\. Did you mean `str`\?.*custom_types=\{\"strr\": strr\}"),
            ("a -> b: any", "Did you mean `Any`"),
            ("a -> b: Literal[yes]", r"`yes` is no type.*Literal\['yes', 'no'\]"),
            ("a -> b: Literal", "square brackets"),
            ("a -> b: list[", "cannot read 'b: list"),
            ("a -> b: int[str]", r"`int\[str\]` is no type"),
            ("a -> b: list[3]", "`3` is no type"),
            ("a -> b: print('x')", r"`print\('x'\)` is no type"),
            ("a -> b: typing.Nothing", "`typing.Nothing` is no type"),
            ("a -> b: Annotated[int, 3]", "signature class"),
            ("a -> b: 'list['", r"cannot read the type 'list\['"),
            ("a -> b: typing", "is no type"),
            ("", "'' has no arrow"),
            ("->", "'->' has no outputs"),
            ("a( -> b", "none outside of brackets and quotes, so one of these is not closed"),
            ("a -> b]", "cannot read 'b]'"),
            ("a -> b: Literal['x", "cannot read"),
            ("a -> b: dict[str, int", "cannot read 'b: dict"),
            ("a,, b -> c", "cannot read 'a,, b'"),
            ("a; b -> c", "cannot read 'a; b'"),
            ("x.y -> z", "cannot read 'x.y'"),
            ("q: -> a", "cannot read 'q:'"),
            ("a: str = 'x' -> b", r"A default stands in a signature class: `name: str = InputField\(default='x'\)`"),
            ("a -> b: int or str", "types joined by |"),
            ("a -> b: Code[sql]", "choices of a Literal stand in quotes"),
            ("a -> b: Imege", "Did you mean `Image`"),
            ("a -> b: list[Missing]", "unknown type `Missing`"),
            ("config -> b", "input 'config' has the name"),
        ],
    )
    def test_what_cannot_be_read_is_shown(self, text, message):
        with pytest.raises(SignatureError, match=message) as caught:
            Signature(text)
        assert text.strip() in str(caught.value) or repr(text)[1:-1] in str(caught.value)

    def test_nothing_else_is_taken_for_a_signature(self):
        with pytest.raises(SignatureError, match="not 3"):
            Signature(3)
        with pytest.raises(SignatureError, match="no argument 'desc'"):
            Signature("a -> b", desc="d")

    @pytest.mark.parametrize("instructions", [3, ["a"], b"a"])
    def test_instructions_are_a_text(self, instructions):
        for make in (
            lambda: Signature("a -> b", instructions),
            lambda: ensure_signature("a -> b", instructions),
            lambda: make_signature("a -> b", instructions),
            lambda: Review.with_instructions(instructions),
            lambda: Review.append_instructions(instructions),
        ):
            with pytest.raises(SignatureError, match=r"Instructions are a text, and .* is a (int|list|bytes)"):
                make()
        assert Signature("a -> b", "").instructions == ""

    def test_burnishs_own_types_are_known_and_the_users_come_first(self):
        read = Signature("i: Image, h: History, s: list[Audio], f: File | None -> c: Code['sql'], d: Code")
        kinds = [field.annotation for field in read.fields.values()]
        assert kinds == [Image, History, list[Audio], File | None, Code["sql"], Code]

        def inner():
            class Image(pydantic.BaseModel):
                x: int

            return Image, Signature("i: Image -> o")

        own, made = inner()
        assert made.fields["i"].annotation is own
        assert pickle.loads(pickle.dumps(read)) == read

    def test_names_of_other_things_than_types_are_not_found(self):
        strr = "a local variable"
        with pytest.raises(SignatureError, match="unknown type `strr`"):
            Signature("a -> b: strr")
        assert strr


class TestDict:
    def test_name_to_field_or_type_and_field(self):
        made = Signature({"q": InputField(), "a": (int, OutputField(desc="d"))}, "Count.")
        assert made.equals(Signature("q -> a: int", "Count.").with_updated_fields("a", desc="d"))

    def test_faults(self):
        with pytest.raises(SignatureError, match="no outputs"):
            Signature({"q": InputField()})
        with pytest.raises(SignatureError, match="'q' needs InputField"):
            Signature({"q": str})
        with pytest.raises(SignatureError, match=r"'q' needs .* Call it: InputField\(\)"):
            Signature({"q": InputField})
        with pytest.raises(SignatureError, match="the type of 'q' is 3"):
            Signature({"q": (3, InputField())})

    def test_make_signature_is_the_same_by_another_name(self):
        fields = {"q": (str, InputField()), "a": (Mood, OutputField())}
        assert make_signature(fields, "Do.", "Named") == Signature(fields, "Do.")
        assert make_signature(fields, "Do.", "Named").__name__ == "Named"
        assert make_signature("q -> a: Mood") == Signature("q -> a: Mood")
        assert make_signature("q -> a: M", custom_types={"M": Mood}).fields["a"].annotation is Mood
        with pytest.raises(SignatureError, match="not 3"):
            make_signature(3)


class TestChanges:
    def test_with_instructions_leaves_the_original_and_keeps_the_fields(self):
        changed = Review.with_instructions("Be harsh.")
        assert (changed.instructions, Review.instructions[:5]) == ("Be harsh.", "Judge")
        assert changed.fields == Review.fields
        assert changed.kept is Review.kept
        assert changed != Review
        with pytest.raises(SignatureError, match="None"):
            Review.with_instructions(None)

    def test_with_updated_fields(self):
        changed = Review.with_updated_fields("mood", type_=str, desc="in a word")
        assert changed.fields["mood"].annotation is str
        assert changed.fields["mood"].json_schema_extra["desc"] == "in a word"
        assert changed.fields["mood"].json_schema_extra["prefix"] == "Mood:"
        assert Review.fields["mood"].annotation is Mood
        assert Review.fields["mood"].json_schema_extra["desc"] == "${mood}"
        assert changed.kept is not Review.kept
        assert changed.fields["stars"].metadata == Review.fields["stars"].metadata

    def test_constraints_and_defaults_change_too(self):
        changed = Review.with_updated_fields("stars", le=10, default=3, description="out of ten")
        assert changed.fields["stars"].metadata == [annotated_types.Ge(1), annotated_types.Le(10)]
        assert changed.fields["stars"].default == 3
        assert changed.fields["stars"].json_schema_extra["desc"] == "out of ten"
        assert Review.fields["stars"].metadata == [annotated_types.Ge(1), annotated_types.Le(5)]
        assert Review.fields["stars"].is_required()
        assert (
            changed.with_updated_fields("stars", default_factory=int)
            .fields["stars"]
            .get_default(call_default_factory=True)
            == 0
        )
        words = Signature({"a": (str, InputField(pattern="^a")), "b": OutputField()})
        pattern = words.with_updated_fields("a", pattern="^b").fields["a"].metadata
        assert [item.pattern for item in pattern] == ["^b"]
        assert changed != Review
        assert pickle.loads(pickle.dumps(changed)) == changed

    def test_a_change_that_nobody_knows_is_refused(self):
        with pytest.raises(SignatureError, match="The field 'stars' has no option `gte`"):
            Review.with_updated_fields("stars", gte=3)
        with pytest.raises(SignatureError, match="new type of 'stars' is 'int'"):
            Review.with_updated_fields("stars", type_="int")

    def test_append_instructions(self):
        assert Review.append_instructions("And quick.").instructions == "Judge the review.\n\nBe fair.\n\nAnd quick."
        assert Signature("a -> b", "").append_instructions("Do.").instructions == "Do."

    def test_prepend_append_insert_delete(self):
        base = Signature("a, b -> x, y", "Task.")
        assert base.prepend("r", OutputField()).signature == "a, b -> r, x, y"
        assert base.append("c", InputField(), int).signature == "a, b, c -> x, y"
        assert base.append("c", InputField(), int).fields["c"].annotation is int
        assert base.insert(1, "z", OutputField()).signature == "a, b -> x, z, y"
        assert base.insert(-2, "z", OutputField()).signature == "a, b -> x, z, y"
        assert base.delete("b").signature == "a -> x, y"
        assert base.prepend("r", OutputField()).instructions == "Task."
        assert base.signature == "a, b -> x, y"

    def test_changes_that_do_not_fit(self):
        base = Signature("a -> x")
        with pytest.raises(SignatureError, match="has a field 'a' already"):
            base.append("a", OutputField())
        with pytest.raises(SignatureError, match="has no field 'b'"):
            base.delete("b")
        with pytest.raises(SignatureError, match="has no field 'b'"):
            base.with_updated_fields("b", desc="d")
        with pytest.raises(SignatureError, match="1 outputs.*at 2"):
            base.insert(2, "y", OutputField())
        with pytest.raises(SignatureError, match="needs InputField"):
            base.append("y", "an output")
        with pytest.raises(SignatureError, match="'not a name' cannot be"):
            base.append("not a name", OutputField())
        with pytest.raises(SignatureError, match="put in at 'first'"):
            base.insert("first", "y", OutputField())
        with pytest.raises(SignatureError, match="the type of 'y' is 'int'"):
            base.append("y", OutputField(), "int")

    def test_ensure_signature(self):
        assert ensure_signature(Review) is Review
        assert ensure_signature(Review, "New.").instructions == "New."
        assert ensure_signature("a -> b", "New.") == Signature("a -> b", "New.")

        class Unfinished(Signature):
            a = InputField()

        with pytest.raises(SignatureError, match="Unfinished has no outputs"):
            ensure_signature(Unfinished)
        with pytest.raises(SignatureError, match="not 3"):
            ensure_signature(3)


class TestEquality:
    def test_same_content_is_equal_and_hashes_alike(self):
        assert Signature("a -> b: int") == Signature("a -> b: int")
        assert hash(Signature("a -> b: int")) == hash(Signature("a -> b: int"))
        assert Review.equals(Review.with_instructions("x").with_instructions(Review.instructions))

    @pytest.mark.parametrize(
        "other",
        [
            Signature("a -> b"),
            Signature("a -> c: int"),
            Signature("a -> b: int", "Task."),
            Signature({"a": InputField(), "b": (int, OutputField(ge=1))}),
            Signature({"a": InputField(), "b": (int, OutputField(desc="d"))}),
            Signature({"b": (int, InputField()), "a": OutputField()}),
            Signature({"a": InputField(), "b": (int, OutputField(default=3))}),
            Signature({"a": InputField(), "b": (int, OutputField(default_factory=int))}),
            "a -> b: int",
        ],
    )
    def test_any_difference_counts(self, other):
        assert Signature("a -> b: int") != other
        assert not Signature("a -> b: int").equals(other)


class TestState:
    def test_what_is_dumped_loads_again(self):
        tuned = Review.with_instructions("Tuned.").with_updated_fields(
            "stars", desc="1 is worst", prefix="Stars out of 5:"
        )
        state = tuned.dump_state()
        assert state["fields"][3] == {"prefix": "Stars out of 5:", "description": "1 is worst"}
        assert Review.load_state(state) == tuned
        assert Review.load_state({"instructions": "Tuned."}).fields == Review.fields

    @pytest.mark.parametrize("state", [{}, 3, {"instructions": 3}, {"instructions": "a", "fields": [3, 3, 3, 3]}])
    def test_what_is_no_state_is_refused(self, state):
        with pytest.raises(StateError, match="no saved signature"):
            Review.load_state(state)

    def test_another_number_of_fields_is_refused(self):
        with pytest.raises(StateError, match="has 2 fields, and 'text, language -> mood, stars' has 4"):
            Review.load_state(Signature("a -> b").dump_state())

    @pytest.mark.parametrize("twin", [copy.deepcopy, copy.copy, lambda s: pickle.loads(pickle.dumps(s))])
    def test_survives_copies_and_pickles(self, twin):
        made = Signature("a -> b: Literal['x', 'y'], c: list[int]", "Task.").with_updated_fields("c", desc="d")
        assert twin(made) == made
        assert twin(Review) is Review


def test_repr_shows_types_and_task():
    assert repr(Signature("a -> b: list[int]", "Task.")) == (
        "StringSignature(a: str -> b: list[int], instructions='Task.')"
    )
