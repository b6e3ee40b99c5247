"""Every error that Burnish raises, on one page.

::

    BurnishError
    ├── ConfigError (ValueError)     a setting is wrong; raised before anything is paid for
    │   ├── SignatureError           a signature that cannot be read
    │   ├── StateError               a saved file that cannot be loaded, or does not fit
    │   └── PluginError              a plugin that breaks the contract
    ├── ReplyError                   a model's reply that does not parse; carries the reply
    ├── ToolError (ValueError)       a tool that was asked for wrongly, or took too long
    ├── CodeError                    code that a model wrote, and that did not run to its end
    ├── AssertionFailed              a constraint that a program states with Assert
    ├── MetricError                  a metric that raised, or returned what is no score
    ├── LMError                      a model call that brought no reply
    │   ├── LMTransient              worth another try: network, time-out, rate limit, 5xx
    │   └── LMRejected               not worth another try: the request itself was refused
    │       ├── LMAccessDenied       key, permission or model name is wrong: every call will fail
    │       └── PromptTooLong        the prompt does not fit the model's window
    ├── BudgetExhausted              the next call would pass a cap; carries which one
    └── RunStopped                   a run gave up loudly; what was paid for is kept
"""

from __future__ import annotations


class BurnishError(Exception):
    """The root of the tree: catches everything that Burnish raises itself."""


class ConfigError(BurnishError, ValueError):
    """A setting, argument or input is wrong; nothing has been paid for yet."""


class SignatureError(ConfigError):
    """A signature cannot be read; the message shows the offending text."""


class StateError(ConfigError):
    """A saved program cannot be loaded, or does not fit; nothing was changed."""


class PluginError(ConfigError):
    """A plugin breaks the contract; the message names the plugin."""


class ReplyError(BurnishError):
    """A model's reply does not parse.

    Attributes:
        reply: The whole reply as it came.
        field: The output field at fault, where one is.
        cut_off: Whether the reply ended at its longest, so that another try would end there too.
    """

    def __init__(self, message: str, *, reply: str, field: str | None = None, cut_off: bool = False) -> None:
        super().__init__(message)
        self.reply = reply
        self.field = field
        self.cut_off = cut_off


class ToolError(BurnishError, ValueError):
    """A tool was given arguments that it does not take, does not exist, or took too long.

    Attributes:
        tool: The tool's name, as it was asked for.
    """

    def __init__(self, message: str, *, tool: str) -> None:
        super().__init__(message)
        self.tool = tool


class CodeError(BurnishError):
    """Code did not run to its end; the message says why, in words for its author."""


class AssertionFailed(BurnishError):
    """A constraint that a program states with `burnish.Assert` is not kept.

    Attributes:
        target: The predictor or module that the constraint blames; None is the one called last.
    """

    def __init__(self, message: str, *, target: object = None) -> None:
        super().__init__(message)
        self.target = target


class MetricError(BurnishError):
    """A metric raised, or returned something that is not a score."""


class LMError(BurnishError):
    """A model call brought no reply.

    Attributes:
        model: The model's name, as given to `LM`.
        status: The HTTP status, where there was one.
        retry_after: Seconds the endpoint asked to wait, where it did.
    """

    def __init__(
        self,
        message: str,
        *,
        model: str,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.model = model
        self.status = status
        self.retry_after = retry_after


class LMTransient(LMError):
    """Worth another try: network, time-out, rate limit, overload, 5xx."""


class LMRejected(LMError):
    """Not worth another try: the endpoint refused the request itself."""


class LMAccessDenied(LMRejected):
    """Key, permission or model name is wrong, so every further call would fail too."""


class PromptTooLong(LMRejected):
    """The prompt does not fit the model's context window."""


class BudgetExhausted(BurnishError):
    """The next call would pass a cap of the budget.

    Attributes:
        cap: Which cap: ``calls``, ``tokens``, ``dollars`` or ``seconds``.
    """

    def __init__(self, message: str, *, cap: str) -> None:
        super().__init__(message)
        self.cap = cap


class RunStopped(BurnishError):
    """A run gave up loudly; everything received so far is kept in its run directory."""
