"""The suite of adapters holds the built-in ones, and tells what is wrong with a broken one."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.adapters.base import Adapter
from burnish.adapters.chat import ChatAdapter
from burnish.adapters.json import JSONAdapter
from burnish.adapters.two_step import TwoStepAdapter
from burnish.adapters.xml import XMLAdapter
from burnish.plugins.manager import lookup, names
from burnish.testing import AdapterContract, ScriptedLM
from burnish.testing.adapter_contract import OUTPUTS, Describe


class TestChat(AdapterContract):
    def make_adapter(self) -> Adapter:
        return ChatAdapter()


class TestJSON(AdapterContract):
    def make_adapter(self) -> Adapter:
        return JSONAdapter()


class TestXML(AdapterContract):
    def make_adapter(self) -> Adapter:
        return XMLAdapter()


class TestTwoStep(AdapterContract):
    reads_what_it_writes = False

    def make_adapter(self) -> Adapter:
        right = ChatAdapter().format_reply(Describe, OUTPUTS[0])
        return TwoStepAdapter(ScriptedLM(lambda request: right))


def test_every_adapter_is_held() -> None:
    held = {suite().make_adapter().name for suite in (TestChat, TestJSON, TestXML, TestTwoStep)}
    assert held == set(names("adapters"))
    assert all(lookup("adapters", name)().name == name for name in held)


class Forgetful(ChatAdapter):
    """Takes every reply for a right one."""

    def parse(self, signature: Any, reply: str) -> dict[str, Any]:
        try:
            return super().parse(signature, reply)
        except Exception:
            return dict.fromkeys(signature.output_fields)


class Loud(ChatAdapter):
    """Raises what is no `ReplyError`."""

    def parse(self, signature: Any, reply: str) -> dict[str, Any]:
        return {"summary": reply[10]}


@pytest.mark.parametrize("broken", [Forgetful, Loud])
def test_a_broken_one_fails(broken: type[Adapter]) -> None:
    class Suite(AdapterContract):
        def make_adapter(self) -> Adapter:
            return broken()

    with pytest.raises(BaseException, match=r"DID NOT RAISE|string index out of range"):
        Suite().test_what_is_no_reply_is_a_reply_error_that_carries_it("null")
