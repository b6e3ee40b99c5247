"""From a candidate to a program: the only copy there is."""

from __future__ import annotations

from burnish import Candidate, Choice, Example, Module
from burnish.stages.finish import build
from burnish.testing import ScriptedLM, toy


def test_the_choices_are_in_the_program_and_the_student_is_what_it_was() -> None:
    student = toy.Chain()
    before = student.dump_state()
    demo = Example(text="x", thing="wren")
    program = build(student, Candidate("c", {"find": Choice(instructions="Find it.", demos=(demo,))}))
    assert student.dump_state() == before
    assert program.find.signature.instructions == "Find it."
    assert program.find.demos == [demo]
    assert program.classify.dump_state() == student.classify.dump_state()
    assert program._compiled
    assert not student._compiled


def test_no_demos_are_a_choice_and_none_given_is_none() -> None:
    student = toy.Chain()
    student.find.demos = [Example(text="x", thing="wren")]
    student.classify.demos = [Example(thing="wren", kind="bird")]
    program = build(student, Candidate("c", {"find": Choice(demos=()), "classify": Choice(instructions="")}))
    assert program.find.demos == []
    assert program.classify.demos == student.classify.demos
    assert program.classify.signature.instructions == ""


def test_models_stay_and_lists_are_the_programs_own() -> None:
    student = toy.Chain()
    lm = ScriptedLM([])
    student.set_lm(lm)
    candidate = Candidate("c", {"find": Choice(demos=(Example(text="x", thing="wren"),))})
    one, two = build(student, candidate), build(student, candidate)
    one.find.demos.append(Example())
    assert len(two.find.demos) == 1
    assert one.get_lm() is lm


def test_a_part_that_is_named_is_set_even_inside_a_compiled_part() -> None:
    class Outer(Module):
        def __init__(self) -> None:
            self.inner = toy.Classifier()
            self.inner._compiled = True

    program = build(Outer(), Candidate("c", {"inner.classify": Choice(instructions="Set.")}))
    assert program.inner.classify.signature.instructions == "Set."


def test_a_model_and_settings_that_were_chosen_are_in_the_program() -> None:
    student = toy.Chain()
    student.find.config = {"temperature": 0.5, "n": 1}
    lm = ScriptedLM([])
    program = build(student, Candidate("c", {"find": Choice(lm=lm, config={"temperature": 1.0})}))
    assert program.find.lm is lm
    assert program.classify.lm is None
    assert program.find.config == {"temperature": 1.0, "n": 1}
    assert student.find.config == {"temperature": 0.5, "n": 1}
