"""COPRO and MIPROv2, whole: what they find with the embedded model, and how they end when the proposer is of no use."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import pytest

import burnish
from burnish import COPRO, Budget, ConfigError, Ensemble, Evaluate, Example, LMRejected, MIPROv2
from burnish.datasets.support_tickets import intents, load
from burnish.testing import ScriptedLM, toy

SEARCHERS = [None, "tpe", "random"]


def right(example: Any, prediction: Any, trace: Any = None) -> bool:
    return bool(example.intent == prediction.intent)


def sorter() -> burnish.Predict:
    kinds = {"Kind": Literal[intents()]}  # type: ignore[valid-type]
    return burnish.Predict(burnish.Signature("ticket -> intent: Kind", "Sort the ticket.", custom_types=kinds))


class UrgencyFirst(burnish.Module):
    """Two predictors, the second of which reads what the first says."""

    def __init__(self) -> None:
        kinds = {"Kind": Literal[intents()]}  # type: ignore[valid-type]
        self.first = burnish.Predict("ticket -> urgency: Literal['low', 'high']")
        second = burnish.Signature("ticket, urgency -> intent: Kind", "Sort the ticket.", custom_types=kinds)
        self.second = burnish.Predict(second)

    async def aforward(self, ticket: str) -> Any:
        urgency = (await self.first.acall(ticket=ticket)).urgency
        return await self.second.acall(ticket=ticket, urgency=urgency)


def sets() -> tuple[list[Example], list[Example]]:
    """Tickets, each with an urgency that is told by its intent."""
    high = intents()[::2]
    return tuple(
        [row.copy(urgency="high" if row.intent in high else "low") for row in part]
        for part in (load("train")[:80], load("val")[:60])
    )  # type: ignore[return-value]


def mipro(**options: Any) -> MIPROv2:
    settings: dict[str, Any] = {"max_bootstrapped_demos": 0, "max_labeled_demos": 0, "progress": False, **options}
    return MIPROv2(settings.pop("metric", right), **settings)


def compiled(optimizer: Any, **options: Any) -> Any:
    rows: dict[str, Any] = {"trainset": load("train")[:80], "valset": load("val")[:60]}
    if isinstance(optimizer, COPRO):
        del rows["valset"]
    with burnish.context(lm=burnish.LM("offline/icl")):
        return optimizer.compile(sorter(), **rows, **options)


def held_out(program: Any) -> float:
    with burnish.context(lm=burnish.LM("offline/icl")):
        return Evaluate(devset=load("test"), metric=right)(program).score


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_instructions_alone_move_the_score_on_tickets_that_nobody_saw(searcher: str | None) -> None:
    program = compiled(mipro(searcher=searcher))
    assert program.demos == []
    assert program.signature.instructions != "Sort the ticket."
    assert held_out(program) > held_out(sorter()) + 8
    report = program.report
    assert report.candidates[0].name == "as given"
    assert report.gain.n >= 20
    assert report.usage.keys() == {"propose", "score"}


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("searcher", [None, "tpe"])
def test_instructions_alone_move_a_program_of_two_predictors(searcher: str | None, labelled: bool) -> None:
    """Also where nobody labelled what the first hands to the second."""
    fields = ("ticket", "urgency", "intent") if labelled else ("ticket", "intent")
    train, val = (
        [Example({name: row[name] for name in fields}).with_inputs("ticket") for row in part] for part in sets()
    )
    with burnish.context(lm=burnish.LM("offline/icl")):
        program = mipro(searcher=searcher).compile(UrgencyFirst(), trainset=train, valset=val)
    assert held_out(program) > held_out(UrgencyFirst()) + 8
    told = program.second.signature.instructions
    # It tells intents apart, and not the urgencies that the second is given.
    assert "Words that often tell the intent:" in told
    assert sum(f"\n{intent}:" in told for intent in intents()) == len(intents())


def test_demos_and_instructions_are_chosen_together() -> None:
    program = compiled(mipro(max_bootstrapped_demos=2, max_labeled_demos=4))
    assert held_out(program) > held_out(sorter()) + 8
    assert len(program.report.candidates) > 3
    assert "bootstrap" in program.report.usage


def test_copro_climbs_by_what_it_tried_before() -> None:
    program = compiled(COPRO(metric=right, breadth=3, depth=2, progress=False))
    assert held_out(program) > held_out(sorter()) + 8
    # The present ones, two new ones, then three from the scored attempts.
    assert len(program.report.candidates) == 6
    # The last three were made from one of the first three: another best would have had three others.
    assert program.report.gain.among == 3 + 3 * 3
    assert "corrected for the choice among 12 possible candidates" in str(program.report)


def test_the_gain_is_told_on_fresh_examples_where_the_search_left_some_and_else_corrected() -> None:
    rows = load("train")
    with burnish.context(lm=burnish.LM("offline/icl")):
        many = mipro().compile(sorter(), trainset=rows[:40], valset=rows[40:140], minibatch_size=5).report
        few = mipro().compile(sorter(), trainset=rows[:40], valset=rows[40:60]).report
    assert (many.gain.among, many.gain.n >= 20) == (0, True)
    assert [(one.name, one.n) for one in many.confirmed] == [(many.winner, many.gain.n), ("as given", many.gain.n)]
    winner, given = many.confirmed
    assert many.gain.mean == pytest.approx(winner.mean - given.mean)
    assert f"on {many.gain.n} fresh examples" in str(many)
    # Six choices of one slot, and all twenty examples chose among them; two were written from four that had been tried.
    assert (few.gain.n, few.gain.among, few.confirmed) == (20, 4 + 2 * 4, ())
    assert few.gain.mean - few.gain.low > few.gain.high - few.gain.mean


def test_to_be_run_once_more_for_the_gain_makes_the_program_as_given_none_of_the_best() -> None:
    rows = load("train")
    with burnish.context(lm=burnish.LM("offline/icl")):
        report = mipro().compile(sorter(), trainset=rows[:60], valset=rows[60:160]).report
    first, *others = [entry["seed"] for entry in report.candidate_programs]
    assert (first, others[-1]) == (report.winner, "as given")
    assert report.confirmed


@pytest.mark.parametrize(
    "optimizer", [mipro, lambda **given: COPRO(metric=right, breadth=3, depth=2, progress=False, **given)]
)
def test_the_same_at_any_concurrency_and_nothing_is_asked_twice(optimizer: Any, tmp_path: Any) -> None:
    first = compiled(optimizer(num_threads=1))
    second = compiled(optimizer(num_threads=16, run_dir=tmp_path / "run"))
    again = compiled(optimizer(num_threads=4, run_dir=tmp_path / "run"))
    assert first.dump_state() == second.dump_state() == again.dump_state()
    assert [str(one) for one in first.report.candidates] == [str(one) for one in again.report.candidates]
    assert again.report.total.calls == 0


def proposing(reply: Any) -> Any:
    """The toy model, and this reply to whoever asks for instructions or a summary."""

    def answer(request: Any) -> Any:
        asked = request.messages[-1]["content"]
        if any(f"`{name}`" in asked for name in ("instructions", "observations", "summary", "description")):
            return reply(request) if callable(reply) else reply
        return toy._answer(request)

    return ScriptedLM(answer)


GARBAGE = [
    "no section at all",
    "",
    "<think>I was cut off",
    {"instructions": "  "},
    {"instructions": "Given the fields `text`, produce the fields `kind`."},
]


@pytest.mark.parametrize("reply", GARBAGE)
@pytest.mark.parametrize("searcher", SEARCHERS)
def test_a_proposer_of_no_use_leaves_the_program_as_it_is(reply: Any, searcher: str | None) -> None:
    with burnish.context(lm=proposing(reply)):
        program = mipro(metric=toy.metric, searcher=searcher).compile(
            toy.Classifier(), trainset=toy.trainset(), valset=toy.valset()
        )
    assert program.classify.signature.instructions == toy.Classifier().classify.signature.instructions
    assert [one.name for one in program.report.candidates] == ["as given"]
    assert program.report.unchanged
    assert "0 can be used" in str(program.report)


@pytest.mark.parametrize(
    ("silent", "says"),
    [
        ("description", "The model brought no description of the program: proposals are made without it."),
        ("observations", "The model brought no summary of the data: proposals are made without it."),
    ],
)
def test_a_summary_that_is_refused_is_left_out(silent: str, says: str) -> None:
    def reply(request: Any) -> Any:
        if f"`{silent}`" in request.messages[-1]["content"]:
            return LMRejected("HTTP 400: content filter", model="scripted/model")
        return dict.fromkeys(("instructions", "description", "observations"), f"Say it, variant {request.rollout_id}.")

    with burnish.context(lm=proposing(reply)):
        report = (
            mipro(metric=toy.metric).compile(toy.Classifier(), trainset=toy.trainset()[:4], valset=toy.valset()).report
        )
    assert report.stopped == "finished"
    assert says in report.decisions
    assert len(report.candidates) > 2


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_the_same_proposal_every_time_is_one_choice(searcher: str | None) -> None:
    with burnish.context(lm=proposing({"instructions": "Name the kind."})):
        program = mipro(metric=toy.metric, searcher=searcher).compile(
            toy.Classifier(), trainset=toy.trainset()[:4], valset=toy.valset()
        )
    assert {one.name for one in program.report.candidates} == {"as given", "instructions 1"}
    # The default search asks for two of the five once something was scored.
    for repeated in [4] if searcher else [2, 2]:
        assert f"{repeated} repeated another" in str(program.report)


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_the_default_search_writes_half_of_them_from_scored_attempts(searcher: str | None) -> None:
    asked = []

    def reply(request: Any) -> Any:
        asked.append(request.messages[-1]["content"])
        return {"instructions": f"Say it, variant {request.rollout_id}."}

    with burnish.context(lm=proposing(reply)):
        program = mipro(metric=toy.metric, searcher=searcher).compile(
            toy.Classifier(), trainset=toy.trainset(), valset=toy.valset()
        )
    writing = [prompt for prompt in asked if "current_instructions" in prompt]
    late = [prompt for prompt in writing if "Score " in prompt]
    assert (len(writing), len(late)) == ((5, 0) if searcher else (5, 2))
    for prompt in late:
        # The student's own and at least one of the first three; a small budget has scored no more by then.
        assert 2 <= prompt.count("Score ") <= 4
        assert "Say it, variant " in prompt
    assert {one.name for one in program.report.candidates} >= {"as given", *(f"instructions {n}" for n in range(1, 6))}
    assert "instructions 6" not in {one.name for one in program.report.candidates}


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_sets_of_any_size_and_programs_of_several_predictors(searcher: str | None) -> None:
    with burnish.context(lm=proposing(lambda request: {"instructions": f"Say it, variant {request.rollout_id}."})):
        optimizer = mipro(metric=toy.metric, searcher=searcher, max_bootstrapped_demos=1, max_labeled_demos=1)
        program = optimizer.compile(toy.Chain(), trainset=toy.trainset()[:3], valset=toy.valset(), minibatch_size=500)
        without = optimizer.compile(toy.Chain(), trainset=toy.trainset())
    for found in (program, without):
        assert {name for name, _ in found.named_predictors()} == {"find", "classify"}
        assert found.report.stopped == "finished"


def test_a_budget_ends_it_with_the_best_so_far() -> None:
    program = compiled(mipro(budget=Budget(calls=90)))
    assert program.report.total.calls <= 90
    assert "calls=90" in program.report.stopped


def test_it_composes() -> None:
    once = compiled(mipro())
    with burnish.context(lm=burnish.LM("offline/icl")):
        twice = mipro().compile(once, trainset=load("train")[:80], valset=load("val")[:60])
        assert twice.report.candidates[0].name == "as given"
        together = Ensemble(reduce_fn=burnish.majority).compile(once.report.top(3))
        assert len(together.programs) == 3
        assert held_out(together) >= held_out(sorter())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: mipro(auto="huge"), "there are 'light', 'medium', 'heavy'"),
        (lambda: mipro(num_candidates=4), "auto=None, num_candidates"),
        (lambda: mipro(auto=None), "needs num_candidates"),
        (lambda: mipro(log_dir="a", run_dir="b"), "the same: give one"),
        (lambda: MIPROv2(None), "needs a metric"),  # type: ignore[arg-type]
        (COPRO, "needs a metric"),
        (lambda: COPRO(right), "needs a metric.*what comes first is prompt_model"),
        (lambda: mipro(teacher_settings="offline/icl"), "teacher_settings='offline/icl': give settings"),
        (
            lambda: COPRO("gpt-4", metric=right),
            r"prompt_model='gpt-4' is a text. Write prompt_model=burnish.LM\('gpt-4'\)",
        ),
        (lambda: mipro(prompt_model="gpt-4"), "prompt_model='gpt-4' is a text"),
        (lambda: mipro(task_model=7), "task_model=7 is no LM"),
        (lambda: COPRO(metric=right, breadth=1), "breadth=1"),
        (lambda: compiled(mipro(), num_trials=3), "auto='light' sets the number"),
        (lambda: compiled(mipro(), minibatch_full_eval_steps=0), "minibatch_full_eval_steps=0"),
        (lambda: compiled(mipro(), minibatch_size=-1), "minibatch_size=-1"),
        (lambda: compiled(mipro(), view_data_batch_size=0), "view_data_batch_size=0"),
        (lambda: compiled(mipro(auto=None, num_candidates=3), num_trials=0), "num_trials=0"),
        (lambda: compiled(mipro(), max_labeled_demos=-1), "max_labeled_demos=-1"),
        (lambda: compiled(mipro(), seed="a"), "seed='a'"),
        (lambda: compiled(mipro(searcher="tp")), "tpe"),
        (lambda: compiled(mipro(), requires_permission_to_run=True), "asks nobody"),
        (lambda: mipro(prompt_model="offline/icl"), "prompt_model='offline/icl' is a text"),
        (lambda: mipro(max_rounds=2), "MIPROv2 has no option 'max_rounds'"),
        (lambda: mipro(task_model=3), "task_model=3 is no LM"),
        (lambda: COPRO(metric=right, prompt_model=burnish.LM), "is no LM. Write prompt_model="),
        (lambda: compiled(mipro(), minibatch_size=2.5), "minibatch_size=2.5"),
        (
            lambda: compiled(mipro(prompt_model=burnish.LM("local/own"), budget=Budget(dollars=1))),
            "the price of 'local/own'",
        ),
        (lambda: compiled(COPRO(metric=right), eval_kwargs={"threads": 3}), "num_threads"),
        (lambda: compiled(COPRO(metric=right), eval_kwargs={"display_table": 5}), "display_table=5.*Leave it out"),
    ],
)
def test_what_contradicts_itself_is_refused_before_any_call(make: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()


def test_options_that_are_none_are_as_by_default() -> None:
    names = (
        "num_trials",
        "seed",
        "max_bootstrapped_demos",
        "max_labeled_demos",
        "minibatch_size",
        "requires_permission_to_run",
    )
    assert compiled(mipro(), **dict.fromkeys(names)).dump_state() == compiled(mipro()).dump_state()


@pytest.mark.parametrize("programs", [[], burnish.Predict("ticket -> intent")])
def test_an_ensemble_of_no_list_says_what_it_needs(programs: Any) -> None:
    with pytest.raises(ConfigError, match="needs programs, not .*: give a list"):
        Ensemble().compile(programs)


def test_the_model_of_the_settings_proposes_also_where_another_one_runs_the_program() -> None:
    strong, weak = proposing({"instructions": "Say it well."}), toy.lm()
    with burnish.context(lm=strong):
        program = mipro(metric=toy.metric, task_model=weak).compile(
            toy.Classifier(), trainset=toy.trainset(), valset=toy.valset()
        )
    assert (len(strong.requests), len(weak.requests)) == tuple(
        program.report.usage[stage].calls for stage in ("propose", "score")
    )


@pytest.mark.parametrize("seed", [1, 9])
def test_of_candidates_that_are_all_alike_the_program_as_given_stays(seed: int) -> None:
    with burnish.context(lm=proposing(lambda request: {"instructions": f"Say it, variant {request.rollout_id}."})):
        program = mipro(metric=toy.metric, seed=seed).compile(toy.Chain(), trainset=toy.trainset(), valset=toy.valset())
    assert program.report.unchanged
    assert len(program.report.candidates) > 10


def test_an_unknown_searcher_is_told_of_before_anything_is_paid_for() -> None:
    lm = toy.lm()
    with burnish.context(lm=lm), pytest.raises(ConfigError, match="no searcher 'tp'; did you mean 'tpe'"):
        mipro(metric=toy.metric, searcher="tp").compile(toy.Classifier(), trainset=toy.trainset(), valset=toy.valset())
    assert lm.requests == []


def test_the_trainset_given_twice_is_split_as_by_default() -> None:
    lm, rows = toy.lm(), toy.trainset()
    with burnish.context(lm=lm), warnings.catch_warnings():
        warnings.simplefilter("error")
        twice = mipro(metric=toy.metric, max_bootstrapped_demos=2, max_labeled_demos=4).compile(
            toy.Classifier(), trainset=rows, valset=rows
        )
        once = mipro(metric=toy.metric, max_bootstrapped_demos=2, max_labeled_demos=4).compile(
            toy.Classifier(), trainset=rows
        )
    assert twice.dump_state() == once.dump_state()
    assert [str(one) for one in twice.report.candidates] == [str(one) for one in once.report.candidates]


def test_the_estimate_holds(tmp_path: Any) -> None:
    for options in ({}, {"max_bootstrapped_demos": 2, "max_labeled_demos": 2}):
        optimizer = mipro(**options)
        with burnish.context(lm=burnish.LM("offline/icl")):
            low, high = optimizer.estimate(sorter(), load("train")[:80], load("val")[:60]).calls
        assert low <= compiled(optimizer).report.total.calls <= high


def test_the_estimate_of_coordinate_ascent_counts_the_candidates_of_each_predictor() -> None:
    lm = proposing(lambda request: {"instructions": f"Say it, variant {request.rollout_id}."})
    optimizer = COPRO(metric=toy.metric, breadth=3, depth=2, progress=False)
    with burnish.context(lm=lm):
        low, high = optimizer.estimate(toy.Chain(), toy.trainset()).calls
        optimizer.compile(toy.Chain(), trainset=toy.trainset())
    # As given, and of each of two predictors 3 - 1 and 3 more, each of which runs both.
    assert low <= len(lm.requests) == 2 * 5 + 2 * 24 * (1 + 2 * 5) <= high
