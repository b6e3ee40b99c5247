"""What holds for every test and docstring example.

No network beyond this machine, no user's keys or settings, the same draws each time.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

# Property tests draw the same cases on every machine, and a slow machine is no failure.
settings.register_profile("burnish", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "burnish"))

_LOOPBACK = ("127.", "::1", "localhost")


def _forget_the_user() -> None:
    """Drops what a developer's shell would bring into the tests, before anything of Burnish is imported."""
    for name in list(os.environ):
        if name.startswith("BURNISH_") or name.endswith(("_API_KEY", "_API_BASE")):
            del os.environ[name]


def _hear_ctrl_c() -> None:
    """Takes Ctrl-C as usual where the tests were started in the background, which has it ignored, here and in children."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _keep_bytecode() -> None:
    """Has every module compiled once, also where a shell says otherwise: hundreds of tests start a process of their own."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def pytest_configure(config: pytest.Config) -> None:
    """Gives the tests an empty cache of their own, and an environment without keys unless real models were asked for."""
    _hear_ctrl_c()
    _keep_bytecode()
    if config.getoption("markexpr") != "live":
        _forget_the_user()
    folder = tempfile.TemporaryDirectory(prefix="burnish-tests-", ignore_cleanup_errors=True)
    os.environ["BURNISH_CACHE_DIR"] = folder.name
    config.add_cleanup(folder.cleanup)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Keeps what is there before the first test out of every garbage collection: it stays to the end, and there is much of it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(autouse=True)
def _names_in_examples(doctest_namespace: dict[str, Any]) -> None:
    """Lets docstring examples say `burnish` and `toy` without an import, as the pages do."""
    import burnish
    from burnish.testing import toy

    doctest_namespace.update(burnish=burnish, toy=toy)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuses connections that leave this machine, so that a test which needs the network fails everywhere."""
    if request.node.get_closest_marker("live") is None:
        connect = socket.socket.connect

        def connect_here(self: socket.socket, address: Any, /) -> None:
            host = address[0] if isinstance(address, tuple) else None
            if host is not None and not str(host).startswith(_LOOPBACK):
                message = f"A test reached for {host}: tests talk to this machine only (mark it `live` if it must not)."
                raise AssertionError(message)
            connect(self, address)

        monkeypatch.setattr(socket.socket, "connect", connect_here)
