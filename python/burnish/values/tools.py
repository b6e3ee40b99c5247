"""Tools: functions that a model may ask to be called, and the calls that it asks for."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, model_serializer, model_validator

from burnish.errors import ConfigError, ToolError
from burnish.loop import in_thread, on_loop, run_sync
from burnish.values.mcp import arguments_of
from burnish.values.tool_arguments import as_json, checker, read_arguments, schemas


class Tool(BaseModel):
    """A function with what a model must know to ask for a call of it.

    Name, description and the JSON schema of the arguments are read from the function: its name, its docstring and its
    type hints. Arguments are checked and converted by the type hints before each call.

    Args:
        func: A function, coroutine function, method, partial or object with ``__call__``.
        name: What the model calls it; the function's own name where not given.
        desc: What it does, in words; the docstring where not given.
        args: JSON schema of each argument, by name, instead of what the type hints say.
        arg_types: Type of each argument, by name, instead of the type hints.
        arg_desc: What each argument is, by name, instead of the docstring's words.
        timeout: Seconds that a call may take through `acall`; None is no limit. A sync function that takes longer runs on
            in its thread, unheeded.
        required: The arguments that must be given; those without a default where not given.

    Raises:
        ConfigError: It cannot be called, has no name, or has an argument that cannot be given by name.

    Example:
        >>> def add(a: int, b: int = 1) -> int:
        ...     '''Adds two numbers.'''
        ...     return a + b
        >>> tool = Tool(add)
        >>> tool.args
        {'a': {'type': 'integer'}, 'b': {'type': 'integer', 'default': 1}}
        >>> tool(a="2")
        3
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    func: Callable[..., Any]
    name: str
    desc: str
    args: dict[str, Any]
    arg_types: dict[str, Any]
    arg_desc: dict[str, str]
    has_kwargs: bool = False
    timeout: float | None = None
    _required: tuple[str, ...] = PrivateAttr(default=())
    _checkers: dict[str, TypeAdapter[Any]] = PrivateAttr(default_factory=dict)

    def __init__(
        self,
        func: Callable[..., Any],
        name: str | None = None,
        desc: str | None = None,
        args: Mapping[str, Any] | None = None,
        arg_types: Mapping[str, Any] | None = None,
        arg_desc: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
        required: Iterable[str] | None = None,
    ) -> None:
        name = _name_of(func) if name is None else name
        if not name or not hasattr(func, "__call__"):  # noqa: B004  a type checker is sure of it, and users err
            raise ConfigError(f"Tool({func!r}): give something that can be called, and a name=... where it has none.")
        read = read_arguments(func, name=name)
        # Whoever states the arguments states all of them: such functions often take **kwargs.
        names = list(read.types if args is None else args)
        types = {one: read.types.get(one, Any) for one in names} | dict(arg_types or {})
        checkers = {one: checker(kind) for one, kind in types.items()}
        words = {**read.descriptions, **(arg_desc or {})}
        given = schemas(checkers) if args is None else {one: dict(schema) for one, schema in args.items()}
        for one, schema in given.items():
            if one in read.defaults:
                schema.setdefault("default", as_json(read.defaults[one]))
            if one in words:
                schema["description"] = words[one]
        super().__init__(
            func=func,
            name=name,
            desc=read.about if desc is None else desc,
            args=given,
            arg_types=types,
            arg_desc={one: text for one, text in words.items() if one in given},
            has_kwargs=read.takes_more,
            timeout=timeout,
        )
        optional = {one for one, schema in given.items() if one in read.defaults or "default" in schema}
        self._required = tuple(one for one in given if one not in optional) if required is None else tuple(required)
        self._checkers = checkers

    @classmethod
    def of(cls, tool: Tool | Callable[..., Any], name: str | None = None) -> Tool:
        """The tool itself, or the one made of a function."""
        return tool if isinstance(tool, Tool) else cls(tool, name)

    @classmethod
    def from_mcp_tool(cls, session: Any, tool: Any, *, result_mode: str = "text") -> Tool:
        """A tool of an MCP server, called through a session of the official SDK.

        Make it where the session was opened: calls go over to the event loop that runs then. So a program that is
        called there is called with ``await program.acall(...)``; for sync code there is `burnish.MCPTools`. A result that the
        server marks as an error is raised as a `ToolError`.

        Args:
            session: An ``mcp.ClientSession`` that is initialized.
            tool: One of ``(await session.list_tools()).tools``.
            result_mode: ``"text"`` for the texts of a result, ``"structured"`` for its data where it has some.

        Raises:
            ConfigError: There is no such `result_mode`.
        """
        return cls(**arguments_of(session, tool, result_mode))

    def __call__(self, /, **arguments: Any) -> Any:
        """Call it and wait; a sync function runs in this thread.

        Raises:
            ToolError: An argument is missing, unknown or of the wrong type.
            Exception: Whatever the function raises.
        """
        if self._is_async:
            return run_sync(self.acall(**arguments))
        returned = self.func(**self._checked(arguments))
        if inspect.isawaitable(returned):
            return run_sync(_awaited(returned))
        return returned

    async def acall(self, /, **arguments: Any) -> Any:
        """Call it from async code: a coroutine function on Burnish's loop, a sync one in a worker thread.

        Raises:
            ToolError: An argument is missing, unknown or of the wrong type, or it took longer than `timeout`.
            Exception: Whatever the function raises.
        """
        return await on_loop(self._run(self._checked(arguments)))

    async def _run(self, arguments: Mapping[str, Any]) -> Any:
        limit = asyncio.timeout(self.timeout)
        try:
            async with limit:
                returned = self.func(**arguments) if self._is_async else await in_thread(self.func, **arguments)
                return await returned if inspect.isawaitable(returned) else returned
        except TimeoutError as error:
            if not limit.expired():
                raise  # the function's own
            raise ToolError(f"Tool {self.name!r} took longer than {self.timeout:g} s.", tool=self.name) from error

    @property
    def _is_async(self) -> bool:
        call = getattr(self.func, "__call__", self.func)  # noqa: B004  an object's async __call__
        return inspect.iscoroutinefunction(self.func) or inspect.iscoroutinefunction(call)

    def _checked(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function's types have them."""
        unknown = [name for name in arguments if name not in self.args and not self.has_kwargs]
        missing = [name for name in self._required if name not in arguments]
        faults = [f"it has no argument {', '.join(map(repr, unknown))}"] if unknown else []
        faults += [f"it needs {', '.join(map(repr, missing))}"] if missing else []
        checked: dict[str, Any] = {}
        for name, value in arguments.items():
            try:
                checked[name] = self._checkers[name].validate_python(value) if name in self._checkers else value
            except pydantic_core.ValidationError as error:
                first = error.errors(include_url=False, include_context=False, include_input=False)[0]
                where = ".".join(map(str, (name, *first["loc"])))
                faults.append(f"{where}={value!r:.200} does not fit: {first['msg']}")
        if faults:
            takes = ", ".join(map(repr, self.args)) or "none"
            raise ToolError(f"Tool {self.name!r}: {'; '.join(faults)}. Its arguments: {takes}.", tool=self.name)
        return checked

    def schema(self) -> dict[str, Any]:  # type: ignore[override]  # pydantic's own of this name is deprecated
        """The tool as an entry of ``tools`` in OpenAI's chat completions.

        Example:
            >>> def count(text: str) -> int: ...
            >>> Tool(count).schema()["function"]["parameters"]
            {'type': 'object', 'properties': {'text': {'type': 'string'}}, 'required': ['text']}
        """
        properties: dict[str, Any] = {}
        definitions: dict[str, Any] = {}
        for name, schema in self.args.items():
            properties[name] = {key: value for key, value in schema.items() if key != "$defs"}
            definitions.update(schema.get("$defs", {}))
        parameters: dict[str, Any] = {"type": "object", "properties": properties, "required": list(self._required)}
        if definitions:
            parameters["$defs"] = definitions
        function = {"name": self.name, "description": self.desc, "parameters": parameters}
        return {"type": "function", "function": function}

    def format_as_litellm_function_call(self) -> dict[str, Any]:
        """`schema`, under DSPy's name for it."""
        return self.schema()

    @model_serializer
    def format(self) -> str:
        """The tool as a prompt shows it.

        Example:
            >>> def count(text: str) -> int: ...
            >>> print(Tool(count, desc="Counts its letters.").format())
            count: Counts its letters. Arguments as JSON: {"text": {"type": "string"}}
        """
        about = f"{self.name}: {' '.join(self.desc.split())}" if self.desc else f"{self.name}."
        takes = f"Arguments as JSON: {json.dumps(self.args, ensure_ascii=False)}" if self.args else "No arguments."
        return f"{about} {takes}"

    def __str__(self) -> str:
        return self.format()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # It never changes, and what its function holds (an index, a session) is not to be copied.
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tool):
            return NotImplemented
        return self is other or (self.func == other.func and self.format() == other.format())

    def __hash__(self) -> int:
        return hash(self.name)


async def _awaited(returned: Any) -> Any:
    return await returned


def _name_of(function: Any) -> str:
    while hasattr(function, "func") and not hasattr(function, "__name__"):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    return "" if name == "<lambda>" else str(name)


class ToolCalls(BaseModel):
    """The calls of tools that a model asks for.

    Example:
        >>> calls = ToolCalls.from_dict_list([{"name": "add", "args": {"a": 1}}])
        >>> calls.tool_calls[0].name, calls.format()
        ('add', {'tool_calls': [{'name': 'add', 'args': {'a': 1}}]})
    """

    class ToolCall(BaseModel):
        """One call that a model asks for.

        Attributes:
            name: Which tool.
            args: Its arguments, by name.
            id: What the model's endpoint calls it, where it gives it a name.
        """

        name: str
        args: dict[str, Any] = Field(default_factory=dict)
        id: str | None = Field(default=None, exclude_if=lambda value: value is None)

        def execute(self, functions: Mapping[str, Any] | Iterable[Any]) -> Any:
            """Call the tool and wait.

            Args:
                functions: Tools or functions; or name → tool or function.

            Raises:
                ToolError: None of them has this name, or the arguments do not fit.
                Exception: Whatever the tool raises.
            """
            return self._tool(functions)(**self.args)

        async def aexecute(self, functions: Mapping[str, Any] | Iterable[Any]) -> Any:
            """`execute`, from async code."""
            return await self._tool(functions).acall(**self.args)

        def _tool(self, functions: Mapping[str, Any] | Iterable[Any]) -> Tool:
            if isinstance(functions, Mapping):
                tools = {name: Tool.of(function, name) for name, function in functions.items()}
            else:
                tools = {tool.name: tool for tool in map(Tool.of, functions)}
            if self.name not in tools:
                raise ToolError(f"There is no tool {self.name!r}. There are {', '.join(tools)}.", tool=self.name)
            return tools[self.name]

        def format(self) -> dict[str, Any]:
            """The call as OpenAI's messages have it."""
            named = {} if self.id is None else {"id": self.id}
            return {**named, "type": "function", "function": {"name": self.name, "arguments": json.dumps(self.args)}}

    _keys: ClassVar[frozenset[str]] = frozenset({"name", "args", "arguments", "function"})

    tool_calls: list[ToolCall]

    @classmethod
    def from_dict_list(cls, tool_calls_dicts: Iterable[Mapping[str, Any]]) -> Self:
        """The calls in a list of ``{"name": ..., "args": {...}}``."""
        return cls.model_validate(list(tool_calls_dicts))

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        """Models write calls with or without what surrounds them, by our names or by OpenAI's."""
        if isinstance(value, Mapping) and cls._keys & value.keys() and "tool_calls" not in value:
            value = [value]
        if isinstance(value, Mapping) and isinstance(value.get("tool_calls"), list | tuple):
            value = value["tool_calls"]
        return {"tool_calls": [_call(one) for one in value]} if isinstance(value, list | tuple) else value

    def format(self) -> dict[str, Any]:
        """The calls as plain data."""
        return {"tool_calls": [{"name": call.name, "args": call.args} for call in self.tool_calls]}

    def __len__(self) -> int:
        return len(self.tool_calls)


def _call(value: Any) -> Any:
    """One call by our names."""
    if not isinstance(value, Mapping):
        return value
    inner = value.get("function")
    named = {**value, **inner} if isinstance(inner, Mapping) else dict(value)
    args = named.get("args", named.get("arguments", {}))
    if isinstance(args, str):
        try:
            args = json.loads(args) if args.strip() else {}
        except ValueError:
            return value
    return {"name": named.get("name"), "args": {} if args is None else args, "id": named.get("id")}
