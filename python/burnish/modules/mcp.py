"""`MCPTools`: the tools of an MCP server, in a session on Burnish's own event loop (needs ``pip install burnish[mcp]``)."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from burnish.errors import ConfigError
from burnish.loop import on_loop, run_sync
from burnish.values.tools import Tool


class MCPTools:
    """Opens a session with an MCP server for a block of code, sync or async, and gives its tools.

    The session lives on the loop that programs run on, so sync programs and optimizers can call its tools too. For a
    session of your own there is `Tool.from_mcp_tool`.

    Args:
        server: ``mcp.StdioServerParameters(command=..., args=...)`` for a server to be started, or any client of the SDK
            that is not yet entered, such as ``mcp.client.streamable_http.streamable_http_client(url)``.
        result_mode: ``"text"``, or ``"structured"`` for results as data where the server gives them so.

    Example:
        A server's tools for an agent::

            with burnish.MCPTools(mcp.StdioServerParameters(command="my-server")) as tools:
                agent = burnish.ReAct("question -> answer", tools=tools)
                agent(question="...")
    """

    def __init__(self, server: Any, *, result_mode: str = "text") -> None:
        self._server = server
        self._result_mode = result_mode
        self._session: tuple[asyncio.Task[None], asyncio.Event] | None = None

    def __enter__(self) -> list[Tool]:
        """Open the session; its tools."""
        return run_sync(self._open())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, and end a server that was started for it."""
        run_sync(self._close())

    async def __aenter__(self) -> list[Tool]:
        """The same from async code."""
        return await on_loop(self._open())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The same from async code."""
        await on_loop(self._close())

    async def _open(self) -> list[Tool]:
        try:
            import mcp  # noqa: F401  asked for here, so that its absence is told at once
        except ImportError as error:
            raise ConfigError("MCPTools needs the MCP SDK: pip install 'burnish[mcp]'.") from error
        if self._session is not None:
            raise ConfigError("This MCPTools is open already. Make one for each block.")
        ready: asyncio.Future[list[Tool]] = asyncio.get_running_loop().create_future()
        closing = asyncio.Event()
        # One task opens and closes it, as the SDK's scopes of cancellation ask for.
        task = asyncio.get_running_loop().create_task(self._hold(ready, closing))
        self._session = task, closing
        try:
            return await ready
        except BaseException:
            task.cancel()  # it may wait for a server that says nothing
            await self._close()
            raise

    async def _close(self) -> None:
        if self._session is None:
            return
        (task, closing), self._session = self._session, None
        closing.set()
        await asyncio.gather(task, return_exceptions=True)

    async def _hold(self, ready: asyncio.Future[list[Tool]], closing: asyncio.Event) -> None:
        from mcp import ClientSession, StdioServerParameters
        from mcp.client.stdio import stdio_client

        server = self._server
        try:
            async with (
                stdio_client(server) if isinstance(server, StdioServerParameters) else server as (reads, writes, *_),
                ClientSession(reads, writes) as session,
            ):
                await session.initialize()
                tools, cursor = [], None
                while True:
                    page = await session.list_tools(cursor)
                    tools += [Tool.from_mcp_tool(session, one, result_mode=self._result_mode) for one in page.tools]
                    cursor = page.nextCursor
                    if not cursor:
                        break
                ready.set_result(tools)
                await closing.wait()
        # Handed on to whoever opens it; once it is open, a session that breaks makes its calls fail.
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)
        finally:
            ready.cancel()  # without effect where it has an outcome
