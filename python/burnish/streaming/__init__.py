"""A program's output while it comes: fields piece by piece, and what it is doing meanwhile."""

from __future__ import annotations

from burnish.streaming.listener import StreamListener
from burnish.streaming.messages import StatusMessage, StatusMessageProvider, StreamResponse
from burnish.streaming.streamify import streamify
from burnish.streaming.ways_out import apply_sync_streaming, streaming_response

__all__ = [
    "StatusMessage",
    "StatusMessageProvider",
    "StreamListener",
    "StreamResponse",
    "apply_sync_streaming",
    "streamify",
    "streaming_response",
]
