"""What a backend is: the contract of the `burnish_lm_backends` and `burnish_embedders` hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from burnish.lm.request import Request, Response
from burnish.lm.secrets import bare_address, of_address
from burnish.plugins.manager import names
from burnish.values.usage import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Providers with a protocol of their own, also where an address is given; the others speak OpenAI's there.
_OWN_PROTOCOL = frozenset(
    {"anthropic", "azure", "bedrock", "cohere", "gemini", "ollama", "sagemaker", "vertex_ai", "watsonx"}
)
# What backends keep of a message beside its text, each under one name whatever the endpoint calls it.
KEPT: Mapping[str, str] = {
    "tool_calls": "tool_calls",
    "reasoning_content": "reasoning_content",
    "reasoning": "reasoning_content",
    "refusal": "refusal",
}


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """Where and as whom to call; credentials live here and nowhere else, and never in a repr or a pickle.

    Attributes:
        model: ``"provider/name"``.
        api_base: Base address, where the default is not meant.
        timeout: Seconds that one attempt may take.
        secrets: Credentials and headers, handed to the provider's client only.
    """

    model: str
    api_base: str | None = None
    timeout: float = 120.0
    secrets: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Endpoint({self.model!r}, {self._bare()!r}, timeout={self.timeout:g})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Endpoint, (self.model, self._bare(), self.timeout)

    @property
    def credentials(self) -> Mapping[str, Any]:
        """What no text may show: the secrets, and what the address holds beside the place."""
        return {**self.secrets, "": of_address(self.api_base)} if self.api_base else self.secrets

    def _bare(self) -> str | None:
        return None if self.api_base is None else bare_address(self.api_base)


class Backend(Protocol):
    """Answers requests.

    `complete` raises `LMTransient` for what is worth another try and `LMRejected` (or one of its
    kinds) for what is not. Retries, time-outs, cache, budget and limits are the `LM`'s.

    A backend that only computes, and never suspends, may say so with ``waits = False``: a plain
    call of it stays in the caller's thread, and has no time-out and no limiter. One that knows the
    model may tell of it with ``capabilities``, a `Capabilities`; otherwise LiteLLM's table does. One that
    has something slow to do before its first call may do so in ``async ready()``, which is awaited before
    each call, outside of its time-out. One that can tell a reply in pieces has ``stream`` too: see `StreamingBackend`.
    """

    async def complete(self, request: Request) -> Response:
        """Answer one request; called many times at once on one event loop."""


class StreamingBackend(Backend, Protocol):
    """A backend that can tell a reply while it comes.

    `stream` is asked in place of `complete` where somebody listens, and what holds for that holds for it: the same errors,
    the same response at the end. Cancelled, it stops the model's work where it can.
    """

    async def stream(self, request: Request, deliver: Callable[[int, str], None]) -> Response:
        """Answer one request, and tell each piece of text as it comes.

        Args:
            request: What to answer.
            deliver: Takes the number of a completion, from 0, and the next piece of its text; it never raises. All pieces
                of a completion joined are its text in the response.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """What an embedding backend answered.

    Attributes:
        rows: One row a text, in their order, of shape ``(texts, dimensions)``, float32.
        usage: What the call used.
    """

    rows: NDArray[np.float32]
    usage: Usage


class EmbeddingBackend(Protocol):
    """Turns texts into vectors; errors, retries, time-outs and limits as for `Backend`."""

    async def embed(self, texts: list[str], params: Mapping[str, Any]) -> Embedded:
        """Embed one batch; called many times at once on one event loop."""


def backend_name(kind: str, endpoint: Endpoint) -> str:
    """Who answers for an endpoint where the user names nobody.

    Args:
        kind: ``"lm_backends"`` or ``"embedders"``.
        endpoint: What is to be asked.

    Returns:
        The provider's own where one is registered, else ``"openai"`` where an address is given and the provider
        has no protocol of its own, else ``"litellm"``.
    """
    provider = endpoint.model.partition("/")[0]
    if provider in names(kind):
        return provider
    return "openai" if endpoint.api_base is not None and provider not in _OWN_PROTOCOL else "litellm"
