"""What an adapter is: signature ⇄ messages.

Everything before the last user turn depends only on the signature, the instructions and the demos.
`compile` makes it once for a candidate; a call renders its own inputs and parses its own reply.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from burnish.adapters.reading import FieldReader
from burnish.lm.capabilities import Capabilities
from burnish.lm.request import Message, Output, Prefix
from burnish.values.example import Example
from burnish.values.signature import Signature

Demo = Mapping[str, Any] | Example


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
        """The last turn, with the inputs of one call; inputs that are missing are left out."""

    @abstractmethod
    def parse(self, signature: type[Signature], reply: str) -> dict[str, Any]:
        """The outputs in a reply, each valid for its field.

        Raises:
            ReplyError: A field is missing or its text is no value of its type. Nothing else is
                ever raised for a reply.
        """

    async def read(self, signature: type[Signature], output: Output, capabilities: Capabilities) -> dict[str, Any]:
        """The outputs in one completion; `parse` of its text, where it takes no more than that.

        Raises:
            ReplyError: As `parse`.
            LMError: Another model was needed, and brought no reply.
        """
        return self.parse(signature, output.text)

    @abstractmethod
    def format_demo(self, signature: type[Signature], demo: Demo) -> list[Message]:
        """A demo as a user and an assistant turn; nothing where it shows no inputs or no outputs."""

    @abstractmethod
    def format_reply(self, signature: type[Signature], outputs: Demo) -> str:
        """How a right reply with these outputs looks.

        Raises:
            ConfigError: An output is missing.
        """

    def reader(self, signature: type[Signature]) -> FieldReader:
        """Reads a reply while it is being written, for streaming; unless overridden, fields are told when it is parsed."""
        return FieldReader()
