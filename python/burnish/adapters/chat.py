"""The default adapter: sections under ``[[ ## field ## ]]`` headers, ended by ``[[ ## completed ## ]]``.

Reads tolerantly and returns only valid values. A reply without any header is taken for the value of
a lone output where it cannot be anything else: where it *is* a value of a type that is not text, or
ends with ``[[ ## completed ## ]]``. A text without either might be a thought that was cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.adapters.base import Adapter, Demo, Prompt
from burnish.adapters.describe import bare, without_none, words
from burnish.adapters.field_text import NOT_SHOWN, FieldText, shown
from burnish.adapters.parse import Sections, read_sections, without_opened_thoughts
from burnish.adapters.reading_sections import SectionReader
from burnish.errors import ConfigError, ReplyError
from burnish.lm.request import Message, Prefix
from burnish.values.signature import Signature
from burnish.values.signature_fields import description

_COMPLETED = "[[ ## completed ## ]]"


class ChatAdapter(Adapter):
    """Works with every chat model: plain text in, sections out.

    Example:
        >>> adapter = ChatAdapter()
        >>> sums = Signature("question -> answer: int")
        >>> print(adapter.render(sums, {"question": "6 × 7?"})[0]["content"])
        [[ ## question ## ]]
        6 × 7?
        <BLANKLINE>
        Reply with the sections `answer`, then `completed`.
        >>> adapter.parse(sums, "[[ ## answer ## ]] 42 [[ ## completed ## ]]")
        {'answer': 42}
    """

    name = "chat"

    def compile(self, signature: type[Signature], *, instructions: str, demos: Sequence[Demo]) -> Prompt:
        """Everything before the last user turn: the system message and the demos."""
        messages: list[Message] = [{"role": "system", "content": _system(signature, instructions)}]
        for demo in demos:
            messages += self.format_demo(signature, demo)
        return Prompt(Prefix(messages))

    def render(self, signature: type[Signature], inputs: Mapping[str, Any]) -> list[Message]:
        """The last user turn: the inputs as sections, and which sections to answer with."""
        form = _form(signature)
        parts = []
        for name, header, _ in form.inputs:
            if name in inputs:
                value = inputs[name]
                parts.append(header + (value if type(value) is str else shown(value)))
        parts.append(form.closing)
        return [{"role": "user", "content": "\n\n".join(parts)}]

    def parse(self, signature: type[Signature], reply: str) -> dict[str, Any]:
        """The outputs in a reply, each valid for its field.

        Raises:
            ReplyError: A field is missing or its text is no value of its type.
        """
        form = _form(signature)
        text = without_opened_thoughts(reply)
        sections = read_sections(text, form.outputs)
        values = {}
        for name, field in form.outputs.items():
            section = sections.named.get(name)
            if section is None:
                if len(form.outputs) == 1:
                    return {name: _bare(field, sections, reply)}
                raise _missing(name, sections.seen, reply)
            try:
                values[name] = field.read(section.text, closed=section.closed)
            except ReplyError as error:
                raise ReplyError(str(error), reply=reply, field=name) from error
        return values

    def format_demo(self, signature: type[Signature], demo: Demo) -> list[Message]:
        """A demo as a user and an assistant turn; nothing where it shows no inputs or no outputs."""
        form = _form(signature)
        given = {name for name, _, nullable in form.inputs if _has(demo, name, nullable=nullable)}
        made = {name for name, field in form.outputs.items() if _has(demo, name, nullable=field.nullable)}
        if not made or (form.inputs and not given):
            return []
        missing = ["inputs"] * (len(given) < len(form.inputs)) + ["outputs"] * (len(made) < len(form.outputs))
        parts = [f"(an incomplete example: some {' and '.join(missing)} are not shown.)"] if missing else []
        parts += [header + (shown(demo[name]) if name in given else NOT_SHOWN) for name, header, _ in form.inputs]
        texts = {name: field.write(demo[name]) if name in made else NOT_SHOWN for name, field in form.outputs.items()}
        # Without inputs there is nothing to say but which sections to write, as in the last turn.
        asked = "\n\n".join(parts) or form.closing
        return [{"role": "user", "content": asked}, {"role": "assistant", "content": _reply(texts)}]

    def format_reply(self, signature: type[Signature], outputs: Demo) -> str:
        """How a right reply with these outputs looks.

        Raises:
            ConfigError: An output is missing.
        """
        form = _form(signature)
        missing = [name for name in form.outputs if name not in outputs]
        if missing:
            raise ConfigError(f"A reply for {signature.signature!r} needs the output {', '.join(map(repr, missing))}.")
        return _reply({name: field.write(outputs[name]) for name, field in form.outputs.items()})

    def reader(self, signature: type[Signature]) -> SectionReader:
        """Tells each section while it is being written."""
        return SectionReader(_form(signature).outputs)


@dataclass(frozen=True, slots=True)
class _Form:
    """What every call of a signature shares.

    Attributes:
        inputs: Name and header of each input, and whether it may be None.
        outputs: How each output is written and read.
        closing: The last line of the last turn.
    """

    inputs: tuple[tuple[str, str, bool], ...]
    outputs: dict[str, FieldText]
    closing: str


def _form(signature: type[Signature]) -> _Form:
    form: _Form | None = signature.kept.get(ChatAdapter)
    if form is None:
        outputs = signature.output_fields
        form = signature.kept[ChatAdapter] = _Form(
            tuple(
                (name, f"{_header(name)}\n", without_none(bare(field.annotation)[0])[1])
                for name, field in signature.input_fields.items()
            ),
            {name: FieldText(name, field) for name, field in outputs.items()},
            f"Reply with the sections {', '.join(f'`{name}`' for name in outputs)}, then `completed`.",
        )
    return form


def _header(name: str) -> str:
    return f"[[ ## {name} ## ]]"


def _reply(texts: Mapping[str, str]) -> str:
    return "\n\n".join([*(f"{_header(name)}\n{text}" for name, text in texts.items()), _COMPLETED])


def _system(signature: type[Signature], instructions: str) -> str:
    outputs = list(signature.output_fields)
    parts = ["You are given input fields and answer with output fields."]
    for title, fields in (("Input fields", signature.input_fields), ("Output fields", signature.output_fields)):
        if fields:
            lines = []
            for name, field in fields.items():
                desc = description(name, field)
                about = f"- `{name}` ({words(field.annotation, field.metadata)})"
                lines.append(f"{about}: {desc}" if desc else about)
            parts.append("\n".join([f"{title}:", *lines]))
    parts.append("Write the reply in exactly this form, each header on a line of its own, and nothing else:")
    parts.append(_reply({name: f"{{{name}}}" for name in outputs}))
    parts.append(f"Task:\n{instructions}")
    return "\n\n".join(parts)


def _has(demo: Demo, name: str, *, nullable: bool) -> bool:
    """Whether a demo shows a field; None is a value only where the field allows it."""
    return name in demo and (nullable or demo[name] is not None)


def _bare(field: FieldText, sections: Sections, reply: str) -> Any:
    """The lone output of a reply that has no header for it."""
    completed = sections.seen[:1] == ["completed"]
    if sections.lead and (completed or not sections.seen):
        try:
            return field.read(sections.lead, closed=completed, loose=completed)
        except ReplyError as error:
            text = f"{error} There is no section `{field.name}` around it."
            raise ReplyError(text, reply=reply, field=field.name) from error
    raise _missing(field.name, sections.seen, reply)


def _missing(name: str, seen: Sequence[str], reply: str) -> ReplyError:
    there = f"only {', '.join(f'`{one}`' for one in dict.fromkeys(seen))}" if seen else "no sections at all"
    return ReplyError(f"The reply has no section `{name}`, {there}. It reads {reply[:200]!r}.", reply=reply, field=name)
