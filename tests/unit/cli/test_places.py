"""Where a command will write is looked at before it works, not after."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish import ConfigError
from burnish.cli.files import place_for


def test_the_folder_of_a_result_is_made(tmp_path: Path) -> None:
    place = place_for(str(tmp_path / "new" / "program.json"))
    assert place.parent.is_dir()
    assert not place.exists()


def test_what_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="it is a folder"):
        place_for(str(tmp_path))
    with pytest.raises(ConfigError, match="Cannot write .*program.json"):
        place_for(str(tmp_path / "file" / "program.json"))
