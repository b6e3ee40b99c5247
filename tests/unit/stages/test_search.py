from __future__ import annotations

import random

import pytest

from burnish.errors import ConfigError
from burnish.plugins.manager import lookup, names
from burnish.stages.schedule import Confirmed, Rejects, Steps, expected, ranked
from burnish.stages.search import RandomSearcher, SurrogateSearcher, TPESearcher, beaten, rejects
from burnish.testing import SearcherContract
from burnish.testing.searcher_contract import make_space
from burnish.values.board import Board
from burnish.values.score import Status
from burnish.values.space import Slot, Space


class TestRandom(SearcherContract):
    def make_searcher(self, space, seed):
        return lookup("searchers", "random")(space, seed)


class TestTPE(SearcherContract):
    def make_searcher(self, space, seed):
        return lookup("searchers", "tpe")(space, seed)


class TestSurrogate(SearcherContract):
    def make_searcher(self, space, seed):
        return lookup("searchers", "surrogate")(space, seed)


def search(schedule, searcher, worth, *, seed=0):
    """The winner of a search in which a cell is right with the candidate's worth as its chance."""
    board, tried, steps = Board(), [], []
    while cells := schedule.next(searcher, tried, board):
        assert schedule.next(searcher, tried, board) == cells
        steps.append(cells)
        for picks, examples in cells:
            if picks not in tried:
                tried.append(picks)
            number = tried.index(picks)
            for example in range(examples):
                if not board.known(number, example):
                    right = random.Random(f"{seed}/{picks}/{example}").random() < worth(picks)
                    board.put(number, example, float(right), Status.SCORED)
    return ranked(searcher, tried, board)[0], board, tried, steps


def additive(picks):
    return 0.2 + 0.1 * picks[0] + 0.02 * picks[1]


def test_the_built_in_searchers_have_names():
    # Plugins that are installed bring their own.
    assert [name for name in names("searchers") if not name.startswith("optuna-")] == ["random", "surrogate", "tpe"]


def test_the_surrogate_finds_what_is_best_in_a_space_of_which_it_sees_a_tenth():
    space = make_space((6, 6, 6))
    found = []
    for seed in range(5):
        searcher = SurrogateSearcher(space, seed)
        winner, board, tried, _ = search(Steps(300, 60), searcher, additive, seed=seed)
        assert len(board) <= 300
        assert len(tried) < 0.3 * space.size
        found.append(additive(winner))
    assert sum(found) / 5 > 0.69  # of 0.8; the mean of the space is 0.5


def test_tpe_prefers_what_the_best_have_in_common():
    space, board = make_space((6, 6)), Board()
    tried = space.all_picks()[::2]
    for number, picks in enumerate(tried):
        for example in range(10):
            board.put(number, example, float(picks[0] == 4), Status.SCORED)
    asked = [picks for seed in range(10) for picks in TPESearcher(space, seed).ask(tried, board, 2)]
    assert sum(picks[0] == 4 for picks in asked) >= 15


def test_the_surrogate_says_which_slot_makes_the_difference():
    space, shares = make_space((6, 6, 6)), []
    for seed in range(6):
        searcher = SurrogateSearcher(space, seed)
        _, board, tried, _ = search(Steps(600, 60), searcher, lambda picks: 0.2 + 0.12 * picks[1], seed=seed)
        advice = searcher.advise(tried, board)
        assert sum(advice.slots) + advice.pairs + advice.own == pytest.approx(1)
        shares.append(advice.slots)
    first, second, third = map(sum, zip(*shares, strict=True))
    assert second > 4 * max(first, third)


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
def test_candidates_are_ranked_alike_on_any_scale_and_of_equal_ones_the_earlier_comes_first(scale):
    space, board = make_space((2, 2)), Board()
    tried = [(0, 0), (0, 1), (1, 0), (1, 1)]
    for number, worth in enumerate([0.25, 0.25, 0.75, 0.75]):
        for example in range(20):
            board.put(number, example, scale * (worth + 0.1 * (example % 3)), Status.SCORED)
    assert ranked(RandomSearcher(space, 0), tried, board) == [(1, 0), (1, 1), (0, 0), (0, 1)]
    assert ranked(SurrogateSearcher(space, 0), tried, board)[:2] == [(1, 0), (1, 1)]


def test_the_expected_score_of_the_winner_is_not_flattered():
    space, excess = make_space((6, 6)), []
    for seed in range(30):
        searcher = SurrogateSearcher(space, seed)
        winner, board, tried, _ = search(Steps(250, 100), searcher, lambda picks: 0.5, seed=seed)
        excess.append(expected(searcher, tried, board)[tried.index(winner)] - 0.5)
    # The best mean of a dozen candidates that are all alike would be some 0.1 too high.
    assert abs(sum(excess) / 30) < 0.045


@pytest.mark.parametrize("schedule", [Steps, Rejects])
@pytest.mark.parametrize(
    ("budget", "examples", "sizes"), [(1, 1, (1,)), (3, 50, (2,)), (300, 2, (6, 6)), (40, 35, (2, 2))]
)
def test_small_spaces_and_budgets_end_well(schedule, budget, examples, sizes):
    searcher = SurrogateSearcher(make_space(sizes), 0)
    winner, board, _, _ = search(schedule(budget, examples), searcher, lambda picks: 0.5)
    assert len(board) <= budget
    assert winner is not None


def confirmed(schedule, sizes, *, seed=0):
    """Winner, student, cells of the search by place, and what confirming asks for and pays."""
    searcher, student = SurrogateSearcher(make_space(sizes), seed), (0,) * len(sizes)
    winner, board, tried, _ = search(
        schedule.search, searcher, additive if len(sizes) == 2 else lambda _: 0.5, seed=seed
    )
    wanted = schedule.confirmation(winner, student, tried, board)
    known = {(tried[number], place) for number, place in zip(board.candidate, board.example, strict=True)}
    new = {(picks, place) for picks, places in wanted for place in places} - known
    return winner, student, set(board.example), wanted, len(board) + len(new)


def test_the_last_third_of_the_budget_goes_to_ever_smaller_pools_of_the_best():
    space = make_space((6, 6, 6))
    winner, board, _, steps = search(Steps(600, 200), SurrogateSearcher(space, 0), additive)
    pools = steps[-4:]
    assert 590 < len(board) <= 600
    # All of a pool are brought to as many examples; who has them already is not run again.
    assert all(len({examples for _, examples in pool}) == 1 for pool in pools)
    sizes = [len(pool) for pool in pools]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2 * sizes[-1]
    assert winner in [picks for picks, _ in pools[-1]]
    assert len(steps[0]) * 5 <= 0.15 * 600


@pytest.mark.parametrize(("budget", "examples"), [(14_000, 600), (40_000, 60)])
def test_however_large_the_budget_there_are_no_more_candidates_than_can_be_fitted_in_time(budget, examples):
    space = make_space((10, 19, 10, 19))
    _, board, tried, steps = search(Steps(budget, examples), RandomSearcher(space, 0), additive)
    assert 400 < len(tried) <= 500
    assert len(board) <= budget
    assert len(steps) > 3


def test_winner_and_student_are_confirmed_side_by_side_on_examples_that_nobody_saw():
    schedule = Confirmed(527, 100)
    winner, student, seen, wanted, paid = confirmed(schedule, (6, 6))
    assert winner != student
    assert dict(wanted) == {student: range(60, 100), winner: range(60, 100)}
    assert not seen & set(range(60, 100))
    assert 500 <= paid <= 527


def test_confirming_costs_no_more_than_its_share_and_says_enough_or_keeps_nothing_back():
    assert [Confirmed(budget, 1000).fresh for budget in (100, 199, 200, 1000, 10000)] == [0, 0, 20, 100, 400]
    assert [Confirmed(10000, examples).fresh for examples in (1, 49, 50, 100)] == [0, 0, 20, 40]
    for budget in range(1, 400, 7):
        schedule = Confirmed(budget, 100)
        assert schedule.search.budget >= 0.8 * budget


@pytest.mark.parametrize(
    ("budget", "examples", "sizes"),
    [
        (1, 1, (1,)),
        (2, 1, (2,)),
        (3, 50, (2,)),
        (527, 100, (1,)),
        (527, 100, (2,)),
        (30, 100, (6, 6)),
        (300, 2, (6, 6)),
    ],
)
def test_confirming_ends_well_however_little_there_is(budget, examples, sizes):
    winner, student, _, wanted, paid = confirmed(Confirmed(budget, examples), sizes)
    assert [picks for picks, _ in wanted] == list(dict.fromkeys([student, winner]))
    assert len({places for _, places in wanted}) == 1
    assert all(0 <= place < examples for _, places in wanted for place in places)
    assert paid <= budget


def test_without_examples_to_keep_back_winner_and_student_see_the_same():
    winner, student, _, wanted, paid = confirmed(Confirmed(120, 30), (6, 6))
    assert winner != student
    (_, first), (_, second) = wanted
    assert first == second
    assert len(first) >= 10
    assert paid <= 120


def test_one_candidate_is_run_on_every_example_once():
    _, student, seen, wanted, paid = confirmed(Confirmed(527, 100), (1,))
    assert (seen, wanted, paid) == (set(range(60)), [(student, range(60, 100))], 100)


def test_rejects_end_with_one_and_spend_no_more_than_they_may():
    searcher = RandomSearcher(make_space((6, 6)), 0)
    _, board, tried, steps = search(Rejects(400, 100), searcher, additive)
    alive, examples = rejects(board, len(tried), examples=100, budget=400)
    assert (len(alive), examples) == (1, 0)
    assert [len(step) for step in steps] == sorted((len(step) for step in steps), reverse=True)
    assert len(board) <= 400


def test_the_best_is_hardly_ever_called_beaten():
    wrong = 0
    for seed in range(200):
        draw, board = random.Random(seed), Board()
        fell = False
        for look in range(5):
            for example in range(20 * look, 20 * look + 20):
                for candidate in range(5):
                    board.put(candidate, example, float(draw.random() < 0.5), Status.SCORED)
            # All are alike; the first stands for the one that is truly the best.
            fell |= beaten(board, 5, looks=5)[0]
        wrong += fell
    assert wrong <= 10  # 5% of 200


def test_of_candidates_that_answer_alike_the_earliest_is_taken_for_the_best():
    space, draw = Space([Slot("a", "instructions", "wxyz"), Slot("a", "demos", "wxyz")]), random.Random(3)
    scores = [float(draw.random() < 0.5) for _ in range(60)]
    for seed in range(10):
        asks, board = SurrogateSearcher(space, seed), Board()
        tried = [(0, 0), *(picks for picks in asks.ask([], board, 9) if picks != (0, 0))]
        for candidate in range(len(tried)):
            for example in range(60 if candidate == 0 else draw.randrange(7, 60)):
                board.put(candidate, example, scores[example], Status.SCORED)
        assert ranked(asks, tried, board) == tried


def test_who_is_far_behind_is_beaten():
    board, draw = Board(), random.Random(0)
    for example in range(40):
        for candidate, chance in enumerate((0.9, 0.85, 0.3)):
            board.put(candidate, example, float(draw.random() < chance), Status.SCORED)
    assert beaten(board, 3, looks=2) == [False, False, True]


def test_a_space_without_choices_is_refused():
    with pytest.raises(ConfigError, match=r"A space with \[\] choices"):
        SurrogateSearcher(Space([]), 0)


@pytest.mark.parametrize("seed", [10**30, -(10**30), 2**63, -(2**63)])
@pytest.mark.parametrize("searcher", [RandomSearcher, TPESearcher, SurrogateSearcher])
def test_a_seed_of_any_size_will_do(searcher, seed):
    space = Space([Slot("a", "instructions", "wxyz"), Slot("b", "instructions", "wxyz")])
    asked = searcher(space, seed).ask([], Board(), 5)
    assert asked == searcher(space, seed).ask([], Board(), 5)
    assert len(set(asked)) == 5
