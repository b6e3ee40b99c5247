"""Which demos are shown where some examples are near."""

from __future__ import annotations

from burnish import Example, Signature
from burnish.retrieve.demo_table import DemoTable

SIGNATURE = Signature("text -> kind")
LABELLED = [Example(text=f"t{n}", kind=f"k{n}").with_inputs("text") for n in range(6)]
MADE = [{"p": Example(example, augmented=True)} if n in (1, 2, 4) else {} for n, example in enumerate(LABELLED)]


def shown(near: list[int], *, bootstrapped: int, labelled: int, trainset=LABELLED, made=MADE) -> list[str]:
    """The texts shown, each with ``+`` where it is bootstrapped."""
    choice = DemoTable.of(trainset, made, bootstrapped, labelled).shown("p", SIGNATURE, near)
    assert choice.demos is not None
    assert choice.sources is not None
    assert len(choice.demos) == len(choice.sources)
    return [demo.text + "+" * demo.get("augmented", False) for demo in choice.demos]


def test_the_first_that_passed_are_bootstrapped_the_others_labelled_and_the_nearest_stands_first() -> None:
    assert shown([4, 0, 2, 1, 3], bootstrapped=2, labelled=16) == ["t4+", "t0", "t2+", "t1", "t3"]
    assert shown([4, 0, 2, 1, 3], bootstrapped=0, labelled=16) == ["t4", "t0", "t2", "t1", "t3"]


def test_labelled_ones_fill_the_room_nearest_first() -> None:
    assert shown([0, 4, 2, 1, 3], bootstrapped=2, labelled=3) == ["t0", "t4+", "t2+"]
    assert shown([0, 4, 2, 1, 3], bootstrapped=2, labelled=0) == ["t4+", "t2+"]
    assert shown([0, 4, 2, 1, 3], bootstrapped=0, labelled=0) == []


def test_an_example_without_the_predictors_outputs_is_shown_only_where_it_was_bootstrapped() -> None:
    bare = [Example(text=example.text).with_inputs("text") for example in LABELLED]
    assert shown([0, 1, 2], bootstrapped=1, labelled=16, trainset=bare) == ["t1+"]


def test_exact_copies_are_shown_once() -> None:
    twice = [LABELLED[0], LABELLED[0], LABELLED[3]]
    assert shown([1, 2, 0], bootstrapped=2, labelled=16, trainset=twice, made=[{}, {}, {}]) == ["t0", "t3"]


def test_sources_are_the_places_of_the_examples() -> None:
    choice = DemoTable.of(LABELLED, MADE, 2, 16).shown("p", SIGNATURE, [4, 0, 2])
    assert choice.sources == (4, 0, 2)
