"""Usage and ledgers: whatever way the entries are looked at, they add up to the same; unknown is not nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from burnish import Usage
from burnish.values.usage import Ledger

usages = st.builds(
    Usage,
    st.integers(0, 9),
    st.integers(0, 999),
    st.integers(0, 999),
    st.integers(0, 1000).map(lambda n: n / 64),
    st.integers(0, 9),
)
names = st.sampled_from(["a", "b", ""])


@given(st.lists(st.tuples(usages, names, names, names)))
def test_every_way_of_adding_gives_the_same(entries: list[tuple[Usage, str, str, str]]) -> None:
    outer = Ledger()
    ledger = Ledger(outer)
    for usage, stage, predictor, model in entries:
        ledger.add(usage, stage=stage, predictor=predictor, model=model)
    total = sum((usage for usage, *_ in entries), Usage())
    assert ledger.total() == total
    assert sum(ledger.stages().values(), Usage()) == total
    assert sum(ledger.predictors().values(), Usage()) == total
    assert outer.total() == total
    assert outer.stages() == ledger.stages()
    for name in ("a", "b", ""):
        assert ledger.total(stage=name) == sum((u for u, stage, *_ in entries if stage == name), Usage())
        assert ledger.total(model=name, stage="a") == sum(
            (u for u, stage, _, model in entries if (stage, model) == ("a", name)), Usage()
        )


def test_stages_stand_in_the_order_of_their_first_call() -> None:
    ledger = Ledger()
    for stage in ("score", "bootstrap", "score"):
        ledger.add(Usage(1), stage=stage, predictor="", model="m")
    assert list(ledger.stages()) == ["score", "bootstrap"]


def test_a_price_says_what_is_unknown() -> None:
    assert Usage(2, dollars=0.5).price == "$0.5000"
    assert Usage(2, dollars=0.5, unpriced=1).price == "$0.5000 + 1 calls of unknown price"
    assert Usage(2, unpriced=2).price == "price unknown"
    assert Usage().price == "$0.0000"


def test_usage_as_json_comes_back() -> None:
    usage = Usage(1, 2, 3, 0.5, 1)
    assert Usage(**usage.to_dict()) == usage
    assert usage.tokens == 5
