"""Effects in words: what stands out is told, and nothing is where nothing does."""

from __future__ import annotations

import json

from burnish.values.effects import Effects, SlotEffect

NOISE = SlotEffect("find", "instructions", 0.06, 0.004, kept=False, stands_out=False)
OWN = SlotEffect("find", "demos", 0.24, 0.0, kept=True, stands_out=True)
WON = SlotEffect("classify", "instructions", 0.5, 0.123, kept=False, stands_out=True)


def test_the_largest_share_comes_first_and_each_slot_says_what_the_winner_took() -> None:
    found = Effects([NOISE, OWN, WON], 0.15, 0.05)
    assert found.stand_out == [WON, OWN]
    assert str(found).splitlines()[1:] == [
        "  classify instructions: 50%, expected +12.3 points over the program's own",
        "  find demos: 24%, the program's own is kept",
        "  find instructions: 6%, no difference beyond doubt",
        "  choices that go together: 15%; single candidates: 5%",
    ]


def test_noise_is_told_as_such_and_without_a_number() -> None:
    assert str(Effects([NOISE], 0.5, 0.44)).startswith("no slot stands out")
    assert "%" not in str(Effects([NOISE], 0.5, 0.44))


def test_a_lone_predictor_has_no_name() -> None:
    assert SlotEffect("self", "demos", 1.0, 0.1, kept=False, stands_out=True).name == "demos"


def test_as_json() -> None:
    read = json.loads(json.dumps(Effects([OWN], 0.5, 0.26).to_dict()))
    assert read["slots"] == [
        {"predictor": "find", "part": "demos", "share": 0.24, "gain": 0.0, "kept": True, "stands_out": True}
    ]
    assert (read["pairs"], read["own"]) == (0.5, 0.26)
