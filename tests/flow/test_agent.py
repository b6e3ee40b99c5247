"""An agent with two tools over a corpus of its own: compiled, saved, loaded, and found to take the same steps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from burnish import BootstrapFewShot, Embeddings, Evaluate, Example, ReAct, Request, answer_exact_match, context
from burnish.testing import ScriptedLM

HOMES = {"heron": "marsh", "wren": "wall", "magpie": "oak", "plover": "shore", "kestrel": "cliff", "siskin": "alder"}
CORPUS = [f"The {bird} lives in the {home}." for bird, home in HOMES.items()]
ROWS = [
    Example(question=f"How many letters has the home of the {bird}?", answer=str(len(home))).with_inputs("question")
    for bird, home in HOMES.items()
]


def agent() -> ReAct:
    retriever = Embeddings(CORPUS, "offline/hashing", k=2)

    def search(query: str) -> list[str]:
        """Finds passages about birds.

        Args:
            query: What to look for.
        """
        return retriever(query).passages  # type: ignore[no-any-return]

    async def count_letters(word: str) -> int:
        """Counts the letters of a word."""
        return len(word)

    return ReAct("question -> answer", tools=[search, count_letters], max_iters=6)


def plays(request: Request) -> dict[str, Any]:
    """A model that reads the question and the steps, and decides by them; it extracts right only after a demo."""
    asked = request.messages[-1]["content"]
    bird = re.search(r"home of the (\w+)\?", asked)
    assert bird is not None
    home = re.search(rf"The {bird[1]} lives in the (\w+)\.", asked)
    counted = re.search(r"Call: count_letters .*\nResult: (\d+)", asked)
    if "reasoning" in asked:
        assert counted is not None
        return {"reasoning": f"It lives in the {home and home[1]}.", "answer": counted[1]}
    if home is None:
        # Without an example of a good query it asks for something that is nowhere, once.
        clumsy = len(request.messages) == 2 and "Step 1" not in asked
        return step("I must find its home.", "search", query="xyzzy" if clumsy else f"home of the {bird[1]}")
    if counted is None:
        return step(f"It is the {home[1]}.", "count_letters", word=home[1])
    return step("I know it.", "finish")


def step(thought: str, name: str, **args: Any) -> dict[str, Any]:
    return {"next_thought": thought, "next_tool_name": name, "next_tool_args": args}


@pytest.mark.parametrize("threads", [1, 8])
def test_an_agent_compiles_saves_loads_and_takes_the_same_steps(tmp_path: Path, threads: int) -> None:
    train, new = ROWS[:4], ROWS[4:]
    lm = ScriptedLM(plays)
    with context(lm=lm):
        plain = agent()(**new[0].inputs())
        optimizer = BootstrapFewShot(
            answer_exact_match, max_bootstrapped_demos=3, max_labeled_demos=0, num_threads=threads
        )
        compiled = optimizer.compile(agent(), trainset=train)
        assert [(name, len(p.demos)) for name, p in compiled.named_predictors()] == [
            ("react", 3),
            ("extract.predict", 3),
        ]
        compiled.save(tmp_path / "agent.json")
        loaded = agent()
        loaded.load(tmp_path / "agent.json")
        first = [compiled(**row.inputs()) for row in new]
        again = [loaded(**row.inputs()) for row in new]
        score = Evaluate(devset=new, metric=answer_exact_match, num_threads=threads)(loaded).score
    # The demos are whole: every field of the step and of the answer, the tools' arguments as data.
    shown = compiled.react.demos[0]
    assert set(shown.keys()) >= {"question", "trajectory", "next_thought", "next_tool_name", "next_tool_args"}
    assert isinstance(shown["next_tool_args"], dict)
    # Shown how, it finds at once what it missed at first.
    assert plain.trajectory["tool_args_0"] == {"query": "xyzzy"}
    assert first[0].trajectory["tool_args_0"] == {"query": "home of the kestrel"}
    assert [p.trajectory for p in first] == [p.trajectory for p in again]
    assert [p.answer for p in again] == [row.answer for row in new]
    assert [p.trajectory["tool_name_1"] for p in again] == ["count_letters"] * 2
    assert score == 100.0


def test_a_compile_of_an_agent_that_is_run_again_asks_nothing(tmp_path: Path) -> None:
    files = []
    for folder in ("a", "b"):
        lm = ScriptedLM(plays)
        with context(lm=lm):
            optimizer = BootstrapFewShot(
                answer_exact_match, max_labeled_demos=2, run_dir=tmp_path / "run", progress=False
            )
            optimizer.compile(agent(), trainset=ROWS[:4]).save(tmp_path / f"{folder}.json")
        files.append((tmp_path / f"{folder}.json").read_bytes())
    assert lm.requests == []
    assert files[0] == files[1]
