"""What the adapters share whose prompt lists the fields and shows the form of the reply.

    system: fields with their types, the form of the reply, the task
    user, assistant: a demo, and so on
    user: the inputs, and a line that says what to reply with

An adapter says how an input is set off, what the form looks like, and how a reply is read; everything else is here.
What is worked out from the fields is kept with the signature.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.adapters.base import Adapter, Ask, Demo, Prompt
from burnish.adapters.content import content
from burnish.adapters.describe import bare, without_none, words
from burnish.adapters.field_text import NOT_SHOWN, FieldText, shown
from burnish.adapters.native_tools import calls_in, tool_fields, without_tools
from burnish.errors import ConfigError, ReplyError
from burnish.lm.capabilities import Capabilities
from burnish.lm.request import Message, Output, Prefix
from burnish.values.signature import Signature
from burnish.values.signature_fields import description


@dataclass(frozen=True, slots=True)
class Form:
    """What every call of a signature shares.

    Attributes:
        inputs: Name of each input, what stands before and after its text, and whether it may be None.
        outputs: How each output is written and read.
        closing: The last line of the last turn.
    """

    inputs: tuple[tuple[str, str, str, bool], ...]
    outputs: dict[str, FieldText]
    closing: str


class FormAdapter(Adapter):
    """An adapter whose prompt lists the fields and shows the form of the reply."""

    use_native_function_calling: bool = False

    def compile(self, signature: type[Signature], *, instructions: str, demos: Sequence[Demo]) -> Prompt:
        """Everything before the last user turn: the system message and the demos."""
        messages: list[Message] = [{"role": "system", "content": self._system(signature, instructions)}]
        for demo in demos:
            messages += self.format_demo(signature, demo)
        return Prompt(Prefix(messages))

    def render(self, signature: type[Signature], inputs: Mapping[str, Any]) -> list[Message]:
        """The last user turn: the inputs, and what to reply with."""
        form = self.form(signature)
        parts = []
        for name, before, after, _ in form.inputs:
            if name in inputs:
                value = inputs[name]
                parts.append(f"{before}{value if type(value) is str else shown(value)}{after}")
        parts.append(form.closing)
        return [{"role": "user", "content": content("\n\n".join(parts))}]

    def format_demo(self, signature: type[Signature], demo: Demo) -> list[Message]:
        """A demo as a user and an assistant turn; nothing where it shows no inputs or no outputs."""
        form = self.form(signature)
        given = {name for name, _, _, nullable in form.inputs if _has(demo, name, nullable=nullable)}
        made = {name: demo[name] for name, field in form.outputs.items() if _has(demo, name, nullable=field.nullable)}
        if not made or (form.inputs and not given):
            return []
        missing = ["inputs"] * (len(given) < len(form.inputs)) + ["outputs"] * (len(made) < len(form.outputs))
        parts = [f"(an incomplete example: some {' and '.join(missing)} are not shown.)"] if missing else []
        for name, before, after, _ in form.inputs:
            parts.append(f"{before}{shown(demo[name]) if name in given else NOT_SHOWN}{after}")
        # Without inputs there is nothing to say but what to reply with, as in the last turn.
        asked = "\n\n".join(parts) or form.closing
        answered = self.written(form.outputs, made)
        return [{"role": "user", "content": content(asked)}, {"role": "assistant", "content": answered}]

    def format_reply(self, signature: type[Signature], outputs: Demo) -> str:
        """How a right reply with these outputs looks.

        Raises:
            ConfigError: An output is missing.
        """
        fields = self.form(signature).outputs
        missing = [name for name in fields if name not in outputs]
        if missing:
            raise ConfigError(f"A reply for {signature.signature!r} needs the output {', '.join(map(repr, missing))}.")
        return self.written(fields, {name: outputs[name] for name in fields})

    def asked(self, signature: type[Signature], capabilities: Capabilities) -> type[Signature]:
        """The signature without its tools and their calls, where the model is handed tools natively."""
        return without_tools(signature) if self._is_native(signature, capabilities) else signature

    def options(
        self, signature: type[Signature], inputs: Mapping[str, Any], capabilities: Capabilities
    ) -> Mapping[str, Any]:
        """The tools, where the model is handed them natively."""
        if not self._is_native(signature, capabilities):
            return {}
        return tool_fields(signature).options(inputs)

    async def read(
        self, signature: type[Signature], output: Output, capabilities: Capabilities, ask: Ask
    ) -> dict[str, Any]:
        """The outputs in one completion: from its text, and its calls of tools where these are native.

        A completion that calls tools need not say anything else: outputs that it leaves out are None then.

        Raises:
            ReplyError: A field is missing or no value of its type, or a call of a tool cannot be read.
        """
        if not self._is_native(signature, capabilities):
            return self.parse(signature, output.text)
        name = tool_fields(signature).calls
        calls = calls_in(output, name)
        rest = without_tools(signature)
        try:
            values = self.parse(rest, output.text) if rest.output_fields else {}
        except ReplyError:
            if not calls:
                raise
            values = dict.fromkeys(rest.output_fields)
        return {one: calls if one == name else values[one] for one in signature.output_fields}

    def _is_native(self, signature: type[Signature], capabilities: Capabilities) -> bool:
        return self.use_native_function_calling and capabilities.tools and bool(tool_fields(signature).calls)

    def form(self, signature: type[Signature]) -> Form:
        """What every call of a signature shares, worked out once."""
        form: Form | None = signature.kept.get(type(self))
        if form is None:
            outputs = signature.output_fields
            form = signature.kept[type(self)] = Form(
                tuple(
                    (name, *self.around(name), without_none(bare(field.annotation)[0])[1])
                    for name, field in signature.input_fields.items()
                ),
                {name: FieldText(name, field) for name, field in outputs.items()},
                self.closing(outputs) if outputs else "Call the tools that the task needs.",
            )
        return form

    def _system(self, signature: type[Signature], instructions: str) -> str:
        parts = ["You are given input fields and answer with output fields."]
        for title, fields in (("Input fields", signature.input_fields), ("Output fields", signature.output_fields)):
            if fields:
                lines = []
                for name, field in fields.items():
                    desc = description(name, field)
                    about = f"- `{name}` ({words(field.annotation, field.metadata)})"
                    lines.append(f"{about}: {desc}" if desc else about)
                parts.append("\n".join([f"{title}:", *lines]))
        if signature.output_fields:
            parts.append(self.pattern(signature.output_fields))
        parts.append(f"Task:\n{instructions}")
        return "\n\n".join(parts)

    @abstractmethod
    def around(self, name: str) -> tuple[str, str]:
        """What stands before and after the text of an input."""

    @abstractmethod
    def pattern(self, names: Collection[str]) -> str:
        """The form of the reply, for the system message: a sentence, and the form itself with ``{name}`` for values."""

    @abstractmethod
    def closing(self, names: Collection[str]) -> str:
        """The last line of the last turn, which says what to reply with."""

    @abstractmethod
    def written(self, fields: Mapping[str, FieldText], outputs: Mapping[str, Any]) -> str:
        """A reply with these outputs; fields that are not among them are said to be not shown."""


def texts_of(fields: Mapping[str, FieldText], outputs: Mapping[str, Any]) -> dict[str, str]:
    """Each field's value as text."""
    return {name: field.write(outputs[name]) if name in outputs else NOT_SHOWN for name, field in fields.items()}


def _has(demo: Demo, name: str, *, nullable: bool) -> bool:
    """Whether a demo shows a field; None is a value only where the field allows it."""
    return name in demo and (nullable or demo[name] is not None)
