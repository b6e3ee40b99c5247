"""Tools of a real MCP server in a process of its own: in Burnish's session and in one of the user's."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

import burnish
from burnish import BootstrapFewShot, Example, MCPTools, ReAct, Tool
from burnish.errors import ConfigError, ToolError
from burnish.testing import ScriptedLM
from burnish.values import mcp as calls_over_mcp

mcp = pytest.importorskip("mcp", reason="the MCP SDK is an extra: pip install 'burnish[mcp]'")

SERVER = Path(__file__).parents[2] / "support" / "mcp_server.py"
STEPS = [
    {"next_thought": "t", "next_tool_name": "add", "next_tool_args": {"a": 40, "b": 2}},
    {"next_thought": "t", "next_tool_name": "broken", "next_tool_args": {"why": "rust"}},
    {"next_thought": "t", "next_tool_name": "finish", "next_tool_args": {}},
    {"reasoning": "r", "answer": "42"},
]


def server() -> Any:
    return mcp.StdioServerParameters(command=sys.executable, args=[str(SERVER)])


@pytest.fixture(scope="module")
def tools():
    with MCPTools(server()) as found:
        yield {tool.name: tool for tool in found}


def test_a_server_tells_its_tools(tools: dict[str, Tool]) -> None:
    add = tools["add"].schema()["function"]
    assert (add["name"], add["description"], add["parameters"]["required"]) == ("add", "Adds two numbers.", ["a"])
    assert {name: one["type"] for name, one in add["parameters"]["properties"].items()} == {
        "a": "integer",
        "b": "integer",
    }
    assert "Place" in tools["weather"].schema()["function"]["parameters"]["$defs"]


def test_tools_are_called_from_sync_code_and_from_any_loop(tools: dict[str, Tool]) -> None:
    assert tools["add"](a=3) == "4"
    assert asyncio.run(tools["add"].acall(a=3, b=4)) == "7"
    with pytest.raises(ToolError, match="it is broken: rust"):
        tools["broken"](why="rust")
    with pytest.raises(ToolError, match="it needs 'a'"):
        tools["add"]()


def test_an_agent_uses_them_and_is_compiled_with_them(tools: dict[str, Tool]) -> None:
    agent = ReAct("question -> answer", tools=tools.values())
    with burnish.context(lm=ScriptedLM(STEPS)):
        trajectory = agent(question="40 + 2?").trajectory
    assert trajectory["observation_0"] == "42"
    assert "it is broken: rust" in trajectory["observation_1"]
    rows = [Example(question="40 + 2?", answer="42").with_inputs("question")]
    with burnish.context(lm=ScriptedLM(STEPS)):
        optimizer = BootstrapFewShot(lambda e, p, trace=None: e.answer == p.answer, max_labeled_demos=0)
        compiled = optimizer.compile(agent, trainset=rows)
    assert len(compiled.react.demos) == 1


def test_a_session_of_the_users_is_called_on_its_own_loop() -> None:
    async def main() -> Any:
        from mcp.client.stdio import stdio_client

        async with stdio_client(server()) as (reads, writes), mcp.ClientSession(reads, writes) as session:
            await session.initialize()
            listed = (await session.list_tools()).tools
            found = [Tool.from_mcp_tool(session, one, result_mode="structured") for one in listed]
            agent = ReAct("question -> answer", tools=found)
            with burnish.context(lm=ScriptedLM(STEPS)):
                return await agent.acall(question="?"), await found[1].acall(place={"city": "Rome", "floor": 2})

    prediction, weather = asyncio.run(main())
    assert prediction.trajectory["observation_0"] == {"result": 42}
    assert weather == {"sky": "clear over Rome", "degrees": 22}


class Session:
    """As much of a session as a call needs, without a server."""

    async def call_tool(self, name: str, arguments: Any) -> Any:
        raise AssertionError("never reached")


class Listed:
    name, description, inputSchema = "look", "Looks.", {"properties": {}}  # noqa: N815 - MCP's names


def test_a_loop_that_is_blocked_or_closed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_over_mcp, "_SECONDS_TO_BEGIN", 0.05)

    async def blocked() -> Tool:
        tool = Tool.from_mcp_tool(Session(), Listed())
        with pytest.raises(ToolError, match="A sync call blocks it"):
            tool()
        return tool

    tool = asyncio.run(blocked())
    with pytest.raises(ToolError, match="is closed"):
        tool()


def test_what_goes_wrong_at_the_start_is_raised() -> None:
    with pytest.raises(FileNotFoundError), MCPTools(mcp.StdioServerParameters(command="/no/such/server")):
        pass
    with pytest.raises(ConfigError, match="result_mode='json'"):
        Tool.from_mcp_tool(Session(), Listed(), result_mode="json")
