"""`Ensemble`: which programs are run at a call, what becomes of their predictions, and what is refused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import ConfigError, Ensemble, Module, Prediction
from burnish.errors import StateError
from burnish.testing import toy


class Says(Module):
    """Answers with its own number."""

    def __init__(self, number: int) -> None:
        self.number = number

    async def aforward(self, text: str) -> Prediction:
        return Prediction(number=self.number)


def ensemble(**options: Any) -> Any:
    return Ensemble(**options).compile([Says(number) for number in range(6)])


def asked(program: Any, text: str = "a") -> tuple[int, ...]:
    return tuple(one.number for one in program(text=text))


def test_all_are_run_in_their_order_and_reduced() -> None:
    assert asked(ensemble()) == (0, 1, 2, 3, 4, 5)
    assert ensemble(reduce_fn=lambda found: sum(one.number for one in found))(text="a") == 15


def test_so_many_are_drawn_at_each_call() -> None:
    program = ensemble(size=2)
    drawn = [asked(program) for _ in range(20)]
    assert all(len(set(one)) == 2 for one in drawn)
    assert len(set(drawn)) > 5
    assert drawn == [asked(again) for again in [ensemble(size=2)] for _ in range(20)]
    assert drawn != [asked(again) for again in [ensemble(size=2, seed=1)] for _ in range(20)]


def test_where_it_is_deterministic_the_inputs_alone_decide() -> None:
    program = ensemble(size=2, deterministic=True)
    drawn = [asked(program, text) for text in "abcdefgh"]
    assert drawn == [asked(program, text) for text in "abcdefgh"]
    assert len(set(drawn)) > 3


def test_the_programs_are_copies_and_so_is_a_copy_of_it() -> None:
    own = [toy.Classifier(), toy.Classifier()]
    program = Ensemble(reduce_fn=burnish.majority).compile(own)
    assert not any(one is another for one, another in zip(program.programs, own, strict=True))
    with burnish.context(lm=toy.lm()):
        assert copy.deepcopy(program)(text="There was something like heron.").kind == "bird"


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    made = Ensemble(reduce_fn=burnish.majority).compile([toy.Classifier(), toy.Classifier()])
    made.programs[1].classify.signature = made.programs[1].classify.signature.with_instructions("Name the kind.")
    made.save(tmp_path / "several.json")
    loaded = Ensemble(reduce_fn=burnish.majority).compile([toy.Classifier(), toy.Classifier()])
    loaded.load(tmp_path / "several.json")
    assert loaded.dump_state() == made.dump_state()
    with pytest.raises(StateError, match=r"programs\[1\]"):
        Ensemble().compile([toy.Classifier()]).load(tmp_path / "several.json")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Ensemble(size=0), "size=0"),
        (lambda: Ensemble(reduce_fn="vote"), "reduce_fn='vote' cannot be called"),  # type: ignore[arg-type]
        (lambda: Ensemble().compile([]), "needs programs"),
        (lambda: Ensemble().compile(None), "needs programs, not None: give a list"),  # type: ignore[arg-type]
        (lambda: Ensemble().compile(toy.Classifier()), "needs programs, not .*: give a list"),  # type: ignore[arg-type]
        (lambda: Ensemble().compile([toy.Classifier(), 3]), "Program 1 of the ensemble is 3"),
        (lambda: ensemble(size=7), "size=7 is more than the 6 programs"),
    ],
)
def test_what_makes_no_ensemble_is_refused(make: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()
