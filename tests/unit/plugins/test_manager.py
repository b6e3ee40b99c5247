"""Plugins are found, checked and listed, and a broken one harms nobody else."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

import pytest

from burnish.errors import ConfigError, PluginError
from burnish.plugins import KINDS, PluginInfo, PluginWarning, hookspecs, listing, lookup, names, reset, watchers
from tests.unit.plugins.installed import install, run_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = """
    def shout(example, prediction, trace=None):
        return True

    @hookimpl
    def burnish_metrics():
        return {"shout": shout}
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for plugins, searched at the next lookup."""
    monkeypatch.syspath_prepend(str(tmp_path))
    reset()
    yield tmp_path
    reset()
    for name in [name for name in sys.modules if name.startswith("plugin_")]:
        del sys.modules[name]


def load() -> list[str]:
    """Load what is installed; returns the texts of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        names("metrics")
    assert all(issubclass(warning.category, PluginWarning) for warning in caught)
    return [str(warning.message) for warning in caught]


def info(name: str) -> PluginInfo:
    return next(plugin for plugin in listing() if plugin.name == name)


def test_an_installed_plugin_is_found_and_used(plugins: Path) -> None:
    install(plugins, "good", GOOD, version="2.5")
    assert load() == []
    assert lookup("metrics", "shout")(None, None) is True
    assert "shout" in names("metrics")
    found = info("good")
    assert (found.version, found.source) == ("2.5", "burnish-good: plugin_good_module")
    assert (found.provides, found.problem) == ({"metrics": ("shout",)}, None)


def test_built_ins_stand_in_the_same_list(plugins: Path) -> None:
    install(plugins, "good", GOOD)
    assert [plugin.name for plugin in listing()][:2] == ["burnish", "good"]
    assert "BootstrapFewShot" in info("burnish").provides["optimizers"]


BROKEN = {
    "raises at import": ("raise RuntimeError('no licence')", "importing it raised RuntimeError: no licence"),
    "exits at import": ("import sys; sys.exit(3)", "importing it raised SystemExit: 3"),
    "imports what is missing": ("import no_such_thing", "No module named 'no_such_thing'"),
    "misspells a hook": (
        "@hookimpl\ndef burnish_optimzers(): return {}",
        "burnish_optimzers, which is not a hook of Burnish; did you mean 'burnish_optimizers'?",
    ),
    "misspells an unmarked hook": ("def burnish_metric(): return {}", "did you mean 'burnish_metrics'?"),
    "forgets the prefix": ("@hookimpl\ndef optimizers(): return {}", "did you mean 'burnish_optimizers'?"),
    "forgets the marker": ("def burnish_metrics(): return {}", "write @burnish.hookimpl above it"),
    "takes unknown arguments": ("@hookimpl\ndef burnish_metrics(config): return {}", "config"),
    "raises in a hook": (
        "@hookimpl\ndef burnish_metrics(): raise KeyError('x')",
        "burnish_metrics raised KeyError: 'x'",
    ),
    "returns a list": ("@hookimpl\ndef burnish_metrics(): return ['a']", "burnish_metrics returned ['a'], not a dict"),
    "returns nothing": ("@hookimpl\ndef burnish_metrics(): pass", "burnish_metrics returned None, not a dict"),
    "names by number": ("@hookimpl\ndef burnish_metrics(): return {1: len}", "the name 1, which is not a text"),
    "offers no address": (
        "@hookimpl\ndef burnish_metrics(): return {'a': 'shout'}",
        "'shout' as 'a', which is no address",
    ),
    "offers no callable": ("@hookimpl\ndef burnish_metrics(): return {'a': 3}", "3 as 'a', which cannot be called"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_a_named_warning_and_stops_no_other(fault: str, plugins: Path) -> None:
    source, cause = BROKEN[fault]
    install(plugins, "broken", source)
    install(plugins, "good", GOOD)
    [warning] = load()
    assert warning.startswith("Plugin 'broken' (burnish-broken: plugin_broken_module): ")
    assert cause in warning
    assert cause in (info("broken").problem or "")
    assert info("broken").provides == {}
    assert lookup("metrics", "shout")(None, None) is True


def test_a_plugin_is_taken_whole_or_not_at_all(plugins: Path) -> None:
    install(plugins, "half", GOOD + "\n    @hookimpl\n    def burnish_datasets(): raise OSError('disk')\n")
    load()
    assert "shout" not in names("metrics")


def test_a_broken_plugin_is_reported_once(plugins: Path) -> None:
    install(plugins, "broken", "raise RuntimeError")
    assert len(load()) == 1
    assert load() == []


def test_of_two_plugins_with_one_name_the_earlier_keeps_it(plugins: Path) -> None:
    offer = "@hookimpl\ndef burnish_metrics(): return {'same': lambda *a: %r, 'only_%s': len}"
    install(plugins, "b_second", offer % ("second", "b"))
    install(plugins, "a_first", offer % ("first", "a"))
    [warning] = load()
    assert "Plugin 'b_second'" in warning
    assert "its metric 'same' is not used, because plugin 'a_first' has that name" in warning
    assert lookup("metrics", "same")() == "first"
    assert info("b_second").provides == {"metrics": ("only_b",)}


def test_no_plugin_takes_the_name_of_a_built_in(plugins: Path) -> None:
    install(plugins, "thief", "@hookimpl\ndef burnish_lm_backends(): return {'litellm': print}")
    [warning] = load()
    assert "its lm backend 'litellm' is not used, because plugin 'burnish' has that name" in warning
    assert info("thief").provides == {}


def test_unknown_names_list_those_there_are(plugins: Path) -> None:
    install(plugins, "broken", "raise RuntimeError('no licence')")
    load()
    with pytest.raises(ConfigError) as caught:
        lookup("optimizers", "bootstrapfewshots")
    text = str(caught.value)
    assert text.startswith("There is no optimizer 'bootstrapfewshots'; did you mean 'BootstrapFewShot'?")
    assert "LabeledFewShot" in text
    assert text.endswith("Plugins with problems (see `burnish plugins`): broken.")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'optimizers'"):
        lookup("optimizer", "BootstrapFewShot")


def test_a_factory_given_by_its_address_is_imported_at_use_and_says_what_is_missing(plugins: Path) -> None:
    install(
        plugins,
        "address",
        """
        @hookimpl
        def burnish_metrics():
            return {"there": "fractions:Fraction", "gone": "no_such_module:thing", "odd": "math:thing"}
        """,
    )
    assert load() == []
    assert lookup("metrics", "there").__name__ == "Fraction"
    with pytest.raises(PluginError, match="no_such_module"):
        lookup("metrics", "gone")
    with pytest.raises(PluginError, match="math:thing"):
        lookup("metrics", "odd")


def test_a_watcher_sees_copies_and_tells_whose_it_is(plugins: Path) -> None:
    install(
        plugins,
        "looks",
        "seen = []\n@hookimpl\ndef burnish_watch(events):\n    seen.extend(events); events[0].pop('tokens')",
    )
    assert load() == []
    event = {"kind": "lm_called", "tokens": 3}
    [watcher] = watchers()
    watcher([event])
    assert event == {"kind": "lm_called", "tokens": 3}
    assert sys.modules["plugin_looks_module"].seen == [{"kind": "lm_called"}]
    assert repr(watcher) == "burnish_watch of plugin 'looks'"
    assert info("looks").watches


def test_of_two_plugins_with_one_entry_point_name_the_first_that_works_is_taken(plugins: Path) -> None:
    offer = "@hookimpl\ndef burnish_metrics(): return {%r: len}"
    install(plugins, "a", "@hookimpl\ndef burnish_metrics(): raise OSError", entry="same")
    install(plugins, "b", offer % "second", entry="same")
    install(plugins, "c", offer % "third", entry="same")
    raised, taken = load()
    assert "burnish-a" in raised
    assert "OSError" in raised
    assert "burnish-c" in taken
    assert "another plugin has the same name" in taken
    assert {"second", "third"} & set(names("metrics")) == {"second"}


LIST = """
    from burnish.plugins import listing
    print(*[plugin.name for plugin in listing()])
"""


@pytest.mark.parametrize(
    ("setting", "loaded"),
    [("", "burnish"), ("a", "burnish a"), ("b, a", "burnish a b"), (None, "burnish a b")],
)
def test_the_environment_says_which_are_loaded(setting: str | None, loaded: str, tmp_path: Path) -> None:
    marker = "open(__file__ + '.imported', 'w').close()"
    install(tmp_path, "a", marker)
    install(tmp_path, "b", marker)
    environment = {} if setting is None else {"BURNISH_PLUGINS": setting}
    done = run_python(tmp_path, LIST, **environment)
    # Those of this repository may be installed beside Burnish, as they are in the workshop.
    assert [name for name in done.stdout.split() if name not in {"template", "optuna"}] == loaded.split()
    assert done.stderr == ""
    imported = {path.name.split("_")[1] for path in tmp_path.glob("*.imported")}
    assert imported == set(loaded.split()) - {"burnish"}


def test_asking_for_a_plugin_that_is_not_installed_is_a_warning(tmp_path: Path) -> None:
    install(tmp_path, "a", "")
    done = run_python(tmp_path, LIST, BURNISH_PLUGINS="a,typo")
    assert done.stderr.startswith("<string>:3: PluginWarning")
    assert "Plugin 'typo' (BURNISH_PLUGINS): it is not installed; installed are: a" in done.stderr


def test_plugins_load_at_the_first_lookup_and_listing_imports_no_factory(tmp_path: Path) -> None:
    install(tmp_path, "a", GOOD)
    script = """
        import sys
        import burnish, burnish.plugins
        print("plugin_a_module" in sys.modules, "pluggy" in sys.modules)
        burnish.plugins.listing()
        print("plugin_a_module" in sys.modules, any(name.startswith(("burnish.optimizers", "sklearn")) for name in sys.modules))
    """
    done = run_python(tmp_path, script)
    assert done.stdout.split() == ["False", "False", "True", "False"], done.stderr


def test_the_kinds_are_the_hooks() -> None:
    hooks = {name.removeprefix("burnish_") for name in dir(hookspecs) if name.startswith("burnish_")}
    assert hooks == {*KINDS, "watch"}


@pytest.mark.parametrize("home", ["burnish", "burnish.teleprompt"])
def test_a_name_of_dspys_that_a_plugin_brings_says_which(plugins: Path, home: str) -> None:
    script = f"""
        import {home}
        try:
            from {home} import BootstrapFewShotWithOptuna
        except ImportError as error:
            print(error)
        print(hasattr({home}, "NoSuchName"))
    """
    done = run_python(plugins, script, BURNISH_PLUGINS="")
    says = "BootstrapFewShotWithOptuna comes with a plugin: pip install burnish-optuna (`burnish plugins` lists what is installed)."
    assert (done.stdout.splitlines(), done.stderr) == ([says, "False"], "")
    install(
        plugins,
        "brings",
        "class Mine: pass\n@hookimpl\ndef burnish_optimizers(): return {'BootstrapFewShotWithOptuna': Mine}",
    )
    done = run_python(
        plugins,
        f"from {home} import BootstrapFewShotWithOptuna as found; print(found.__name__)",
        BURNISH_PLUGINS="brings",
    )
    assert (done.stdout, done.stderr) == ("Mine\n", "")


def test_a_searcher_that_a_plugin_brings_says_which(plugins: Path) -> None:
    script = """
        import burnish
        try:
            burnish.MIPROv2(metric=lambda example, prediction, trace=None: True, searcher="optuna-tpe")
            burnish.plugins.lookup("searchers", "optuna-tpe")
        except burnish.ConfigError as error:
            print(error)
    """
    done = run_python(plugins, script, BURNISH_PLUGINS="")
    assert done.stdout.startswith("optuna-tpe comes with a plugin: pip install burnish-optuna"), done.stderr
