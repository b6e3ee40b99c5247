"""POST and GET over pooled keep-alive connections, by a Rust client with a thread of its own.

A call here makes a future, hands bytes to Rust and waits. Rust puts answers on a heap and makes a
socket readable when the heap was empty, so that under load the loop wakes once for many answers. The
reasons and figures are in docs/design/007-the-http-client.md.

Proxies come from the environment (``HTTPS_PROXY``, ``NO_PROXY``), certificates from the system
(``SSL_CERT_FILE``). No redirect is followed. There is no limit on connections, as pacing is the
limiter's, and no time-out but that of connecting (30 s): whoever waits cancels, which closes the connection.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import threading
import weakref
import zlib
from collections.abc import Callable, Mapping
from typing import TypeAlias

from burnish._core import HttpClient

# Status, headers with names in lower case, body without its compression.
Reply: TypeAlias = tuple[int, dict[str, str], bytes]


async def post(
    url: str, headers: Mapping[str, str], body: bytes, *, hear: Callable[[bytes], None] | None = None
) -> Reply:
    """Send a request and wait for the whole reply, whatever its status.

    Args:
        url: Where to.
        headers: What to say beside it.
        body: What to send.
        hear: Called with each piece of a body that is a stream of events, as it comes; the body of the reply is empty then. What
            it raises ends the request. Any other body comes whole.

    Raises:
        ConfigError: The address or a header is not HTTP's; nothing was sent.
        ConnectionError: There is no connection, or it ended before the reply did.
    """
    client = _client()
    return _readable(
        await (client.send(url, headers, body) if hear is None else client.stream(url, headers, body, hear))
    )


async def get(url: str, headers: Mapping[str, str]) -> Reply:
    """As `post`, without a body."""
    return _readable(await _client().send(url, headers, None))


def _readable(reply: Reply) -> Reply:
    status, kept, text = reply
    if "content-encoding" in kept:
        text = _unpacked(text, kept["content-encoding"])
    return status, kept, text


def _unpacked(body: bytes, coding: str) -> bytes:
    """The body without gzip or deflate, which some proxies add though nobody asked for them."""
    if coding.lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompress(body, wbits=47)  # the largest window, the format by its first bytes
    except zlib.error as error:
        raise ConnectionError(f"The reply does not unpack: {error}.") from error


class _Client:
    """The client of one event loop, for everything in the process that runs on it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._rust = HttpClient()
        self._bell = socket.socket(fileno=self._rust.socket)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._streams: dict[int, asyncio.Queue[Reply | str | bytes]] = {}
        try:
            self._bell.setblocking(False)
            loop.add_reader(self._bell, self._ring)
        except NotImplementedError:  # as on Windows, where the default loop watches no sockets
            self._bell.setblocking(True)
            listening = (self._bell, weakref.ref(loop), weakref.WeakMethod(self._collect))
            threading.Thread(target=_listen, args=listening, name="burnish-http-bell", daemon=True).start()
        weakref.finalize(loop, self._bell.close).atexit = False

    async def send(self, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Send and wait; without a body it is a GET."""
        number = self._rust.get(url, headers) if body is None else self._rust.post(url, headers, body)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            return await answer
        except asyncio.CancelledError:
            self._rust.cancel(number)
            raise
        finally:
            self._waiting.pop(number, None)

    async def stream(self, url: str, headers: Mapping[str, str], body: bytes, hear: Callable[[bytes], None]) -> Reply:
        """Send, and hand on each piece until the end."""
        number = self._rust.post(url, headers, body, True)
        came = self._streams[number] = asyncio.Queue()
        try:
            while isinstance(piece := await came.get(), bytes):
                hear(piece)
        except BaseException:
            self._rust.cancel(number)
            raise
        finally:
            del self._streams[number]
        if isinstance(piece, str):
            raise ConnectionError(piece)
        return piece

    def _ring(self) -> None:
        # Before the answers are taken: what comes after that rings again.
        self._bell.recv(4096)
        self._collect()

    def _collect(self) -> None:
        for number, came in self._rust.take():
            if self._streams and (stream := self._streams.get(number)) is not None:
                stream.put_nowait(came)
                continue
            answer = self._waiting.pop(number, None)
            if answer is None or answer.done() or isinstance(came, bytes):
                continue
            if isinstance(came, str):
                answer.set_exception(ConnectionError(came))
            else:
                answer.set_result(came)


def _listen(
    bell: socket.socket,
    loop: weakref.ref[asyncio.AbstractEventLoop],
    collect: weakref.WeakMethod[Callable[[], None]],
) -> None:
    """Tell a loop of answers that it cannot watch for itself, until it is gone."""
    try:
        while bell.recv(4096) and _pass_on(loop(), collect()):
            pass
    except OSError:
        # The bell is closed when its loop is collected, which may be between two rings.
        if bell.fileno() != -1:
            raise


def _pass_on(loop: asyncio.AbstractEventLoop | None, collect: Callable[[], None] | None) -> bool:
    """Whether there is still a loop to tell. Only here does the thread keep it from being collected."""
    if loop is None or collect is None:
        return False
    try:
        loop.call_soon_threadsafe(collect)
    except RuntimeError:  # it was closed
        return False
    return True


@functools.cache
def _clients() -> weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Client]:
    return weakref.WeakKeyDictionary()


def _client() -> _Client:
    """The client of the running loop. The child of a fork has another loop, and so a client of its own."""
    clients, loop = _clients(), asyncio.get_running_loop()
    client = clients.get(loop)
    if client is None:
        client = clients[loop] = _Client(loop)
    return client
