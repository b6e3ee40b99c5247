"""What `plugins/README.md` shows an author works as it stands there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from burnish.plugins import KINDS
from tests.unit.plugins.installed import run_python

README = (Path(__file__).parents[3] / "plugins" / "README.md").read_text(encoding="utf-8")
CODE, TOML = (re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1] for language in ("python", "toml"))


def test_the_plugin_in_twelve_lines_works(tmp_path: Path) -> None:
    assert len((CODE + TOML).splitlines()) == 12
    ((name, module),) = tomllib.loads(TOML)["project"]["entry-points"]["burnish"].items()
    (tmp_path / f"{module}.py").write_text(CODE, encoding="utf-8")
    info = tmp_path / "burnish_shout-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: burnish-shout\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[burnish]\n{name} = {module}\n", encoding="utf-8")
    script = """
        from burnish import Prediction
        from burnish.plugins import lookup
        print([lookup("metrics", "shout")(None, Prediction(answer=answer)) for answer in ("YES", "yes")])
    """
    done = run_python(tmp_path, script)
    assert (done.stdout, done.stderr) == ("[True, False]\n", "")


def test_every_hook_stands_in_the_table() -> None:
    listed = re.findall(r"^\| `burnish_(\w+)", README, re.MULTILINE)
    assert listed == [*KINDS, "watch"]
