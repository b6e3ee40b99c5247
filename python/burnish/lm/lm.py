"""`LM`: a language model as programs see it. What happens to a call on its way is in `line`."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import IO, Any

from burnish.errors import ConfigError, PromptTooLong
from burnish.lm.backends.base import Backend, Endpoint, backend_name
from burnish.lm.callbacks import BaseCallback, watched_await
from burnish.lm.capabilities import Capabilities, Price
from burnish.lm.history import History, entry_of, show
from burnish.lm.line import Line
from burnish.lm.parameters import check_names
from burnish.lm.request import NO_PREFIX, Message, Prefix, Request, Response
from burnish.lm.secrets import bare_address, is_secret, without_secrets
from burnish.lm.settings import settings
from burnish.lm.tokens import tokenizer_of
from burnish.loop import on_loop, run_sync
from burnish.plugins.manager import lookup

# What belongs to the LM and not to one call.
_OF_THE_LM = frozenset(
    {
        "cache",
        "num_retries",
        "timeout",
        "backend",
        "api_base",
        "rpm",
        "tpm",
        "resend_after",
        "context_window",
        "prices",
        "callbacks",
    }
)


class LM:
    """A language model.

    Args:
        model: ``"provider/name"``. The provider chooses the backend: ``offline/icl`` is the embedded one,
            ``openai/...`` and ``local/...`` go straight to an OpenAI-compatible endpoint, as does any model
            with an `api_base` unless its provider has a protocol of its own, and everything else to LiteLLM.
        temperature: Sampling temperature; None leaves it to the model. A model that takes none is sent none.
        max_tokens: Most tokens of a reply; None leaves it to the model.
        cache: Whether replies are kept from run to run; those of offline models never are, as they
            cost no more than a look into the cache.
        num_retries: How many more times to try what is worth another try. A rate limit (429) is waited out
            and is no try; an endpoint that answers nobody for ``timeout * (num_retries + 1)`` seconds is given up.
        timeout: Seconds that one attempt may take.
        rpm: Requests a minute at most, over every LM of this endpoint and model in the process.
        tpm: Likewise, tokens a minute.
        resend_after: Seconds after which a call without a reply is sent once more, and the first reply counts;
            both are on the bill. None is never.
        context_window: Most tokens of prompt and reply together; None asks LiteLLM's table how long a prompt may be.
        prices: Dollars per million prompt tokens and per million completion tokens; None asks the table.
        backend: A backend's name, or an object with ``async complete(request)``.
        api_base: The endpoint's address, such as ``"http://localhost:8000/v1"``.
        callbacks: Who is told when this LM is asked and has answered, beside those of the settings.
        params: More call parameters; credentials such as ``api_key`` are kept apart.

    Raises:
        ConfigError: The model name or an argument cannot be used.

    Example:
        >>> lm = LM("offline/icl")
        >>> lm.model
        'offline/icl'
    """

    def __init__(
        self,
        model: str,
        temperature: float | None = None,
        max_tokens: int | None = None,
        cache: bool = True,
        *,
        num_retries: int = 3,
        timeout: float = 120.0,
        rpm: int | None = None,
        tpm: int | None = None,
        resend_after: float | None = None,
        context_window: int | None = None,
        prices: tuple[float, float] | None = None,
        backend: str | Backend | None = None,
        api_base: str | None = None,
        callbacks: Sequence[BaseCallback] | None = None,
        **params: Any,
    ) -> None:
        _check_name(model, api_base, has_backend=backend is not None)
        _check_above(-1, num_retries=num_retries)
        _check_above(0, timeout=timeout, rpm=rpm, tpm=tpm, resend_after=resend_after, context_window=context_window)
        check_names(params)
        secrets = {name: value for name, value in params.items() if is_secret(name)}
        self.model = model
        self.callbacks = list(callbacks or ())
        self._history = History()
        self.params = {name: value for name, value in params.items() if name not in secrets}
        for name, value in (("temperature", temperature), ("max_tokens", max_tokens)):
            if value is not None:
                self.params[name] = value
        self._line = Line(
            Endpoint(model, api_base, timeout, secrets),
            functools.partial(_backend, backend),
            own=backend is not None and not isinstance(backend, str),
            cached=cache and not model.startswith("offline/"),
            num_retries=num_retries,
            resend_after=resend_after,
            limits=(rpm, tpm),
            told=Capabilities(context_window=context_window, price=_price(prices)),
        )

        self._window_is_for_both = context_window is not None
        # Two keys to one place are the same request.
        self._address = None if api_base is None else bare_address(api_base)

    def __repr__(self) -> str:
        return f"LM({self.model!r})"

    def __getstate__(self) -> dict[str, Any]:
        # What is pickled goes to disk or elsewhere: no credentials, wherever they are.
        # Nor who watches it, who belongs to this process.
        return {**self.__dict__, "params": without_secrets(self.params), "callbacks": []}

    def __deepcopy__(self, memo: dict[int, Any]) -> LM:
        return self

    def __call__(
        self, prompt: str | None = None, messages: Sequence[Message] | None = None, **config: Any
    ) -> list[str]:
        """Ask once; returns the text of each completion."""
        return run_sync(self.acall(prompt, messages, **config))

    async def acall(
        self, prompt: str | None = None, messages: Sequence[Message] | None = None, **config: Any
    ) -> list[str]:
        """Ask once, from async code."""
        if (prompt is None) == (messages is None):
            raise ConfigError("Call an LM with a prompt or with messages=[...], one of the two.")
        asked = [{"role": "user", "content": prompt}] if messages is None else list(messages)
        request = self.request(asked, config=config)
        response = await on_loop(self.complete(request))
        return response.texts

    def request(
        self,
        messages: Sequence[Message],
        *,
        prefix: Prefix = NO_PREFIX,
        config: Mapping[str, Any],
    ) -> Request:
        """The request that this LM would send; `config` goes over its own parameters.

        Raises:
            ConfigError: `config` holds a credential, or something that JSON has not.
        """
        params = self.params
        rollout_id = None
        if config:
            params = {**params, **config}
            rollout_id = params.pop("rollout_id", None)
            check_names(config)
            for name in config:
                if is_secret(name) or name in _OF_THE_LM:
                    raise ConfigError(f"Give {name} to LM(...), not to a call.")
        if "temperature" in params and not self.capabilities.temperature:
            # Another rollout_id is another draw all the same.
            params = {name: value for name, value in params.items() if name != "temperature"}
        return Request.build(
            self.model,
            messages,
            prefix=prefix,
            params=params,
            rollout_id=rollout_id,
            endpoint=self._address,
        )

    async def complete(self, request: Request, *, predictor: str = "") -> Response:
        """Answer a request, from what is known already if possible.

        Args:
            request: What to ask.
            predictor: Under which name to book the usage.

        Raises:
            PromptTooLong: The prompt is longer than the model's window; nothing was sent.
            BudgetExhausted: The call would pass a cap of the run's budget.
            LMTransient: No reply after every retry.
            LMRejected: The endpoint refused the request.
        """
        excess = self.excess(request)
        if excess:
            raise PromptTooLong(
                f"The prompt is {excess} tokens too long for {self.model!r}, whose window is "
                f"{self.capabilities.context_window} tokens; it was not sent. Shorten the inputs, the demos or "
                "max_tokens, or give LM(context_window=...) where the table is wrong.",
                model=self.model,
            )
        told = {"prompt": None, "messages": request.messages, "kwargs": request.params}
        call = self._line.complete(request, predictor=predictor)
        response = await watched_await("lm", self, told, call, outputs=_texts)
        most = settings.history_size
        if most:
            entry = entry_of(request, response)
            self._history.add(entry, most)
            settings.history.add(entry, most)
        return response

    @property
    def history(self) -> list[dict[str, Any]]:
        """The last calls, oldest first: messages, outputs, usage and more, each in a dict without credentials."""
        return [entry.to_dict() for entry in self._history.entries()]

    def inspect_history(self, n: int = 1, file: IO[str] | None = None) -> None:
        """Show the last `n` calls of this LM as text, in `file` or on standard output."""
        show(self._history.entries(), n, file)

    def excess(self, request: Request) -> int:
        """How many tokens a request has too many for the model's window; 0 if it fits.

        Counted by the model's tokenizer where it is at hand, else estimated; counted at all only where the
        text has more bytes than the window has tokens.
        """
        window = self.capabilities.context_window
        if window is None:
            return 0
        # The table tells how long a prompt may be; the user, how long prompt and reply together.
        room = window - (request.most_tokens or 0) if self._window_is_for_both else window
        # No token is shorter than a byte, and what JSON adds to a message is more than what a chat template adds.
        if len(request.prefix.json) + len(request.turn) <= room:
            return 0
        tokenizer = tokenizer_of(self.model)
        counts = request.prefix.counts
        shown = len(request.prefix.messages)
        if tokenizer.name not in counts:
            counts[tokenizer.name] = tokenizer.count(request.messages[:shown])
        return max(0, counts[tokenizer.name] + tokenizer.count(request.messages[shown:]) - room)

    @property
    def cache(self) -> bool:
        """Whether replies are kept from run to run."""
        return self._line.cached

    @property
    def num_retries(self) -> int:
        """How many more times to try what is worth another try."""
        return self._line.num_retries

    @property
    def capabilities(self) -> Capabilities:
        """The model's window and price, and which parameters it takes."""
        return self._line.capabilities

    def lacks(self, capability: str) -> None:
        """What the endpoint refused is not asked of it again.

        Args:
            capability: ``"structured_output"`` or ``"tools"``.
        """
        change: dict[str, Any] = {capability: False}
        self._line.capabilities = replace(self.capabilities, **change)

    @property
    def priced(self) -> bool:
        """Whether the price of a call is known; a backend object is taken to tell it with each reply."""
        return self._line.own or self.capabilities.price is not None

    def prepare(self) -> None:
        """Make the backend now, so that a name that it does not know is an error before the first call.

        Raises:
            ConfigError: There is no such model.
        """
        self._line.prepare()

    def dump_state(self) -> dict[str, Any]:
        """Model and parameters, without credentials."""
        state: dict[str, Any] = {"model": self.model, "cache": self.cache, "num_retries": self.num_retries}
        if self._address is not None:
            state["api_base"] = self._address
        state.update(without_secrets(self.params))
        return state


def _texts(response: Response) -> list[str]:
    return response.texts


def _backend(given: str | Backend | None, endpoint: Endpoint) -> Backend:
    """What answers for an endpoint."""
    if given is not None and not isinstance(given, str):
        return given
    name = backend_name("lm_backends", endpoint) if given is None else given
    backend: Backend = lookup("lm_backends", name)(endpoint)
    return backend


def _check_name(model: Any, api_base: str | None, *, has_backend: bool) -> None:
    if not (isinstance(model, str) and model):
        raise ConfigError(f"LM(model={model!r}): give 'provider/name', such as 'offline/icl'.")
    if not has_backend and "/" not in model:
        example = f"openai/{model}" if api_base is None else f"local/{model}"
        raise ConfigError(
            f"The model name {model!r} lacks its provider. Write it as 'provider/name', such as {example!r}."
        )


def _check_above(least: int, **numbers: Any) -> None:
    for name, number in numbers.items():
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ConfigError(f"LM({name}={number!r}) is no number: give one above {least}.")
        if not number > least:
            raise ConfigError(f"LM({name}={number!r}) is out of range: give a number above {least}.")


def _price(prices: tuple[float, float] | None) -> Price | None:
    """Dollars a token from dollars per million tokens."""
    if prices is None:
        return None
    try:
        prompt, completion = (float(price) / 1e6 for price in prices)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"LM(prices={prices!r}): give dollars per million prompt tokens and per million completion tokens, "
            "such as prices=(0.15, 0.60)."
        ) from error
    return Price(prompt, completion, prompt)
