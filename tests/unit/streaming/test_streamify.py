"""Programs whose output comes while it is made."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import burnish
from burnish.errors import ConfigError, LMTransient
from burnish.lm.request import Output, Request, Response
from burnish.streaming import (
    StatusMessage,
    StatusMessageProvider,
    StreamListener,
    StreamResponse,
    apply_sync_streaming,
    streaming_response,
)
from burnish.testing import ScriptedLM
from burnish.values.usage import Usage

REPLIES = [{"reasoning": "It is said so.", "answer": "Paris"}, {"critique": "Short, but right.", "marks": 5}]


class Answer(burnish.Module):
    """Two predictors, one after the other, in code that is not async."""

    def __init__(self) -> None:
        self.think = burnish.ChainOfThought("question -> answer")
        self.judge = burnish.Predict("answer -> critique, marks: int")

    def forward(self, question: str) -> Any:
        return self.judge(answer=self.think(question=question).answer)


class AsyncAnswer(Answer):
    """The same in async code."""

    forward = None  # type: ignore[assignment]

    async def aforward(self, question: str) -> Any:
        return await self.judge.acall(answer=(await self.think.acall(question=question)).answer)


def scripted(**options: Any) -> ScriptedLM:
    return ScriptedLM(REPLIES, **options)


def joined(items: list[Any]) -> dict[tuple[str, str], str]:
    """The text of each field; a piece that begins anew makes what came before void."""
    texts: dict[tuple[str, str], str] = {}
    ended = set()
    for item in items:
        if isinstance(item, StreamResponse):
            key = item.predict_name, item.signature_field_name
            if item.restarted:
                texts.pop(key, None)
                ended.discard(key)
            assert key not in ended
            texts[key] = texts.get(key, "") + item.chunk
            if item.is_last_chunk:
                ended.add(key)
    assert ended == set(texts), "every field ends"
    return texts


ALL = {
    ("think.predict", "reasoning"): "It is said so.",
    ("think.predict", "answer"): "Paris",
    ("judge", "critique"): "Short, but right.",
    ("judge", "marks"): "5",
}


async def taken(stream: Any) -> list[Any]:
    return [item async for item in stream]


@pytest.mark.parametrize("program", [Answer, AsyncAnswer])
@pytest.mark.parametrize("pieces", [1, 3, 1000])
def test_every_field_comes_in_pieces_and_then_the_prediction(program: Callable[[], Any], pieces: int) -> None:
    with burnish.context(lm=scripted(pieces=pieces)):
        items = asyncio.run(taken(burnish.streamify(program())(question="?")))
    assert joined(items) == ALL
    assert items[-1].toDict() == {"critique": "Short, but right.", "marks": 5}
    assert not any(item.restarted for item in items[:-1])
    if pieces == 1:
        assert len(items) > 30


def test_pieces_come_while_the_model_writes() -> None:
    class Slow:
        async def complete(self, request: Request) -> Response:
            raise AssertionError("asked whole")

        async def stream(self, request: Request, deliver: Callable[[int, str], None]) -> Response:
            deliver(0, "[[ ## answer ## ]]\nPar")
            await asyncio.to_thread(heard.wait, 10)
            deliver(0, "is\n\n[[ ## completed ## ]]")
            return Response((Output("[[ ## answer ## ]]\nParis\n\n[[ ## completed ## ]]"),), Usage(calls=1), "slow")

    heard = threading.Event()
    lm = burnish.LM("slow/model", backend=Slow(), cache=False)

    async def main() -> None:
        with burnish.context(lm=lm):
            stream = burnish.streamify(burnish.Predict("question -> answer"))(question="?")
        first = await anext(stream)
        assert first == StreamResponse("self", "answer", "Par", is_last_chunk=False)
        heard.set()
        rest = await taken(stream)
        assert "".join(item.chunk for item in rest[:-1]) == "is"

    asyncio.run(main())


def test_a_plain_thread_takes_the_pieces_without_async() -> None:
    with burnish.context(lm=scripted()):
        stream = burnish.streamify(Answer(), async_streaming=False)
        items = list(stream(question="?"))
    assert joined(items) == ALL
    assert isinstance(items[-1], burnish.Prediction)


def test_a_cell_of_a_notebook_takes_the_pieces_inside_a_running_loop() -> None:
    async def cell() -> list[Any]:
        with burnish.context(lm=scripted()):
            return list(burnish.streamify(Answer(), async_streaming=False)(question="?"))

    assert joined(asyncio.run(cell())) == ALL


def test_many_streams_at_once_each_get_their_own() -> None:
    def reply(request: Request) -> Any:
        return {"answer": request.messages[-1]["content"].split("\n")[1] * 3}

    async def main() -> list[list[Any]]:
        stream = burnish.streamify(burnish.Predict("question -> answer"))
        return await asyncio.gather(*(taken(stream(question=f"q{number} ")) for number in range(20)))

    with burnish.context(lm=ScriptedLM(reply, pieces=2)):
        for number, items in enumerate(asyncio.run(main())):
            assert joined(items) == {("self", "answer"): f"q{number} " * 2 + f"q{number}"}


def test_only_what_is_listened_to_is_told() -> None:
    with burnish.context(lm=scripted()):
        stream = burnish.streamify(Answer(), stream_listeners=[StreamListener("answer"), StreamListener("critique")])
        items = asyncio.run(taken(stream(question="?")))
    assert set(joined(items)) == {("think.predict", "answer"), ("judge", "critique")}


def test_a_listener_that_could_mean_several_or_none_is_refused() -> None:
    class Twice(burnish.Module):
        def __init__(self) -> None:
            self.first = burnish.Predict("question -> answer")
            self.second = burnish.Predict("question -> answer")

    program = Twice()
    for wrong in ("answer", ["answer"], StreamListener("answer", program.first)):
        with pytest.raises(ConfigError, match="give a list, such as .StreamListener"):
            burnish.streamify(program, stream_listeners=wrong)
    with pytest.raises(ConfigError, match="could mean 'first' or 'second'"):
        burnish.streamify(program, stream_listeners=[StreamListener("answer")])
    with pytest.raises(ConfigError, match="finds no such predictor"):
        burnish.streamify(program, stream_listeners=[StreamListener("reply")])
    burnish.streamify(program, stream_listeners=[StreamListener("answer", predict=program.second)])
    with burnish.context(lm=ScriptedLM([{"answer": "1"}])):
        stream = burnish.streamify(program.first, stream_listeners=[StreamListener("answer", predict_name="self")])
        assert joined(asyncio.run(taken(stream(question="?")))) == {("self", "answer"): "1"}


@pytest.mark.parametrize(("reuse", "expected"), [(False, ["one"]), (True, ["one", "two"])])
def test_a_predictor_in_a_loop_is_heard_again_where_that_is_wanted(reuse: bool, expected: list[str]) -> None:
    class Loop(burnish.Module):
        def __init__(self) -> None:
            self.step = burnish.Predict("question -> answer")

        def forward(self, question: str) -> Any:
            self.step(question=question)
            return self.step(question=question)

    listener = StreamListener("answer", allow_reuse=reuse)
    stream = burnish.streamify(Loop(), stream_listeners=[listener])
    for _ in range(2):  # the listener itself remembers nothing
        with burnish.context(lm=ScriptedLM([{"answer": "one"}, {"answer": "two"}])):
            items = asyncio.run(taken(stream(question="?")))
        ends = [place for place, item in enumerate(items) if getattr(item, "is_last_chunk", False)]
        texts, begin = [], 0
        for end in ends:
            texts.append("".join(item.chunk for item in items[begin : end + 1]))
            begin = end + 1
        assert texts == expected


def test_without_listeners_only_the_prediction_comes() -> None:
    with burnish.context(lm=scripted()):
        (only,) = asyncio.run(taken(burnish.streamify(Answer(), stream_listeners=[])(question="?")))
    assert only.marks == 5


def test_the_prediction_can_be_left_out_but_where_nothing_else_was_told() -> None:
    def items(**options: Any) -> list[Any]:
        with burnish.context(lm=scripted()):
            stream = burnish.streamify(Answer(), include_final_prediction_in_output_stream=False, **options)
            return asyncio.run(taken(stream(question="?")))

    assert all(isinstance(item, StreamResponse) for item in items())
    assert [item.marks for item in items(stream_listeners=[])] == [5]


def test_a_reply_from_the_cache_comes_as_one_piece(tmp_path: Any) -> None:
    stream = burnish.streamify(burnish.Predict("question -> answer"))
    lm = ScriptedLM([{"answer": "It is Paris, in France."}], cache=True, pieces=2)
    with burnish.context(lm=lm, cache=burnish.Cache(tmp_path / "cache.db")):
        first = asyncio.run(taken(stream(question="?")))
        second = asyncio.run(taken(stream(question="?")))
    assert len(first) > 5
    assert second[0].chunk == "It is Paris, in France."
    assert joined(first) == joined(second)
    assert len(lm.requests) == 1


def test_a_backend_that_does_not_stream_is_told_whole() -> None:
    class Whole:
        async def complete(self, request: Request) -> Response:
            return Response((Output("[[ ## answer ## ]]\nParis"),), Usage(calls=1), "whole")

    with burnish.context(lm=burnish.LM("whole/model", backend=Whole(), cache=False)):
        items = asyncio.run(taken(burnish.streamify(burnish.Predict("question -> answer"))(question="?")))
    assert joined(items) == {("self", "answer"): "Paris"}


class Torn:
    """A backend whose attempts fail after some pieces, until the last one of them."""

    def __init__(self, *attempts: str) -> None:
        self.attempts = list(attempts)

    async def complete(self, request: Request) -> Response:
        raise AssertionError("asked whole")

    async def stream(self, request: Request, deliver: Callable[[int, str], None]) -> Response:
        text = self.attempts.pop(0)
        for letter in text:
            deliver(0, letter)
        if self.attempts:
            raise LMTransient("torn", model=request.model)
        return Response((Output(text, "stop"),), Usage(calls=1), "torn")


def retried(*attempts: str) -> list[Any]:
    lm = burnish.LM("torn/model", backend=Torn(*attempts), cache=False)
    with burnish.context(lm=lm):
        return asyncio.run(taken(burnish.streamify(burnish.Predict("question -> answer"))(question="?")))


def test_an_attempt_after_a_torn_one_goes_on_where_it_says_the_same() -> None:
    items = retried("[[ ## answer ## ]]\nIt is Par", "[[ ## answer ## ]]\nIt is Paris.")
    assert joined(items) == {("self", "answer"): "It is Paris."}
    assert not any(item.restarted for item in items[:-1])


def test_an_attempt_after_a_torn_one_begins_anew_where_it_says_something_else() -> None:
    items = retried("[[ ## answer ## ]]\nIt is Par", "[[ ## answer ## ]]\nIt", "[[ ## answer ## ]]\nRome, I think.")
    assert joined(items) == {("self", "answer"): "Rome, I think."}
    assert sum(item.restarted for item in items[:-1]) == 1


def test_what_the_pieces_got_wrong_is_told_anew() -> None:
    # A header in the middle of a line counts only where its field is missing otherwise.
    text = "[[ ## answer ## ]]\nPut [[ ## more ## ]] above it.\n[[ ## more ## ]]\nyes\n[[ ## completed ## ]]"
    with burnish.context(lm=ScriptedLM([text], pieces=4)):
        items = asyncio.run(taken(burnish.streamify(burnish.Predict("question -> answer, more"))(question="?")))
    assert items[-1].answer == "Put [[ ## more ## ]] above it."
    assert joined(items) == {("self", "answer"): items[-1].answer, ("self", "more"): "yes"}
    assert any(item.restarted for item in items[:-1])


def test_an_error_of_the_program_comes_after_its_pieces() -> None:
    class Broken(Answer):
        def forward(self, question: str) -> Any:
            self.think(question=question)
            raise RuntimeError("no judge")

    items: list[Any] = []
    stream = burnish.streamify(Broken(), async_streaming=False)
    with burnish.context(lm=scripted()), pytest.raises(RuntimeError, match="no judge"):
        items.extend(stream(question="?"))
    assert joined(items)["think.predict", "answer"] == "Paris"


def test_whoever_closes_the_stream_cancels_the_call_and_keeps_its_bill() -> None:
    cancelled = threading.Event()

    class Endless:
        async def complete(self, request: Request) -> Response:
            raise AssertionError("asked whole")

        async def stream(self, request: Request, deliver: Callable[[int, str], None]) -> Response:
            deliver(0, "[[ ## answer ## ]]\nAnd so on and so on")
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.set()
                raise
            raise AssertionError("never closed")

    lm = burnish.LM("endless/model", backend=Endless(), cache=False, prices=(1.0, 1e6))

    async def main() -> None:
        stream = burnish.streamify(Answer().think)(question="?")
        # The model forgets the reasoning, so that this call never ends well.
        async for _ in stream:
            break
        await stream.aclose()
        assert cancelled.is_set()

    started = time.monotonic()
    with burnish.context(lm=lm), burnish.track_usage() as usage:
        asyncio.run(main())
        assert usage.total.calls == 1
        assert usage.total.prompt_tokens > 20
        assert usage.total.completion_tokens == 1 + len("[[ ## answer ## ]]\nAnd so on and so on") // 4
        assert usage.total.dollars > usage.total.completion_tokens
        cancelled.clear()
        for _ in burnish.streamify(Answer().think, async_streaming=False)(question="?"):
            break
        gc.collect()
        assert cancelled.is_set()
        assert usage.total.calls == 2
    assert time.monotonic() - started < 30


def test_the_settings_are_those_of_whoever_asked() -> None:
    async def main() -> list[Any]:
        with burnish.context(lm=scripted()):
            stream = burnish.streamify(Answer())(question="?")
        return await taken(stream)

    assert joined(asyncio.run(main())) == ALL


def test_functions_are_programs_too() -> None:
    judge = burnish.Predict("answer -> critique, marks: int")

    def program(answer: str) -> Any:
        return judge(answer=answer)

    async def async_program(answer: str) -> Any:
        return await judge.acall(answer=answer)

    def awaitable(answer: str) -> Any:
        return async_program(answer)

    for one, is_async in ((program, False), (async_program, False), (awaitable, True)):
        with burnish.context(lm=ScriptedLM(REPLIES[1:])):
            listener = StreamListener("critique", predict=judge)
            stream = burnish.streamify(one, stream_listeners=[listener], is_async_program=is_async)
            items = asyncio.run(taken(stream(answer="Paris")))
        assert joined(items) == {("", "critique"): "Short, but right."}
        assert items[-1].marks == 5


def test_status_messages_stand_between_the_pieces() -> None:
    class Told(StatusMessageProvider):
        def lm_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str:
            return f"asking {instance.model}"

        def lm_end_status_message(self, outputs: Any) -> str:
            return f"{len(outputs)} reply"

        def module_start_status_message(self, instance: Any, inputs: dict[str, Any]) -> str | None:
            return f"{type(instance).__name__} begins" if isinstance(instance, burnish.ChainOfThought) else None

    with burnish.context(lm=scripted()):
        stream = burnish.streamify(Answer(), Told(), [StreamListener("answer")])
        items = asyncio.run(taken(stream(question="?")))
    told = [item.message if isinstance(item, StatusMessage) else "piece" for item in items[:-1]]
    told = [one for place, one in enumerate(told) if one != "piece" or told[place - 1] != "piece"]
    assert told[:3] == ["ChainOfThought begins", "asking scripted/model", "piece"]
    assert told[-3:] == ["1 reply", "asking scripted/model", "1 reply"]


def test_a_web_server_sends_the_stream_as_events() -> None:
    async def main() -> list[str]:
        with burnish.context(lm=scripted(pieces=1000)):
            stream = burnish.streamify(Answer(), stream_listeners=[StreamListener("critique")])(question="?")
        return [line async for line in streaming_response(stream)]

    first, *_, prediction, done = asyncio.run(main())
    assert first == (
        'data: {"chunk": {"predict_name": "judge", "signature_field_name": "critique", "chunk": "Short, but right.", '
        '"is_last_chunk": true, "restarted": false}}\n\n'
    )
    assert prediction == 'data: {"prediction": {"critique": "Short, but right.", "marks": 5}}\n\n'
    assert done == "data: [DONE]\n\n"


def test_any_async_generator_can_be_taken_without_async() -> None:
    closed = []

    async def count() -> Any:
        try:
            for number in range(5):
                await asyncio.sleep(0)
                yield number
        finally:
            closed.append(True)

    assert list(apply_sync_streaming(count())) == [0, 1, 2, 3, 4]
    for number in apply_sync_streaming(count()):
        if number == 2:
            break
    gc.collect()
    assert closed == [True, True]


def test_a_script_ends_with_a_stream_that_it_has_left_open() -> None:
    script = (
        "import burnish\n"
        "from burnish.testing import ScriptedLM\n"
        "burnish.configure(lm=ScriptedLM([{'answer': 'It is Paris. ' * 20}]))\n"
        "stream = burnish.streamify(burnish.Predict('question -> answer'), async_streaming=False)(question='?')\n"
        "print(next(stream).chunk)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("It is\n", "")
