"""Answers questions of one task: decides for each output how it is found, and writes the reply."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from burnish.lm.backends.icl import labels as label_text
from burnish.lm.backends.icl import writer
from burnish.lm.backends.icl.draw import Draw
from burnish.lm.backends.icl.learner import Learner, Memory
from burnish.lm.backends.icl.prompt import Field, Question, Task

_REASONS = ("reason", "rationale", "thought", "explanation", "justification", "thinking")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
_BOUNDS = re.compile(r"from (-?[\d.]+) to (-?[\d.]+)")
_NULLABLE = ", or null"


class Answerer:
    """What the fixed part of a prompt teaches, learnt once; answers many questions.

    Args:
        task: The fixed part of the prompt.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._learners: dict[str, Learner] = {}
        self._memories: dict[str, Memory] = {}
        for field in task.fields:
            demos = [(demo.text, demo.outputs[field.name]) for demo in task.demos if field.name in demo.outputs]
            labels = self._labels(field, [answer for _, answer in demos])
            if labels:
                about = label_text.descriptions(labels, [task.instructions, field.description])
                self._learners[field.name] = Learner(labels, demos, descriptions=about)
            elif demos and not _is_written(field):
                self._memories[field.name] = Memory(demos)

    def reply(self, question: Question, draw: Draw) -> str:
        """The whole reply to one question, in the form that the prompt asks for."""
        if not self._task.fields:
            return _without_fields(question)
        answers = self.answers(question, draw)
        if self._task.as_json:
            return json.dumps(answers, ensure_ascii=False)
        parts = [f"[[ ## {name} ## ]]\n{text}" for name, text in answers.items()]
        return "\n\n".join([*parts, "[[ ## completed ## ]]"])

    def answers(self, question: Question, draw: Draw) -> dict[str, str]:
        """Each output, in the order of the reply; reasons come first there, but are found last."""
        found = {
            field.name: self._answer(field, question, draw) for field in self._task.fields if not _is_reason(field)
        }
        return {field.name: found.get(field.name) or self._reason(question, found) for field in self._task.fields}

    def _answer(self, field: Field, question: Question, draw: Draw) -> str:
        learner, memory = self._learners.get(field.name), self._memories.get(field.name)
        if learner is not None:
            chance = draw.uniform(field.name) if draw.temperature > 0 else 0.0
            return learner.answer(question.text, temperature=draw.temperature, draw=chance)
        if memory is not None:
            return memory.answer(question.text)
        if _is_instruction(field):
            return writer.instruction(question.inputs, draw)
        return _unlearnt(field, question)

    def _reason(self, question: Question, answers: Mapping[str, str]) -> str:
        for name, learner in self._learners.items():
            answer, text = answers[name], question.text
            return writer.reason(answer, telling=learner.telling(text, answer), demo=learner.nearest(text, answer))
        return writer.reason(next(iter(answers.values()), "nothing"), telling=(), demo=None)

    def _labels(self, field: Field, shown: list[str]) -> list[str]:
        """The possible answers where they are a few fixed ones; empty where they are not."""
        if field.choices:
            return list(field.choices)
        if field.kind.startswith("bool"):
            return sorted(set(shown)) if len(set(shown)) > 1 else ["true", "false"]
        if not field.kind.startswith("str") or _is_written(field) or not all(map(label_text.looks_like_label, shown)):
            return []
        told = label_text.named(field.description) or label_text.named(self._task.instructions)
        if not {label_text.normal(label) for label in shown} <= {label_text.normal(label) for label in told}:
            told = []
        # Of two spellings, the demos' one is meant.
        spelt = {label_text.normal(label): label for label in [*told, *shown]}
        return list(spelt.values())


def _is_reason(field: Field) -> bool:
    return (
        field.kind.startswith("str") and not field.choices and any(word in field.name.casefold() for word in _REASONS)
    )


def _is_instruction(field: Field) -> bool:
    return field.kind.startswith("str") and "instruction" in field.name.casefold()


def _is_written(field: Field) -> bool:
    return _is_reason(field) or _is_instruction(field)


def _unlearnt(field: Field, question: Question) -> str:
    """An answer without demos and without labels: only what stands in the question, or nothing."""
    kind = field.kind
    if kind.startswith(("int", "float")):
        return _number(kind, question.text)
    if not kind.startswith("str"):
        empty = "{}" if "dict" in kind or "schema" in kind else "[]"
        return "null" if kind.endswith(_NULLABLE) else empty
    if "prefix" in field.name.casefold():
        return "Answer:"
    texts = sorted(question.inputs.values(), key=len)
    if "answer" in field.name.casefold() and len(texts) > 1:
        return writer.extract(texts[0], texts[1:]) or texts[0]
    return writer.summary(question.inputs.values())


def _number(kind: str, text: str) -> str:
    bounds = _BOUNDS.search(kind)
    lowest, highest = (float(bounds[1]), float(bounds[2])) if bounds else (float("-inf"), float("inf"))
    found = [number for number in _NUMBER.findall(text) if lowest <= float(number) <= highest]
    whole = [number for number in found if "." not in number]
    fallback = bounds[1] if bounds else "0"
    return next(iter(whole if kind.startswith("int") else found), fallback)


def _without_fields(question: Question) -> str:
    said = writer.summary(question.inputs.values())
    return f"The offline model answers from fields, labels and examples in a prompt, and found none here. Read: {said}"
