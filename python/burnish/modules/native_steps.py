"""Steps of an agent for models that call tools natively: the call comes beside the text, and becomes the same fields.

It stands around the adapter of the settings for the one predictor `react`, and changes nothing but the way of a call. The
signature and its demos stay those of the text form, so they are tuned, saved and shown the same, whichever model they come from
or go to. Where a model calls no tools natively, and where a reply has no call, the adapter inside does what it always does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from burnish.adapters.base import Adapter, Demo, Prompt
from burnish.errors import ReplyError
from burnish.lm.capabilities import Capabilities
from burnish.lm.request import Message, Output, Prefix
from burnish.values.signature import Signature
from burnish.values.tools import Tool, ToolCalls

THOUGHT, NAME, ARGS = "next_thought", "next_tool_name", "next_tool_args"
_HOW = "Call the tool itself, beside the text of your reply: one call."


class NativeSteps(Adapter):
    """An adapter for `react` alone.

    Args:
        base: The adapter of the settings.
        tools: The agent's tools, by name.
    """

    name = "native steps"

    def __init__(self, base: Adapter, tools: Mapping[str, Tool]) -> None:
        self.base = base
        self._tools = dict(tools)
        self.fallback = base.fallback

    def asked(self, signature: type[Signature], capabilities: Capabilities) -> type[Signature]:
        """The signature without the fields of the call, where the model calls by itself."""
        return self.base.asked(_told(signature) if capabilities.tools else signature, capabilities)

    def options(
        self, signature: type[Signature], inputs: Mapping[str, Any], capabilities: Capabilities
    ) -> Mapping[str, Any]:
        """The tools."""
        if not capabilities.tools:
            return self.base.options(signature, inputs, capabilities)
        return {"tools": [tool.schema() for tool in self._tools.values()]}

    def compile(self, signature: type[Signature], *, instructions: str, demos: Sequence[Demo]) -> Prompt:
        """As the adapter inside, with demos that call natively."""
        if NAME in signature.output_fields:
            return self.base.compile(signature, instructions=instructions, demos=demos)
        bare = self.base.compile(signature, instructions=f"{instructions}\n\n{_HOW}", demos=())
        shown = [message for number, demo in enumerate(demos) for message in self._demo(signature, demo, number)]
        return Prompt(Prefix([*bare.prefix.messages, *shown]))

    def render(self, signature: type[Signature], inputs: Mapping[str, Any]) -> list[Message]:
        """As the adapter inside."""
        return self.base.render(signature, inputs)

    def parse(self, signature: type[Signature], reply: str) -> dict[str, Any]:
        """As the adapter inside."""
        return self.base.parse(signature, reply)

    async def read(self, signature: type[Signature], output: Output, capabilities: Capabilities, *more: Any) -> Any:
        """The fields of a step, from the first native call and the text beside it.

        Raises:
            ReplyError: The call is of no tool, or cannot be read; without one, as the adapter inside.
        """
        said = output.extra.get("tool_calls")
        if not (capabilities.tools and said):
            return await self.base.read(signature, output, capabilities, *more)
        try:
            call = ToolCalls.model_validate(said).tool_calls[0]
        except ValueError as error:
            raise _refused(output, said, f"cannot be read: {error!s:.200}") from error
        if call.name not in self._tools:
            raise _refused(output, said, f"is of no tool there is. There are {', '.join(self._tools)}")
        return {THOUGHT: self._thought(_told(signature), output.text), NAME: call.name, ARGS: call.args}

    def _thought(self, told: type[Signature], text: str) -> str:
        """Models that call natively often say nothing, or say it without the form."""
        if not text.strip():
            return ""
        try:
            return str(self.base.parse(told, text)[THOUGHT])
        except ReplyError:
            return text.strip()

    def format_demo(self, signature: type[Signature], demo: Demo) -> list[Message]:
        """As the adapter inside, with the call of the step; what it returned is not part of a demo."""
        return self._demo(signature, demo, 0)

    def _demo(self, signature: type[Signature], demo: Demo, number: int) -> list[Message]:
        messages = self.base.format_demo(signature, demo)
        if not messages or NAME in signature.output_fields or NAME not in demo:
            return messages
        arguments = json.dumps(demo.get(ARGS, {}), ensure_ascii=False, default=str)
        named = f"call_{number}"
        call = {"id": named, "type": "function", "function": {"name": demo[NAME], "arguments": arguments}}
        answer: Message = {"role": "tool", "tool_call_id": named, "content": "(The result is not shown.)"}
        return [*messages[:-1], {**messages[-1], "tool_calls": [call]}, answer]

    def format_reply(self, signature: type[Signature], outputs: Demo) -> str:
        """As the adapter inside."""
        return self.base.format_reply(signature, outputs)


def _told(signature: type[Signature]) -> type[Signature]:
    """What is left to tell in text; the same class each time."""
    told: type[Signature] | None = signature.kept.get(_told)
    if told is None:
        told = signature.kept[_told] = signature.delete(NAME).delete(ARGS)
    return told


def _refused(output: Output, said: Any, why: str) -> ReplyError:
    shown = json.dumps(said, ensure_ascii=False, default=str)
    return ReplyError(f"The call {shown[:200]} {why}.", reply=output.text or shown, field=NAME)
