"""The rows of an evaluation on the screen, as far as the screen can show them."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Any

from burnish.evaluation.result import EvaluationResult
from burnish.evaluation.text import shown, text_of
from burnish.values.example import Example
from burnish.values.score import Status

# Characters of a field: a passage is recognised by its beginning, and a screen holds some rows.
_LONGEST = 300


def show(result: EvaluationResult, *, most: int | None = None) -> None:
    """Print so many rows, all unless given. What cannot be shown here costs a warning, and not the result."""
    try:
        _print(result, len(result.results) if most is None else most)
    # A terminal may refuse a table in any way: its code page, its width, its end.
    except Exception as error:
        warnings.warn(f"The results cannot be shown here ({type(error).__name__}: {error}).", stacklevel=2)


def _print(result: EvaluationResult, most: int) -> None:
    from rich.console import Console

    table = _table(result, most)
    try:
        Console(file=sys.stdout).print(table)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        plainly = io.StringIO()
        # In ASCII the frame can be shown anywhere; letters that the code page lacks become marks.
        Console(file=plainly, width=Console(file=sys.stdout).width, safe_box=True, legacy_windows=True).print(table)
        sys.stdout.write(plainly.getvalue().encode(encoding, "replace").decode(encoding))


def _table(result: EvaluationResult, most: int) -> Any:
    from rich.table import Table
    from rich.text import Text

    def cell(*texts: str) -> Text:
        # A Text of its own: brackets in a value are no markup.
        return Text("\n".join(shown(text, longest=_LONGEST) for text in texts))

    def fields(made: Any) -> Text:
        if not isinstance(made, Example):
            return cell(text_of(made))
        return cell(*(f"{name}: {text_of(value, repr)}" for name, value in made.items()))

    explains = bool(result.reasons)
    speaks = any(score is not None and score.feedback for score in result.scores)
    columns = ["example", "prediction", "score", *["feedback"] * speaks, *["why"] * explains]
    table = Table(*columns, title=cell(str(result)), show_lines=True)
    for place, (example, prediction, score) in enumerate(result.results[:most]):
        told = "not measured" if score is None else f"{score:g}"
        if result.statuses[place] is Status.FAILED:
            told += " (failed)"
        why = [cell(result.reasons.get(place, ""))] * explains
        verdict = result.scores[place]
        words = [cell("" if verdict is None else verdict.feedback or "")] * speaks
        table.add_row(fields(example), fields(prediction), told, *words, *why)
    return table
