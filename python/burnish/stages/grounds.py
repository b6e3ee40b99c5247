"""What proposals are grounded on: the program in words, its data in words, and rows of the data to look at.

Both summaries are made once a compile, from a few model calls; every proposal reads the same ones. A summary that cannot
be had (the reply does not parse, the call is refused) is left out: proposals are then made without it. An outage is none of this: it
stops the run, since a run that goes on after one would make other proposals when it is resumed.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from burnish.adapters.content import unmarked
from burnish.adapters.describe import words
from burnish.adapters.field_text import shown
from burnish.errors import LMRejected, LMTransient, ReplyError, RunStopped
from burnish.modules.predict import Predict
from burnish.stages.writing import written
from burnish.values.example import Example
from burnish.values.signature import InputField, OutputField, Signature
from burnish.values.signature_fields import description

# Characters of a program's code and of the rows that a prompt shows, at about four a token.
_MOST_CODE = 16_000
_MOST_ROWS = 12_000
# Batches of rows that are looked at; the summary of more would hardly differ.
_BATCHES = 4


class DescribeProgram(Signature):
    """Read the code of a program that asks a language model. Say what the program is for and how its steps work together.

    Write two or three sentences, and name no details that the code does not show.
    """

    code: str = InputField(desc="the program's classes, or its steps where the code is not at hand")
    data: str = InputField(desc="some of the program's examples")
    description: str = OutputField(desc="what the program does, in two or three sentences")


class ObserveRows(Signature):
    """Look at rows of a data set and note what someone who solves the task should know.

    Such as: subjects, form, length, wording, how the answers follow from the inputs, what is easily confused.
    """

    rows: str = InputField(desc="one JSON object a line")
    observations: str = OutputField(desc="a few short remarks")


class SummariseData(Signature):
    """Turn remarks about parts of a data set into a summary of two or three sentences about the whole of it."""

    observations: str = InputField(desc="remarks about parts of the data")
    summary: str = OutputField(desc="what the data is like, in two or three sentences")


async def described(program: Any, rows: Sequence[Example], *, lm: Any) -> str:
    """The program in words; empty where the model brought none. Costs one call.

    Raises:
        RunStopped: It was not answered.
    """
    writer = Predict(DescribeProgram)
    data = as_lines(rows)
    (told,) = await written(lambda code: _said(writer, lm=lm, code=code, data=data), [code_of(program)])
    return told


async def summarised(rows: Sequence[Example], *, batch: int, lm: Any) -> str:
    """The data in words; empty where the model brought none.

    Costs one call for each `batch` rows, of at most four batches, and one more where there are several.

    Raises:
        RunStopped: A call was not answered.
    """
    observer, writer = Predict(ObserveRows), Predict(SummariseData)
    batches = [as_lines(rows[start : start + batch]) for start in range(0, min(len(rows), batch * _BATCHES), batch)]
    remarks = [remark for remark in await written(lambda some: _said(observer, lm=lm, rows=some), batches) if remark]
    if len(remarks) < 2:
        return "".join(remarks)
    (summary,) = await written(lambda them: _said(writer, lm=lm, observations=them), ["\n\n".join(remarks)])
    return summary or remarks[0]


async def _said(writer: Predict, *, lm: Any, **inputs: str) -> str:
    """The one output of a writer; empty where the reply does not parse or the call is refused."""
    try:
        found = await writer.acall(**inputs, lm=lm)
    except (ReplyError, LMRejected):
        return ""
    except LMTransient as error:
        raise RunStopped(
            f"Stopped: a call for a summary of the program or its data was not answered: {str(error).rstrip('.')}. "
            "Run again to go on; with run_dir= set, nothing that was received is asked for again."
        ) from error
    (output,) = writer.signature.output_fields
    return str(found[output]).strip()


def as_lines(rows: Sequence[Any]) -> str:
    """Rows as one JSON object a line, as many as a prompt has room for; of one that is longer than that the beginning of each value."""
    lines: list[str] = []
    room = _MOST_ROWS
    for row in rows:
        fields = {key: value for key, value in dict(row.items()).items() if key not in ("augmented", "dspy_uuid")}
        line = shown(fields)
        if len(line) > _MOST_ROWS:
            line = shown({key: _cut(value, _MOST_ROWS // len(fields)) for key, value in fields.items()})
        room -= len(line) + 1
        if lines and room < 0:
            break
        lines.append(line)
    return "\n".join(lines)


def _cut(value: Any, most: int) -> Any:
    """A value that has so many characters at most; pictures and the like have no part that would be one."""
    text = shown(value)
    return value if len(text) <= most or unmarked(text) != text else f"{text[:most]}…"


def code_of(program: Any) -> str:
    """The source of the program's own classes; its steps in words where no source is at hand."""
    own = {type(part) for _, part in program.named_modules() if not type(part).__module__.startswith("burnish.modules")}
    sources = []
    for kind in sorted(own, key=lambda kind: kind.__qualname__):
        try:
            sources.append(inspect.getsource(kind))
        except (OSError, TypeError):
            continue
    steps = [step_of(name, predictor) for name, predictor in program.named_predictors(frozen=True)]
    return "\n\n".join([*sources, *steps])[:_MOST_CODE]


def step_of(name: str, predictor: Any) -> str:
    """One predictor in words: its name, what it is given and what it must produce."""
    signature = predictor.signature
    sides = (("given", signature.input_fields), ("must produce", signature.output_fields))
    lines = [f"The step `{name}` of the program."]
    for title, fields in sides:
        lines += [f"It is {title}:" if title == "given" else f"It {title}:", *_listed(fields)]
    return "\n".join(lines)


def _listed(fields: Mapping[str, Any]) -> list[str]:
    listed = []
    for name, field in fields.items():
        about = f"- {name} ({words(field.annotation, field.metadata)})"
        desc = description(name, field)
        listed.append(f"{about}: {desc}" if desc else about)
    return listed
