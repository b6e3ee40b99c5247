"""What the offline model writes freely: only what the prompt shows."""

from __future__ import annotations

from burnish.lm.backends.icl import writer
from burnish.lm.backends.icl.draw import Draw
from burnish.lm.backends.icl.labels import lines

DATA = """
text: where is my parcel, the courier never came
intent: delivery

text: please send my money back
intent: refund

text: the parcel is with a courier since Monday
intent: delivery

text: I want the money returned to my card
intent: refund
"""


def told(text: str) -> dict[str, set[str]]:
    return {label: set(about.split(", ")) for label, about in lines(text)}


def test_an_instruction_names_the_telling_words_of_each_label() -> None:
    about = told(writer.instruction({"examples": DATA}, Draw("x")))
    assert {"parcel", "courier"} <= about["delivery"]
    assert "money" in about["refund"]
    assert not about["delivery"] & about["refund"]


def test_an_instruction_keeps_the_wording_and_earlier_words() -> None:
    current = "Sort the message.\nrefund: they want money.\n\nWords that often tell the intent:\nother: hello, thanks\nrefund: coins"
    text = writer.instruction({"basic_instruction": current, "examples": DATA}, Draw("x"))
    assert text.startswith("Sort the message.\nrefund: they want money.\n\nWords that often tell the intent:\n")
    assert told(text)["other"] == {"hello", "thanks"}
    # What the data shows stands first, and what was known before is added to it.
    refund = dict(lines(text.partition("tell the intent:")[2]))["refund"].split(", ")
    assert refund[0] == "money"
    assert refund[-1] == "coins"
    assert writer.instruction({"basic_instruction": text, "examples": DATA}, Draw("x")) == text


def test_an_instruction_tells_apart_what_the_step_must_produce() -> None:
    rows = [
        ("my card is gone", "card", "lost_card"),
        ("the card came broken", "card", "damaged_card"),
        ("rates for dollars", "money", "exchange_rate"),
        ("send dollars home", "money", "transfer"),
    ]
    data = "\n".join(f'{{"text": "{text}", "group": "{group}", "intent": "{intent}"}}' for text, group, intent in rows)
    step = "The step `fine`.\nIt is given:\n- text (str)\n- group (str)\nIt must produce:\n- intent (one of: a | b)"
    about = told(writer.instruction({"step": step, "examples": data}, Draw("x")))
    assert about.keys() == {intent for _, _, intent in rows}
    assert about["lost_card"] >= {"card", "gone"}
    # Where nothing says which member is the answer, it is taken for the one of fewest values.
    assert told(writer.instruction({"examples": data}, Draw("x"))).keys() == {"card", "money"}


def test_temperature_varies_an_instruction_by_the_draw() -> None:
    drawn = {writer.instruction({"examples": DATA}, Draw(str(key), 1.0)) for key in range(8)}
    assert len(drawn) > 1
    assert len({writer.instruction({"examples": DATA}, Draw(str(key))) for key in range(8)}) == 1
    bare = {writer.instruction({"basic_instruction": "Sort it."}, Draw(str(key), 1.0)) for key in range(8)}
    assert len(bare) > 1
    assert all(text.startswith("Sort it. ") for text in bare)


def test_answers_that_are_no_labels_are_described_by_their_shape() -> None:
    rows = "\n".join(f"question {n} -> a long answer of many different words, namely {n} of them" for n in range(3))
    assert "about 11 words" in writer.instruction({"examples": rows}, Draw("x"))


def test_a_summary_counts_examples_or_quotes_the_text() -> None:
    assert writer.summary([DATA]).startswith("4 texts, each with one intent: delivery, refund.")
    assert (
        writer.summary(["A first thought about tea. Tea is a drink. Nothing."])
        in "A first thought about tea. Tea is a drink."
    )
    assert writer.summary(["", " "]) == "There is nothing to summarise."


def test_a_quote_comes_from_the_passage_that_shares_most() -> None:
    assert writer.extract("What is the capital of Italy?", ["Paris is big. The capital of Italy is Rome."]) == (
        "The capital of Italy is Rome."
    )


def test_a_reason_claims_no_more_than_there_is() -> None:
    assert writer.reason("refund", telling=[], demo=None) == "Of the answers known, refund fits best."
    assert "“money back”" in writer.reason("refund", telling=["money"], demo="money  back")
