"""Embedders against a real server process: both clients, faults, and the server's own count."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

import burnish
from burnish.engine.meter import BudgetMeter
from burnish.errors import LMAccessDenied, LMTransient, PromptTooLong
from burnish.lm.cache import Cache
from burnish.lm.scope import Scope, use_scope
from burnish.retrieve.embedder import Embedder
from burnish.testing.server import Server, serving
from burnish.values.budget import Budget
from burnish.values.usage import Ledger

TEXTS = [f"text {n} of many, with ünïcode 日本" for n in range(11)]


@pytest.fixture(autouse=True)
def _memory_cache() -> Iterator[None]:
    with burnish.context(cache=Cache()):
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(dimensions=32) as running:
        yield running


def embedder(server: Server, batch_size: int = 4, **params) -> Embedder:
    return Embedder("local/toy", batch_size, **{"api_base": server.url, **params})


def test_rows_come_in_order_and_each_text_goes_out_once(server) -> None:
    before = server.count()
    hosted = embedder(server)
    rows = hosted([*TEXTS, TEXTS[0]])
    assert rows.shape == (12, 32)
    assert np.array_equal(rows[0], rows[-1])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert np.array_equal(hosted(TEXTS[7]), rows[7])
    assert server.count() - before == 3
    alone = np.stack([embedder(server, caching=False)(text) for text in TEXTS])
    assert np.array_equal(alone, rows[:11])


def test_both_clients_and_both_encodings_bring_the_same_rows(server) -> None:
    lean = embedder(server, caching=False)(TEXTS)
    plain = embedder(server, caching=False, encoding_format="float")(TEXTS)
    litellm = Embedder("openai/toy", 4, caching=False, api_base=server.url, api_key="MARKER", backend="litellm")(TEXTS)
    assert np.array_equal(lean, plain)
    assert np.allclose(lean, litellm, atol=1e-6)


def test_parameters_reach_the_server(server) -> None:
    assert embedder(server, dimensions=8)(TEXTS).shape == (11, 8)


def test_what_the_server_counted_is_on_the_bill(server) -> None:
    before, ledger = len(server.seen()), Ledger()
    with use_scope(Scope(ledger=ledger)):
        embedder(server, caching=False)(TEXTS)
    seen = server.seen()[before:]
    assert ledger.total().calls == len(seen) == 3
    assert ledger.total().prompt_tokens == sum(entry["prompt_tokens"] for entry in seen)
    assert ledger.total().price == "price unknown"


def test_a_price_that_the_user_knows_is_on_the_bill_and_holds_a_budget_in_dollars(server) -> None:
    ledger = Ledger()
    with use_scope(Scope(ledger=ledger, meter=BudgetMeter(Budget(dollars=1.0)))):
        embedder(server, caching=False, price=0.5)(TEXTS)
    assert ledger.total().unpriced == 0
    assert ledger.total().dollars == pytest.approx(ledger.total().prompt_tokens * 0.5 / 1e6)


def test_faults_that_pass_are_waited_out_and_nothing_is_lost() -> None:
    faults = dict.fromkeys(("rate_limit", "error", "unavailable", "cut", "empty", "wrong_type", "disconnect"), 1 / 7)
    with serving(dimensions=16, faults=faults, faulty_attempts=1) as faulty, serving(dimensions=16) as sound:
        rows = embedder(faulty, 1)(TEXTS)
        assert np.array_equal(rows, embedder(sound, caching=False)(TEXTS))
        assert faulty.count() == 2 * len(TEXTS)
        embedder(faulty, 1)(TEXTS)
        assert faulty.count() == 2 * len(TEXTS)


@pytest.mark.parametrize(
    ("fault", "error"), [("error", LMTransient), ("denied", LMAccessDenied), ("too_long", PromptTooLong)]
)
def test_a_fault_that_stays_is_an_error_without_the_key(fault, error) -> None:
    with serving(faults={fault: 1.0}) as faulty, pytest.raises(error) as caught:
        embedder(faulty, num_retries=0, api_key="MARKER-KEY")(["one text"])
    assert "MARKER" not in str(caught.value)
    assert caught.value.model == "local/toy"


def test_a_refusal_as_too_long_names_the_text() -> None:
    with serving(faults={"too_long": 1.0}) as narrow, pytest.raises(PromptTooLong, match="text at place 0, of 2 char"):
        embedder(narrow)(["aa", "bb", "cc"])
    with serving(faults={"hang": 1.0}) as hanging, pytest.raises(LMTransient, match=r"0\.2 s"):
        embedder(hanging, timeout=0.2, num_retries=0)("a")


def test_a_process_that_embeds_ends_without_a_word(server) -> None:
    script = f"""
from burnish.retrieve.embedder import Embedder
embedder = Embedder("local/toy", 1, False, api_base={server.url!r})
print(embedder([str(n) for n in range(20)]).shape)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("(20, 32)\n", "")
