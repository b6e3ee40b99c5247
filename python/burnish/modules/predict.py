"""`Predict`: one question to a model, through a signature."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from burnish.adapters.base import Adapter
from burnish.adapters.chat import ChatAdapter
from burnish.errors import ConfigError
from burnish.lm.callbacks import BaseCallback, watched_call
from burnish.lm.lm import LM
from burnish.lm.secrets import without_secrets
from burnish.lm.settings import settings
from burnish.modules.asking import Outputs, answered
from burnish.modules.binding import current_binding
from burnish.modules.fitting import Prompts
from burnish.modules.inputs import completed
from burnish.modules.listening import asking
from burnish.modules.module import Module
from burnish.modules.replay import Advice
from burnish.values.prediction import Prediction
from burnish.values.rollout import Step
from burnish.values.signature import Signature, ensure_signature
from burnish.values.space import Choice

_CHAT = ChatAdapter()
_NOTHING = Choice()


class Predict(Module):
    """Asks a model for a signature's outputs.

    Args:
        signature: A `Signature` class, or text such as ``"question -> answer: int"``.
        callbacks: Who is told of each call, beside those of the settings.
        config: Call settings such as ``temperature=0.7`` or ``n=5``.

    Attributes:
        signature: What is asked.
        demos: Worked examples shown before the question.
        lm: The model to ask; None asks the one of the settings.
        config: Call settings.

    Example:
        >>> Predict("question -> answer").signature.instructions
        'Given the fields `question`, produce the fields `answer`.'
    """

    is_predictor = True
    # `aforward` needs the event loop only for the call of the model.
    _begins_here = True
    # Whether a call is one request, and a reply that was cut off is refused even where it parses; else it is warned of.
    _is_strict = False

    def __init__(
        self, signature: type[Signature] | str, callbacks: Sequence[BaseCallback] | None = None, **config: Any
    ) -> None:
        self.signature = ensure_signature(signature)
        self.demos: list[Any] = []
        self.lm: LM | None = None
        self.config = config
        super().__init__(callbacks)
        self._compiled_prompt: Prompts | None = None

    def __repr__(self) -> str:
        return f"Predict({self.signature.signature})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Predict:
        twin: Predict = super().__deepcopy__(memo)
        twin._compiled_prompt = None
        return twin

    def __getstate__(self) -> dict[str, Any]:
        # What is pickled goes to disk or elsewhere: no credentials, and nothing that is made again when needed.
        return {**self.__dict__, "config": without_secrets(self.config), "_compiled_prompt": None}

    def reset(self) -> None:
        """Forget demos and LM."""
        self.demos = []
        self.lm = None

    def __call__(self, *args: Any, **inputs: Any) -> Prediction:
        """Ask and wait for the prediction.

        Args:
            args: None: inputs are given by name.
            inputs: The signature's input fields by name, and optionally ``demos=``, ``lm=``,
                ``config=`` and ``signature=`` for this call only. Those with a default may be left out. What is missing,
                unknown or of another type is said in a warning.

        Raises:
            ConfigError: There is no LM, or an input was given by position.
            ReplyError: The reply does not parse.
            LMError: There was no reply.
        """
        prediction: Prediction = super().__call__(*args, **inputs)
        return prediction

    @watched_call
    async def aforward(
        self,
        *args: Any,
        demos: Sequence[Any] | None = None,
        lm: LM | None = None,
        config: Mapping[str, Any] | None = None,
        signature: type[Signature] | str | None = None,
        **inputs: Any,
    ) -> Prediction:
        """The coroutine behind a call; takes the same arguments."""
        asked = self.signature if signature is None else ensure_signature(signature)
        if args:
            raise ConfigError(
                f"{self!r} takes its inputs by name: write "
                f"{next(iter(asked.input_fields), 'name')}=... instead of a bare value."
            )
        given = completed(asked, inputs)
        binding = current_binding()
        number = () if binding is None else next(binding.numbers)
        name = "" if binding is None else binding.names.get(id(self), "")
        choice = _NOTHING if binding is None else binding.choices.get(name, _NOTHING)
        model = lm or choice.lm or self.lm or settings.lm
        if model is None:
            raise ConfigError(NO_LM)
        told: tuple[Advice, ...] = ()
        if binding is not None and binding.advice:
            told = tuple(one for one in binding.advice if one.is_for(self, given))
        # By its name and settings, since a program may make its LM anew in each run.
        how = {"demos": demos, "lm": (model.model, model.params), "config": config, "signature": signature}
        known: Prediction | None = None if binding is None else binding.recall(number, self, given, told, how)
        if known is not None:
            return known
        adapter: Adapter = settings.adapter or _CHAT
        if demos is None and signature is None and not told:
            prompts = self._prompts(adapter, choice)
        else:
            task = choice.instructions if signature is None else None
            task = _advised(asked.instructions if task is None else task, told)
            shown = choice.demos if demos is None else demos
            prompts = Prompts(adapter, asked, instructions=task, demos=self.demos if shown is None else shown)
        settings_of_call = self.config
        attempt = {} if binding is None else binding.config
        if choice.config or config or attempt:
            settings_of_call = {**self.config, **choice.config, **attempt, **(config or {})}
        if binding is not None and (binding.attempts or told):
            own = settings_of_call.get("rollout_id", model.params.get("rollout_id"))
            settings_of_call = {**settings_of_call, "rollout_id": binding.draw_of(told, own)}
        with asking(self, asked) as heard:
            outputs, usage = await answered(
                model, prompts, given, config=settings_of_call, predictor=name, strict=self._is_strict
            )
        if heard is not None:
            heard.settle(outputs[0])
        prediction = _predicted(outputs, asked, usage)
        if binding is not None:
            binding.note(number, Step(self, given, prediction), told, how)
        return prediction

    def _prompts(self, adapter: Adapter, choice: Choice) -> Prompts:
        """The compiled prompts: made once for a candidate, or until the predictor is changed."""
        signature = self.signature
        if choice is _NOTHING:
            return self._own_prompts(adapter)
        prompts: Prompts | None = choice.prompts.get((adapter, signature))
        if prompts is None:
            prompts = choice.prompts[adapter, signature] = Prompts(
                adapter,
                signature,
                instructions=signature.instructions if choice.instructions is None else choice.instructions,
                demos=list(self.demos) if choice.demos is None else choice.demos,
            )
        return prompts

    def _own_prompts(self, adapter: Adapter) -> Prompts:
        # Demos are the user's to change at any time, in place too, so they are compared.
        signature = self.signature
        kept = self._compiled_prompt
        if (
            kept is None
            or kept.adapter is not adapter
            or kept.signature is not signature
            or not _are_same(kept.demos, self.demos)
        ):
            demos = copy.deepcopy(self.demos)
            kept = Prompts(adapter, signature, instructions=signature.instructions, demos=demos)
            self._compiled_prompt = kept
        return kept


NO_LM = """No LM is set, so there is nobody to ask. Set one for everything:
    burnish.configure(lm=burnish.LM("openai/gpt-4o-mini"))   # needs OPENAI_API_KEY
    burnish.configure(lm=burnish.LM("offline/icl"))          # embedded, no network, no key
or for one program: program.set_lm(...)."""


def _predicted(outputs: Outputs, signature: type[Signature], usage: dict[str, Any]) -> Prediction:
    one = len(outputs) == 1
    prediction = Prediction(outputs[0]) if one else Prediction.from_completions(outputs, signature=signature)
    prediction.set_lm_usage(usage)
    return prediction


def _advised(instructions: str, told: Sequence[Advice]) -> str:
    return "\n\n".join([instructions, *(one.text for one in told)])


def _are_same(kept: Sequence[Any], demos: Sequence[Any]) -> bool:
    try:
        return bool(kept == demos)
    # Values of the user's may refuse to be compared, as arrays do; a prompt is compiled anew then.
    except Exception:
        return False
