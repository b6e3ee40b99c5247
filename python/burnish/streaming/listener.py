"""`StreamListener`: which fields of which predictors a stream tells."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.adapters.reading import FieldPiece
from burnish.errors import ConfigError
from burnish.modules.binding import names_of
from burnish.modules.listening import HeardCall
from burnish.modules.module import Module
from burnish.modules.predict import Predict
from burnish.streaming.messages import StreamResponse
from burnish.values.signature import Signature


class StreamListener:
    """Listens to one output field.

    Args:
        signature_field_name: The field.
        predict: The predictor that writes it; None is the only one in the program that does.
        predict_name: The predictor by its name in the program, in place of `predict`.
        allow_reuse: Whether every call of the predictor is heard, as in a loop, and not only the first one of each stream.
    """

    def __init__(
        self,
        signature_field_name: str,
        predict: Predict | None = None,
        predict_name: str | None = None,
        allow_reuse: bool = False,
    ) -> None:
        self.signature_field_name = signature_field_name
        self.predict = predict
        self.predict_name = predict_name
        self.allow_reuse = allow_reuse

    def __repr__(self) -> str:
        return f"StreamListener({self.signature_field_name!r})"


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A listener with the predictor that it listens to; None is any."""

    field: str
    predictor: Any
    name: str
    reuse: bool


def targets_of(program: Any, listeners: Any) -> list[Target]:
    """What the listeners listen to in a program.

    Raises:
        ConfigError: A listener names nothing there, or could mean several predictors; or it is none.
    """
    if not isinstance(listeners, Sequence) or not all(isinstance(one, StreamListener) for one in listeners):
        raise ConfigError(f"stream_listeners={listeners!r}: give a list, such as [StreamListener('answer')].")
    named = dict(program.named_predictors(frozen=True)) if isinstance(program, Module) else None
    return [_target(listener, named) for listener in listeners]


def _target(listener: StreamListener, named: dict[str, Any] | None) -> Target:
    field, predictor, name = listener.signature_field_name, listener.predict, listener.predict_name
    if named is None:
        return Target(field, predictor, name or "", listener.allow_reuse)
    if predictor is not None:
        found = [key for key, one in named.items() if one is predictor]
    elif name is not None:
        found = [key for key in named if key == name]
    else:
        found = [key for key, one in named.items() if field in one.signature.output_fields]
    wrong = [key for key in found if field not in named[key].signature.output_fields]
    if len(found) != 1 or wrong:
        writers = {key: list(one.signature.output_fields) for key, one in named.items()}
        several = f"could mean {' or '.join(map(repr, found))}" if len(found) > 1 else "finds no such predictor"
        raise ConfigError(
            f"StreamListener({field!r}, predict_name={name!r}) {several}. The predictors and their outputs are {writers}. "
            "Give the field's name and predict=... or predict_name=..."
        )
    return Target(field, named[found[0]], name or found[0], listener.allow_reuse)


class FieldStream:
    """One run of a program whose fields are told: part of `burnish.modules.listening.Stream`.

    Args:
        program: The program.
        targets: What is told; None is every output field of every predictor.
        tell: Takes each piece, from any thread.
    """

    def __init__(self, program: Any, targets: Sequence[Target] | None, tell: Callable[[StreamResponse], None]) -> None:
        self._names = names_of(program) if isinstance(program, Module) else {}
        self._targets = targets
        self._tell = tell
        self._used: set[Target] = set()
        self._lock = threading.Lock()

    def hearing(self, predictor: Any, signature: type[Signature]) -> HeardCall | None:
        """What hears the call that a predictor begins; None where nobody wants a field of it."""
        fields = tuple(signature.output_fields)
        name = self._names.get(id(predictor), "")
        if self._targets is not None:
            chosen = self._claimed(predictor, fields)
            fields = tuple(field for field in fields if field in {target.field for target in chosen})
            name = name or next((target.name for target in chosen), "")
        if not fields:
            return None

        def tell(piece: FieldPiece, anew: bool) -> None:
            self._tell(StreamResponse(name, piece.field, piece.text, piece.last, anew))

        return HeardCall(fields, tell)

    def _claimed(self, predictor: Any, fields: Sequence[str]) -> list[Target]:
        """The targets that this call is for; one that is not to be used again is given away once."""
        with self._lock:
            chosen = [
                target
                for target in self._targets or ()
                if target.predictor in (None, predictor)
                and target.field in fields
                and (target.reuse or target not in self._used)
            ]
            self._used.update(chosen)
        return chosen
