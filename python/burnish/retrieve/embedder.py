"""`Embedder`: texts to vectors, by a hosted model, the embedded one or a function of one's own.

What a hosted model answers goes the way of any model call (`retrieve/hosted.py`): journal, cache, budget,
limiter, retries, bill. The embedded model and functions compute in this process: nothing of theirs is
kept, waited for or booked.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from burnish.errors import ConfigError
from burnish.lm.backends.base import Endpoint
from burnish.lm.capabilities import Price
from burnish.lm.parameters import check_names
from burnish.lm.request import canonical
from burnish.lm.secrets import bare_address, is_secret, without_secrets
from burnish.loop import in_thread, on_loop, run_here, run_sync
from burnish.retrieve.hosted import Asked, Hosted
from burnish.retrieve.rows import checked, joined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What belongs to the embedder and not to one call, with what it is unless given.
_OF_THE_EMBEDDER: Mapping[str, Any] = {
    "api_base": None,
    "backend": None,
    "num_retries": 3,
    "timeout": 120.0,
    "rpm": None,
    "tpm": None,
    "price": None,
}
# Beside these, what OpenAI's and other providers' embedding endpoints are known to take.
_KNOWN = frozenset(_OF_THE_EMBEDDER) | frozenset(
    [
        "model",
        "batch_size",
        "caching",
        "api_key",
        "api_version",
        "extra_headers",
        "extra_body",
        "dimensions",
        "encoding_format",
        "user",
        "input_type",
        "task",
        "task_type",
        "truncate",
        "truncation",
        "output_dimension",
        "output_dtype",
        "embedding_type",
        "normalize",
        "instruction",
        "prompt_name",
    ]
)


class Embedder:
    """Turns texts into vectors.

    Args:
        model: ``"provider/name"``, where the provider chooses the backend: ``offline/hashing`` is the
            embedded one, ``openai/``, ``local/`` and whatever has an `api_base` go to an OpenAI-compatible
            endpoint, everything else to LiteLLM unless a plugin offers the provider. Or a function,
            async or not, from a list of texts to as many rows of numbers.
        batch_size: Most texts of one request, or of one call of the function.
        caching: Whether the rows of a hosted model are kept from run to run.
        params: What else the model is told, such as ``dimensions``. For a hosted model ``api_base``,
            ``backend``, ``num_retries``, ``timeout``, ``rpm``, ``tpm`` and credentials mean what they
            mean to `LM`, and ``price`` is dollars per million tokens, where the table does not know; a
            function gets all of them.

    Raises:
        ConfigError: The model or an argument cannot be used.

    Example:
        >>> embedder = Embedder("offline/hashing")
        >>> embedder("Where is my card?").shape, embedder(["one", "two", "three"]).shape
        ((1024,), (3, 1024))
    """

    def __init__(
        self,
        model: str | Callable[..., Any],
        batch_size: int = 200,
        caching: bool = True,
        **params: Any,
    ) -> None:
        self.model = model
        self.batch_size = _size(batch_size)
        self.caching = caching
        self._given = params
        self._dimensions = 0
        self._hosted: Hosted | None = None
        if isinstance(model, str):
            self.params, self._hosted = _hosted(model, params)
        elif callable(model):
            self.params = params
        else:
            raise ConfigError(f"Embedder(model={model!r}): give 'provider/name', or a function from texts to rows.")

    def __repr__(self) -> str:
        return f"Embedder({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # What is pickled goes to disk or elsewhere: no credentials, and nothing that is under way.
        kept = without_secrets({name: value for name, value in self._given.items() if not is_secret(name)})
        if kept.get("api_base") is not None:
            kept["api_base"] = bare_address(kept["api_base"])
        return functools.partial(type(self), self.model, self.batch_size, self.caching, **kept), ()

    def dump_state(self) -> dict[str, Any]:
        """What makes it this embedder and no other, without credentials: a run that is resumed must have the same."""
        kept = {name: value for name, value in self._given.items() if not is_secret(name)}
        return {"model": self.model, "params": without_secrets(kept)}

    def __deepcopy__(self, memo: dict[int, Any]) -> Embedder:
        return self

    def __call__(
        self,
        inputs: str | Iterable[str],
        batch_size: int | None = None,
        caching: bool | None = None,
        **params: Any,
    ) -> NDArray[np.float32]:
        """Embed one text or several.

        Args:
            inputs: A text, or texts.
            batch_size: Likewise, for this call.
            caching: Likewise, for this call.
            params: Go over the embedder's own.

        Returns:
            float32: for a text its row, of shape ``(dimensions,)``; for texts their rows in their order, of
            shape ``(texts, dimensions)``. No texts are ``(0, dimensions)``, with 0 dimensions as long as
            this embedder has brought no row.

        Raises:
            ConfigError: An argument cannot be used, or a function brought something else than a row a text.
            PromptTooLong: A text is too long for the model; the message says at which place it stands.
            LMError: A model brought no rows.
        """
        asked, numbers = self._asked(inputs, batch_size, caching, params)
        way = self._way
        rows = (run_here if way.computes else run_sync)(way.rows(asked))
        return self._in_place(rows, numbers, single=isinstance(inputs, str))

    async def acall(
        self,
        inputs: str | Iterable[str],
        batch_size: int | None = None,
        caching: bool | None = None,
        **params: Any,
    ) -> NDArray[np.float32]:
        """Embed one text or several, from async code; what computes does so in a worker thread."""
        asked, numbers = self._asked(inputs, batch_size, caching, params)
        way = self._way
        rows = await (in_thread(run_here, way.rows(asked)) if way.computes else on_loop(way.rows(asked)))
        return self._in_place(rows, numbers, single=isinstance(inputs, str))

    @property
    def name(self) -> str:
        """The model's name; of a function its own."""
        return _name(self.model)

    @property
    def computes(self) -> bool:
        """Whether rows are computed in this process, so that nothing of theirs is kept, waited for or booked."""
        return self._way.computes

    @functools.cached_property
    def _way(self) -> Hosted | _Function:
        """What brings the rows."""
        if self._hosted is None:
            assert callable(self.model)
            return _Function(self.model, self.name)
        backend = self._hosted.backend
        if getattr(backend, "waits", True):
            return self._hosted

        def compute(texts: list[str], **params: Any) -> Any:
            return run_here(backend.embed(texts, params)).rows

        return _Function(compute, self._hosted.endpoint.model)

    def _asked(
        self, inputs: Any, batch_size: int | None, caching: bool | None, params: Mapping[str, Any]
    ) -> tuple[Asked, list[int]]:
        """What to ask for, and the number of its row for each of the user's texts."""
        if self._hosted is not None:
            for name in params:
                if is_secret(name) or name in _OF_THE_EMBEDDER:
                    raise ConfigError(f"Give {name} to Embedder(...), not to a call.")
        texts = _texts(inputs)
        different = list(dict.fromkeys(texts))
        number = {text: n for n, text in enumerate(different)}
        first = {text: place for place, text in reversed(list(enumerate(texts)))}
        asked = Asked(
            different,
            [first[text] for text in different],
            self.batch_size if batch_size is None else _size(batch_size),
            self.caching if caching is None else caching,
            {**self.params, **params},
        )
        return asked, [number[text] for text in texts]

    def _in_place(self, rows: NDArray[np.float32], numbers: list[int], *, single: bool) -> NDArray[np.float32]:
        """The rows as the user gave the texts."""
        if not numbers:
            return rows.reshape(0, self._dimensions)
        self._dimensions = rows.shape[1]
        placed: NDArray[np.float32] = rows if len(numbers) == len(rows) else rows[numbers]
        return placed[0] if single else placed


class _Function:
    """What computes rows from texts in this process, or a user's async function.

    Args:
        function: From a list of texts, and the parameters by name, to a row a text.
        name: For messages.
    """

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._function = function
        self._name = name
        call = getattr(function, "__call__", function)  # noqa: B004  an object's async __call__
        self.computes = not (inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call))
        # Many a tokenizer or model is for one thread at a time.
        self._one_at_a_time = threading.Lock()

    async def rows(self, asked: Asked) -> NDArray[np.float32]:
        """The rows of the texts, in their order."""
        parts: list[NDArray[np.float32]] = []
        for first in range(0, len(asked.texts), asked.batch_size):
            batch = slice(first, first + asked.batch_size)
            if self.computes:
                with self._one_at_a_time:
                    answer = self._function(list(asked.texts[batch]), **asked.params)
            else:
                answer = await self._function(list(asked.texts[batch]), **asked.params)
            try:
                parts.extend(checked(answer, asked.places[batch]))
            except ValueError as error:
                raise ConfigError(f"The embedder {self._name!r} returned {error}.") from None
        try:
            return joined(parts, asked.places)
        except ValueError as error:
            raise ConfigError(f"The embedder {self._name!r} returned {error}.") from None


def _hosted(model: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], Hosted]:
    """The parameters that each request has, and the way to the model."""
    options = {name: params.get(name, default) for name, default in _OF_THE_EMBEDDER.items()}
    if "/" not in model and options["backend"] is None:
        raise ConfigError(
            f"The model name {model!r} lacks its provider. Write it as 'provider/name', such as 'openai/{model}'."
        )
    for name, least in (("num_retries", -1), ("timeout", 0), ("rpm", 0), ("tpm", 0), ("price", -1)):
        number = options[name]
        if number is None and _OF_THE_EMBEDDER[name] is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float) or number <= least:
            raise ConfigError(f"Embedder({name}={number!r}) is out of range: give a number above {least}.")
    check_names(params, known=_KNOWN, whose="Embedder")
    secrets = {name: value for name, value in params.items() if is_secret(name)}
    rest = {name: value for name, value in params.items() if name not in {*secrets, *options}}
    canonical(rest)  # refuses what cannot be sent
    endpoint = Endpoint(model, options["api_base"], options["timeout"], secrets)
    dollars = None if options["price"] is None else options["price"] / 1e6
    hosted = Hosted(
        endpoint,
        options["backend"],
        num_retries=options["num_retries"],
        limits=(options["rpm"], options["tpm"]),
        price=None if dollars is None else Price(dollars, 0.0, dollars),
    )
    return rest, hosted


def _texts(inputs: Any) -> list[str]:
    if isinstance(inputs, str):
        texts = [inputs]
    else:
        try:
            texts = list(inputs)
        except TypeError:
            raise ConfigError(f"Embed a text or a list of texts, and not {type(inputs).__name__}.") from None
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigError(f"Embed texts: at place {place} there is {type(text).__name__}.")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise ConfigError(f"The text at place {place} is no Unicode text: {error.reason}.") from None
    return texts


def _size(batch_size: Any) -> int:
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ConfigError(f"batch_size={batch_size!r}: give a whole number of at least 1.")
    return batch_size


def _name(model: Any) -> str:
    name = model if isinstance(model, str) else getattr(model, "__name__", type(model).__name__)
    return str(name)
