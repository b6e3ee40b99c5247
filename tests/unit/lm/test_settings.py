"""Settings: defaults for the process, changes for a block that follow its tasks and worker threads and nobody else."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from typing import Any

import pytest

from burnish.adapters.chat import ChatAdapter
from burnish.errors import ConfigError
from burnish.lm.cache import Cache
from burnish.lm.settings import Settings
from burnish.loop import in_thread, run_sync
from burnish.testing import ScriptedLM


@pytest.fixture
def settings() -> Settings:
    """Settings of the test's own."""
    return Settings()


def test_what_is_configured_stays_and_the_rest_keeps_its_value(settings: Settings) -> None:
    settings.configure(num_threads=3)
    settings.configure(max_errors=5)
    assert (settings.num_threads, settings.max_errors, settings.lm) == (3, 5, None)


def test_configure_works_from_any_thread_for_all(settings: Settings) -> None:
    thread = threading.Thread(target=settings.configure, kwargs={"num_threads": 2})
    thread.start()
    thread.join()
    assert settings.num_threads == 2


def test_a_context_ends_with_its_block_and_nests(settings: Settings) -> None:
    with settings.context(num_threads=3, max_errors=1):
        with settings.context(num_threads=4):
            assert (settings.num_threads, settings.max_errors) == (4, 1)
        assert settings.num_threads == 3
    assert (settings.num_threads, settings.max_errors) == (8, None)


def test_a_context_ends_after_an_error_too(settings: Settings) -> None:
    with pytest.raises(RuntimeError), settings.context(num_threads=3):
        raise RuntimeError
    assert settings.num_threads == 8


def test_tasks_do_not_see_each_others_context(settings: Settings) -> None:
    async def one(number: int) -> int:
        with settings.context(num_threads=number):
            await asyncio.sleep(0.001 * (5 - number))
            return await in_thread(lambda: settings.num_threads)

    async def every() -> list[int]:
        return await asyncio.gather(*map(one, range(1, 5)))

    assert run_sync(every()) == [1, 2, 3, 4]


def test_a_context_follows_onto_the_loop(settings: Settings) -> None:
    async def seen() -> int:
        return settings.num_threads

    with settings.context(num_threads=3):
        assert run_sync(seen()) == 3
    assert run_sync(seen()) == 8


def test_another_thread_does_not_see_the_context(settings: Settings) -> None:
    seen: list[Any] = []
    with settings.context(num_threads=3):
        thread = threading.Thread(target=lambda: seen.append(settings.num_threads))
        thread.start()
        thread.join()
    assert seen == [8]


@pytest.mark.parametrize("change", ["configure", "context"])
def test_an_unknown_name_is_refused_with_those_there_are(settings: Settings, change: str) -> None:
    with pytest.raises(ConfigError, match="num_thread'") as caught, ExitStack() as stack:
        stack.enter_context(getattr(settings, change)(num_thread=3))
    assert all(name in str(caught.value) for name in ("lm", "adapter", "cache", "num_threads", "max_errors"))
    with pytest.raises(AttributeError, match="num_threads"):
        _ = settings.num_thread


@pytest.mark.parametrize("value", [0, -1, "8", 2.5])
def test_the_number_of_threads_is_a_whole_number_from_one_on(settings: Settings, value: Any) -> None:
    with pytest.raises(ConfigError, match="num_threads"):
        settings.configure(num_threads=value)
    assert settings.num_threads == 8


def test_a_text_for_the_lm_is_told_how_to_become_one(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"burnish\.LM\('openai/x'\)"):
        settings.configure(lm="openai/x")


@pytest.mark.parametrize(
    "wrong", [{"lm": 3}, {"adapter": 3}, {"adapter": ChatAdapter}, {"cache": True}, {"max_errors": -1}]
)
def test_a_value_of_the_wrong_kind_is_refused(settings: Settings, wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ConfigError, match=f"{name}="):
        settings.configure(**wrong)
    assert getattr(settings, name) is None


def test_what_fits_is_taken(settings: Settings) -> None:
    fitting = {"lm": ScriptedLM([]), "adapter": ChatAdapter(), "cache": Cache(), "max_errors": 0, "num_threads": 1}
    settings.configure(**fitting)
    assert {name: getattr(settings, name) for name in fitting} == fitting
    settings.configure(**dict.fromkeys(("lm", "adapter", "cache", "max_errors")))
    assert settings.lm is None


def test_setting_an_attribute_configures_it(settings: Settings) -> None:
    settings.num_threads = 3
    with settings.context(num_threads=5):
        assert settings.num_threads == 5
    settings.configure(num_threads=4)
    assert settings.num_threads == 4
    for name, value in (("threads", 2), ("num_threads", 0)):
        with pytest.raises(ConfigError):
            setattr(settings, name, value)
