"""What the adapters share whose prompt lists the fields and shows the form of the reply.

    system: fields with their types, the form of the reply, the task
    user, assistant: a demo, and so on
    user: the inputs, and a line that says what to reply with

An adapter says how an input is set off, what the form looks like, and how a reply is read; everything else is here.
What is worked out from the fields is kept with the signature.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, ItemsView, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.adapters.base import Adapter, Ask, Demo, Prompt
from burnish.adapters.content import content
from burnish.adapters.demos import shown_demo
from burnish.adapters.describe import line
from burnish.adapters.field_text import NOT_SHOWN, FieldText
from burnish.adapters.history import turns, without_history
from burnish.adapters.input_text import InputText
from burnish.adapters.native_tools import calls_in, tool_fields, without_tools
from burnish.errors import ConfigError, ReplyError
from burnish.lm.capabilities import Capabilities
from burnish.lm.request import Message, Output, Prefix
from burnish.values.signature import Signature


@dataclass(frozen=True, slots=True)
class Form:
    """What every call of a signature shares.

    Attributes:
        inputs: How each input is shown, and what stands before and after its text.
        outputs: How each output is written and read.
        stated: The fields and the form of the reply, as the system message has them.
        closing: The last line of the last turn.
    """

    inputs: tuple[tuple[InputText, str, str], ...]
    outputs: dict[str, FieldText]
    stated: str
    closing: str


class FormAdapter(Adapter):
    """An adapter whose prompt lists the fields and shows the form of the reply."""

    use_native_function_calling: bool = False

    def compile(self, signature: type[Signature], *, instructions: str, demos: Sequence[Demo]) -> Prompt:
        """Everything before the last user turn: the system message and the demos."""
        system = f"{self.form(signature).stated}\n\nTask:\n{instructions}"
        messages: list[Message] = [{"role": "system", "content": system}]
        for demo in demos:
            messages += self.format_demo(signature, demo)
        return Prompt(Prefix(messages))

    def render(self, signature: type[Signature], inputs: Mapping[str, Any]) -> list[Message]:
        """The last user turn: the inputs, and what to reply with; before it the conversation."""
        form = self.form(signature)
        parts = [
            f"{before}{field.show(inputs[field.name])}{after}"
            for field, before, after in form.inputs
            if field.name in inputs
        ]
        parts.append(form.closing)
        last: Message = {"role": "user", "content": content("\n\n".join(parts))}
        return [*turns(signature, inputs, self.format_demo), last]

    def format_demo(self, signature: type[Signature], demo: Demo) -> list[Message]:
        """A demo as a user and an assistant turn; nothing where it shows no inputs or no outputs."""
        form = self.form(signature)
        seen = shown_demo((field for field, _, _ in form.inputs), form.outputs.values(), demo)
        if seen is None:
            return []
        parts = [seen.notice] if seen.notice else []
        for field, before, after in form.inputs:
            text = field.show(seen.inputs[field.name]) if field.name in seen.inputs else NOT_SHOWN
            parts.append(f"{before}{text}{after}")
        # Without inputs there is nothing to say but what to reply with, as in the last turn.
        asked = "\n\n".join(parts) or form.closing
        return [
            *turns(signature, demo, self.format_demo),
            {"role": "user", "content": content(asked)},
            {"role": "assistant", "content": self.written(form.outputs, seen.outputs)},
        ]

    def format_reply(self, signature: type[Signature], outputs: Demo) -> str:
        """How a right reply with these outputs looks.

        Raises:
            ConfigError: An output is missing.
        """
        fields = self.form(signature).outputs
        missing = [name for name, field in fields.items() if name not in outputs and not field.has_default]
        if missing:
            raise ConfigError(f"A reply for {signature.signature!r} needs the output {', '.join(map(repr, missing))}.")
        return self.written(
            fields, {name: outputs[name] if name in outputs else field.default() for name, field in fields.items()}
        )

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

        A completion that calls tools need not say anything else: outputs that it leaves out are their defaults, or None.

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
            values = {name: field.default() if field.has_default else None for name, field in self._outputs(rest)}
        return {one: calls if one == name else values[one] for one in signature.output_fields}

    def _is_native(self, signature: type[Signature], capabilities: Capabilities) -> bool:
        return self.use_native_function_calling and capabilities.tools and bool(tool_fields(signature).calls)

    def _outputs(self, signature: type[Signature]) -> ItemsView[str, FieldText]:
        return self.form(signature).outputs.items()

    def form(self, signature: type[Signature]) -> Form:
        """What every call of a signature shares, worked out once."""
        form: Form | None = signature.kept.get(type(self))
        if form is None:
            outputs = signature.output_fields
            form = signature.kept[type(self)] = Form(
                tuple(
                    (InputText(name, field), *self.around(name))
                    for name, field in without_history(signature).input_fields.items()
                ),
                {name: FieldText(name, field) for name, field in outputs.items()},
                self._stated(signature),
                self.closing(outputs) if outputs else "Call the tools that the task needs.",
            )
        return form

    def _stated(self, signature: type[Signature]) -> str:
        parts = ["You are given input fields and answer with output fields."]
        stated = without_history(signature)
        for title, fields in (("Input fields", stated.input_fields), ("Output fields", stated.output_fields)):
            if fields:
                parts.append("\n".join([f"{title}:", *(line(name, field) for name, field in fields.items())]))
        if signature.output_fields:
            parts.append(self.pattern(signature.output_fields))
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
