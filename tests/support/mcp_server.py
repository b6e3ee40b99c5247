"""An MCP server over stdio, written with the official SDK: run as a process by the tests of MCP tools."""

from __future__ import annotations

from mcp.server.fastmcp import FastMCP
from pydantic import BaseModel

server = FastMCP("tests", log_level="ERROR")


class Place(BaseModel):
    city: str
    floor: int = 0


class Weather(BaseModel):
    sky: str
    degrees: int


@server.tool()
def add(a: int, b: int = 1) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def weather(place: Place) -> Weather:
    """Tells the weather."""
    return Weather(sky=f"clear over {place.city}", degrees=20 + place.floor)


@server.tool()
def broken(why: str) -> str:
    """Always fails."""
    raise ValueError(f"it is broken: {why}")


if __name__ == "__main__":
    server.run()
