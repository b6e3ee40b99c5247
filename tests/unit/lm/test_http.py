"""The HTTP client's Python half, against servers of plain sockets on the same loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import warnings
import weakref
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from burnish.errors import ConfigError
from burnish.lm.backends.http import _listen, post

Writer = asyncio.StreamWriter
Handler = Callable[[asyncio.StreamReader, Writer], Awaitable[None]]


class Seen:
    """What a server has seen of its clients."""

    def __init__(self) -> None:
        self.connections = 0
        self.hung_up = asyncio.Event()
        self.heads: list[str] = []


async def read_request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """The head in lower case and the body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = head.partition("content-length: ")[2].split()
    return head, await reader.readexactly(int(length[0]) if length else 0)


def reply(body: bytes, *, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nX-Named: yes\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextlib.asynccontextmanager
async def served(answer: Callable[[bytes], bytes | None], *, tls: ssl.SSLContext | None = None, once: bool = False):
    """A server that answers each body with bytes, or hangs up for None; with `once` it hangs up after each answer."""
    seen = Seen()

    async def talk(reader: asyncio.StreamReader, writer: Writer) -> None:
        seen.connections += 1
        try:
            while True:
                head, body = await read_request(reader)
                seen.heads.append(head)
                answered = answer(body)
                if answered is None:
                    return
                writer.write(answered)
                await writer.drain()
                if once:
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            seen.hung_up.set()
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}/v1", seen
    finally:
        server.close()


def run(test: Callable[[], Awaitable[object]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_request_goes_out_and_its_reply_comes_back():
    async def test() -> None:
        async with served(lambda body: reply(body[::-1], status="418 Tea")) as (url, seen):
            status, headers, body = await post(f"{url}/chat?a=b", {"Authorization": "Bearer k"}, b"\x00\xffabc")
            assert (status, headers["x-named"], body) == (418, "yes", b"cba\xff\x00")
            assert seen.heads[0].startswith("post /v1/chat?a=b http/1.1\r\n")
            assert "authorization: bearer k\r\n" in seen.heads[0]

    run(test)


def test_a_connection_serves_one_call_after_another():
    async def test() -> None:
        async with served(reply) as (url, seen):
            for number in range(20):
                assert (await post(url, {}, b"%d" % number))[2] == b"%d" % number
            assert seen.connections == 1

    run(test)


def test_many_calls_at_once_get_each_its_own_reply():
    async def test() -> None:
        async with served(reply) as (url, _):
            bodies = [b"call %d" % number for number in range(200)]
            replies = await asyncio.gather(*(post(url, {}, body) for body in bodies))
            assert [body for _, _, body in replies] == bodies

    run(test)


def test_a_cancelled_call_closes_its_connection_and_disturbs_no_other():
    async def test() -> None:
        arrived = asyncio.Event()

        def answer(body: bytes) -> bytes:
            arrived.set()
            return reply(body) if body == b"other" else b"HTTP/1.1 200 OK\r\n"

        async with served(answer) as (url, seen):
            call = asyncio.create_task(post(url, {}, b"hangs"))
            await arrived.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await seen.hung_up.wait()
            assert (await post(url, {}, b"other"))[2] == b"other"
            assert seen.connections == 2

    run(test)


@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("x-GZIP", gzip.compress), ("deflate", zlib.compress)]
)
def test_compressed_replies_are_unpacked(coding: str, pack: Callable[[bytes], bytes]):
    async def test() -> None:
        packed = pack("Grüße".encode() * 1000)
        async with served(lambda _: reply(packed, more=f"Content-Encoding: {coding}\r\n")) as (url, _):
            assert (await post(url, {}, b""))[2] == "Grüße".encode() * 1000

    run(test)


def test_a_reply_that_does_not_unpack_is_no_reply():
    async def test() -> None:
        async with served(lambda _: reply(b"plain", more="Content-Encoding: gzip\r\n")) as (url, _):
            with pytest.raises(ConnectionError, match="unpack"):
                await post(url, {}, b"")

    run(test)


def test_large_bodies_go_both_ways():
    async def test() -> None:
        body = os.urandom(2**21)
        async with served(reply) as (url, _):
            assert (await post(url, {}, body))[2] == body

    run(test)


def test_a_reply_may_come_byte_by_byte():
    async def trickle(reader: asyncio.StreamReader, writer: Writer) -> None:
        await read_request(reader)
        for byte in reply(b"slow"):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    async def test() -> None:
        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await post(url, {}, b""))[2] == b"slow"
        server.close()

    run(test)


def test_connections_that_the_server_closes_while_idle_cost_no_call():
    async def test() -> None:
        async with served(reply, once=True) as (url, seen):
            for number in range(10):
                assert (await post(url, {}, b"%d" % number))[2] == b"%d" % number
                await asyncio.sleep(0.01)
            assert seen.connections == 10

    run(test)


def test_a_request_that_was_read_is_sent_once_only():
    async def test() -> None:
        async with served(lambda body: None if body == b"drop" else reply(body)) as (url, seen):
            await post(url, {}, b"warm")
            with pytest.raises(ConnectionError, match="ended before the reply"):
                await post(url, {}, b"drop")
            assert len(seen.heads) == 2

    run(test)


@pytest.mark.parametrize(
    "torn", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"\x16\x03"]
)
def test_half_a_reply_is_none(torn: bytes):
    async def test() -> None:
        async with served(lambda _: torn, once=True) as (url, _):
            with pytest.raises(ConnectionError):
                await post(url, {}, b"")

    run(test)


def test_no_server_no_name_no_certificate_and_no_address_are_told_apart_without_the_address():
    async def test() -> None:
        async with served(reply) as (url, _):
            pass
        for address in (url, "http://no-such-name.invalid/v1"):
            with pytest.raises(ConnectionError, match="No connection") as caught:
                await post(f"{address}?key=marker", {}, b"")
            assert "marker" not in repr(caught.value)
        for address in ("marker", "ftp://marker/", "http://", "http://marker:port/"):
            with pytest.raises((ConfigError, ConnectionError)) as refused:
                await post(address, {}, b"")
            assert "marker" not in repr(refused.value)
        for headers in ({"a b": "c"}, {"authorization": "Bearer marker\nx: y"}):
            with pytest.raises(ConfigError) as header:
                await post(url, headers, b"")
            assert "marker" not in repr(header.value)

    run(test)


def test_redirects_are_not_followed():
    async def test() -> None:
        async with served(lambda _: reply(b"", status="307 Moved", more="Location: /elsewhere\r\n")) as (url, seen):
            assert (await post(url, {}, b""))[0] == 307
            assert len(seen.heads) == 1

    run(test)


def test_proxies_come_from_the_environment(monkeypatch):
    async def test() -> None:
        async with served(reply) as (proxy, seen):
            monkeypatch.setenv("HTTP_PROXY", proxy)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            assert (await post("http://model.invalid/v1", {}, b"hi"))[2] == b"hi"
            assert seen.heads[0].startswith("post http://model.invalid/v1 http/1.1")
            async with served(reply) as (url, direct):
                await post(url, {}, b"")
                assert (len(direct.heads), len(seen.heads)) == (1, 1)

    run(test)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    made, key = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", "/CN=burnish", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    extra = ["-addext", "basicConstraints=critical,CA:FALSE"]
    command = ["openssl", "req", "-x509", *kind, *subject, *extra, "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


def test_a_proxy_is_shown_its_own_password_and_the_server_is_not(monkeypatch):
    async def test() -> None:
        async with served(reply) as (proxy, seen):
            monkeypatch.setenv("HTTP_PROXY", proxy.replace("http://", "http://us%65r:pass@"))
            await post("http://model.invalid/v1", {"authorization": "Bearer k"}, b"hi")
            assert "proxy-authorization: basic dxnlcjpwyxnz\r\n" in seen.heads[0]
            assert "\r\nauthorization: bearer k\r\n" in seen.heads[0]

    run(test)


@contextlib.asynccontextmanager
async def tunnelling(port: int):
    """A proxy that leads every tunnel to a port of this machine; a list of the heads it has read."""
    heads: list[str] = []

    async def pipe(reader: asyncio.StreamReader, writer: Writer) -> None:
        with contextlib.suppress(ConnectionError):
            while some := await reader.read(4096):
                writer.write(some)
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: Writer) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(b"HTTP/1.1 200 Tunnel\r\n\r\n")
        theirs, ours = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pipe(reader, ours), pipe(theirs, writer))

    server = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], heads
    server.close()


def test_tls_trusts_what_the_system_trusts_and_nothing_else(monkeypatch, tmp_path):
    made, key = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made, key)

    async def ask() -> bytes:
        async with served(reply, tls=tls) as (url, _):
            return (await post(url, {}, b"hi"))[2]

    with pytest.raises(ConnectionError, match="certificate"):
        asyncio.run(asyncio.wait_for(ask(), 60))
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    assert asyncio.run(asyncio.wait_for(ask(), 60)) == b"hi"


def test_tls_goes_through_a_proxy_in_a_tunnel(monkeypatch, tmp_path):
    made, key = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))

    async def test() -> None:
        async with served(reply, tls=tls) as (url, seen):
            port = int(url.rpartition(":")[2].partition("/")[0])
            async with tunnelling(port) as (proxy, heads):
                monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass@127.0.0.1:{proxy}")
                assert (await post(url, {}, b"hi"))[2] == b"hi"
                assert heads[0].startswith(f"connect 127.0.0.1:{port} http/1.1\r\n")
                assert "proxy-authorization: basic dxnlcjpwyxnz" in heads[0]
                assert "proxy-authorization" not in seen.heads[0]

    run(test)


@pytest.mark.parametrize("proxy", ["https://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_a_proxy_of_another_kind_is_named_as_the_cause(proxy: str, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", proxy)

    async def test() -> None:
        with pytest.raises(ConnectionError, match="proxy's address has to begin with http://"):
            await post("http://model.invalid/v1", {}, b"")

    run(test)


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """A loop as Windows has it."""

    def add_reader(self, *args: object) -> None:
        raise NotImplementedError


def test_a_loop_that_watches_no_sockets_is_told_by_a_thread():
    async def test() -> None:
        async with served(reply) as (url, _):
            bodies = [b"call %d" % number for number in range(50)]
            replies = await asyncio.gather(*(post(url, {}, body) for body in bodies))
            assert [body for _, _, body in replies] == bodies

    with asyncio.Runner(loop_factory=LoopWithoutReaders) as runner:
        runner.run(asyncio.wait_for(test(), 60))


def threads() -> list[str]:
    """Ours, those of Rust and those of Python."""
    system = []
    for task in Path("/proc/self/task").iterdir():
        # One that ends while it is looked at is gone.
        with contextlib.suppress(OSError):
            system.append((task / "comm").read_text().strip())
    names = [*system, *(thread.name for thread in threading.enumerate())]
    return sorted(name for name in names if name.startswith("burnish-http"))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads of other languages are not to be seen")
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning", "error::ResourceWarning")
def test_a_loop_that_is_gone_leaves_nothing_behind(monkeypatch):
    async def test() -> None:
        async with served(reply) as (url, _):
            await post(url, {}, b"")

    # What other tests left open is theirs, and is found here only because it is collected here.
    with monkeypatch.context() as patch, warnings.catch_warnings():
        patch.setattr(sys, "unraisablehook", lambda _: None)
        warnings.simplefilter("ignore")
        gc.collect()
    before = threads()
    for loop in (asyncio.new_event_loop, LoopWithoutReaders):
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(test())
    del loop, runner
    for _ in range(500):
        gc.collect()
        # Those of other tests may end meanwhile.
        if not Counter(threads()) - Counter(before):
            return
        asyncio.run(asyncio.sleep(0.01))
    pytest.fail(f"left behind: {threads()}")


def test_a_bell_that_is_closed_between_two_rings_ends_the_listening():
    bell, other = socket.socketpair()
    loop = asyncio.new_event_loop()
    with other, contextlib.closing(loop):
        bell.close()
        _listen(bell, weakref.ref(loop), weakref.WeakMethod(loop.stop))


FORKING = """
import asyncio, gc, os, warnings
warnings.simplefilter("ignore")  # newer Pythons warn of any fork beside threads
from burnish.lm.lm import LM
from burnish.testing.server import serving

with serving(answer="echo", log=False) as server:
    lm = server.lm()
    assert lm("before") == ["before"]
    child = os.fork()
    if child == 0:
        answered = lm("child")
        gc.collect()  # what the child inherited and does not use
        os._exit(0 if answered == ["child"] else 1)
    assert lm("meanwhile") == ["meanwhile"]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lm("after") == ["after"]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_both_sides_of_a_fork_go_on():
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
