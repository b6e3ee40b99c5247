"""The contract suite of model backends: what every one must do, as tests to subclass."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from burnish.errors import LMError, LMRejected, LMTransient
from burnish.lm.lm import LM
from burnish.lm.request import Request, Response
from burnish.loop import run_sync


class BackendContract:
    """What holds for every model backend.

    Give it `make_backend`, and `make_failures` where failures can be brought about offline. One that streams is asked
    for pieces too.
    """

    model: ClassVar[str] = "contract/model"

    def make_backend(self) -> Any:
        """The backend, ready to answer `model`."""
        raise NotImplementedError("Define make_backend(self) in your subclass.")

    def make_request(self, text: str = "Say something.") -> Request:
        """A request that the backend answers."""
        return Request.build(self.model, [{"role": "user", "content": text}], params={})

    def make_failures(self) -> Sequence[tuple[Any, Request, type[LMError]]]:
        """Backends with a request that fails on them, and the error that it must be."""
        return ()

    def test_the_reply_is_well_formed(self) -> None:
        response = run_sync(self.make_backend().complete(self.make_request()))
        check_response(response)

    def test_the_reply_can_be_kept_as_json(self) -> None:
        response = run_sync(self.make_backend().complete(self.make_request()))
        assert Response.from_json(response.to_json()) == response

    def test_many_calls_at_once_each_get_their_reply(self) -> None:
        backend = self.make_backend()
        requests = [self.make_request(f"Say the number {number}.") for number in range(16)]

        async def at_once() -> list[Response]:
            return list(await asyncio.gather(*map(backend.complete, requests)))

        for response in run_sync(at_once()):
            check_response(response)

    def test_a_request_is_not_changed(self) -> None:
        request = self.make_request()
        before = copy.deepcopy((request.messages, dict(request.params)))
        run_sync(self.make_backend().complete(request))
        assert (request.messages, dict(request.params)) == before

    def test_an_lm_can_use_it(self) -> None:
        texts = LM(self.model, backend=self.make_backend(), cache=False)("Say something.")
        assert texts
        assert all(isinstance(text, str) for text in texts)

    def test_failures_say_whether_another_try_helps(self) -> None:
        failures = self.make_failures()
        if not failures:
            pytest.skip("make_failures gives none")
        for backend, request, expected in failures:
            assert issubclass(expected, LMTransient | LMRejected)
            with pytest.raises(expected) as caught:
                run_sync(backend.complete(request))
            assert caught.value.model

    def test_pieces_joined_are_the_text(self) -> None:
        backend = self.make_backend()
        if not hasattr(backend, "stream"):
            pytest.skip("does not stream")
        told: dict[int, str] = {}

        def deliver(number: int, text: str) -> None:
            told[number] = told.get(number, "") + text

        response = run_sync(backend.stream(self.make_request(), deliver))
        check_response(response)
        assert told == dict(enumerate(response.texts))

    def test_a_stream_that_is_cancelled_tells_no_more(self) -> None:
        backend = self.make_backend()
        if not hasattr(backend, "stream"):
            pytest.skip("does not stream")

        async def after_the_first_piece() -> list[str]:
            told: list[str] = []

            def deliver(number: int, text: str) -> None:
                told.append(text)
                task.cancel()

            task = asyncio.create_task(backend.stream(self.make_request(), deliver))
            await asyncio.wait([task], timeout=10)
            assert task.done()
            ended = len(told)
            await asyncio.sleep(0.05)
            assert len(told) == ended
            return told

        assert run_sync(after_the_first_piece())

    def test_closing_may_be_asked_for_twice(self) -> None:
        backend = self.make_backend()
        if not hasattr(backend, "close"):
            pytest.skip("has no close")
        run_sync(backend.complete(self.make_request()))
        run_sync(backend.close())
        run_sync(backend.close())


def check_response(response: Any) -> None:
    """A response with text, usage and the model that answered."""
    assert isinstance(response, Response), f"complete() returned {type(response).__name__}, not a Response"
    assert response.outputs
    assert all(isinstance(text, str) for text in response.texts)
    assert response.usage.calls == 1
    assert response.usage.prompt_tokens >= 0
    assert response.usage.completion_tokens >= 0
    assert response.model
