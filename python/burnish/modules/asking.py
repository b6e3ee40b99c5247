"""One question to a model, from the prompts to the outputs; asked once more through another adapter where it must be.

    adapter: options, inputs ─▶ request ─▶ as many demos as fit ─▶ LM ─▶ adapter: read ─▶ (its fallback: the same once) ─▶ outputs

A reply that does not parse is the model's fault at most half of the time: the form was not followed, and another
form may be. So whoever the adapter names as its `fallback` asks the same question in its own form, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burnish.errors import ReplyError
from burnish.lm.callbacks import watched_await
from burnish.lm.lm import LM
from burnish.lm.request import Message, Request
from burnish.modules.fitting import Prompts, fitted
from burnish.modules.listening import heard
from burnish.values.signature import Signature
from burnish.values.usage import Usage

Outputs = list[dict[str, Any]]


async def answered(
    model: LM, prompts: Prompts, inputs: Mapping[str, Any], *, config: Mapping[str, Any], predictor: str
) -> tuple[Outputs, dict[str, Any]]:
    """The outputs of each completion, and what was used by model.

    Args:
        model: Whom to ask.
        prompts: What comes before the inputs.
        inputs: Values of the signature's inputs.
        config: The call's settings; they go over the adapter's.
        predictor: Under which name to book the usage.

    Raises:
        ReplyError: No reply parses, that of the adapter's fallback included; it carries the last one.
        LMError: There was no reply.
    """
    used: dict[str, Usage] = {}
    fallback = prompts.adapter.fallback
    try:
        outputs = await _asked(model, prompts, inputs, config=config, predictor=predictor, used=used)
    except ReplyError as error:
        if fallback is None:
            raise
        first = error
    else:
        return outputs, _plain(used)
    again = prompts.through(fallback)
    try:
        outputs = await _asked(model, again, inputs, config=config, predictor=predictor, used=used)
    except ReplyError as error:
        raise ReplyError(
            f"{error} It was asked for as {fallback.name}, after a first reply that does not parse either: {first}",
            reply=error.reply,
            field=error.field,
        ) from first
    return outputs, _plain(used)


async def _asked(
    model: LM,
    prompts: Prompts,
    inputs: Mapping[str, Any],
    *,
    config: Mapping[str, Any],
    predictor: str,
    used: dict[str, Usage],
) -> Outputs:
    adapter, signature, capabilities = prompts.adapter, prompts.signature, model.capabilities
    asked = adapter.asked(signature, capabilities)
    told = {"signature": signature, "demos": prompts.demos, "inputs": inputs}
    options = adapter.options(signature, inputs, capabilities)
    settings = {**options, **config} if options else config
    formatting = _request(model, prompts, asked, inputs, config=settings, predictor=predictor)
    request = await watched_await("adapter_format", adapter, told, formatting, outputs=_messages)
    response = await heard(model.complete(request, predictor=predictor), adapter, asked)
    before = used.get(response.model)
    used[response.model] = response.usage if before is None else before + response.usage
    return [
        await watched_await(
            "adapter_parse",
            adapter,
            {"signature": signature, "completion": output.text},
            adapter.read(signature, output, capabilities),
        )
        for output in response.outputs
    ]


async def _request(
    model: LM,
    prompts: Prompts,
    asked: type[Signature],
    inputs: Mapping[str, Any],
    *,
    config: Mapping[str, Any],
    predictor: str,
) -> Request:
    """The request with as many demos as fit."""
    turn = prompts.adapter.render(asked, inputs)

    def request_of(number: int) -> Request:
        return model.request(turn, prefix=prompts.showing(number, asked=asked).prefix, config=config)

    request = request_of(len(prompts.demos))
    if prompts.demos and model.excess(request):
        request = await fitted(model, prompts, request_of, predictor=predictor)
    return request


def _messages(request: Request) -> list[Message]:
    return request.messages


def _plain(used: Mapping[str, Usage]) -> dict[str, Any]:
    return {model: usage.to_dict() for model, usage in used.items()}
