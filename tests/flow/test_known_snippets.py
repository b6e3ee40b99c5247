"""Code in the shape that DSPy's optimizer documentation shows, with the import changed and a scripted model.

Each test is one block: its calls and arguments are those of the public documentation, its data and model are local.
"""

from __future__ import annotations

import json
import re
from typing import Literal

import pytest

import burnish as dspy
from burnish.datasets import DataLoader, HotPotQA
from burnish.teleprompt import *  # noqa: F403  as the documentation has it
from burnish.testing import ScriptedLM

FACTS = {
    "Which planet has the Great Red Spot?": ("Jupiter", "The Great Red Spot is a storm on Jupiter."),
    "Which planet has the Caloris basin?": ("Mercury", "The Caloris basin is a crater on Mercury."),
    "Which planet has the Maxwell Montes?": ("Venus", "Maxwell Montes is a mountain range on Venus."),
    "Which planet has the Olympus Mons?": ("Mars", "Olympus Mons is a volcano on Mars."),
}
ROWS = [{"question": question, "answer": answer} for question, (answer, _) in FACTS.items()]


def fields_of(request):
    """The sections of the last question."""
    parts = re.split(r"\[\[ ## (\w+) ## \]\]\n", request.messages[-1]["content"])
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def model(request):
    """Plays every step of the programs below."""
    given = fields_of(request)
    text = request.messages[-1]["content"]
    question = next((q for q in FACTS if q in text), None)
    answer, passage = FACTS.get(question, ("unknown", ""))
    if "`next_tool_name`" in text:
        if passage in text:
            return {"next_thought": "I know it.", "next_tool_name": "finish", "next_tool_args": {}}
        return {"next_thought": "I search.", "next_tool_name": "search", "next_tool_args": {"query": question}}
    for written in ("instructions", "observations", "summary", "description"):
        if f"`{written}`" in text:
            return {written: "Name the planet."}
    if "`precision`" in text:
        return {"reasoning": "Compared.", "recall": 1.0, "precision": 1.0}
    if "`label`" in text:
        return {"reasoning": "The hint says so.", "label": given.get("hint", "card_lost")}
    if "`response`" in text:
        return {"reasoning": "It is in the context.", "response": answer}
    return {"reasoning": "It is known.", "answer": answer}


@pytest.fixture(autouse=True)
def scripted():
    with dspy.context(lm=ScriptedLM(model)):
        yield


@pytest.fixture
def trainset():
    return [dspy.Example(**row).with_inputs("question") for row in ROWS]


def test_labelled_few_shot(trainset):
    labeled_fewshot_optimizer = dspy.LabeledFewShot(k=2)
    your_dspy_program_compiled = labeled_fewshot_optimizer.compile(
        student=dspy.ChainOfThought("question -> answer"), trainset=trainset
    )
    assert len(your_dspy_program_compiled.predict.demos) == 2


def test_bootstrap_few_shot(trainset):
    fewshot_optimizer = BootstrapFewShot(  # noqa: F405
        metric=dspy.evaluate.answer_exact_match,
        max_bootstrapped_demos=2,
        max_labeled_demos=4,
        max_rounds=1,
        max_errors=10,
    )
    compiled = fewshot_optimizer.compile(student=dspy.ChainOfThought("question -> answer"), trainset=trainset)
    assert sum("augmented" in demo for demo in compiled.predict.demos) == 2


def test_random_search_with_a_config(trainset):
    config = dict(max_bootstrapped_demos=4, max_labeled_demos=4, num_candidate_programs=10, num_threads=4)  # noqa: C408

    teleprompter = dspy.BootstrapFewShotWithRandomSearch(metric=dspy.evaluate.answer_exact_match, **config)
    optimized_program = teleprompter.compile(dspy.ChainOfThought("question -> answer"), trainset=trainset)
    assert len(optimized_program.candidate_programs) == 13


def test_copro(trainset):
    eval_kwargs = dict(num_threads=16, display_progress=True, display_table=0)  # noqa: C408
    copro_teleprompter = COPRO(  # noqa: F405
        prompt_model=dspy.settings.lm,
        metric=dspy.evaluate.answer_exact_match,
        breadth=2,
        depth=1,
        init_temperature=1.4,
        verbose=False,
    )
    compiled = copro_teleprompter.compile(
        dspy.ChainOfThought("question -> answer"), trainset=trainset, eval_kwargs=eval_kwargs
    )
    assert [entry["score"] for entry in compiled.candidate_programs] == [100.0, 100.0]


@pytest.mark.parametrize("demos", [3, 0])
def test_mipro(trainset, demos):
    teleprompter = MIPROv2(metric=dspy.evaluate.answer_exact_match, auto="light")  # noqa: F405
    program = dspy.ChainOfThought("question -> answer")
    optimized_program = teleprompter.compile(
        program.deepcopy(),
        trainset=trainset,
        max_bootstrapped_demos=demos,
        max_labeled_demos=demos,
        requires_permission_to_run=False,
    )
    assert optimized_program.score == 100.0
    assert "full_eval_score" in optimized_program.trial_logs[1] or "mb_score" in optimized_program.trial_logs[1]


def test_ensemble(trainset):
    fewshot_optimizer = BootstrapFewShotWithRandomSearch(  # noqa: F405
        metric=dspy.evaluate.answer_exact_match, max_bootstrapped_demos=2, num_candidate_programs=2, num_threads=4
    )
    compiled = fewshot_optimizer.compile(dspy.ChainOfThought("question -> answer"), trainset=trainset, valset=trainset)
    programs = [entry["program"] for entry in compiled.candidate_programs]
    ensemble = Ensemble(reduce_fn=dspy.majority).compile(programs[:3])  # noqa: F405
    assert ensemble(question=ROWS[0]["question"]).answer == "Jupiter"


def hotpot(folder):
    """A few rows in the shape of HotPotQA's files."""
    rows = [
        {
            "id": str(number),
            "question": question,
            "answer": answer,
            "type": "bridge",
            "level": "hard",
            "supporting_facts": {"title": [answer], "sent_id": [0]},
            "context": {"title": [answer], "sentences": [[passage]]},
        }
        for number, (question, (answer, passage)) in enumerate(FACTS.items())
    ]
    for part in ("train", "validation"):
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_react_on_hotpotqa(tmp_path):
    search_of = dspy.Embeddings([passage for _, passage in FACTS.values()], "offline/hashing", k=1)

    def search(query: str) -> list[str]:
        """Retrieves abstracts from Wikipedia."""
        return search_of(query).passages

    trainset = [x.with_inputs("question") for x in HotPotQA(train_seed=2024, train_size=3, path=hotpot(tmp_path)).train]
    react = dspy.ReAct("question -> answer", tools=[search])
    assert [name for name, _ in react.named_predictors()] == ["react", "extract.predict"]

    tp = dspy.BootstrapFewShot(metric=dspy.evaluate.answer_exact_match)
    optimized_react = tp.compile(react, trainset=trainset)
    assert all(predictor.demos for predictor in optimized_react.predictors())
    assert optimized_react(question=ROWS[0]["question"]).answer == "Jupiter"


def test_rag_with_a_judge(trainset):
    search = dspy.Embeddings([passage for _, passage in FACTS.values()], "offline/hashing")

    class RAG(dspy.Module):
        def __init__(self, num_docs=5):
            self.num_docs = num_docs
            self.respond = dspy.ChainOfThought("context, question -> response")

        def forward(self, question):
            context = search(question).passages[: self.num_docs]
            return self.respond(context=context, question=question)

    rows = [dspy.Example(question=row["question"], response=row["answer"]).with_inputs("question") for row in ROWS]
    tp = dspy.BootstrapRS(
        metric=dspy.SemanticF1(),
        num_candidate_programs=2,
        num_threads=24,
        max_bootstrapped_demos=2,
        max_labeled_demos=2,
    )
    optimized_rag = tp.compile(RAG(), trainset=rows)
    assert optimized_rag.report.score == 100.0
    assert optimized_rag(question=ROWS[0]["question"]).response == "Jupiter"


def test_banking_rows_with_hints(tmp_path):
    (tmp_path / "train.csv").write_text(
        "text,label\nWhere is my card?,card_arrival\nMy card is gone.,card_lost\n", encoding="utf-8"
    )
    CLASSES = ("card_arrival", "card_lost")  # noqa: N806  as the documentation names them
    kwargs = {"fields": ("text", "label"), "input_keys": ("text",)}
    trainset = [
        dspy.Example(x, hint=x.label, label=x.label).with_inputs("text", "hint")
        for x in DataLoader().from_csv(str(tmp_path / "train.csv"), **kwargs)
    ]
    signature = dspy.Signature("text, hint -> label").with_updated_fields("label", type_=Literal[tuple(CLASSES)])
    classify = dspy.ChainOfThought(signature)
    classify.set_lm(ScriptedLM(model))
    optimizer = dspy.BootstrapFewShot(metric=(lambda x, y, trace=None: x.label == y.label))
    optimized = optimizer.compile(classify, trainset=trainset)
    assert optimized(text="My card is gone.", hint="card_lost").label == "card_lost"
    with pytest.warns(UserWarning, match="missing hint"):
        assert optimized(text="What does a pending cash withdrawal mean?").label == "card_lost"


def test_saving_and_loading(tmp_path, trainset):
    optimized_program = dspy.BootstrapFewShot(metric=dspy.evaluate.answer_exact_match).compile(
        dspy.ChainOfThought("question -> answer"), trainset=trainset
    )
    path = str(tmp_path / "program.json")
    optimized_program.save(path)
    loaded_program = dspy.ChainOfThought("question -> answer")
    loaded_program.load(path=path)
    assert loaded_program.predict.demos == optimized_program.predict.demos

    optimized_program.save(path, save_field_meta=True)
    loaded_program = dspy.ChainOfThought("question -> answer")
    loaded_program.load(path)
    assert loaded_program(question=ROWS[0]["question"]).answer == "Jupiter"
    optimized_program.save(str(tmp_path / "whole"), save_program=True)
    assert dspy.load(str(tmp_path / "whole"), allow_pickle=True)(question=ROWS[0]["question"]).answer == "Jupiter"
