"""What an adapter is: signature ⇄ messages.

Everything before the last user turn depends only on the signature, the instructions and the demos.
`compile` makes it once for a candidate; a call renders its own inputs and parses its own reply.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from burnish.adapters.reading import FieldReader
from burnish.lm.capabilities import UNKNOWN, Capabilities
from burnish.lm.request import Message, Output, Prefix
from burnish.values.example import Example
from burnish.values.signature import Signature

if TYPE_CHECKING:
    from burnish.lm.lm import LM

Demo = Mapping[str, Any] | Example


class Ask(Protocol):
    """Asks another question while a reply is read; what it uses is on the same bill."""

    async def __call__(
        self, adapter: Adapter, signature: type[Signature], inputs: Mapping[str, Any], *, model: LM | None = None
    ) -> dict[str, Any]:
        """The outputs.

        Args:
            adapter: In whose form to ask.
            signature: What to ask.
            inputs: Its inputs.
            model: Whom; None is the model whose reply is being read.

        Raises:
            ReplyError: The reply does not parse.
            LMError: There was no reply.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """Everything before the last user turn.

    Attributes:
        prefix: The messages, hashed and counted once.
    """

    prefix: Prefix


class Adapter(ABC):
    """Turns a signature into messages and a reply into values."""

    name: ClassVar[str]
    """The name that it is registered under."""

    callbacks: Sequence[Any] = ()
    """Who is told when it makes messages and reads replies, beside the callbacks of the settings."""

    fallback: Adapter | None = None
    """Who asks once more where a reply does not parse; None is nobody."""

    def asked(self, signature: type[Signature], capabilities: Capabilities) -> type[Signature]:
        """The signature as the prompt states it: without the fields that the model handles by itself.

        Everything below is handed this one, but for `options` and `read`.
        """
        return signature

    def options(
        self, signature: type[Signature], inputs: Mapping[str, Any], capabilities: Capabilities
    ) -> Mapping[str, Any]:
        """Call parameters that this adapter wants of a model, such as ``response_format`` or ``tools``.

        What a predictor's own settings say goes over them.
        """
        return {}

    @abstractmethod
    def compile(self, signature: type[Signature], *, instructions: str, demos: Sequence[Demo]) -> Prompt:
        """Everything before the last user turn; slow, so kept by whoever calls.

        Raises:
            SignatureError: An output has a type that no reply can be checked against.
        """

    @abstractmethod
    def render(self, signature: type[Signature], inputs: Mapping[str, Any]) -> list[Message]:
        """The last turn, with the inputs of one call; inputs that are missing are left out.

        State the fields of `without_history(signature)`, and put the `turns` of a conversation before the turn
        (`burnish.adapters.history`). Write values with `burnish.adapters.input_text.InputText`, and hand the finished
        text of every user message, those of `format_demo` included, to `burnish.adapters.content.content`: pictures,
        sounds and files become parts there.
        """

    @abstractmethod
    def parse(self, signature: type[Signature], reply: str) -> dict[str, Any]:
        """The outputs in a reply, each valid for its field; one that is left out is its default, where it has one.

        Raises:
            ReplyError: A field is missing or its text is no value of its type. Nothing else is
                ever raised for a reply.
        """

    async def read(
        self, signature: type[Signature], output: Output, capabilities: Capabilities, ask: Ask
    ) -> dict[str, Any]:
        """The outputs in one completion; `parse` of its text, where it takes no more than that.

        Args:
            signature: What was asked, with every field.
            output: The completion.
            capabilities: What the model can do.
            ask: Asks another question, of another model perhaps.

        Raises:
            ReplyError: As `parse`.
            LMError: Another model was needed, and brought no reply.
        """
        return self.parse(signature, output.text)

    @abstractmethod
    def format_demo(self, signature: type[Signature], demo: Demo) -> list[Message]:
        """A demo as a user and an assistant turn; nothing where it shows no inputs or no outputs.

        `burnish.adapters.demos.shown_demo` says what it shows.
        """

    @abstractmethod
    def format_reply(self, signature: type[Signature], outputs: Demo) -> str:
        """How a right reply with these outputs looks.

        Raises:
            ConfigError: An output is missing.
        """

    def reader(self, signature: type[Signature]) -> FieldReader:
        """Reads a reply while it is being written, for streaming; unless overridden, fields are told when it is parsed."""
        return FieldReader()

    def format(
        self,
        signature: type[Signature],
        demos: Sequence[Demo],
        inputs: Mapping[str, Any],
        *,
        capabilities: Capabilities = UNKNOWN,
    ) -> list[Message]:
        """Exactly the messages that a call would send.

        Args:
            signature: What is asked.
            demos: Worked examples.
            inputs: The call's inputs.
            capabilities: What the model can do, ``lm.capabilities``: one that calls tools natively may be sent less.
        """
        asked = self.asked(signature, capabilities)
        prompt = self.compile(asked, instructions=signature.instructions, demos=demos)
        return [*prompt.prefix.messages, *self.render(asked, inputs)]

    def format_finetune_data(
        self, signature: type[Signature], demos: Sequence[Demo], inputs: Mapping[str, Any], outputs: Demo
    ) -> dict[str, list[Message]]:
        """A row for fine-tuning: the messages that a call would send, and a right reply with these outputs.

        Args:
            signature: What is asked.
            demos: Worked examples.
            inputs: The call's inputs.
            outputs: What the model should answer.

        Raises:
            ConfigError: An output is missing.
        """
        reply: Message = {"role": "assistant", "content": self.format_reply(signature, outputs)}
        return {"messages": [*self.format(signature, demos, inputs), reply]}

    def dump_state(self) -> dict[str, Any]:
        """Its class and settings, which are part of what a run is."""
        settings = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        dumped = {
            name: value.dump_state() if hasattr(value, "dump_state") else value for name, value in settings.items()
        }
        return {"adapter": type(self).__qualname__, **dumped}
