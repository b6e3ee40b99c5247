"""`NearestDemos`: each call is shown what is near to it, nothing is changed, and a file gives the same program again."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import burnish
from burnish import (
    Candidate,
    Choice,
    ConfigError,
    Embedder,
    Evaluate,
    Example,
    Module,
    NearestDemos,
    Predict,
    Prediction,
    StateError,
)
from burnish.loop import run_sync
from burnish.modules.binding import Binding, bound, names_of
from burnish.retrieve.demo_table import DemoTable
from burnish.retrieve.neighbours import Neighbours
from burnish.stages.nearest import indexed, texts_of
from burnish.testing import ScriptedLM, toy

# Numbers, of which a question's nearest are known without any arithmetic.
TRAIN = [Example(question=str(n), answer=f"answer {n}").with_inputs("question") for n in range(10)]


def angle(texts: list[str]) -> Any:
    """A vector that turns with the number that a text ends with."""
    turns = np.array([float(text.rpartition(" ")[2] or 0) for text in texts]) / 20
    return np.stack([np.cos(turns), np.sin(turns)], axis=1)


class Ask(Module):
    def __init__(self) -> None:
        self.ask = Predict("question -> answer")

    async def aforward(self, question: str) -> Prediction:
        return await self.ask.acall(question=question)


class AskInAThread(Ask):
    aforward = None  # type: ignore[assignment]

    def forward(self, question: str) -> Prediction:
        answer: Prediction = self.ask(question=question)
        return answer


def around(program: Module, k: int = 2, *, embedder: Any = angle, trainset: Any = TRAIN) -> NearestDemos:
    """The program with labelled demos of the trainset alone."""
    given = embedder if isinstance(embedder, Embedder) else Embedder(embedder)
    index, _ = run_sync(indexed(texts_of(trainset), given))
    return NearestDemos.of(program, DemoTable.of(trainset, [{}] * len(trainset), 0, 16), Neighbours(given, index, k))


@pytest.fixture
def lm():
    """A model that answers with the questions of the demos it is shown."""

    def answer(request: Any) -> dict[str, str]:
        shown = [m["content"].split("\n")[1] for m in request.messages if m["role"] == "assistant"]
        return {"answer": " ".join(text.removeprefix("answer ") for text in shown)}

    model = ScriptedLM(answer)
    with burnish.context(lm=model):
        yield model


def state(program: Module) -> str:
    return json.dumps(program.dump_state(), sort_keys=True)


async def in_async_code(program: Module) -> str:
    return str((await program.acall(question="7.1")).answer)


def from_a_thread(program: Module) -> str:
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(program(question="7.1").answer))
    with burnish.context():
        thread.start()
        thread.join()
    return answers[0]


def by_evaluate(program: Module) -> str:
    rows = [Example(question="7.1", answer="").with_inputs("question")]
    result = Evaluate(devset=rows, metric=lambda example, prediction, trace=None: True)(program)
    return str(result.results[0][1].answer)


FACES: list[Callable[[Module], str]] = [
    lambda program: program(question="7.1").answer,
    lambda program: program("7.1").answer,
    lambda program: asyncio.run(in_async_code(program)),
    lambda program: asyncio.run(program.aforward(question="7.1")).answer,
    lambda program: program.batch([Example(question="7.1").with_inputs("question")])[0].answer,
    by_evaluate,
]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", [Ask, AskInAThread])
def test_each_call_is_shown_the_examples_that_are_near_to_it(kind: type[Module], face: Any, lm: Any) -> None:
    program = around(kind())
    before = state(program)
    assert face(program) == "7 8"
    assert program(question="0.2").answer == "0 1"
    assert state(program) == before


def test_a_thread_of_the_users_finds_them_too(lm: Any) -> None:
    program = around(Ask())
    program.set_lm(lm)
    assert from_a_thread(program) == "7 8"


def test_a_lone_predictor_takes_its_call_options_and_they_are_no_inputs(lm: Any) -> None:
    asked: list[str] = []

    def noted(texts: list[str]) -> Any:
        asked.extend(texts)
        return angle(texts)

    program = around(Predict("question -> answer"), embedder=noted)
    asked.clear()
    assert program(question="7.1", config={"temperature": 0.5}).answer == "7 8"
    assert asked == ["question: 7.1"]
    assert program(question="7.1", demos=[{"question": "x", "answer": "answer own"}]).answer == "own"
    assert lm.requests[0].params["temperature"] == 0.5


def test_many_calls_at_once_each_see_their_own(lm: Any) -> None:
    program = around(Ask())
    questions = [Example(question=f"{n + 0.1}").with_inputs("question") for n in range(9)]
    expected = [f"{n} {n + 1}" for n in range(9)]
    assert [answer.answer for answer in program.batch(questions, num_threads=3)] == expected
    assert [program(question=one.question).answer for one in questions] == expected
    assert program.batch([]) == []


def test_a_batch_is_embedded_in_one_request(lm: Any) -> None:
    asked: list[list[str]] = []

    def counted(texts: list[str]) -> Any:
        asked.append(texts)
        return angle(texts)

    program = around(Ask(), embedder=counted)
    asked.clear()
    program.batch([Example(question=str(n / 7)).with_inputs("question") for n in range(50)], num_threads=2)
    assert [len(texts) for texts in asked] == [50]


def test_what_embeds_to_zeros_is_shown_the_first_examples(lm: Any) -> None:
    program = around(Ask(), embedder=lambda texts: angle(texts) * [["9" not in text] for text in texts])
    assert program(question="9").answer == "0 1"


def test_a_rollout_around_a_call_keeps_its_trace_and_its_numbers(lm: Any) -> None:
    class Both(Module):
        def __init__(self) -> None:
            self.first = Predict("question -> answer")
            self.near = around(Ask())

        async def aforward(self, question: str) -> Prediction:
            await self.first.acall(question=question)
            await self.near.acall(question=question)
            return await self.first.acall(question=question)

    program = Both()
    assert [name for name, _ in program.named_predictors()] == ["first", "near.program.ask"]
    binding = Binding(names_of(program), {"first": Choice(demos=(TRAIN[3],))})
    with bound(binding):
        run_sync(program.acall(question="7.1"))
    assert [binding.names[id(step.predictor)] for step in binding.trace] == ["first", "near.program.ask", "first"]
    assert [step.outputs.answer for step in binding.trace] == ["3", "7 8", "3"]


def test_demos_of_the_rollouts_candidate_win_and_its_other_choices_hold(lm: Any) -> None:
    program = around(Ask())

    def answer(choice: Choice) -> Any:
        with bound(Binding(names_of(program), {"ask": choice})):
            return run_sync(program.acall(question="7.1")).answer

    assert answer(Choice(demos=(TRAIN[1],))) == "1"
    # A candidate without demos leaves room for the nearest, as the program does that is built from it.
    assert answer(Choice(demos=())) == "7 8"
    assert answer(Choice(instructions="Say it.", config={"temperature": 0.3})) == "7 8"
    assert "Say it." in lm.requests[-1].messages[0]["content"]
    assert lm.requests[-1].params["temperature"] == 0.3


def test_a_predictors_own_demos_win_as_they_would_in_the_candidate(lm: Any) -> None:
    program = around(Ask())
    program.ask.demos = [TRAIN[1]]
    assert program(question="7.1").answer == "1"
    with bound(Binding(names_of(program), {"ask": Choice(demos=())})):
        assert run_sync(program.acall(question="7.1")).answer == "7 8"


def test_a_part_that_the_rollout_does_not_know_takes_no_choice_of_another(lm: Any) -> None:
    inner = around(Ask())

    class Hidden(Module):
        def __init__(self) -> None:
            self.ask = Predict("question -> answer")

        async def aforward(self, question: str) -> Prediction:
            answer: Prediction = await inner.acall(question=question)
            return answer

    program = Hidden()
    with bound(Binding(names_of(program), {"ask": Choice(demos=(TRAIN[1],))})):
        assert run_sync(program.acall(question="7.1")).answer == "7 8"


def test_the_programs_attributes_are_its_own_too() -> None:
    program = around(Ask())
    assert program.ask is program.program.ask
    assert [name for name, _ in program.named_predictors()] == ["ask"]
    assert not hasattr(program, "nothing")


def test_copies_find_the_same_and_share_no_predictor(lm: Any) -> None:
    program = around(Ask(), embedder="offline/hashing")
    program(question="7")
    for twin in (program.deepcopy(), pickle.loads(pickle.dumps(program))):
        assert twin.ask is not program.ask
        assert twin(question="7").answer == program(question="7").answer
        twin.ask.demos = [TRAIN[1]]
        assert program.ask.demos == []


def test_without_examples_it_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"holds no examples yet: .*\.load\('x.json'\)"):
        NearestDemos(Ask())(question="7")
    with pytest.raises(ConfigError, match="give a program object"):
        NearestDemos(Ask)  # type: ignore[arg-type]


def saved(folder: Path, embedder: Any = "offline/hashing", program: Module | None = None) -> NearestDemos:
    made = around(program or Ask(), embedder=embedder)
    made.save(folder / "x.json")
    return made


def test_a_saved_program_gives_the_same_again(tmp_path: Path, lm: Any) -> None:
    program = saved(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.json", "x.knn"]
    loaded = NearestDemos(Ask())
    loaded.load(tmp_path / "x.json")
    assert state(loaded) == state(program)
    for question in ("7", "1 2", "what?"):
        assert loaded(question=question).answer == program(question=question).answer
    loaded.save(tmp_path / "x.json")
    again = NearestDemos(Ask())
    again.load(tmp_path / "x.json")
    assert state(again) == state(program)


def test_the_file_has_the_predictors_where_any_program_has_them(tmp_path: Path) -> None:
    saved(tmp_path)
    content = json.loads((tmp_path / "x.json").read_text())
    assert list(content) == ["ask", "burnish", "metadata"]
    assert content["burnish"]["format"] == 2
    part = content["burnish"]["parts"]["self"]
    assert (part["kind"], part["k"], part["embedder"]) == ("NearestDemos", 2, "offline/hashing")
    assert part["examples"][3] == {"question": "3", "answer": "answer 3"}


def test_a_function_is_known_again_by_its_length_alone(tmp_path: Path, lm: Any) -> None:
    program = saved(tmp_path, angle)
    loaded = NearestDemos(Ask(), angle)
    loaded.load(tmp_path / "x.json")
    assert loaded(question="7.1").answer == program(question="7.1").answer
    other = NearestDemos(Ask(), lambda texts: np.ones((len(texts), 3)))
    other.load(tmp_path / "x.json")
    with pytest.raises(StateError, match="vectors of 3 numbers"):
        other(question="7.1")


def test_two_of_them_in_one_program_have_a_file_each(tmp_path: Path, lm: Any) -> None:
    class Two(Module):
        def __init__(self, *parts: Module) -> None:
            self.first, self.second = parts

        async def aforward(self, question: str) -> Prediction:
            answers = [await part.acall(question=question) for part in (self.first, self.second)]
            return Prediction(answer=" | ".join(answer.answer for answer in answers))

    program = Two(around(Ask(), embedder=angle), around(Ask(), embedder=angle, trainset=TRAIN[:3]))
    program.save(tmp_path / "two.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["two.json", "two.json.1.knn", "two.knn"]
    loaded = Two(NearestDemos(Ask(), angle), NearestDemos(Ask(), angle))
    loaded.load(tmp_path / "two.json")
    assert loaded(question="7.1").answer == program(question="7.1").answer == "7 8 | 2 1"
    before = state(loaded)
    Two(around(Ask(), trainset=TRAIN[:5]), around(Ask())).save(tmp_path / "two.json")
    (tmp_path / "two.json.1.knn").unlink()
    with pytest.raises(StateError, match=r"two\.json\.1\.knn"):
        loaded.load(tmp_path / "two.json")
    assert state(loaded) == before


def damage(folder: Path, **part: Any) -> None:
    content = json.loads((folder / "x.json").read_text())
    content["burnish"]["parts"]["self"].update(part)
    (folder / "x.json").write_text(json.dumps(content))


def other_index(folder: Path) -> None:
    around(Ask(), embedder="offline/hashing", trainset=TRAIN[::-1]).save(folder / "other.json")
    (folder / "other.knn").replace(folder / "x.knn")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "x.knn").unlink(), r"x\.knn.*cannot be read.*Put the \.knn file back"),
        (other_index, "damaged, or the index of another program"),
        (lambda folder: (folder / "x.knn").write_bytes(b"short"), "damaged"),
        (lambda folder: damage(folder, k=0), "k: .*greater than or equal to 1"),
        (lambda folder: damage(folder, k=11), "does not fit together: k=11"),
        (lambda folder: damage(folder, examples=[]), "does not fit together"),
        (lambda folder: damage(folder, examples=[1]), "examples.0: "),
        (lambda folder: damage(folder, bootstrapped=[{"example": 10, "demos": {}}]), r"fit together: .*\[10\]"),
        (lambda folder: damage(folder, kind="Other"), "kind: "),
        (lambda folder: damage(folder, embedder="x/y"), r"'offline/hashing'.*compiled with 'x/y'.*embedder='x/y'"),
        (lambda folder: damage(folder, embedder=None), r"'offline/hashing'.*compiled with a function"),
    ],
)
def test_what_does_not_fit_is_an_error_and_nothing_else(spoil: Any, said: str, tmp_path: Path) -> None:
    saved(tmp_path)
    spoil(tmp_path)
    program = around(Ask(), embedder="offline/hashing", trainset=TRAIN[:4])
    program.ask.demos = [TRAIN[1]]
    before = state(program)
    with pytest.raises(StateError, match=said):
        program.load(tmp_path / "x.json")
    assert state(program) == before


def test_a_state_of_another_kind_of_program_says_what_to_load_it_into(tmp_path: Path) -> None:
    saved(tmp_path)
    plain = Ask()
    plain.save(tmp_path / "plain.json")
    with pytest.raises(StateError, match=r"a NearestDemos at 'self'.*burnish\.NearestDemos\(MyProgram\(\)\)"):
        plain.load(tmp_path / "x.json")
    with pytest.raises(StateError, match="without a NearestDemos at 'self': load it into the program inside"):
        NearestDemos(Ask()).load(tmp_path / "plain.json")
    with pytest.raises(StateError, match="before it held any examples"):
        NearestDemos(Ask()).load_state(NearestDemos(Ask()).dump_state())


def test_a_state_without_its_file_fits_only_who_has_the_index(tmp_path: Path) -> None:
    program = saved(tmp_path)
    dumped = json.loads(json.dumps(program.dump_state()))
    twin = program.deepcopy()
    twin.ask.demos = [TRAIN[1]]
    twin.load_state(dumped)
    assert state(twin) == state(program)
    other = around(Ask(), embedder="offline/hashing", trainset=TRAIN[::-1])
    for stranger in (NearestDemos(Ask()), other):
        with pytest.raises(StateError, match=r"in the \.knn file beside the \.json file"):
            stranger.load_state(dumped)


def test_what_json_has_not_is_refused_before_any_file_is_written(tmp_path: Path) -> None:
    rows = [Example(question=str(n), answer=object()).with_inputs("question") for n in range(3)]
    with pytest.raises(StateError, match="which JSON cannot keep"):
        around(Ask(), trainset=rows).save(tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_a_candidate_may_be_more_than_its_choices() -> None:
    from burnish.stages.finish import build

    inner = toy.Classifier()
    made = build(inner, Candidate("near", {"classify": Choice(demos=())}, around=NearestDemos))
    assert isinstance(made, NearestDemos)
    assert made.program is not inner
    assert made._compiled


def test_a_batch_is_logged_as_single_calls_are(tmp_path: Path, lm: Any) -> None:
    program, path = around(Ask()), tmp_path / "log.jsonl"
    with burnish.context(trace_log=burnish.TraceLog(path)):
        program.batch(TRAIN[:3])
    assert [json.loads(line)["trace"][0]["predictor"] for line in path.read_text().splitlines()] == ["ask"] * 3


def test_what_is_set_on_it_is_set_on_the_program_inside(lm: Any) -> None:
    program = around(Predict("question -> answer"))
    program.demos = [Example(question="1", answer="own")]
    assert program.program.demos == program.demos
    assert program(question="7.1").answer == "own"
    other = ScriptedLM(lambda _: {"answer": "other"})
    program.lm = other
    assert program.get_lm() is other
    assert program(question="7.1").answer == "other"
    with pytest.raises(AttributeError):
        program.forward(question="7.1")


def test_inputs_without_a_parameter_of_their_own_count_where_others_go_by_position(lm: Any) -> None:
    class Loose(Ask):
        async def aforward(self, question: str, **more: Any) -> Prediction:
            return await self.ask.acall(question=question)

    rows = [
        Example(question="same", extra=str(n), answer=f"answer {n}").with_inputs("question", "extra") for n in range(9)
    ]
    program = around(Loose(), 1, embedder="offline/hashing", trainset=rows)
    assert program("same", extra="7").answer == program(question="same", extra="7").answer == "7"


def test_saving_that_fails_leaves_what_was_saved(tmp_path: Path, lm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved(tmp_path, angle)

    def full(*_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space"):
            around(Ask(), trainset=TRAIN[:4]).save(tmp_path / "x.json")
    loaded = NearestDemos(Ask(), angle)
    loaded.load(tmp_path / "x.json")
    assert state(loaded) == state(before)
    NearestDemos(Ask()).save(tmp_path / "empty.json")
    with pytest.raises(StateError, match="before it held any examples"):
        NearestDemos(Ask()).load(tmp_path / "empty.json")
