"""From an installed distribution to a compiled program, with a broken plugin beside it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.plugins.installed import install, run_python

OURS = """
    import json
    from burnish import Candidate, Choice, Optimizer
    from burnish.testing import toy

    class FirstOfEach(Optimizer):
        async def search(self, session):
            first = {}
            for place, example in enumerate(session.trainset):
                first.setdefault(example.kind, place)
            places = tuple(first.values())
            choice = Choice(demos=tuple(session.trainset[place] for place in places), sources=places)
            await session.score([session.baseline(), Candidate("first of each", dict.fromkeys(session.predictors, choice))])
            return session.leader()

    class Toyland:
        def __init__(self, endpoint):
            assert endpoint.model == "toyland/small"
            self.lm = toy.lm()

        async def complete(self, request):
            return await self.lm.complete(request)

    @hookimpl
    def burnish_optimizers():
        return {"FirstOfEach": FirstOfEach}

    @hookimpl
    def burnish_lm_backends():
        return {"toyland": Toyland}

    @hookimpl
    def burnish_metrics():
        return {"right_kind": "burnish.testing.toy:metric"}

    @hookimpl
    def burnish_watch(events):
        with open(__file__ + ".events", "a") as file:
            file.writelines(json.dumps(event) + "\\n" for event in events)
"""

COMPILE = """
    import burnish
    from burnish.plugins import lookup
    from burnish.testing import toy

    burnish.configure(lm=burnish.LM("toyland/small", cache=False))
    optimizer = lookup("optimizers", "FirstOfEach")(metric=lookup("metrics", "right_kind"), progress=False)
    program = optimizer.compile(toy.Classifier(), trainset=toy.trainset(), valset=toy.valset())
    print(program.report.winner, program.report.score)
"""


def kinds(folder: Path, name: str) -> list[str]:
    lines = (folder / f"plugin_{name}_module.py.events").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["kind"] for line in lines]


def test_a_strangers_optimizer_metric_and_backend_compile_a_program(tmp_path: Path) -> None:
    install(tmp_path, "ours", OURS)
    install(tmp_path, "broken", "raise RuntimeError('no licence')")
    done = run_python(tmp_path, COMPILE)
    assert done.stdout == "first of each 100.0\n", done.stderr
    assert (
        "Plugin 'broken' (burnish-broken: plugin_broken_module): importing it raised RuntimeError: no licence."
        in done.stderr
    )
    seen = kinds(tmp_path, "ours")
    assert (seen[0], seen[-1]) == ("run_started", "run_finished")
    # Two candidates on twelve examples.
    assert seen.count("rollout_done") == 24


def test_a_watcher_that_raises_is_named_once_and_the_run_goes_on(tmp_path: Path) -> None:
    install(tmp_path, "ours", OURS)
    install(tmp_path, "nosy", "@hookimpl\ndef burnish_watch(events): raise ValueError('too much')")
    done = run_python(tmp_path, COMPILE)
    assert done.stdout == "first of each 100.0\n", done.stderr
    assert done.stderr.count("burnish_watch of plugin 'nosy' raised ValueError: too much") == 1
    assert kinds(tmp_path, "ours")[-1] == "run_finished"


def test_without_plugins_their_names_are_unknown(tmp_path: Path) -> None:
    install(tmp_path, "ours", OURS)
    done = run_python(tmp_path, COMPILE, BURNISH_PLUGINS="")
    assert done.returncode == 1
    assert "ConfigError: There is no optimizer 'FirstOfEach'." in done.stderr
