"""How long is waited for another try."""

from __future__ import annotations

import pytest

from burnish.lm.retry import _asked


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(None, None), (0.0, 0.0), (3.0, 3.0), (86_400.0, 120.0), (float("inf"), None), (float("nan"), None)],
)
def test_what_an_endpoint_asks_for_is_heeded_within_reason(asked: float | None, waited: float | None) -> None:
    assert _asked(asked) == waited
