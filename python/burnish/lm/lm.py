"""`LM`: the one straight line from a request to its response.

    journal? ─▶ cache? ─▶ the same in flight? ─▶ budget ─▶ slot ─▶ backend (retries) ─▶ journal, cache, ledger

Cost: about 20 microseconds of CPU a call on top of the backend's own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from burnish.errors import BudgetExhausted, BurnishError, ConfigError, LMError, LMTransient
from burnish.lm.backends.base import Backend, Endpoint
from burnish.lm.cache import Cache, default_cache
from burnish.lm.request import Message, Prefix, Request, Response
from burnish.lm.retry import retried
from burnish.lm.scope import Scope, current_scope, outside
from burnish.lm.settings import settings
from burnish.loop import on_loop, over_loop, run_sync
from burnish.plugins.manager import lookup, names
from burnish.values.usage import Usage

_NO_PREFIX = Prefix()
_NO_SCOPE = Scope()
# What belongs to the LM and not to one call.
_OF_THE_LM = frozenset({"cache", "num_retries", "timeout", "backend", "api_base"})
# What a provider's client takes as credentials; none of it enters a request or a saved file.
_SECRET = re.compile(r"(^|_)(key|token|secret|password|headers?|credentials?|authorization|key_id)$")


class LM:
    """A language model.

    Args:
        model: ``"provider/name"``. The provider chooses the backend: ``offline/icl`` is the
            embedded one, everything else goes to LiteLLM unless a plugin offers the provider.
        temperature: Sampling temperature; None leaves it to the model.
        max_tokens: Most tokens of a reply; None leaves it to the model.
        cache: Whether replies are kept from run to run; those of offline models never are, as they
            cost no more than a look into the cache.
        num_retries: How many more times to try what is worth another try.
        timeout: Seconds that one attempt may take.
        backend: A backend's name, or an object with ``async complete(request)``.
        api_base: The endpoint's address.
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
        backend: str | Backend | None = None,
        api_base: str | None = None,
        **params: Any,
    ) -> None:
        if not model or not isinstance(model, str):
            raise ConfigError(f"LM(model={model!r}): give 'provider/name', such as 'offline/icl'.")
        if backend is None and "/" not in model:
            raise ConfigError(
                f"The model name {model!r} lacks its provider. Write it as 'provider/name', such as 'openai/{model}'."
            )
        if num_retries < 0 or timeout <= 0:
            raise ConfigError(f"LM(num_retries={num_retries}, timeout={timeout}) is out of range.")
        secrets = {name: value for name, value in params.items() if _is_secret(name)}
        self.model = model
        self.cache = cache and not model.startswith("offline/")
        self.num_retries = num_retries
        self.params = {name: value for name, value in params.items() if name not in secrets}
        for name, value in (("temperature", temperature), ("max_tokens", max_tokens)):
            if value is not None:
                self.params[name] = value
        self._endpoint = Endpoint(model, api_base, timeout, secrets)
        self._backend_name = backend if isinstance(backend, str) else None
        self._given_backend = None if isinstance(backend, str | None) else backend
        self._backend: Backend | None = self._given_backend
        self._flights: dict[str, asyncio.Future[Response]] = {}

    def __repr__(self) -> str:
        return f"LM({self.model!r})"

    def __getstate__(self) -> dict[str, Any]:
        # What is pickled goes to disk or elsewhere: no credentials, and nothing that is under way.
        endpoint = replace(self._endpoint, secrets={})
        return {**self.__dict__, "_endpoint": endpoint, "_backend": self._given_backend, "_flights": {}}

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
        prefix: Prefix = _NO_PREFIX,
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
            for name in config:
                if _is_secret(name) or name in _OF_THE_LM:
                    raise ConfigError(f"Give {name} to LM(...), not to a call.")
        return Request.build(
            self.model,
            messages,
            prefix=prefix,
            params=params,
            rollout_id=rollout_id,
            endpoint=self._endpoint.api_base,
        )

    async def complete(self, request: Request, *, predictor: str = "") -> Response:
        """Answer a request, from what is known already if possible.

        Args:
            request: What to ask.
            predictor: Under which name to book the usage.

        Raises:
            BudgetExhausted: The call would pass a cap of the run's budget.
            LMTransient: No reply after every retry.
            LMRejected: The endpoint refused the request.
        """
        scope = current_scope() or _NO_SCOPE
        if scope is _NO_SCOPE:
            # Without a run, all that comes before the backend is done in whichever thread asks.
            return await self._line(request, scope, predictor)
        return await over_loop(self._inside(request, scope, predictor))

    async def _inside(self, request: Request, scope: Scope, predictor: str) -> Response:
        try:
            return await self._line(request, scope, predictor)
        except (LMError, BudgetExhausted) as error:
            if scope.rollout is not None and isinstance(error, LMTransient | BudgetExhausted):
                scope.rollout.outage = error
            raise

    async def _line(self, request: Request, scope: Scope, predictor: str) -> Response:
        cache: Cache | None = None
        key: str | None = request.key
        if self.cache:
            cache = settings.cache or default_cache()
        else:
            key = scope.draw_key(request)
        if key is None:
            asked = self._ask(request, scope, predictor)
            response = await (over_loop(asked) if getattr(self._get_backend(), "waits", True) else asked)
            await _make_way(scope)
            return response
        if scope is _NO_SCOPE:
            known = _known(key, scope, cache)
            if known is not None:
                return known
        return await over_loop(self._join(key, request, scope, predictor, cache))

    async def _join(self, key: str, request: Request, scope: Scope, predictor: str, cache: Cache | None) -> Response:
        """What is known already, else the reply to the same request in flight, else one's own."""
        while True:
            known = _known(key, scope, cache)
            if known is not None:
                _tell(scope, request, known, source="kept", predictor=predictor)
                return known
            flight = self._flights.get(key)
            if flight is None:
                return await self._lead(key, request, scope, predictor, cache)
            try:
                response = await asyncio.shield(flight)
            except asyncio.CancelledError:
                # Either the task that was asking for both is cancelled, or this one, or both.
                task = asyncio.current_task()
                if not flight.cancelled() or (task is not None and task.cancelling()):
                    raise
            except BudgetExhausted:
                # The budget of whoever asked for both; this one may have room of its own.
                continue
            else:
                # The one who asked may belong to another run, with a journal of its own.
                if scope.journal is not None:
                    await scope.journal.keep_reply(key, response, paid=False)
                _tell(scope, request, response, source="kept", predictor=predictor)
                return response

    async def _lead(self, key: str, request: Request, scope: Scope, predictor: str, cache: Cache | None) -> Response:
        """Ask on behalf of everybody who wants the same, and keep the reply first."""
        flight: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            response = await self._ask(request, scope, predictor)
            if scope.journal is not None:
                await scope.journal.keep_reply(key, response)
            if cache is not None:
                cache.put(key, response)
            flight.set_result(response)
            await _make_way(scope)
            return response
        except asyncio.CancelledError:
            flight.cancel()
            raise
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # read once, so that a flight nobody joined warns of nothing
            raise
        finally:
            flight.cancel()  # where it was ended by what is neither; whoever joined asks by himself
            del self._flights[key]

    async def _ask(self, request: Request, scope: Scope, predictor: str) -> Response:
        """Ask the backend, with retries; each attempt has its own place in budget and limit."""
        try:
            response = await self._attempt(request, scope)
        except LMTransient as error:
            again = retried(self._attempt, request, scope, first=error, times=self.num_retries)
            response = await over_loop(again)
        _tell(scope, request, response, source="backend", predictor=predictor)
        return response

    async def _attempt(self, request: Request, scope: Scope) -> Response:
        if scope.slots is None:
            return await self._dispatch(request, scope)
        async with scope.slots:
            # A backend may ask other models. That is part of this call: it is on this call's bill,
            # and where it took a slot of its own, calls would wait for each other forever.
            with outside():
                return await self._dispatch(request, scope)

    async def _dispatch(self, request: Request, scope: Scope) -> Response:
        backend = self._get_backend()
        # An attempt that brought no reply was still a call.
        used = Usage(calls=1)
        reservation = None if scope.meter is None else scope.meter.reserve(request.tokens)
        try:
            if getattr(backend, "waits", True):
                async with asyncio.timeout(self._endpoint.timeout):
                    response = await backend.complete(request)
            else:
                response = await backend.complete(request)
            used = response.usage
            return response
        except TimeoutError as error:
            raise LMTransient(
                f"No reply within {self._endpoint.timeout:g} s (timeout=...).", model=self.model
            ) from error
        except BurnishError:
            raise
        # A backend is a plugin and may raise anything; what it does not explain is never a score.
        except Exception as error:
            raise LMTransient(f"{type(error).__name__}: {error}", model=self.model) from error
        finally:
            if reservation is not None:
                reservation.settle(used)

    def prepare(self) -> None:
        """Make the backend now, so that a name that it does not know is an error before the first call.

        Raises:
            ConfigError: There is no such model.
        """
        self._get_backend()

    def _get_backend(self) -> Backend:
        if self._backend is None:
            name = self._backend_name
            if name is None:
                provider = self.model.partition("/")[0]
                name = provider if provider in names("lm_backends") else "litellm"
            self._backend = lookup("lm_backends", name)(self._endpoint)
        return self._backend

    def dump_state(self) -> dict[str, Any]:
        """Model and parameters, without credentials."""
        state: dict[str, Any] = {"model": self.model, "cache": self.cache, "num_retries": self.num_retries}
        if self._endpoint.api_base is not None:
            state["api_base"] = _bare_address(self._endpoint.api_base)
        state.update(_without_secrets(self.params))
        return state


def _is_secret(name: str) -> bool:
    return _SECRET.search(name.lower()) is not None


def _without_secrets(value: Any) -> Any:
    """Parameters without what is named like a credential, however deep: ``extra_body`` is a place for any."""
    if isinstance(value, Mapping):
        # Only texts: a schema may well describe a field with the name of a credential.
        kept = {key: part for key, part in value.items() if not (isinstance(part, str) and _is_secret(str(key)))}
        return {key: _without_secrets(part) for key, part in kept.items()}
    return [_without_secrets(part) for part in value] if isinstance(value, list | tuple) else value


def _bare_address(address: str) -> str:
    """The address without user, password and query, which may hold a key."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


async def _make_way(scope: Scope) -> None:
    """Send off whoever waits for the slot that has come free, before the reply is read.

    When many replies come at once, the limit stays busy while they are parsed and scored.
    """
    if scope.slots is not None:
        await asyncio.sleep(0)


def _known(key: str, scope: Scope, cache: Cache | None) -> Response | None:
    if scope.journal is not None:
        response = scope.journal.reply(key)
        if response is not None:
            return response
    if cache is None:
        return None
    response = cache.get(key)
    # The journal alone must be able to replay the run, on a machine without this cache.
    if response is not None and scope.journal is not None:
        scope.journal.keep_reply(key, response, paid=False)
    return response


def _tell(scope: Scope, request: Request, response: Response, *, source: str, predictor: str) -> None:
    if scope is _NO_SCOPE:
        return
    usage = response.usage if source == "backend" else Usage()
    if source == "backend":
        scope.ledger.add(usage, stage=scope.stage, predictor=predictor, model=request.model)
        if scope.rollout is not None:
            scope.rollout.usage += usage
    if scope.watch is not None:
        scope.watch.emit(
            "lm_called",
            stage=scope.stage,
            predictor=predictor,
            model=request.model,
            source=source,
            tokens=usage.tokens,
            dollars=usage.dollars,
            unpriced=usage.unpriced,
        )
