"""One question to a model, from the prompts to the outputs; asked once more through another adapter where it must be.

    adapter: options, inputs ─▶ request ─▶ as many demos as fit ─▶ LM ─▶ adapter: read ─▶ (its fallback: the same once) ─▶ outputs

A reply that does not parse is the model's fault at most half of the time: the form was not followed, and another
form may be. So whoever the adapter names as its `fallback` asks the same question in its own form, once. Nobody asks
again where the reply was cut off at its longest, or where some of several completions parse.

An endpoint that refuses a parameter which the adapter asked for (structured output, tools) is asked again without it,
and the `LM` knows from then on.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from burnish.adapters.base import Adapter
from burnish.adapters.refused import disproved
from burnish.errors import LMRejected, ReplyError
from burnish.lm.callbacks import watched_await
from burnish.lm.capabilities import Capabilities
from burnish.lm.lm import LM
from burnish.lm.request import Message, Request, Response
from burnish.modules.fitting import Prompts, fitted
from burnish.modules.listening import heard
from burnish.values.signature import Signature
from burnish.values.usage import Usage

Outputs = list[dict[str, Any]]


async def answered(
    model: LM,
    prompts: Prompts,
    inputs: Mapping[str, Any],
    *,
    config: Mapping[str, Any],
    predictor: str,
    strict: bool = False,
) -> tuple[Outputs, dict[str, Any]]:
    """The outputs of each completion that parses, and what was used by model.

    Args:
        model: Whom to ask.
        prompts: What comes before the inputs.
        inputs: Values of the signature's inputs.
        config: The call's settings; they go over the adapter's.
        predictor: Under which name to book the usage.
        strict: Whether a reply that was cut off is none, even where it parses, and none is asked for in another form.

    Raises:
        ReplyError: No reply parses, that of the adapter's fallback included; it carries the last one.
        LMError: There was no reply.
    """
    question = _Question(predictor, strict=strict)
    outputs = await question.answered(model, prompts, inputs, config)
    return outputs, {name: usage.to_dict() for name, usage in question.used.items()}


class _Question:
    """One question with all that it leads to: a second try, a parameter left out, outputs taken out by another model.

    Args:
        predictor: Under which name to book the usage.
        strict: See `answered`.

    Attributes:
        used: What was used so far, by model.
    """

    def __init__(self, predictor: str, *, strict: bool) -> None:
        self.used: dict[str, Usage] = {}
        self._predictor = predictor
        self._strict = strict
        self._is_heard = True

    async def answered(
        self, model: LM, prompts: Prompts, inputs: Mapping[str, Any], config: Mapping[str, Any]
    ) -> Outputs:
        """The outputs of each completion that parses; asked for once more by the adapter's fallback where none does."""
        fallback = prompts.adapter.fallback
        try:
            return await self._asked(model, prompts, inputs, config)
        except ReplyError as error:
            # A reply that was cut off would be cut off again.
            if fallback is None or error.cut_off or self._strict:
                raise
            first = error
        try:
            return await self._asked(model, prompts.through(fallback), inputs, config)
        except ReplyError as error:
            raise ReplyError(
                f"{error} It was asked for as {fallback.name}, after a first reply that does not parse either: {first}",
                reply=error.reply,
                field=error.field,
                cut_off=error.cut_off,
            ) from first

    async def _asked(
        self, model: LM, prompts: Prompts, inputs: Mapping[str, Any], config: Mapping[str, Any]
    ) -> Outputs:
        capabilities = model.capabilities
        options = prompts.adapter.options(prompts.signature, inputs, capabilities)
        try:
            response = await self._response(model, prompts, inputs, options, config)
        except LMRejected as error:
            missing = disproved({name: value for name, value in options.items() if name not in config}, error)
            if missing is None:
                raise
            model.lacks(missing)
            capabilities = model.capabilities
            options = prompts.adapter.options(prompts.signature, inputs, capabilities)
            response = await self._response(model, prompts, inputs, options, config)
        before = self.used.get(response.model)
        self.used[response.model] = response.usage if before is None else before + response.usage
        return await self._read(model, prompts, response, capabilities)

    async def _response(
        self,
        model: LM,
        prompts: Prompts,
        inputs: Mapping[str, Any],
        options: Mapping[str, Any],
        config: Mapping[str, Any],
    ) -> Response:
        adapter = prompts.adapter
        asked = adapter.asked(prompts.signature, model.capabilities)
        told = {"signature": prompts.signature, "demos": prompts.demos, "inputs": inputs}
        formatting = self._request(model, prompts, asked, inputs, {**options, **config} if options else config)
        request = await watched_await("adapter_format", adapter, told, formatting, outputs=_messages)
        call = model.complete(request, predictor=self._predictor)
        return await (heard(call, adapter, asked) if self._is_heard else call)

    async def _request(
        self,
        model: LM,
        prompts: Prompts,
        asked: type[Signature],
        inputs: Mapping[str, Any],
        settings: Mapping[str, Any],
    ) -> Request:
        """The request with as many demos as fit."""
        turn = prompts.adapter.render(asked, inputs)

        def request_of(number: int) -> Request:
            return model.request(turn, prefix=prompts.showing(number, asked=asked).prefix, config=settings)

        request = request_of(len(prompts.demos))
        if prompts.demos and model.excess(request):
            request = await fitted(model, prompts, request_of, predictor=self._predictor)
        return request

    async def _read(self, answering: LM, prompts: Prompts, response: Response, capabilities: Capabilities) -> Outputs:
        """The outputs of the completions that parse.

        Raises:
            ReplyError: None does; that of the first.
        """

        async def ask(
            adapter: Adapter, signature: type[Signature], inputs: Mapping[str, Any], *, model: LM | None = None
        ) -> dict[str, Any]:
            another = prompts.of(adapter, signature)
            (values,) = await self.answered(answering if model is None else model, another, inputs, {})
            return values

        outputs: Outputs = []
        first: ReplyError | None = None
        is_heard = self._is_heard
        for number, output in enumerate(response.outputs):
            # Whoever listens to the fields hears those of the first completion, whichever model takes them out of it.
            self._is_heard = is_heard and number == 0
            told = {"signature": prompts.signature, "completion": output.text}
            reading = prompts.adapter.read(prompts.signature, output, capabilities, ask)
            try:
                values = await watched_await("adapter_parse", prompts.adapter, told, reading)
                if self._strict and output.finish_reason == "length":
                    raise ReplyError("The reply parses, but its end is missing.", reply=output.text)
            except ReplyError as error:
                if output.finish_reason == "length":
                    error = _cut_off(error)
                first = first or error
            else:
                outputs.append(values)
                if output.finish_reason == "length":
                    _warn_of_the_end(response.model)
        self._is_heard = is_heard
        if not outputs and first is not None:
            raise first
        if first is not None:
            warnings.warn(
                f"{len(response.outputs) - len(outputs)} of {len(response.outputs)} completions do not parse and are "
                f"left out. The first: {first}",
                stacklevel=2,
            )
        return outputs


def _messages(request: Request) -> list[Message]:
    return request.messages


def _warn_of_the_end(model: str) -> None:
    warnings.warn(
        f"A reply of {model!r} was cut off because it was too long, and yet it parses: the end of its last output may be "
        "missing. Raise max_tokens, or ask for less.",
        stacklevel=2,
    )


def _cut_off(error: ReplyError) -> ReplyError:
    text = f"{error} The reply was cut off because it was too long: raise max_tokens, or ask for less."
    return ReplyError(text, reply=error.reply, field=error.field, cut_off=True)
