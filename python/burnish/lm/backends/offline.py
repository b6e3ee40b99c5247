"""The embedded model `offline/icl`: learns in context, without weights, network or key.

What it is: a small scikit-learn model that is fitted anew on every prompt. It reads the rendered
prompt as any model does (the output fields with their types, the instructions, the demos) and
learns from that alone. Better demos and better descriptions of the labels make it better, which is
what a demonstration, a test or a bench of an optimizer needs; nothing about any data is built in.

What it is not: a language model. It knows no facts and no synonyms, does not reason, does
arithmetic or follow an instruction beyond the words it says about labels; of free text it copies,
counts and quotes. Its figures say how an optimizer works, and nothing about a hosted model.

The same prompt, parameters and rollout id always give the same reply. A temperature lets a hash of
the request pick among near ties, so that another rollout id is another draw.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from burnish.errors import ConfigError
from burnish.lm.backends.icl.draw import Draw
from burnish.lm.backends.icl.prompt import Question, content, last_question, read_question, read_task
from burnish.lm.capabilities import Capabilities, Price
from burnish.lm.request import Message, Output, Request, Response
from burnish.values.usage import Usage

if TYPE_CHECKING:
    from burnish.lm.backends.base import Endpoint
    from burnish.lm.backends.icl.answers import Answerer

MODEL = "offline/icl"
_LIBRARY = "sklearn.feature_extraction.text"
_CHARACTERS_A_TOKEN = 4
_FEW_WORDS = re.compile(r"(?:\S+\s*|\s+){1,3}")
# One per candidate and predictor in flight, with room to spare.
_KEPT = 128


def create(endpoint: Endpoint) -> OfflineBackend:
    """The backend of an endpoint; all but the model's name is ignored.

    Raises:
        ConfigError: The model is another one than ``offline/icl``.
    """
    if endpoint.model != MODEL:
        raise ConfigError(f"There is no offline model {endpoint.model!r}; the only one is {MODEL!r}.")
    return OfflineBackend()


class OfflineBackend:
    """Answers each request from its own text.

    Computes on the event loop: a reply costs under a millisecond and the first one of a new
    prompt some more, which is less than handing it to a thread and back would win.
    """

    capabilities = Capabilities(price=Price(0.0, 0.0, 0.0))

    def __init__(self) -> None:
        self._learnt: OrderedDict[Any, Answerer] = OrderedDict()

    async def complete(self, request: Request) -> Response:
        """Answer one request; the first one waits, in a thread, until scikit-learn is imported."""
        if _LIBRARY not in sys.modules:
            await asyncio.to_thread(importlib.import_module, _LIBRARY)
        at = last_question(request.messages)
        question = read_question(content(request.messages[at])) if at >= 0 else Question({}, ())
        answerer = self._answerer(request.messages[: max(at, 0)], question)
        temperature = float(request.params.get("temperature") or 0.0)
        longest = request.params.get("max_tokens")
        outputs = tuple(
            _output(answerer.reply(question, Draw(f"{request.key} {index}", temperature)), longest)
            for index in range(max(1, int(request.params.get("n") or 1)))
        )
        written = sum(1 + len(output.text) // _CHARACTERS_A_TOKEN for output in outputs)
        return Response(outputs, Usage(calls=1, prompt_tokens=request.tokens, completion_tokens=written), MODEL)

    async def stream(self, request: Request, deliver: Callable[[int, str], None]) -> Response:
        """Answer one request; the text, which is there at once, is told a few words at a time."""
        response = await self.complete(request)
        for number, text in enumerate(response.texts):
            for piece in _FEW_WORDS.findall(text):
                deliver(number, piece)
                await asyncio.sleep(0)
        return response

    def _answerer(self, before: list[Message], question: Question) -> Answerer:
        from burnish.lm.backends.icl.answers import Answerer

        texts = tuple((message.get("role"), content(message)) for message in before)
        key = (texts, tuple(question.inputs), question.asked)
        answerer = self._learnt.get(key)
        if answerer is None:
            answerer = self._learnt[key] = Answerer(read_task(before, question))
            if len(self._learnt) > _KEPT:
                self._learnt.popitem(last=False)
        self._learnt.move_to_end(key)
        return answerer


def _output(text: str, longest: int | None) -> Output:
    """A completion, cut off where the request allows no more tokens."""
    room = None if longest is None else max(1, longest) * _CHARACTERS_A_TOKEN
    if room is None or len(text) <= room:
        return Output(text, "stop")
    return Output(text[:room], "length")
