"""ColBERTv2 against a real server on this machine: what it finds, what goes wrong, and what that makes of an example."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import burnish
from burnish import BootstrapFewShot, ColBERTv2, Evaluate, Example, Module, Prediction
from burnish.engine.meter import BudgetMeter
from burnish.errors import BudgetExhausted, ConfigError, LMAccessDenied, LMRejected, LMTransient, RunStopped
from burnish.lm.cache import Cache
from burnish.lm.scope import Scope, use_scope
from burnish.loop import run_sync
from burnish.testing import ScriptedLM, toy
from burnish.values.budget import Budget
from burnish.values.usage import Ledger

ROWS = [{"text": f"passage {n} über 東京", "score": 20.0 - n, "rank": n + 1, "pid": 7 * n} for n in range(12)]
HTML = b"<html><h1>Welcome</h1></html>"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.answer({"k": int(asked.get("k", 0)), "query": asked.get("query", "")})

    def do_POST(self) -> None:
        self.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def answer(self, asked: dict[str, Any]) -> None:
        server: Any = self.server
        server.seen.append((self.command, self.path, asked))
        server.user = self.headers.get("authorization")
        status, body = 200, json.dumps({"topk": ROWS[: asked["k"]]}).encode()
        if server.faults and (server.only is None or server.only in asked["query"]):
            fault = server.faults.pop(0) if len(server.faults) > 1 else server.faults[0]
            if fault == "slow":
                time.sleep(1)
            elif isinstance(fault, int):
                status, body = fault, b'{"detail": "no"}'
            elif fault is not None:
                body = fault
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: Any) -> None:
        """Nothing is written to standard error."""


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *told: Any) -> None:
        """Whoever hung up meanwhile is no matter."""


@pytest.fixture
def server() -> Iterator[Any]:
    made: Any = Quiet(("127.0.0.1", 0), Handler)
    made.seen, made.faults, made.only = [], [], None
    made.url = f"http://127.0.0.1:{made.server_port}/api/search"
    threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
    with burnish.context(cache=Cache()):
        yield made
    made.shutdown()
    made.server_close()


def test_passages_are_dicts_with_attributes(server: Any) -> None:
    found = ColBERTv2(server.url)("where?", k=3)
    assert [passage.long_text for passage in found] == [row["text"] for row in ROWS[:3]]
    assert (found[0].score, found[0].rank, found[1]["pid"], found[0].text) == (20.0, 1, 7, ROWS[0]["text"])
    assert ColBERTv2(server.url)("where?", simplify=True) == [row["text"] for row in ROWS[:10]]
    with pytest.raises(AttributeError, match="no 'prob'. It has text, score"):
        _ = found[0].prob
    found[0].mark = 1
    assert found[0]["mark"] == 1
    assert copy.deepcopy(found) == pickle.loads(pickle.dumps(found)) == found


def test_get_and_post_ask_the_same(server: Any) -> None:
    query = "Größe & 100% of #1?"
    got = ColBERTv2(server.url, cache=False)(query, k=2)
    posted = ColBERTv2(server.url, post_requests=True, cache=False)(query, k=2)
    assert got == posted
    (get, path, one), (post, _, other) = server.seen
    assert (get, post) == ("GET", "POST")
    assert one == other == {"query": query, "k": 2}
    assert path.startswith("/api/search?query=")


def test_a_port_and_a_query_of_the_address_are_kept(server: Any) -> None:
    ColBERTv2("http://127.0.0.1/api/search?index=wiki&key=MARKER-123", port=server.server_port)("x", k=1)
    assert server.seen[0][1] == "/api/search?index=wiki&key=MARKER-123&query=x&k=1"


@pytest.mark.parametrize("posts", [False, True])
def test_user_and_password_go_to_the_server_and_nowhere_else(posts: bool, server: Any) -> None:
    place = server.url.removeprefix("http://")
    retriever = ColBERTv2(f"http://me:MARKER%40123@{place}?key=MARKER-45#top", post_requests=posts)
    assert len(retriever("where?", k=2)) == 2
    assert server.user == "Basic " + base64.b64encode(b"me:MARKER@123").decode()
    assert server.seen[0][1].startswith("/api/search?key=MARKER-45" + "&query=where" * (not posts))
    assert b"MARKER" not in pickle.dumps(retriever) + repr((retriever, vars(retriever))).encode()


def test_what_was_found_is_asked_for_once(server: Any) -> None:
    retriever = ColBERTv2(server.url)
    first = retriever("where?", k=3)
    first[0].text = "changed by whoever has it"
    assert retriever("where?", k=3)[0].text == ROWS[0]["text"]
    assert copy.deepcopy(retriever) is retriever
    assert pickle.loads(pickle.dumps(retriever))("where?", k=3)[0].text == ROWS[0]["text"]
    assert len(server.seen) == 1
    retriever("where?", k=4)
    ColBERTv2(server.url, cache=False)("where?", k=3)
    assert len(server.seen) == 3


def test_failures_are_tried_again_and_never_kept(server: Any) -> None:
    server.faults = [HTML, 500, 429, None]
    retriever = ColBERTv2(server.url)
    assert len(retriever("where?", k=2)) == 2
    assert len(server.seen) == 4
    server.faults = [503]
    with pytest.raises(LMTransient, match="HTTP 503") as caught:
        ColBERTv2(server.url, num_retries=0)("another?")
    assert caught.value.status == 503
    server.faults = []
    assert len(ColBERTv2(server.url, num_retries=0)("another?")) == 10


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (HTML, LMTransient, "no 'topk' of passages with a 'text': <html>"),
        (b"", LMTransient, "it is empty"),
        (b"[]", LMTransient, "no 'topk'"),
        (b'{"topk": [{"title": "x"}]}', LMTransient, "no 'topk'"),
        (b'{"error": true, "message": "index"}', LMTransient, "message.*index"),
        (404, LMAccessDenied, "Check ColBERTv2"),
        (422, LMRejected, "HTTP 422"),
        ("slow", LMTransient, "No reply within 0.2 s"),
    ],
)
def test_what_is_no_answer_is_an_error_that_says_so(fault: Any, kind: type, said: str, server: Any) -> None:
    server.faults = [fault]
    with pytest.raises(kind, match=said):
        ColBERTv2(server.url, num_retries=0, timeout=0.2 if fault == "slow" else 60)("where?")


def test_a_server_that_is_not_there(server: Any) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(LMTransient, match="ColBERT server"):
        ColBERTv2(server.url, num_retries=0)("where?")


def test_from_async_code(server: Any) -> None:
    assert len(run_sync(ColBERTv2(server.url).acall("where?", k=2))) == 2


class Finds(Module):
    """Answers with the first passage, by the sync face; says "none" where the search fails and it is told to."""

    def __init__(self, retriever: ColBERTv2, *, catches: bool = False) -> None:
        self.retriever = retriever
        self.catches = catches

    def forward(self, query: str) -> Prediction:
        try:
            return Prediction(answer=self.retriever(query, k=1)[0].text)
        except LMTransient:
            if not self.catches:
                raise
            return Prediction(answer="none")


def hit(example: Example, prediction: Any, trace: Any = None) -> bool:
    return "passage 0" in prediction.answer


def answered(example: Example, prediction: Any, trace: Any = None) -> bool:
    return bool(prediction.answer)


DEVSET = [Example(query=f"{'bad' if n % 3 == 0 else 'good'} {n}").with_inputs("query") for n in range(9)]


@pytest.mark.parametrize("catches", [False, True])
def test_an_outage_while_a_program_runs_is_not_measured(catches: bool, server: Any) -> None:
    server.faults, server.only = [500], "bad"
    with burnish.context(lm=toy.lm()):
        result = Evaluate(devset=DEVSET, metric=hit)(Finds(ColBERTv2(server.url, num_retries=0), catches=catches))
    assert (result.score, result.n, result.not_measured) == (100.0, 6, 3)
    assert set(result.reasons) == {0, 3, 6}
    assert "HTTP 500" in result.reasons[0]


def test_a_wrong_address_stops_a_run(server: Any) -> None:
    server.faults = [404]
    with burnish.context(lm=toy.lm()), pytest.raises(RunStopped, match="no search is answered there"):
        Evaluate(devset=DEVSET, metric=hit)(Finds(ColBERTv2(server.url)))


def test_searches_are_on_the_bill_and_within_the_budget(server: Any) -> None:
    ledger = Ledger()
    retriever = ColBERTv2(server.url)
    with use_scope(Scope(ledger=ledger, meter=BudgetMeter(Budget(calls=2, dollars=1.0)))):
        retriever("one", k=1)
        retriever("two", k=1)
        retriever("one", k=1)
        with pytest.raises(BudgetExhausted):
            retriever("three", k=1)
    assert (ledger.total().calls, ledger.total().price) == (2, "$0.0000")
    assert len(server.seen) == 2


def test_a_resumed_compile_searches_for_nothing_again(server: Any, tmp_path: Any) -> None:
    class Asks(Module):
        def __init__(self) -> None:
            self.answer = burnish.Predict("query, context -> answer")

        def forward(self, query: str) -> Prediction:
            return self.answer(query=query, context=retriever(query, k=1, simplify=True)[0])

    retriever = ColBERTv2(server.url, cache=False)

    def compiled() -> Any:
        optimizer = BootstrapFewShot(metric=answered, max_bootstrapped_demos=2, run_dir=tmp_path / "run")
        with burnish.context(lm=ScriptedLM(lambda request: {"answer": "passage 0"}), cache=Cache()):
            return optimizer.compile(Asks(), trainset=DEVSET)

    first = compiled()
    searched = len(server.seen)
    assert searched
    assert compiled().dump_state() == first.dump_state()
    assert len(server.seen) == searched


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "localhost:8893"}, "http or https"),
        ({"url": 3}, "http or https"),
        ({"url": "http://localhost:1/x", "port": 2}, "a port already"),
        ({"url": "http://localhost", "port": "x"}, "port='x'"),
        ({"url": "http://localhost", "timeout": 0}, "timeout=0"),
        ({"url": "http://localhost", "num_retries": -1}, "num_retries=-1"),
    ],
)
def test_what_cannot_be_used_is_told_at_once(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ColBERTv2(**given)


def test_queries_and_numbers_are_checked_before_anything_is_sent(server: Any) -> None:
    for query, k in (("x", 0), ("x", None), ("x", True), (None, 3), (["x"], 3)):
        with pytest.raises(ConfigError):
            ColBERTv2(server.url)(query, k=k)  # type: ignore[call-overload]
    assert not server.seen


def test_no_credential_of_the_address_is_shown() -> None:
    retriever = ColBERTv2("http://me:PASSWORD-1@127.0.0.1:9/x?key=MARKER-123", num_retries=0, timeout=5)
    with pytest.raises(LMTransient) as caught:
        retriever("where?")
    for text in (repr(retriever), str(caught.value), caught.value.model):
        assert "MARKER-123" not in text
        assert "PASSWORD-1" not in text
