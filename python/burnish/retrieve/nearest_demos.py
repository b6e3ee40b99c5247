"""`NearestDemos`: a program that is shown, at each call, the examples nearest to what it is asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from burnish.errors import ConfigError
from burnish.loop import on_loop
from burnish.modules.binding import Binding, bound, current_binding
from burnish.modules.module import Module, forward_of
from burnish.modules.parallel import Parallel
from burnish.modules.predict import Predict
from burnish.modules.trace_log import logged
from burnish.retrieve.demo_table import DemoTable
from burnish.retrieve.embedder import Embedder
from burnish.retrieve.inputs import text_of_inputs
from burnish.retrieve.nearest_state import read_state, state_of
from burnish.retrieve.neighbours import Neighbours
from burnish.values.example import Example
from burnish.values.space import Choice


class NearestDemos(Module):
    """A program around another: each call of it searches examples near to its inputs, and shows them as demos.

    `KNNFewShot` makes one. What it holds is saved with it, `save("x.json")` writes ``x.json`` and
    ``x.knn``, and is loaded into one made around a new program. Apart from that it is used like the program
    inside, whose predictors and attributes are its own too.

    The demos are shown, not set: no call changes the program. A predictor keeps the demos that
    it has itself, or that an optimizer around it is trying out; only without any is it shown
    the nearest. A call with the inputs of a training example finds that very example.

    Args:
        program: The program to run.
        embedder: An `Embedder`, a model's name for one, or a function from texts to rows; for a saved
            program the one it was compiled with.

    Raises:
        ConfigError: One of them cannot be used.

    Example:
        >>> import burnish
        >>> burnish.NearestDemos(burnish.Predict("question -> answer"))
        NearestDemos(Predict(question -> answer), no examples)
    """

    keeps_more = True

    def __init__(self, program: Module, embedder: Embedder | str | Callable[..., Any] = "offline/hashing") -> None:
        if not isinstance(program, Module):
            raise ConfigError(f"NearestDemos({program!r}): give a program object, such as MyProgram().")
        self.program = program
        self._embedder = embedder if isinstance(embedder, Embedder) else Embedder(embedder)
        self._near: Neighbours | None = None
        self._table: DemoTable | None = None

    @classmethod
    def of(cls, program: Module, table: DemoTable, near: Neighbours) -> NearestDemos:
        """The program with these demos, the n-th of which stand for the n-th text that is known."""
        made = cls(program, near.embedder)
        made._near, made._table = near, table
        return made

    @property
    def looked_up(self) -> Sequence[Example]:
        """The training examples that a call may be shown."""
        return () if self._table is None else self._table.labelled

    def __repr__(self) -> str:
        held = "no examples" if self._near is None else f"k={self._near.k} of {len(self._near.index)} examples"
        return f"NearestDemos({self.program!r}, {held})"

    def __getattr__(self, name: str) -> Any:
        # Reached only where there is no such attribute; while it is being copied there is no program yet.
        # The program's own `forward` would run without demos.
        if name.startswith("_") or name == "forward" or "program" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.program, name)

    def __setattr__(self, name: str, value: Any) -> None:
        inside = self.__dict__.get("program")
        # What the program inside has is set there, where it counts.
        own = name.startswith("_") or name in {"program", "report"} or name not in getattr(inside, "__dict__", ())
        if own:
            super().__setattr__(name, value)
        else:
            setattr(inside, name, value)

    def named_predictors(self, *, frozen: bool = False) -> list[tuple[str, Predict]]:
        """Those of the program inside, under the names that they have there."""
        return self.program.named_predictors(frozen=frozen)

    async def aforward(self, *args: Any, **inputs: Any) -> Any:
        """Find the nearest examples, and run the program with them."""
        near, table = self._held()
        places = await on_loop(near.ask(self._text(table, args, inputs)))
        return await self._run(places, args, inputs)

    async def _batched(self, examples: Sequence[Any], parallel: Parallel) -> Any:
        """One search for all of them."""
        near, table = self._held()
        rows = [dict((one if isinstance(one, Mapping) else one.inputs()).items()) for one in examples]
        found = await near.nearest([self._text(table, (), row) for row in rows])

        async def one(places: Sequence[int], /, **row: Any) -> Any:
            with logged(self):
                return await self._run(places, (), row)

        calls = [partial(one, places) for places in found]
        return await parallel.acall(list(zip(calls, examples, strict=True)))

    async def _run(self, places: Sequence[int], args: tuple[Any, ...], inputs: dict[str, Any]) -> Any:
        with bound(self._binding(places)):
            return await self.program.acall(*args, **inputs)

    def _binding(self, places: Sequence[int]) -> Binding:
        """The binding of the rollout that this call is part of, with the nearest demos where it leaves room for them."""
        _, table = self._held()
        # What the rollout around this call does not know gets a name that none of its own has.
        prefix = "" if current_binding() is None else "nearest: "
        outer = current_binding() or Binding({}, {})
        names, choices = dict(outer.names), dict(outer.choices)
        for name, predictor in self.program.named_predictors():
            known = names.setdefault(id(predictor), prefix + name)
            choice = choices.get(known, Choice())
            if predictor.demos if choice.demos is None else choice.demos:
                continue
            shown = table.shown(name, predictor.signature, places)
            choices[known] = replace(choice, demos=shown.demos, sources=shown.sources, prompts={})
        return replace(outer, names=names, choices=choices)

    def _text(self, table: DemoTable, args: tuple[Any, ...], inputs: Mapping[str, Any]) -> str:
        given = dict(inputs)
        forward = forward_of(self.program)
        if args and forward is not None:
            arguments = inspect.signature(forward).bind(*args, **inputs)
            # What goes by position gets its name; what goes by name keeps it, also where the program has no such parameter.
            given = {**arguments.arguments, **inputs}
        # Options of a call, such as config=..., are no inputs.
        return text_of_inputs({name: value for name, value in given.items() if name in table.inputs})

    def _held(self) -> tuple[Neighbours, DemoTable]:
        if self._near is None or self._table is None:
            raise ConfigError(
                "This NearestDemos holds no examples yet: load a saved one into it, .load('x.json'), or compile one with "
                "KNNFewShot(k, trainset)."
            )
        return self._near, self._table

    def own_state(self) -> dict[str, Any]:
        """The demos, the limits, and what the index file is to be."""
        if self._near is None or self._table is None:
            return {"kind": "NearestDemos"}
        return state_of(self._table, self._near)

    def save_beside(self, stem: Path) -> None:
        """Write the index, ``stem.knn``."""
        # One without examples has no index, and says so when it is loaded.
        if self._near is not None:
            self._near.save(_index_at(stem))

    def read_own_state(self, saved: Mapping[str, Any], stem: Path | None) -> Callable[[], None]:
        """Read the demos and open the index; what comes back takes them over.

        Raises:
            StateError: The state is none of this kind, or the index is missing, damaged or another, or the
                embedder is another.
        """
        own = self._near
        table, near = read_state(saved, self._embedder, None if stem is None else _index_at(stem), own=own)

        def take_over() -> None:
            self._table, self._near = table, near

        return take_over


def _index_at(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.knn")
