"""Reports in the terminal: everything that was found out, whatever characters it is made of."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from burnish import Report, Usage
from burnish.report import terminal
from burnish.values.effects import Effects, SlotEffect
from burnish.values.report import Difference, Standing

NAN = float("nan")


def printed(renderable: Any) -> str:
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


def report(count: int = 3, **changes: Any) -> Report:
    candidates = [Standing(f"candidate {n}", 8, 1, 2, n / 20, n / 20 - 0.1, n / 20 + 0.1) for n in range(count)]
    candidates.append(Standing("never", 0, 0, 10, NAN, NAN, NAN))
    fields: dict[str, Any] = {
        "optimizer": "BootstrapRS",
        "candidates": candidates,
        "winner": "candidate 2",
        "gain": Difference(8, 0.25, 0.05, 0.45),
        "usage": {"score": Usage(4, 10, 5, 0.0, 4)},
        "stopped": "finished",
        "seconds": 1.26,
        "decisions": ("[bold]decided[/bold] [/odd]",),
        **changes,
    }
    return Report(**fields)


def test_candidates_stand_best_first_with_n_and_interval() -> None:
    text = printed(terminal.report(report()))
    lines = [line for line in text.splitlines() if "candidate " in line and "/10" in line]
    assert [line.split("│")[1].strip() for line in lines] == ["candidate 2 ◀", "candidate 1", "candidate 0"]
    assert "8/10" in lines[0]
    assert "0.0 to 20.0" in lines[0]
    for part in ("+25.0 [+5.0, +45.0]", "price unknown", "[bold]decided[/bold] [/odd]", "finished, after 1.3 s"):
        assert part in text


def test_a_gain_says_how_it_was_told() -> None:
    chosen = printed(terminal.report(report(gain=Difference(8, 0.25, 0.05, 0.45, among=4))))
    assert (
        "Gain over the baseline +25.0 [+5.0, +45.0] on 8 examples, corrected for the choice among 4 possible" in chosen
    )
    confirmed = [Standing("candidate 2", 8, 0, 0, 0.5, 0.2, 0.8), Standing("candidate 0", 8, 0, 0, 0.25, 0.1, 0.6)]
    fresh = printed(terminal.report(report(gain=Difference(8, 0.25, 0.05, 0.45, among=0), confirmed=confirmed)))
    assert "on 8 fresh examples" in fresh
    assert "on these, candidate 0: 25.0 [10.0, 60.0] (8/8)" in fresh


def test_a_candidate_that_was_cut_short_does_not_stand_first() -> None:
    found = report()
    lucky = Standing("candidate 9", 1, 0, 9, 1.0, 0.2, 1.0)
    text = printed(terminal.report(report(candidates=[lucky, *found.candidates])))
    lines = [line.split("│")[1].strip() for line in text.splitlines() if "candidate " in line and "/10" in line]
    assert (lines[0], lines[-1]) == ("candidate 2 ◀", "candidate 9")


def test_a_long_list_is_cut() -> None:
    text = printed(terminal.report(report(20), most=5))
    assert "… and 15 more" in text


def test_the_bill_is_by_stage_and_by_predictor_and_tells_what_came_before() -> None:
    found = report(predictors={"find": Usage(3, 8, 4, 0.25), "": Usage(1, 2, 1, 0.5)}, before=Usage(7, 1, 1, 0.125))
    text = printed(terminal.report(found))
    assert "Before this process went on with it: 7 LM calls, $0.1250" in text
    rows = [
        line.split("│")[1:-1]
        for line in text.splitlines()
        if line.startswith("│") and ("find" in line or "none" in line)
    ]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["find", "3", "12", "$0.2500"],
        ["(none)", "1", "3", "$0.5000"],
    ]
    assert "before this process went on with it: 7 LM calls" in str(found)
    assert found.to_dict()["predictors"]["find"]["calls"] == 3
    assert (found.total.calls, found.to_dict()["before"]["calls"]) == (4, 7)


def test_effects_are_bars_or_a_sentence() -> None:
    slots = [
        SlotEffect("[bold]", "demos", 0.25, 0.02, kept=False, stands_out=False),
        SlotEffect("find", "demos", 0.5, 0.125, kept=False, stands_out=True),
    ]
    lines = printed(terminal.report(report(effects=Effects(slots, 0.15, 0.1)))).splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith("What set the candidates apart"))
    rows = [line.split("│")[1:-1] for line in lines[begin:] if line.startswith("│")][:4]
    assert [(row[0].strip(), row[2].strip(), row[3].strip()) for row in rows] == [
        ("find demos", "50%", "expected +12.5 points over the program's own"),
        ("[bold] demos", "25%", "no difference beyond doubt"),
        ("choices together", "15%", ""),
        ("single candidates", "10%", ""),
    ]
    assert [row[1].count("█") for row in rows] == [10, 5, 3, 2]
    text = printed(terminal.report(report(effects=Effects(slots[:1], 0.5, 0.25))))
    assert "no slot stands out" in text
    assert "demos" not in text


def test_one_predictor_needs_no_bill_of_its_own() -> None:
    assert "each predictor" not in printed(terminal.report(report(predictors={"self": Usage(1)})))


def test_a_report_without_scores() -> None:
    text = printed(terminal.report(Report("LabeledFewShot", [], "labelled", None, {}, "finished", 0.0)))
    assert "LabeledFewShot: finished" in text
