"""A tool of an MCP server as the arguments of a `Tool`; nothing of the SDK is imported for it.

A session belongs to the event loop that it was opened on, and programs run on Burnish's own. So a call goes over to the
session's loop, and comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from burnish.errors import ConfigError, ToolError
from burnish.values.tool_arguments import completed

_SECONDS_TO_BEGIN = 10.0


def arguments_of(session: Any, tool: Any, result_mode: str) -> dict[str, Any]:
    """What `Tool` is made with for a tool that a session listed.

    Raises:
        ConfigError: There is no such `result_mode`.
    """
    if result_mode not in ("text", "structured"):
        raise ConfigError(f"result_mode={result_mode!r}: give 'text' or 'structured'.")
    try:
        home: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
    except RuntimeError:
        home = None  # made outside of any loop: called wherever the program runs

    async def call(**arguments: Any) -> Any:
        asked = _at_home(home, session, tool.name, arguments)
        return _result(await asked, tool.name, structured=result_mode == "structured")

    schema: Mapping[str, Any] = tool.inputSchema or {}
    properties: Mapping[str, Any] = schema.get("properties", {})
    return {
        "func": call,
        "name": tool.name,
        "desc": tool.description or "",
        "args": {name: completed(one, schema.get("$defs", {})) for name, one in properties.items()},
        "arg_desc": {name: one["description"] for name, one in properties.items() if "description" in one},
        "required": schema.get("required", ()),
    }


async def _at_home(home: asyncio.AbstractEventLoop | None, session: Any, name: str, arguments: dict[str, Any]) -> Any:
    """The result of a call, made on the session's own loop."""
    if home is None or home is asyncio.get_running_loop():
        return await session.call_tool(name, arguments)
    if home.is_closed():
        raise ToolError(f"The event loop of the session that has the tool {name!r} is closed.", tool=name)
    begun: Future[None] = Future()

    async def there() -> Any:
        begun.set_result(None)
        return await session.call_tool(name, arguments)

    result = asyncio.run_coroutine_threadsafe(there(), home)
    try:
        await asyncio.wait_for(asyncio.wrap_future(begun), _SECONDS_TO_BEGIN)
    except TimeoutError:
        result.cancel()
        raise ToolError(
            f"The event loop of the session that has the tool {name!r} does nothing. A sync call blocks it: use "
            "await program.acall(...) there, or open the session with burnish.MCPTools.",
            tool=name,
        ) from None
    return await asyncio.wrap_future(result)


def _result(result: Any, name: str, *, structured: bool) -> Any:
    parts = [part.text if getattr(part, "type", "") == "text" else part for part in result.content]
    if result.isError:
        raise ToolError(" ".join(map(str, parts)) or f"The tool {name!r} failed.", tool=name)
    if structured and result.structuredContent is not None:
        return result.structuredContent
    texts = [part for part in parts if isinstance(part, str)] or parts
    return texts[0] if len(texts) == 1 else texts
