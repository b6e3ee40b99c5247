"""A program as a tool: what a model must know to ask for a run of it."""

from __future__ import annotations

import inspect

from burnish.modules.module import Module, forward_of
from burnish.modules.predict import Predict
from burnish.values.tool_arguments import read_arguments
from burnish.values.tools import Tool


def program_tool(
    program: Module, name: str | None = None, desc: str | None = None, *, timeout: float | None = None
) -> Tool:
    """The tool that a program is: a predictor by its signature, any other by its class and its `forward`.

    Args:
        program: The program.
        name: What the model calls it; the name of its class where not given.
        desc: What it does, in words; the signature's instructions, or the docstring of `forward` or the class.
        timeout: Seconds that a run may take.

    Raises:
        ConfigError: It has an argument that cannot be given by name.
    """
    name = name or type(program).__name__
    read = read_arguments(forward_of(program) or program, name=name)
    types, about, required = read.types, read.about, [one for one in read.types if one not in read.defaults]
    inner = program.predictors()
    if read.takes_more and inner and (isinstance(program, Predict) or not types):
        # What passes its inputs on, as ChainOfThought does, takes those of its first predictor.
        signature = inner[0].signature
        types = {field: info.annotation for field, info in signature.input_fields.items()}
        about, required = signature.instructions, list(types)
    desc = desc or about or (inspect.getdoc(type(program)) if type(program).__doc__ else None) or ""
    words = read.descriptions
    tool = Tool(program, name, desc, arg_types=types, arg_desc=words, required=required, timeout=timeout)
    # A program takes any argument to hand it on, and this one's are known.
    return tool.model_copy(update={"has_kwargs": read.takes_more and not types})
