"""Requests and responses, and the fingerprint that names a request.

A prompt is mostly the same from call to call: system message and demos change only with the
candidate. `Prefix` keeps that part together with the state of its hash, so that a call renders
and hashes its own last turn only.

The fingerprint is BLAKE3 over one canonical JSON line a message, followed by one line of model
and parameters. Credentials never enter it. Where the messages are split into prefix and rest
makes no difference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish._core import Fingerprint, fingerprint
from burnish.errors import ConfigError
from burnish.lm.tokens import estimate
from burnish.values.usage import Usage

Message = dict[str, Any]


# One encoder kept: json.dumps with options builds a new one at each call.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical(value: Any) -> str:
    """The value as JSON with sorted keys, no spaces, ASCII only.

    Raises:
        ConfigError: The value has something that JSON has not.
    """
    try:
        return _encode(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"Cannot be sent to a model as JSON: {error}.") from error


def digest(text: str) -> str:
    """The fingerprint of any text: 32 hex digits."""
    return fingerprint(text)


class Prefix:
    """The messages that many requests begin with, hashed and counted once.

    Attributes:
        messages: The messages, first to last.
        json: The messages as JSON, with a comma after each.
        tokens: About how many tokens they are.
        counts: Exactly how many, by the name of the tokenizer that counted them.
    """

    __slots__ = ("counts", "fingerprint", "json", "messages", "tokens")

    def __init__(self, messages: Sequence[Message] = ()) -> None:
        self.messages = tuple(messages)
        lines = [canonical(message) for message in self.messages]
        self.json = "".join(line + "," for line in lines)
        self.tokens = estimate(self.messages)
        self.counts: dict[str, int] = {}
        self.fingerprint = Fingerprint("".join(line + "\n" for line in lines))

    def __reduce__(self) -> tuple[Any, ...]:
        # The state of a hash does not travel; it is made again.
        return Prefix, (self.messages,)


NO_PREFIX = Prefix()


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model.

    Attributes:
        model: ``"provider/name"``.
        messages: Chat messages, first to last.
        params: Call parameters such as temperature; never credentials.
        rollout_id: Tells draws of the same question apart; None is the first draw.
        key: The fingerprint: 32 hex digits.
        tokens: About how many tokens the messages are.
        prefix: The first of the messages, as they were compiled.
        turn: The rest of them, as JSON.
    """

    model: str
    messages: list[Message]
    params: Mapping[str, Any]
    rollout_id: int | None
    key: str
    tokens: int
    prefix: Prefix = field(repr=False)
    turn: str = field(repr=False)

    @classmethod
    def build(
        cls,
        model: str,
        messages: Sequence[Message],
        *,
        prefix: Prefix = NO_PREFIX,
        params: Mapping[str, Any],
        rollout_id: int | None = None,
        endpoint: str | None = None,
    ) -> Request:
        """A request for ``prefix.messages + messages``.

        Raises:
            ConfigError: A message or parameter is not JSON.
        """
        lines = [canonical(message) for message in messages]
        settings = canonical([model, endpoint, rollout_id, dict(params)])
        return cls(
            model,
            [*prefix.messages, *messages],
            params,
            rollout_id,
            prefix.fingerprint.finish("\n".join([*lines, settings])),
            prefix.tokens + estimate(messages),
            prefix,
            ",".join(lines),
        )

    @property
    def most_tokens(self) -> int | None:
        """Most tokens that the completions may have together; None where the request does not say."""
        longest = self.params.get("max_completion_tokens") or self.params.get("max_tokens")
        return None if longest is None else int(longest) * int(self.params.get("n") or 1)

    def messages_json(self) -> str:
        """The messages as a JSON array; what they begin with was encoded when it was compiled."""
        return f"[{self.prefix.json}{self.turn}]" if self.turn else f"[{self.prefix.json[:-1]}]"


@dataclass(frozen=True, slots=True)
class Output:
    """One completion of a response.

    Attributes:
        text: What the model wrote.
        finish_reason: Why it stopped, such as ``"stop"`` or ``"length"``.
        extra: Anything else the backend keeps, JSON only, such as tool calls.
    """

    text: str
    finish_reason: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """What a backend answered.

    Attributes:
        outputs: One completion, or ``n`` where so many were asked for.
        usage: What the call used.
        model: The model that answered, as the endpoint names it.
    """

    outputs: tuple[Output, ...]
    usage: Usage
    model: str

    @property
    def texts(self) -> list[str]:
        """The text of each completion."""
        return [output.text for output in self.outputs]

    def to_json(self) -> str:
        """The response as one line of JSON."""
        outputs = [[o.text, o.finish_reason, dict(o.extra)] for o in self.outputs]
        return json.dumps({"v": 1, "o": outputs, "u": self.usage.to_dict(), "m": self.model})

    @classmethod
    def from_json(cls, text: str) -> Response:
        """Read back what `to_json` wrote.

        Raises:
            ValueError: The text is something else.
        """
        try:
            data = json.loads(text)
            if data["v"] != 1:
                raise ValueError(f"response of version {data['v']!r}")
            outputs = tuple(Output(t, reason, extra) for t, reason, extra in data["o"])
            return cls(outputs, Usage(**data["u"]), data["m"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a stored response: {error!r}") from error
