"""`ReAct`: an agent that thinks, calls tools and looks at what they return (Yao et al. 2022, arXiv:2210.03629)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from burnish.errors import BudgetExhausted, ConfigError, LMError, PromptTooLong, ReplyError, RunStopped
from burnish.lm.callbacks import watched_await
from burnish.lm.scope import current_scope
from burnish.lm.settings import context, settings
from burnish.modules.chain_of_thought import ChainOfThought
from burnish.modules.module import Module
from burnish.modules.native_steps import NativeSteps
from burnish.modules.predict import Predict
from burnish.modules.program_tool import program_tool
from burnish.modules.trajectory import Trajectory
from burnish.values.prediction import Prediction
from burnish.values.signature import InputField, OutputField, Signature, ensure_signature
from burnish.values.signature_fields import MADE
from burnish.values.tools import Tool
from burnish.values.whole import check_whole

FINISH = "finish"
# Nothing that a tool returned: the model that it asks is away, or there is nothing left to ask with.
_OUTAGES = (LMError, BudgetExhausted, RunStopped)
_MOST_UNREADABLE = 2
_MOST_OF_AN_ERROR = 500


class ReAct(Module):
    """Works towards the outputs step by step, with tools.

    In each step the predictor `react` writes a thought and asks for one tool; what the tool returns is part of
    the next question. With ``finish``, or after `max_iters` steps, `extract` answers from the steps. Optimizers tune both:
    ``react`` and ``extract.predict``.

    What goes wrong with a tool is an observation: arguments that do not fit, an error, too long a time. So is a reply that
    cannot be read, but for a second one in a row, after which `extract` answers from the steps there are. Outages of a model
    that a tool asks, and a budget that is used up, are raised. Where the steps outgrow the model's window, the oldest are
    left out of the prompt, one by one; the last one stays.

    With an adapter that has ``use_native_function_calling`` set, a model that calls tools natively is handed the tools
    so, and its call becomes the same fields of a step: demos and saved files are the same either way. Of several calls in
    a reply the first one counts.

    Costs:
        One LM call a step and one at the end: 2 to max_iters + 1, besides what tools ask.

    Args:
        signature: What to answer: a `Signature` class or a text.
        tools: Functions, coroutine functions, `Tool` objects or programs. Names, docstrings and type hints tell the model of
            them. A program (or ``Tool(program, name=...)``) is part of the agent, and optimizers tune it too.
        max_iters: Most steps.

    Raises:
        ConfigError: Two tools have one name, or one is called ``finish``.

    Example:
        >>> import burnish
        >>> from burnish.testing import ScriptedLM
        >>> def double(x: int) -> int:
        ...     '''Doubles a number.'''
        ...     return 2 * x
        >>> steps = [
        ...     {"next_thought": "I double it.", "next_tool_name": "double", "next_tool_args": {"x": 21}},
        ...     {"next_thought": "That is it.", "next_tool_name": "finish", "next_tool_args": {}},
        ...     {"reasoning": "double gave 42.", "answer": 42},
        ... ]
        >>> agent = ReAct("question -> answer: int", tools=[double])
        >>> with burnish.context(lm=ScriptedLM(steps)):
        ...     prediction = agent(question="21 × 2?")
        >>> prediction.answer, prediction.trajectory["observation_0"]
        (42, 42)
    """

    def __init__(
        self, signature: type[Signature] | str, tools: Iterable[Tool | Callable[..., Any]], max_iters: int = 20
    ) -> None:
        check_whole(1, max_iters=max_iters)
        self.signature = ensure_signature(signature)
        self.max_iters = max_iters
        self.tools = _named(tools, self.signature)
        steps = InputField(desc="the steps so far: thoughts, calls of tools and their results")
        self.react = Predict(_step_signature(self.signature, self.tools).append("trajectory", steps))
        self.extract = ChainOfThought(self.signature.append("trajectory", steps))
        # Kept apart from what is told of them, so that they are found, and a copy of the agent has copies of its own.
        self.programs = {name: tool.func for name, tool in self.tools.items() if isinstance(tool.func, Module)}

    async def aforward(self, **inputs: Any) -> Prediction:
        """The outputs, with all steps as ``trajectory``.

        Args:
            inputs: The signature's inputs, and optionally ``max_iters=`` for this call.

        Raises:
            ReplyError: No step was made and the replies cannot be read, or the last reply cannot.
            PromptTooLong: Inputs and a single step are too long for the model.
            LMError: There was no reply, to the agent or to a model that a tool asks.
        """
        most = inputs.pop("max_iters", None) if "max_iters" not in self.signature.input_fields else None
        check_whole(1, max_iters=most)
        trajectory = Trajectory()
        unreadable = 0
        for _ in range(self.max_iters if most is None else most):
            try:
                with self._natively():
                    step = await self._ask(self.react, trajectory, inputs)
            except ReplyError as error:
                unreadable += 1
                if unreadable == _MOST_UNREADABLE:
                    if len(trajectory) < _MOST_UNREADABLE:
                        raise
                    break
                trajectory.add("", None, {}, f"The reply of this step cannot be read. {error!s:.{_MOST_OF_AN_ERROR}}")
                continue
            unreadable = 0
            name, args = step.next_tool_name, step.next_tool_args
            trajectory.add(step.next_thought, name, args, await self._observe(name, args))
            if name == FINISH:
                break
        answer = await self._ask(self.extract, trajectory, inputs)
        return Prediction(trajectory=trajectory.fields, **dict(answer.items()))

    async def _ask(self, part: Module, trajectory: Trajectory, inputs: dict[str, Any]) -> Any:
        while True:
            try:
                return await part.acall(**inputs, trajectory=trajectory.text())
            except PromptTooLong:
                if not trajectory.hide_oldest():
                    raise
            scope = current_scope()
            if scope is not None and scope.watch is not None:
                scope.watch.emit("steps_dropped", stage=scope.stage, steps=len(trajectory))
            warnings.warn(
                "The steps of a ReAct agent are longer than its model's window: the oldest are left out.", stacklevel=2
            )

    @contextmanager
    def _natively(self) -> Iterator[None]:
        """Where the adapter of the settings is for native calls of tools, so is that of a step."""
        adapter = settings.adapter
        if not getattr(adapter, "use_native_function_calling", False):
            yield
            return
        kept = self.react.signature.kept
        native = kept.get(NativeSteps)
        if native is None or native.base is not adapter:
            native = kept[NativeSteps] = NativeSteps(adapter, self.tools)
        with context(adapter=native):
            yield

    async def _observe(self, name: str, args: dict[str, Any]) -> Any:
        """What a tool returns, or what went wrong with it in words."""
        tool = self.tools.get(name)
        if tool is None:
            return f"There is no tool {name!r}. There are {', '.join(self.tools)}."
        program = self.programs.get(name)
        if program is not None:
            tool = tool.model_copy(update={"func": program.acall})
        try:
            return await watched_await("tool", tool, args, tool.acall(**args))
        except _OUTAGES:
            raise
        # Tools are user code and may raise anything, which the model may be able to mend.
        except Exception as error:
            stopped = error.__cause__
            if stopped is not None and not isinstance(stopped, Exception):
                raise  # Ctrl-C or sys.exit in a worker thread
            return f"{type(error).__name__}: {error!s:.{_MOST_OF_AN_ERROR}}"


def _named(tools: Iterable[Tool | Callable[..., Any]], signature: type[Signature]) -> dict[str, Tool]:
    named: dict[str, Tool] = {}
    for given in tools:
        tool = program_tool(given) if isinstance(given, Module) else Tool.of(given)
        if isinstance(given, Tool) and isinstance(given.func, Module):
            # Without words of the user's, what a Tool says is what any program's __call__ says.
            plain = Tool(given.func, given.name).desc == given.desc
            tool = program_tool(given.func, given.name, None if plain else given.desc, timeout=given.timeout)
        if tool.name in named or tool.name == FINISH:
            taken = "is what ends the steps" if tool.name == FINISH else "is the name of two tools"
            raise ConfigError(f"ReAct: {tool.name!r} {taken}. Give one another name: Tool(function, name=...).")
        named[tool.name] = tool
    wanted = ", ".join(f"`{name}`" for name in signature.output_fields)
    named[FINISH] = Tool(
        _finish, FINISH, f"Ends the steps. To be called once all that is needed for {wanted} is known."
    )
    return named


def _finish() -> str:
    return "Completed."


def _step_signature(signature: type[Signature], tools: dict[str, Tool]) -> type[Signature]:
    """What `react` is asked; the tools stand in its fields, where no optimizer of instructions overwrites them."""
    given, wanted = (
        ", ".join(f"`{name}`" for name in side) for side in (signature.input_fields, signature.output_fields)
    )
    task = (
        f"{signature.instructions}\n\nYou get there in steps, each of which calls one tool. From {given} and the steps so far, "
        f"in `trajectory`, decide on the next step alone: what you conclude, which tool to call, and with which arguments. "
        f"Do not write {wanted} yet: that is asked for after the call of `{FINISH}`."
    )
    listed = "\n".join(f"  - {tool.format()}" for tool in tools.values())
    own = signature.with_instructions(task)
    for name in signature.output_fields:
        own = own.delete(name)
    own = own.append("next_thought", OutputField(desc="what the steps so far tell, and what is still missing"))
    told = f"the tool to call. The tools are:\n{listed}"
    tool_field = OutputField(desc=told, json_schema_extra={MADE: True})
    own = own.append("next_tool_name", tool_field, Literal[tuple(tools)])
    return own.append(
        "next_tool_args", OutputField(desc="its arguments by name; {} where it takes none"), dict[str, Any]
    )
