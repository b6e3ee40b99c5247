"""Options as the command line reads them."""

from __future__ import annotations

import pytest

from burnish.cli.files import read_options
from burnish.errors import ConfigError


def test_values_are_json_where_they_read_as_such() -> None:
    options = read_options(["a=3", "b=0.5", "c=true", "d=null", "e=text", 'f={"x": [1]}', "g=a=b", "h="])
    assert options == {"a": 3, "b": 0.5, "c": True, "d": None, "e": "text", "f": {"x": [1]}, "g": "a=b", "h": ""}


@pytest.mark.parametrize("option", ["alone", ""])
def test_an_option_has_a_value(option: str) -> None:
    with pytest.raises(ConfigError, match="name=value"):
        read_options([option])
