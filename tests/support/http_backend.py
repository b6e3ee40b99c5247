"""A backend for the model server: keep-alive connections, and each failure as what it is to an `LM`."""

from __future__ import annotations

import aiohttp

from burnish import LM, LMRejected, LMTransient, Output, Request, Response, Usage


class HttpBackend:
    """Asks one server; used on one event loop."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/v1/chat/completions"
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: Request) -> Response:
        """Answer one request."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        body = {"model": request.model, "messages": request.messages, **request.params}
        if request.rollout_id is not None:
            body["seed"] = request.rollout_id
        try:
            async with self._session.post(self.url, json=body, headers={"X-Request-Key": request.key}) as http:
                if http.status != 200:
                    raise self._refusal(http, request)
                data = await http.json()
        except aiohttp.ClientError as error:
            raise LMTransient(f"{type(error).__name__}: {error}", model=request.model) from error
        choice = data["choices"][0]
        usage = Usage(1, data["usage"]["prompt_tokens"], data["usage"]["completion_tokens"])
        return Response((Output(choice["message"]["content"], choice["finish_reason"]),), usage, data["model"])

    def _refusal(self, http: aiohttp.ClientResponse, request: Request) -> LMTransient | LMRejected:
        kind = LMTransient if http.status == 429 or http.status >= 500 else LMRejected
        wait = http.headers.get("Retry-After")
        return kind(
            f"HTTP {http.status} from {self.url}",
            model=request.model,
            status=http.status,
            retry_after=None if wait is None else float(wait),
        )

    async def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def http_lm(url: str, *, num_retries: int = 0) -> LM:
    """The toy model behind the server, without a cache."""
    return LM("served/toy", backend=HttpBackend(url), cache=False, num_retries=num_retries)


async def close(lm: LM) -> None:
    """Close the connections of an `http_lm`."""
    backend = lm._line.backend
    assert isinstance(backend, HttpBackend)
    await backend.close()
