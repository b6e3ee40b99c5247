"""`ColBERTv2`: the passages that a ColBERT server finds, over HTTP.

    GET {url}?query=…&k=…          or, with post_requests, POST {url} with {"query": …, "k": …}
    → {"topk": [{"text": …, "score": …, "rank": …, …}, …]}

A search goes the way of any model call (`lm/line.py`): journal, cache, the same one in flight, limiter, slot, budget, retries. It counts as
a call of no tokens at no price. A server that cannot be reached, or answers with 5xx, a rate limit or something else than
passages, is an outage once the retries are used up: an example that meets it is not measured, and never scored.

Santhanam et al. 2022, "ColBERTv2: Effective and Efficient Retrieval via Lightweight Late Interaction", arXiv:2112.01488.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, Literal, overload
from urllib.parse import urlencode, urlsplit, urlunsplit

from burnish.errors import ConfigError, LMAccessDenied, LMError, LMRejected, LMTransient
from burnish.lm.backends.base import Endpoint
from burnish.lm.backends.http import get, post
from burnish.lm.capabilities import Capabilities, Price
from burnish.lm.line import Line
from burnish.lm.request import Output, Request, Response
from burnish.lm.retry import retry_after
from burnish.lm.secrets import bare_address, basic_authorization, cleared
from burnish.loop import on_loop, run_sync
from burnish.values.usage import Usage
from burnish.values.whole import check_whole

_FREE = Price(0.0, 0.0, 0.0)
_TRY_AGAIN = frozenset({408, 409, 425, 429})
# What says that the address or the permission is wrong, so that every further search would fail too.
_WRONG_PLACE = frozenset({401, 402, 403, 404, 405})
_LONGEST = 200


class Passage(dict[str, Any]):
    """What was found: a dict whose keys are attributes too.

    ``text`` and ``long_text`` are the passage; what else there is (``score``, ``rank``, ``pid``, ``prob``) comes from the server.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"The passage has no {name!r}. It has {', '.join(self)}.") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise AttributeError(f"The passage has no {name!r}. It has {', '.join(self)}.")
        del self[name]


class ColBERTv2:
    """Asks a ColBERT server for passages.

    Args:
        url: The address of its search, such as ``"http://localhost:8893/api/search"``. A user and password in it are sent as
            HTTP has it, and are no part of the attribute.
        port: The port, where the address does not have it.
        post_requests: Whether the query is sent as the JSON body of a POST, and not in the address of a GET.
        cache: Whether what was found is kept from run to run, where replies of models are; successes only.
        num_retries: How many more times to try what is worth another try.
        timeout: Seconds that one attempt may take.

    Raises:
        ConfigError: It is no address, or a number is out of range.

    Example:
        >>> ColBERTv2("http://localhost/api/search", port=8893)
        ColBERTv2('http://localhost:8893/api/search')
    """

    def __init__(
        self,
        url: str = "http://0.0.0.0",
        port: str | int | None = None,
        post_requests: bool = False,
        *,
        cache: bool = True,
        num_retries: int = 3,
        timeout: float = 30.0,
    ) -> None:
        check_whole(0, num_retries=num_retries)
        if not timeout > 0:
            raise ConfigError(f"ColBERTv2(timeout={timeout!r}): give seconds, more than 0.")
        address = _address(url, port)
        # Bare, since it is shown and pickled; the endpoint alone knows the rest.
        self.url = bare_address(address)
        self.post_requests = post_requests
        self._name = f"colbertv2/{self.url}"
        self._line = Line(
            Endpoint(self._name, address, float(timeout)),
            functools.partial(_Server, posts=post_requests),
            own=False,
            cached=cache,
            num_retries=num_retries,
        )

    def __repr__(self) -> str:
        return f"ColBERTv2({self.url!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> ColBERTv2:
        return self

    @overload
    def __call__(self, query: str, k: int = 10, simplify: Literal[False] = False) -> list[Passage]: ...
    @overload
    def __call__(self, query: str, k: int = 10, *, simplify: Literal[True]) -> list[str]: ...
    def __call__(self, query: str, k: int = 10, simplify: bool = False) -> list[Passage] | list[str]:
        """The passages nearest to a query, the best first.

        Args:
            query: A text.
            k: How many at most; fewer where the server has or gives fewer.
            simplify: Whether to return texts alone.

        Raises:
            ConfigError: An argument cannot be used.
            LMTransient: The server cannot be reached or does not answer as it should, after every retry.
            LMRejected: The server refuses the query.
        """
        return run_sync(self._search(query, k, simplify=simplify))

    @overload
    async def acall(self, query: str, k: int = 10, simplify: Literal[False] = False) -> list[Passage]: ...
    @overload
    async def acall(self, query: str, k: int = 10, *, simplify: Literal[True]) -> list[str]: ...
    async def acall(self, query: str, k: int = 10, simplify: bool = False) -> list[Passage] | list[str]:
        """The passages nearest to a query, from async code."""
        return await on_loop(self._search(query, k, simplify=simplify))

    async def _search(self, query: str, k: int, *, simplify: bool) -> list[Passage] | list[str]:
        if not isinstance(query, str):
            raise ConfigError(f"ColBERTv2 searches for a text, and not for {type(query).__name__}.")
        if k is None:
            raise ConfigError("k=None: give a whole number of at least 1.")
        check_whole(1, k=k)
        # The way of asking is no part of the question.
        message = {"role": "user", "content": query}
        request = Request.build(self._name, [message], params={"k": k}, endpoint=self.url)
        response = await self._line.complete(request)
        found = [Passage(row, long_text=row["text"]) for row in json.loads(response.texts[0])]
        return [passage.text for passage in found] if simplify else found


class _Server:
    """A search server as the line knows backends: a query is a request, and what is found is JSON."""

    def __init__(self, endpoint: Endpoint, *, posts: bool) -> None:
        self._endpoint = endpoint
        self._posts = posts
        parts = urlsplit(endpoint.api_base or "")
        self._address = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
        self._headers = {"accept": "application/json"}
        user = basic_authorization(endpoint.api_base or "")
        if user is not None:
            self._headers["authorization"] = user
        # Known here, so that nobody looks it up among the models.
        self.capabilities = Capabilities(price=_FREE)

    async def complete(self, request: Request) -> Response:
        """Search once."""
        asked = {"query": request.messages[0]["content"], "k": request.params["k"]}
        address, headers = self._address, self._headers
        try:
            if self._posts:
                body = json.dumps(asked).encode()
                status, told, text = await post(address, {**headers, "content-type": "application/json"}, body)
            else:
                joint = "&" if urlsplit(address).query else "?"
                query = urlencode(asked, errors="replace")  # half characters have no place in an address
                status, told, text = await get(f"{address}{joint}{query}", headers)
        except ConnectionError as error:
            raise LMTransient(self._clear(f"The ColBERT server: {error}"), model=self._endpoint.model) from None
        if not 200 <= status < 300:
            raise self._refusal(status, told, text)
        found = self._found(text)[: asked["k"]]
        return Response((Output(json.dumps(found)),), Usage(calls=1), self._endpoint.model)

    def _found(self, text: bytes) -> list[dict[str, Any]]:
        """The passages that the server lists; whatever else it sent may be another thing the next time."""
        try:
            reply = json.loads(text.decode("utf-8-sig"))
            rows = reply["topk"]
            if all(isinstance(row, dict) and isinstance(row["text"], str) for row in rows):
                return list(rows)
        except (ValueError, TypeError, LookupError):
            pass
        beginning = " ".join(text[:_LONGEST].decode(errors="replace").split())
        raise LMTransient(
            self._clear(
                f"The ColBERT server's reply has no 'topk' of passages with a 'text': {beginning or 'it is empty'}"
            ),
            model=self._endpoint.model,
        )

    def _refusal(self, status: int, headers: Mapping[str, str], text: bytes) -> LMError:
        said = " ".join(text[:_LONGEST].decode(errors="replace").split())
        told = self._clear(f"The ColBERT server answered HTTP {status}{': ' * bool(said)}{said}")
        model = self._endpoint.model
        if status in _WRONG_PLACE or 300 <= status < 400:
            return LMAccessDenied(
                f"{told} Check ColBERTv2(url=...): no search is answered there.", model=model, status=status
            )
        if 400 <= status < 500 and status not in _TRY_AGAIN:
            return LMRejected(told, model=model, status=status)
        return LMTransient(told, model=model, status=status, retry_after=retry_after(headers))

    def _clear(self, text: str) -> str:
        return cleared(text, self._endpoint.credentials)


def _address(url: Any, port: str | int | None) -> str:
    try:
        parts = urlsplit(url)
        own = parts.port
    except (AttributeError, TypeError, ValueError):
        parts, own = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"ColBERTv2(url={url!r}): give an address with http or https, such as 'http://localhost:8893/api/search'."
        )
    if port is None:
        return str(url)
    if own is not None:
        raise ConfigError(
            f"ColBERTv2(url={url!r}, port={port!r}): the address has a port already. Give one of the two."
        )
    if not str(port).isdecimal():
        raise ConfigError(f"ColBERTv2(port={port!r}): give a number, such as 8893.")
    return str(urlunsplit(parts._replace(netloc=f"{parts.netloc}:{port}")))
