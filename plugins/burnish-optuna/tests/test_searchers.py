"""What the contract asks of a searcher, and that each sampler is asked as Optuna's users would ask it."""

from __future__ import annotations

import importlib.util
import logging
import random
import subprocess
import sys
import textwrap
import threading
import warnings
from types import SimpleNamespace

import pytest
from burnish_optuna import studies
from burnish_optuna.searchers import GP, TPE, Random

import burnish
from burnish import ConfigError
from burnish.testing import PluginContract, SearcherContract, toy

pytest.importorskip("optuna", reason="pip install -e . brings it")
needs_torch = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "scipy")),
    reason="pip install -e '.[gp]' brings it",
)
SIZES = (6, 6, 6, 6)


class TestPlugin(PluginContract):
    plugin = "optuna"


class TestTPE(SearcherContract):
    def make_searcher(self, space, seed):
        return TPE(space, seed)


class TestRandom(SearcherContract):
    def make_searcher(self, space, seed):
        return Random(space, seed)


@needs_torch
class TestGP(SearcherContract):
    def make_searcher(self, space, seed):
        return GP(space, seed)


class Table:
    """A board: candidate i has a score on each of some examples, None where it was not measured."""

    def __init__(self, rows):
        cells = [(number, place, score) for number, row in enumerate(rows) for place, score in enumerate(row)]
        self._unknown = {(number, place) for number, place, score in cells if score is None}
        self.candidate, self.example = [cell[0] for cell in cells], [cell[1] for cell in cells]
        self.score = [0.0 if cell[2] is None else cell[2] for cell in cells]

    def known(self, candidate, example):
        return (candidate, example) not in self._unknown

    def __len__(self):
        return len(self.candidate)


def space(sizes):
    return SimpleNamespace(slots=[SimpleNamespace(choices=range(size)) for size in sizes])


def worth(picks):
    return sum(pick == 2 for pick in picks) / len(picks)


def tried(count, sizes=SIZES, seed=0):
    draw = random.Random(seed)
    found = {}
    while len(found) < count:
        found[tuple(draw.randrange(size) for size in sizes)] = None
    return list(found)


def asked(made, known, n, *, seed=0, closed=()):
    return made(space(SIZES), seed).ask(known, Table([[worth(picks)] for picks in known]), n, closed=closed)


@pytest.mark.parametrize(("made", "seeds"), [(TPE, 30), pytest.param(GP, 3, marks=needs_torch)])
def test_what_scored_well_is_asked_for_more_often(made, seeds):
    known = tried(60)
    chosen, blind = (
        [worth(picks) for seed in range(seeds) for picks in asked(one, known, 2, seed=seed, closed=range(len(known)))]
        for one in (made, Random)
    )
    assert sum(chosen) / len(chosen) > sum(blind) / len(blind) + 0.15


def test_tpe_asks_for_what_optuna_itself_would_suggest():
    import optuna

    known = tried(30)
    board = Table([[worth(picks)] for picks in known])
    seed = random.Random(f"optuna 5 {len(known) + len(board)}").getrandbits(32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True)
        )
    slots = {f"slot {i}": optuna.distributions.CategoricalDistribution(range(size)) for i, size in enumerate(SIZES)}
    for picks in known:
        params = dict(zip(slots, picks, strict=True))
        study.add_trial(optuna.trial.create_trial(params=params, distributions=slots, value=worth(picks)))
    assert TPE(space(SIZES), 5).ask(known, board, 1) == [tuple(study.ask(slots).params.values())]


def test_what_is_open_may_come_again_but_never_by_chance_alone():
    known = tried(3, sizes=(2, 2))
    board = Table([[worth(picks)] for picks in known])
    assert len(TPE(space((2, 2)), 0).ask(known, board, 4)) == 4
    [left] = Random(space((2, 2)), 0).ask(known, board, 4)
    assert left not in known


def test_the_last_free_candidates_of_a_large_space_are_found():
    sizes = (7, 5, 4)
    every = [studies._counted(place, sizes) for place in range(140)]
    assert len(set(every)) == 140
    assert every[-1] == (6, 4, 3)
    free = {every[17], every[139]}
    known = [picks for picks in every if picks not in free]
    for made in (TPE, Random):
        board = Table([[worth(picks)] for picks in known])
        assert set(made(space(sizes), 1).ask(known, board, 9, closed=range(len(known)))) == free


def test_means_are_of_what_was_measured():
    assert studies.means(Table([[1.0, 0.0, None], [None], [0.5]])) == {0: 0.5, 2: 0.5}


@pytest.mark.parametrize(("made", "seeds"), [(TPE, 10), pytest.param(GP, 2, marks=needs_torch)])
def test_what_was_just_asked_for_is_not_suggested_again_and_again(made, seeds, monkeypatch):
    def never(*given):
        raise AssertionError("the sampler repeated itself until chance had to decide")

    monkeypatch.setattr(studies, "_by_chance", never)
    for seed in range(seeds):
        known = {picks: worth(picks) for picks in tried(20, sizes=(6, 6), seed=seed)}
        batch = studies.ask(made.sampler, (6, 6), known, 6, seed=seed, step=0)
        assert len(set(batch)) == 6


def test_each_step_draws_anew_while_chance_decides():
    for made in (TPE, Random):
        assert len({tuple(asked(made, tried(count), 3)) for count in range(6)}) == 6


def test_the_searcher_runs_miprov2s_schedule_by_its_name():
    def compiled(name):
        optimizer = burnish.MIPROv2(
            toy.metric, auto=None, num_candidates=4, searcher=name, max_labeled_demos=4, progress=False
        )
        options = {"num_trials": 6, "minibatch_size": 6}
        with burnish.context(lm=toy.lm()):
            return optimizer.compile(toy.Classifier(), trainset=toy.trainset(), valset=toy.valset(), **options)

    for name in ("optuna-tpe", "optuna-random"):
        first, second = compiled(name), compiled(name)
        assert first.report.gain.mean > 0
        assert first.dump_state() == second.dump_state()


def test_without_pytorch_the_gaussian_process_says_what_to_install(monkeypatch):
    monkeypatch.setattr("burnish_optuna.searchers.find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(
        ConfigError, match=r"computes with torch, which is not installed: pip install 'burnish-optuna\[gp\]'"
    ):
        GP(space((2, 2)), 0)
    lm = toy.lm()
    with burnish.context(lm=lm), pytest.raises(ConfigError, match="optuna-gp"):
        burnish.MIPROv2(toy.metric, searcher="optuna-gp", progress=False).compile(
            toy.Classifier(), trainset=toy.trainset(), valset=toy.valset()
        )
    assert lm.requests == []


def test_optuna_stays_quiet_and_as_loud_as_its_user_wants_it():
    script = """
        import logging
        import optuna
        from burnish_optuna.studies import ask
        from burnish_optuna.searchers import TPE, Random
        for level in (logging.INFO, logging.ERROR):
            optuna.logging.set_verbosity(level)
            for made in (TPE, Random):
                ask(made.sampler, [3, 3, 3], {(0, 0, n): 0.1 * n for n in range(3)}, 4, seed=0, step=0)
            assert optuna.logging.get_verbosity() == level
        optuna.logging.set_verbosity(logging.INFO)
        optuna.create_study(study_name="the user's own")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    [line] = done.stderr.splitlines()
    assert "A new study created in memory with name: the user's own" in line


def test_threads_ask_at_once_and_get_what_they_would_get_alone():
    known, got = tried(20), {}

    def one(seed):
        got[seed] = asked(TPE, known, 3, seed=seed)

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {seed: asked(TPE, known, 3, seed=seed) for seed in range(6)}
    assert logging.getLogger("optuna").level == logging.INFO


def test_naming_the_searchers_imports_nothing_heavy():
    script = (
        "import sys, burnish\n"
        "from burnish.testing import PluginContract\n"
        "import burnish_optuna\n"
        "info = type('Mine', (PluginContract,), {'plugin': 'optuna'})().info()\n"
        "assert set(info.provides['searchers']) == {'optuna-tpe', 'optuna-gp', 'optuna-random'}\n"
        "assert not {'optuna', 'sqlalchemy', 'torch', 'scipy'} & set(sys.modules), 'heavy'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
