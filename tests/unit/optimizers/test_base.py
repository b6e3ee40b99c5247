"""What every optimizer does with its settings and around its search; whole compiles are under tests/flow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import BootstrapFewShot, BootstrapRS, Candidate, Choice, LabeledFewShot, Optimizer, Session
from burnish.errors import ConfigError
from burnish.stages.select import Demo, showing
from burnish.testing import toy


class Writes(Optimizer):
    """Sets one instruction, and scores it where it is told to."""

    async def search(self, session: Session, *, text: str = "Say the kind.", score: bool = True) -> Candidate:
        """One candidate beside the student."""
        written = Candidate("written", {name: Choice(instructions=text) for name in session.predictors})
        if score:
            await session.score([session.baseline(), written])
        session.decisions.append(f"wrote {text!r}")
        return written

    def phases(self, *, trainset: int, valset: int) -> Mapping[str, tuple[int, int]]:
        """Two candidates."""
        return {"score": (2 * valset, 2 * valset)}


def compiled(optimizer: Optimizer, **options: Any) -> Any:
    with burnish.context(lm=toy.lm()):
        return optimizer.compile(toy.Classifier(), trainset=toy.trainset(), **options)


@pytest.mark.parametrize(
    ("make", "wrong", "right"),
    [
        (LabeledFewShot, "kk", "k"),
        (LabeledFewShot, "num_thread", "num_threads"),
        (BootstrapFewShot, "max_bootstraped_demos", "max_bootstrapped_demos"),
        (lambda **o: BootstrapRS(toy.metric, **o), "num_candidates_programs", "num_candidate_programs"),
        (lambda **o: BootstrapRS(toy.metric, **o), "rundir", "run_dir"),
        (Writes, "sed", "seed"),
    ],
)
def test_a_misspelt_setting_is_told_the_nearest(make: Any, wrong: str, right: str) -> None:
    with pytest.raises(ConfigError, match=rf"no option '{wrong}'\. Did you mean {right}\?"):
        make(**{wrong: 1})


def test_a_setting_like_no_other_gets_the_list() -> None:
    with pytest.raises(ConfigError, match="Its options: .*num_threads") as caught:
        LabeledFewShot(zzzz=1)
    assert "Did you mean" not in str(caught.value)


def test_options_of_compile_are_those_of_the_search() -> None:
    assert compiled(Writes(metric=toy.metric), text="Other.").classify.signature.instructions == "Other."
    with pytest.raises(ConfigError, match=r"Writes\.compile has no option 'txt'\. Did you mean text\?"):
        compiled(Writes(metric=toy.metric), txt="Other.")


def test_estimates_multiply_runs_by_predictors() -> None:
    estimate = Writes().estimate(toy.Chain(), toy.trainset(), toy.valset())
    assert estimate.phases == {"score": (48, 48)}
    assert estimate.calls == (48, 48)
    assert str(estimate).splitlines()[0] == "48 LM calls"
    assert Writes().estimate(toy.Chain(), toy.trainset()).calls == (96, 96)
    assert LabeledFewShot().estimate(toy.Chain(), toy.trainset()).calls == (0, 0)


def test_an_estimate_has_a_price_only_where_it_is_known() -> None:
    with burnish.context(lm=burnish.LM("offline/icl")):
        assert Writes().estimate(toy.Chain(), toy.trainset()).dollars == 0.0
        taught = BootstrapFewShot(teacher_settings={"lm": burnish.LM("openai/gpt-4o")})
        assert taught.estimate(toy.Chain(), toy.trainset()).dollars is None
    with burnish.context(lm=burnish.LM("local/m", api_base="http://127.0.0.1:1/v1", prices=(1, 2))):
        assert "no dollars: prompts are not sized" in str(Writes().estimate(toy.Chain(), toy.trainset()))
    with burnish.context(lm=toy.lm()):
        estimate = Writes().estimate(toy.Chain(), toy.trainset())
    assert estimate.dollars is None
    assert "price unknown" in str(estimate)


def test_a_range_of_calls_is_told_by_phase() -> None:
    estimate = BootstrapFewShot(max_bootstrapped_demos=3, max_rounds=2).estimate(toy.Chain(), toy.trainset())
    assert estimate.phases == {"bootstrap": (6, 96)}
    assert str(estimate).splitlines()[:2] == ["6 to 96 LM calls", "  bootstrap: 6 to 96"]


def test_an_optimizer_that_cannot_estimate_says_so() -> None:
    class Silent(Optimizer):
        async def search(self, session: Session) -> Candidate:
            return session.baseline()

    with pytest.raises(ConfigError, match="Silent cannot say"):
        Silent().estimate(toy.Chain(), toy.trainset())
    assert compiled(Silent()).report.optimizer == "Silent"


def test_the_report_tells_what_the_search_found() -> None:
    program = compiled(Writes(metric=toy.metric), valset=toy.valset())
    report = program.report
    assert [one.name for one in report.candidates] == ["as given", "written"]
    assert (report.winner, report.stopped, report.run_dir) == ("written", "finished", None)
    assert (report.gain.n, report.gain.mean) == (12, 0.0)
    assert list(report.usage) == ["score"]
    assert report.total.calls == 24
    assert report.decisions[-1] == "wrote 'Say the kind.'"
    # Both score the same; the winner comes first all the same, since it is what the search returned.
    best, other = report.top(5)
    assert best.classify.signature.instructions == program.classify.signature.instructions == "Say the kind."
    assert other.classify.signature.instructions == toy.Classifier().classify.signature.instructions
    assert [entry["seed"] for entry in program.candidate_programs] == ["written", "as given"]
    assert program.candidate_programs[0]["score"] == report.score


def test_programs_of_a_report_are_new_each_time() -> None:
    report = compiled(Writes(metric=toy.metric)).report
    one, two = report.top(1) + report.top(1)
    assert one is not two
    assert one.classify is not two.classify


def test_a_run_directory_gets_the_report_as_json(tmp_path: Path) -> None:
    program = compiled(Writes(metric=toy.metric, run_dir=tmp_path / "run"))
    written = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(program.report.to_dict(), allow_nan=False))
    assert program.report.run_dir == str(tmp_path / "run")


def test_a_report_may_hold_any_text(tmp_path: Path) -> None:
    class Odd(Optimizer):
        async def search(self, session: Session) -> Candidate:
            session.decisions.append("odd \ud800")
            return session.baseline()

    compiled(Odd(run_dir=tmp_path))
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["decisions"] == ["odd \ud800"]


def test_counts_are_whole_numbers() -> None:
    with pytest.raises(ConfigError, match="num_candidate_programs='8': give a whole number of at least 0"):
        BootstrapRS(toy.metric, num_candidate_programs="8")


def test_a_prompt_without_one_demo_is_kept_for_its_cell_alone() -> None:
    left: list[int] = []

    class Counts(Optimizer):
        async def search(self, session: Session) -> Candidate:
            shown = showing("all", {"classify": [Demo(row, n) for n, row in enumerate(session.trainset)]})
            run = session._runner.run

            async def counted(cells: Any, **options: Any) -> Any:
                rollouts = await run(cells, **options)
                left.extend(len(c.prompts) for r in rollouts for c in r.cell.candidate.choices.values())
                return rollouts

            session._runner.run = counted  # type: ignore[method-assign]
            await session.score([shown])
            return shown

    compiled(Counts(metric=toy.metric))
    assert left == [0] * 24


def test_without_scores_there_is_no_gain_and_no_score() -> None:
    report = compiled(Writes(), score=False).report
    assert (report.gain, report.score, report.candidates) == (None, None, [])
    assert report.top(3) == []


def test_two_compiles_at_once_do_not_mix() -> None:
    import asyncio

    async def both() -> list[Any]:
        optimizer = Writes(metric=toy.metric)
        return await asyncio.gather(
            *(optimizer.acompile(toy.Classifier(), trainset=toy.trainset(), text=f"text {n}") for n in range(4))
        )

    with burnish.context(lm=toy.lm()):
        programs = asyncio.run(both())
    assert [p.classify.signature.instructions for p in programs] == [f"text {n}" for n in range(4)]
    assert [p.report.total.calls for p in programs] == [48] * 4


def test_teleprompt_has_the_optimizers_by_dspys_names() -> None:
    from burnish import teleprompt

    for name in ("LabeledFewShot", "BootstrapFewShot", "BootstrapFewShotWithRandomSearch", "BootstrapRS"):
        assert getattr(teleprompt, name) is getattr(burnish, name)
        assert name in teleprompt.__all__
