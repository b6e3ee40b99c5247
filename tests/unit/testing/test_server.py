"""The model server: what it answers, what goes wrong on demand, and what it writes down."""

from __future__ import annotations

import asyncio
import base64
import http.client
import itertools
import json
import os
import signal
import struct
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from hashlib import sha256
from typing import NamedTuple

import aiohttp
import pytest

import burnish
from burnish.errors import ConfigError, LMAccessDenied
from burnish.testing import toy
from burnish.testing.server import Options, Server, serving
from burnish.testing.server.faults import FAULTS, REFUSALS, fault_of
from tests.support.processes import environment, wait_until


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def texts(self) -> list[str]:
        return [choice["message"]["content"] for choice in self.json()["choices"]]


def send(server: Server, path: str, body: object = None, *, seconds: float = 30, **headers: str) -> Reply:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as http:
            return Reply(http.status, dict(http.headers), http.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, dict(error.headers), error.read())


def asking(text: str, **params: object) -> dict[str, object]:
    return {"model": "any/model", "messages": [{"role": "user", "content": text}], **params}


def chat(server: Server, text: str = "Hello?", **params: object) -> Reply:
    return send(server, "/chat/completions", asking(text, **params))


async def chats(server: Server, texts: list[str]) -> list[tuple[int, dict[str, str]]]:
    """Ask all at once; the status and the headers of each reply."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(text: str) -> tuple[int, dict[str, str]]:
            async with session.post(server.url + "/chat/completions", json=asking(text)) as http:
                await http.read()
                return http.status, dict(http.headers)

        return await asyncio.gather(*map(one, texts))


@pytest.fixture(scope="module")
def constant():
    with serving(answer="Hello!", bodies=True) as running:
        yield running


def shout(request):
    return [request.messages[-1]["content"].upper(), {"model": request.model, "stop": request.params["stop"]}]


def raises(request):
    raise KeyError("nobody")


# What it answers


def test_a_constant_is_said_to_everybody(constant: Server) -> None:
    reply = chat(constant)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    data = reply.json()
    assert data["object"] == "chat.completion"
    assert data["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "Hello!", "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    usage = data["usage"]
    assert usage["prompt_tokens"] > 5
    assert usage["completion_tokens"] == 2
    assert usage["total_tokens"] == usage["prompt_tokens"] + 2


@pytest.mark.parametrize("answer", ["Hello!", "echo"])
def test_several_completions(answer: str) -> None:
    with serving(answer=answer) as server:
        reply = chat(server, "Hello!", n=3)
        assert reply.texts == ["Hello!"] * 3
        assert [choice["index"] for choice in reply.json()["choices"]] == [0, 1, 2]
        assert reply.json()["usage"]["completion_tokens"] == 6


def test_fields_are_said_in_the_form_that_the_adapter_reads() -> None:
    with serving(answer={"answer": "Rome", "sure": True}) as server:
        assert chat(server).texts == [
            "[[ ## answer ## ]]\nRome\n\n[[ ## sure ## ]]\ntrue\n\n[[ ## completed ## ]]",
        ]


def test_the_toy_model_is_the_same_there_as_here() -> None:
    question = "[[ ## text ## ]]\nA heron.\n\nRespond with [[ ## kind ## ]]"
    with serving() as server:
        assert chat(server, question).texts == toy.lm()(question)


def test_by_default_any_program_is_answered() -> None:
    mood = burnish.Predict("review -> mood: Literal['happy', 'angry']")
    with serving() as server, burnish.context(lm=server.lm()):
        # A review of fish is no toy program's question, whatever it mentions.
        assert {mood(review=text).mood for text in ("Cold soup.", "The perch was good.")} <= {"happy", "angry"}
        assert [entry["status"] for entry in server.seen()] == [200, 200]


def test_the_toy_model_says_what_it_cannot_answer() -> None:
    with serving(answer="toy") as server:
        reply = chat(server, "[[ ## review ## ]]\nCold soup.")
        assert reply.status == 400
        assert reply.json()["error"]["message"].startswith("The toy model answers the programs of burnish.testing.toy")


def test_only_the_models_that_there_are_answer_where_they_are_named() -> None:
    with serving(models=["small", "large"], answer="Hello!") as server:
        assert [model["id"] for model in send(server, "/models").json()["data"]] == ["small", "large"]
        assert server.lm()("Hello?") == ["Hello!"]
        reply = chat(server)
        assert (reply.status, reply.json()["error"]["code"]) == (404, "model_not_found")
        assert send(server, "/embeddings", {"model": "medium", "input": "a"}).status == 404
        with pytest.raises(LMAccessDenied):
            burnish.LM("local/lage", api_base=server.url, cache=False)("Hello?")


def test_the_embedded_model_answers() -> None:
    with serving(answer="offline/icl") as server:
        reply = chat(server, "[[ ## text ## ]]\nA heron.", n=2)
        assert (reply.status, len(reply.texts)) == (200, 2)


def test_a_function_answers_by_its_address() -> None:
    with serving(answer=f"{__name__}:shout") as server:
        reply = chat(server, "quiet", stop="!")
        assert reply.texts[0] == "QUIET"
        assert reply.texts[1].startswith("[[ ## model ## ]]\nany/model\n\n[[ ## stop ## ]]\n!")


def test_a_function_that_raises_is_a_refusal_with_its_reason() -> None:
    with serving(answer=f"{__name__}:raises") as server:
        reply = chat(server)
        assert reply.status == 400
        assert reply.json()["error"]["message"] == "KeyError: 'nobody'"
        assert [(entry["fault"], entry["status"]) for entry in server.seen()] == [("unanswerable", 400)]


def test_what_is_no_question_is_refused() -> None:
    with serving(answer="echo") as server:
        reply = send(server, "/chat/completions", [1, 2])
        assert reply.status == 400
        assert send(server, "/nowhere", {}).status == 404
        assert send(server, "/chat/completions").status == 404


def test_models_are_listed() -> None:
    with serving(answer="Hello!", model="small") as server:
        assert [model["id"] for model in send(server, "/models").json()["data"]] == ["small"]
        assert chat(server).json()["model"] == "small"
        assert server.count() == 1


def rows(server: Server, given: object, **params: object) -> list:
    reply = send(server, "/embeddings", {"model": "any", "input": given, **params})
    assert [row["index"] for row in reply.json()["data"]] == list(range(len(reply.json()["data"])))
    return [row["embedding"] for row in reply.json()["data"]]


def test_embeddings_of_texts_that_share_words_lie_close(constant: Server) -> None:
    first, near, far = rows(constant, ["a red heron", "a grey heron", "some basalt"])
    assert len(first) == 64
    assert sum(value * value for value in first) == pytest.approx(1.0, abs=1e-5)
    closeness = [sum(a * b for a, b in zip(first, other, strict=True)) for other in (near, far)]
    assert closeness[0] > 0.4 > abs(closeness[1])
    assert rows(constant, "a red heron") == [first]
    assert rows(constant, "") == [[0.0] * 64]
    assert len(rows(constant, [3, 1, 4])) == 1


def test_embeddings_in_the_encoding_and_length_asked_for(constant: Server) -> None:
    (plain,) = rows(constant, ["heron"], dimensions=8)
    (packed,) = rows(constant, ["heron"], dimensions=8, encoding_format="base64")
    assert list(struct.unpack("<8f", base64.b64decode(packed))) == pytest.approx(plain)


# What goes wrong


@pytest.fixture(scope="module")
def faulty():
    """A server on which every fault has its share."""
    with serving(answer="Hello!", faults=dict.fromkeys(FAULTS, 1 / len(FAULTS)), pace=0.0001) as running:
        yield running


def meeting(server: Server, fault: str) -> str:
    """A question that meets a fault when it is asked for the first time."""
    return next(
        text
        for text in map(f"{server.count()}: {{}}?".format, itertools.count())
        if fault_of(server.options.faults, 0, sha256(json.dumps(asking(text)).encode()).hexdigest()[:16], 0) == fault
    )


@pytest.mark.parametrize("fault", REFUSALS)
def test_each_refusal(faulty: Server, fault: str) -> None:
    reply = chat(faulty, meeting(faulty, fault))
    refusal = REFUSALS[fault]
    assert (reply.status, reply.json()["error"]["code"]) == (refusal.status, refusal.code)
    assert reply.headers.get("Retry-After") == ("1" if fault == "rate_limit_retry_after" else None)
    entry = faulty.seen()[-1]
    assert (entry["fault"], entry["status"], entry["completion_tokens"]) == (fault, refusal.status, 0)


def test_a_connection_is_kept_after_a_refusal(faulty: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", faulty.port)
    connection.connect()
    kept = connection.sock
    for path, text in (("/nowhere", ""), ("/chat/completions", meeting(faulty, "error")), ("/models", "")):
        connection.request("POST", f"/v1{path}", json.dumps(asking(text)))
        assert connection.getresponse().read()
        assert connection.sock is kept
    connection.close()


def test_a_reply_cut_off_is_whole_to_http_and_no_json(faulty: Server) -> None:
    reply = chat(faulty, meeting(faulty, "cut"))
    assert (reply.status, reply.headers["Content-Length"]) == (200, str(len(reply.body)))
    assert reply.body.startswith(b'{"id"')
    with pytest.raises(json.JSONDecodeError):
        reply.json()


def test_an_empty_reply_has_no_choices(faulty: Server) -> None:
    assert chat(faulty, meeting(faulty, "empty")).json()["choices"] == []


def test_a_reply_of_the_wrong_type(faulty: Server) -> None:
    reply = chat(faulty, meeting(faulty, "wrong_type"))
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html")


def test_a_connection_that_is_closed_without_a_reply(faulty: Server) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        chat(faulty, meeting(faulty, "disconnect"))
    assert faulty.seen()[-1]["status"] is None


def test_a_connection_that_is_closed_within_the_reply(faulty: Server) -> None:
    with pytest.raises(http.client.IncompleteRead):
        chat(faulty, meeting(faulty, "torn"))


def test_a_trickle_is_right_in_the_end(faulty: Server) -> None:
    assert chat(faulty, meeting(faulty, "trickle")).texts == ["Hello!"]


def test_a_trickle_takes_its_time() -> None:
    with serving(answer="Hello!", faults={"trickle": 1.0}, pace=0.2) as server:
        with pytest.raises(TimeoutError):
            asyncio.run(asyncio.wait_for(chats(server, ["x"]), 0.5))
        # Nobody else has to wait for it.
        assert send(server, "/models").status == 200


def test_a_request_that_hangs_is_in_the_log_and_gives_its_place_back() -> None:
    with serving(answer="Hello!", faults={"hang": 1.0}, faulty_attempts=1, capacity=1) as server:
        with pytest.raises(TimeoutError):
            send(server, "/chat/completions", asking("x"), seconds=0.3)
        assert [entry["fault"] for entry in server.seen()] == ["hang"]
        assert wait_until(lambda: chat(server, "x").status == 200)


# Which requests fail


def test_shares_are_kept_and_do_not_depend_on_the_order() -> None:
    faults = {"error": 0.3, "rate_limit": 0.2}
    met = Counter(fault_of(faults, 0, content, 0) for content in range(2000))
    assert met["error"] == pytest.approx(600, abs=60)
    assert met["rate_limit"] == pytest.approx(400, abs=60)
    texts = [str(number) for number in range(40)]
    failing = []
    for order in (texts, texts[::-1]):
        with serving(answer="Hello!", faults=faults, bodies=True) as server:
            asyncio.run(chats(server, order))
            seen = {entry["body"]["messages"][0]["content"]: entry["fault"] for entry in server.seen()}
            assert len(seen) == 40
            failing.append(seen)
    assert failing[0] == failing[1]
    assert set(failing[0].values()) == {None, "error", "rate_limit"}


def test_another_attempt_and_another_seed_are_other_draws() -> None:
    draws = [fault_of({"error": 0.5}, *parts) for parts in ((0, "x", n) for n in range(20))]
    assert {None, "error"} == set(draws)
    assert draws != [fault_of({"error": 0.5}, 1, "x", n) for n in range(20)]


def test_only_the_first_attempts_fail_where_so_asked() -> None:
    with serving(answer="Hello!", faults={"error": 1.0}, faulty_attempts=2) as server:
        assert [chat(server, "x").status for _ in range(4)] == [500, 500, 200, 200]
        assert chat(server, "y").status == 500
        assert [entry["attempt"] for entry in server.seen()] == [0, 1, 2, 3, 0]


def test_no_more_than_its_capacity_is_served_at_once() -> None:
    with serving(answer="Hello!", latency=0.5, capacity=4, retry_after=0.25) as server:
        replies = asyncio.run(chats(server, ["same"] * 10))
        assert Counter(status for status, _ in replies) == {200: 4, 429: 6}
        assert {headers.get("Retry-After") for status, headers in replies if status == 429} == {"0.25"}
        # A refusal is no attempt: which attempts fail must not depend on the moment.
        assert [entry["attempt"] for entry in server.seen()] == [0, 1, 2, 3, 4, 4, 4, 4, 4, 4]
        assert Counter(entry["fault"] for entry in server.seen()) == {None: 4, "capacity": 6}
        assert asyncio.run(chats(server, ["same"]))[0][0] == 200


def test_no_more_requests_a_minute_than_it_allows() -> None:
    with serving(answer="Hello!", rpm=3) as server:
        assert [chat(server).status for _ in range(5)] == [200, 200, 200, 429, 429]
        assert "Retry-After" not in chat(server).headers
        assert [entry["fault"] for entry in server.seen()] == [None] * 3 + ["rpm"] * 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"latncy": 1}, "no option 'latncy'; its options are model, models, answer, latency"),
        ({"answer": shout}, f"give a function by its address, answer='{__name__}:shout'"),
        ({"models": "small"}, "give a list of names"),
        ({"faults": {"eror": 0.1}}, "no fault 'eror'; the faults are rate_limit, "),
        ({"faults": {"error": 0.7, "cut": 0.7}}, "shares lie between 0 and 1, and so does their sum"),
        ({"latency": -1}, "latency=-1"),
        ({"capacity": float("nan")}, "capacity=nan"),
    ],
)
def test_wrong_options_are_told_before_anything_starts(options: dict, said: str) -> None:
    with pytest.raises(ConfigError) as caught, serving(**options):
        pass
    assert said in str(caught.value)


def test_options_arrive_as_they_were_given() -> None:
    options = Options(answer={"a": 1}, faults=dict.fromkeys(FAULTS, 0.01), capacity=3, bodies=True, model="m")
    assert Options.of(json.loads(json.dumps(options.to_dict()))) == options


# What it writes down


def test_the_log_says_what_was_asked_and_never_with_which_key(constant: Server) -> None:
    before = constant.count()
    send(constant, "/chat/completions", asking("signed", seed=7), Authorization="Bearer sk-marker")
    send(constant, "/chat/completions", asking("unsigned"))
    signed, unsigned = constant.seen()[before:]
    assert (signed["authorization"], unsigned["authorization"]) == (True, False)
    assert signed["body"] == asking("signed", seed=7)
    assert (signed["path"], signed["status"], signed["fault"]) == ("/v1/chat/completions", 200, None)
    assert signed["content"] != unsigned["content"]
    assert unsigned["number"] == signed["number"] + 1
    assert "sk-marker" not in constant.log.read_text()


def test_what_was_seen_is_known_after_the_end() -> None:
    with serving(answer="Hello!") as server:
        chat(server)
    assert server.count() == 1
    assert not server.log.exists()


def test_the_log_goes_on_where_it_ended(tmp_path) -> None:
    with serving(tmp_path / "logs" / "log", answer="Hello!", faults={"error": 1.0}, faulty_attempts=2) as server:
        assert chat(server).status == 500
        port = server.port
        server.stop()
        with pytest.raises(urllib.error.URLError):
            chat(server)
        server.start()
        server.start()
        assert server.port == port
        assert [chat(server).status for _ in range(2)] == [500, 200]
    assert [(entry["number"], entry["attempt"]) for entry in server.seen()] == [(1, 0), (2, 1), (3, 2)]


def test_without_a_log_nothing_can_be_asked() -> None:
    with serving(False, answer="Hello!") as server:
        assert chat(server).status == 200
        with pytest.raises(ConfigError, match="keeps no log"):
            server.count()


# The process


def test_a_port_that_is_taken_is_an_error(constant: Server) -> None:
    with pytest.raises(ConfigError, match="did not start"):
        Server(port=constant.port).start()


def test_an_address_at_which_nothing_stands_is_one_message(capfd) -> None:
    with pytest.raises(ConfigError, match=r"did not start: 'nowhere\.at:all' cannot be used"):
        Server(options=Options(answer="nowhere.at:all")).start()
    assert capfd.readouterr().err == ""


def alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False)
    return not status.stdout.startswith("Z")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_it_ends_when_its_parent_is_killed() -> None:
    script = (
        "import time; from burnish.testing.server import Server; server = Server(); server.start();"
        "print(server.process_id, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment())
    server = int(parent.stdout.readline())
    assert alive(server)
    parent.kill()
    parent.communicate()
    assert wait_until(lambda: not alive(server))


def test_it_runs_from_a_shell(tmp_path) -> None:
    arguments = ["--port", "0", "--answer", "Hi", "--fault", "error=0", "--log", str(tmp_path / "log"), "--bodies"]
    process = subprocess.Popen(
        [sys.executable, "-m", "burnish.testing.server", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        server = Server(tmp_path / "log", port=int(process.stdout.readline().split(":")[-1].split("/")[0]))
        assert chat(server).texts == ["Hi"]
        assert server.seen()[0]["body"] == asking("Hello?")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--fault", "error"], "write NAME=SHARE"), (["--fault", "eror=1"], "no fault 'eror'"), (["--latency", "x"], "x")],
)
def test_a_wrong_command_line_says_so(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "burnish.testing.server", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
