"""Settings: process-wide defaults, and changes to them for a block of code.

`configure` sets the defaults for the whole process, from any thread. `context` changes them for a
block: the change follows the block's own tasks and threads and nobody else's.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import IO, Any

from burnish.errors import ConfigError
from burnish.lm.history import History, show
from burnish.plugins.manager import lookup

_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "lm": None,
        "rm": None,
        "adapter": None,
        "cache": None,
        "num_threads": 8,
        "max_errors": None,
        "trace_log": None,
        "callbacks": (),
        "track_usage": False,
        "disable_history": False,
        "max_history_size": 100,
    }
)
_MEANING = {
    "lm": "the LM that predictors ask",
    "rm": "the retriever that burnish.Retrieve asks: called with (query, k)",
    "adapter": "turns signatures into messages and back, by its name or as an object; None is ChatAdapter()",
    "cache": "the burnish.Cache for replies; None is the shared one on disk",
    "num_threads": "how many LM calls may be in flight in a run",
    "max_errors": "how many examples may fail before a run stops; None is no limit",
    "trace_log": "the burnish.TraceLog to which runs of programs are appended; None is no log",
    "callbacks": "a list of burnish.BaseCallback objects",
    "track_usage": "whether predictions tell what their program used",
    "disable_history": "whether inspect_history has nothing to show",
    "max_history_size": "how many LM calls inspect_history can show",
}


class Settings:
    """Reads as attributes, such as `settings.lm` and `settings.num_threads`; setting one is to `configure` it.

    Attributes:
        history: The last calls of any LM, which `inspect_history` shows.
    """

    def __init__(self) -> None:
        self.history = History()
        self._lock = threading.Lock()
        self._base: Mapping[str, Any] = _DEFAULTS
        self._changes: contextvars.ContextVar[Mapping[str, Any]] = contextvars.ContextVar(
            "settings", default=MappingProxyType({})
        )

    def __setattr__(self, name: str, value: Any) -> None:
        # As an attribute of the object it would hide the setting from `context` and from `configure`.
        if name in ("history", "_lock", "_base", "_changes"):
            super().__setattr__(name, value)
        else:
            self.configure(**{name: value})

    def __getattr__(self, name: str) -> Any:
        changes = self._changes.get()
        if name in changes:
            return changes[name]
        try:
            return self._base[name]
        except KeyError:
            raise AttributeError(_unknown(name)) from None

    @property
    def callbacks(self) -> Sequence[Any]:
        """As any other; looked at some times in each call, and quicker to find here."""
        changes = self._changes.get()
        found: Sequence[Any] = (changes if "callbacks" in changes else self._base)["callbacks"]
        return found

    @property
    def history_size(self) -> int:
        """How many LM calls are kept to be looked at."""
        changes, base = self._changes.get(), self._base
        if changes.get("disable_history", base["disable_history"]):
            return 0
        size: int = changes.get("max_history_size", base["max_history_size"])
        return size

    def configure(self, **values: Any) -> None:
        """Set defaults for the whole process; what is not named keeps its value.

        Args:
            values: Any of lm, rm, adapter, cache, num_threads, max_errors, trace_log, callbacks, track_usage, disable_history,
                max_history_size.

        Raises:
            ConfigError: A name is unknown, or a value of the wrong kind.
        """
        values = _checked(values)
        with self._lock:
            self._base = MappingProxyType({**self._base, **values})

    @contextmanager
    def context(self, **values: Any) -> Iterator[None]:
        """Change settings within a `with` block, its tasks and its threads."""
        values = _checked(values)
        token = self._changes.set(MappingProxyType({**self._changes.get(), **values}))
        try:
            yield
        finally:
            self._changes.reset(token)


def _unknown(name: str) -> str:
    known = "\n".join(f"  {key}: {meaning}" for key, meaning in _MEANING.items())
    return f"There is no setting {name!r}. The settings are:\n{known}"


def check_settings(**given: Any) -> None:
    """Each of these is settings to enter, or None.

    Raises:
        ConfigError: One is not, or has what is no setting.
    """
    for name, some in given.items():
        if not isinstance(some, Mapping | None):
            raise ConfigError(f"{name}={some!r}: give settings, such as {{'lm': burnish.LM(...)}}.")
        with context(**(some or {})):
            # Entering it refuses what is no setting.
            pass


def check_lm(**models: Any) -> None:
    """Each of these settings is an LM, or None where it is not set.

    Raises:
        ConfigError: One is not.
    """
    for name, lm in models.items():
        if isinstance(lm, str):
            raise ConfigError(f"{name}={lm!r} is a text. Write {name}=burnish.LM({lm!r}).")
        if lm is not None and (isinstance(lm, type) or not hasattr(lm, "complete")):
            raise ConfigError(f"{name}={lm!r} is no LM. Write {name}=burnish.LM('provider/name').")


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, with an adapter in place of its name."""
    for name in values:
        if name not in _DEFAULTS:
            raise ConfigError(_unknown(name))
    values = dict(values)
    if isinstance(values.get("adapter"), str):
        values["adapter"] = lookup("adapters", values["adapter"])()
    check_lm(lm=values.get("lm"))
    rm = values.get("rm")
    if rm is not None and (isinstance(rm, type) or not callable(rm)):
        raise ConfigError(f"rm={rm!r}: {_MEANING['rm']}. Give an object, not a class or a text.")
    for name, method in (("adapter", "compile"), ("cache", "get"), ("trace_log", "log_run")):
        value = values.get(name)
        if value is not None and (isinstance(value, type) or not hasattr(value, method)):
            other = "not a class" if name == "adapter" else "not a class or a text"
            raise ConfigError(f"{name}={value!r}: {_MEANING[name]}. Give an object, {other}.")
    callbacks = values.get("callbacks", ())
    if not isinstance(callbacks, list | tuple) or any(isinstance(one, type) for one in callbacks):
        raise ConfigError(f"callbacks={callbacks!r}: give a list of burnish.BaseCallback objects.")
    for name in ("track_usage", "disable_history"):
        if not isinstance(values.get(name, False), bool):
            raise ConfigError(f"{name}={values[name]!r}: give True or False.")
    for name, least in (("num_threads", 1), ("max_errors", 0), ("max_history_size", 0)):
        number = values.get(name, least)
        nothing = number is None and name != "max_history_size"
        if not nothing and (isinstance(number, bool) or not isinstance(number, int) or number < least):
            raise ConfigError(f"{name}={number!r}: give a whole number of at least {least}.")
    return values


settings = Settings()
configure = settings.configure
context = settings.context


def inspect_history(n: int = 1, file: IO[str] | None = None) -> None:
    """Show the last LM calls: every message and every reply, oldest first.

    Args:
        n: How many calls; the setting ``max_history_size`` says how many there can be.
        file: Where to write the text; None is standard output, in colour on a terminal.
    """
    show(settings.history.entries(), n, file)
