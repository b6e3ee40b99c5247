"""`ProgramOfThought`: answers by a program that the model writes (Chen et al. 2022, arXiv:2211.12588)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from burnish.errors import CodeError, ConfigError, ReplyError
from burnish.loop import in_thread
from burnish.modules.chain_of_thought import ChainOfThought
from burnish.modules.module import Module
from burnish.modules.sandbox import PythonInterpreter
from burnish.values.signature import InputField, OutputField, Signature, ensure_signature
from burnish.values.whole import check_whole

_FENCE = re.compile(r"```[\w+-]*[ \t]*\n(.*?)```", re.DOTALL)
_MOST_OF_AN_ERROR = 500


class ProgramOfThought(Module):
    """Lets the model write code, runs it, and lets the model answer from what the code printed.

    Off unless `allow_code` is set, since what a model writes is run: in a process of its own with limits, see
    `PythonInterpreter` for what they hold and what not. Code that fails is given back with its error, up to `max_iters` times in
    all. Optimizers tune ``code_generate.predict``, ``code_regenerate.predict`` and ``generate_output.predict``.

    Costs:
        Two LM calls, and one for each time that code fails: max_iters + 1 at most.

    Args:
        signature: What to answer: a `Signature` class or a text.
        max_iters: How often code may be written.
        interpreter_factory: Makes what runs the code, for each call: an object with ``execute(code, variables)``, async as
            ``aexecute`` where it has that.
        allow_code: Whether code may be run.

    Raises:
        ConfigError: `allow_code` is not set.

    Example:
        >>> import burnish
        >>> from burnish.testing import ScriptedLM
        >>> replies = [
        ...     {"reasoning": "I multiply.", "generated_code": "print(6 * 7)"},
        ...     {"reasoning": "It printed 42.", "answer": 42},
        ... ]
        >>> with burnish.context(lm=ScriptedLM(replies)):
        ...     ProgramOfThought("question -> answer: int", allow_code=True)(question="6 × 7?").answer
        42
    """

    def __init__(
        self,
        signature: type[Signature] | str,
        max_iters: int = 3,
        interpreter_factory: Callable[[], Any] = PythonInterpreter,
        *,
        allow_code: bool = False,
    ) -> None:
        check_whole(1, max_iters=max_iters)
        if not allow_code:
            raise ConfigError(
                "ProgramOfThought runs code that a model wrote, which is off by default. Set allow_code=True to run it in a "
                "limited process; the docstring of burnish.PythonInterpreter says what the limits hold."
            )
        self.signature = ensure_signature(signature)
        self.max_iters = max_iters
        self.interpreter_factory = interpreter_factory
        wanted = ", ".join(f"`{name}`" for name in self.signature.output_fields)
        code = OutputField(desc="Python code, with the standard library alone")
        task = (
            f"{self.signature.instructions}\n\nWrite Python code that finds out what is needed for {wanted} and prints it. "
            "The inputs are there as variables of the same names."
        )
        asked = self.signature.with_instructions(task)
        for name in self.signature.output_fields:
            asked = asked.delete(name)
        asked = asked.append("generated_code", code)
        again = asked.with_instructions(f"{task} An earlier attempt failed: find out why, and do better.")
        again = again.append("previous_code", InputField(desc="the code that failed"))
        again = again.append("error", InputField(desc="what went wrong with it"))
        answer = self.signature.append("final_generated_code", InputField(desc="code that was run for this"))
        answer = answer.append("code_output", InputField(desc="what it printed"))
        self.code_generate = ChainOfThought(asked)
        self.code_regenerate = ChainOfThought(again)
        self.generate_output = ChainOfThought(answer)

    async def aforward(self, **inputs: Any) -> Any:
        """The answer.

        Raises:
            ReplyError: The last code failed too; the error carries it.
            LMError: There was no reply.
        """
        interpreter = self.interpreter_factory()
        code = (await self.code_generate.acall(**inputs)).generated_code
        printed: str | None = None
        for left in range(self.max_iters - 1, -1, -1):
            try:
                printed = await _printed(interpreter, _bare(code), inputs)
                break
            # An interpreter may be the user's own, and what is wrong with code is any error.
            except Exception as error:
                told = f"{error!s:.{_MOST_OF_AN_ERROR}}"
                if not left:
                    text = f"The code failed in each of {self.max_iters} attempts, the last time so: {told}"
                    raise ReplyError(text, reply=code, field="generated_code") from error
            code = (await self.code_regenerate.acall(**inputs, previous_code=_bare(code), error=told)).generated_code
        return await self.generate_output.acall(**inputs, final_generated_code=_bare(code), code_output=printed)


async def _printed(interpreter: Any, code: str, inputs: dict[str, Any]) -> str:
    run = getattr(interpreter, "aexecute", None)
    printed = await in_thread(interpreter.execute, code, inputs) if run is None else await run(code, inputs)
    if printed is None or printed == "":
        raise CodeError("The code printed nothing.")
    return str(printed)


def _bare(code: str) -> str:
    """The code without the fence that models put around it."""
    found = _FENCE.search(code)
    return (code if found is None else found[1]).strip()
