"""The OpenAI-compatible backend: what it sends, what it reads, and what it makes of everything that is no reply."""

from __future__ import annotations

import asyncio
import base64
import datetime
import email.utils
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest

from burnish.errors import ConfigError, LMAccessDenied, LMError, LMRejected, LMTransient, PromptTooLong
from burnish.lm.backends.base import Endpoint
from burnish.lm.backends.openai_compatible import OpenAICompatibleBackend, create
from burnish.lm.capabilities import capabilities
from burnish.lm.lm import LM
from burnish.lm.request import Output, Prefix, Request, Response
from burnish.testing import BackendContract, EmbedderContract
from burnish.testing.server import serving
from burnish.values.usage import Usage
from tests.unit.lm.test_http import reply, served

KEY = "sk-marker-4711-0815"
MESSAGE = {"role": "assistant", "content": "heron"}
TOO_LARGE = (
    "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 40000. "
    "The input or output tokens must be reduced in order to run successfully."
)
USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}


def chat(message: dict[str, Any] | None = None, reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": message or MESSAGE, "finish_reason": reason}
    return {"id": "1", "model": "served", "choices": [choice], "usage": USAGE, **more}


def refusal(message: str = "no", code: object = None, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "some_error", "param": None, "code": code, **more}}


def ask(
    answer: object,
    model: str = "local/m",
    *,
    status: str = "200 OK",
    more: str = "",
    params: dict[str, Any] | None = None,
    path: str = "",
    call: str = "complete",
    **secrets: Any,
) -> tuple[Any, dict[str, Any], str]:
    """The outcome of one call of an endpoint that answers so, what it was sent, and with which head."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    sent: list[bytes] = []

    def serve(asked: bytes) -> bytes:
        sent.append(asked)
        return reply(body, status=status, more=more)

    async def main() -> tuple[Any, str]:
        async with served(serve) as (url, seen):
            backend = create(Endpoint(model, url + path, secrets=secrets))
            if call == "embed":
                outcome: Any = await backend.embed(["a", "ü"], params or {})
            else:
                try:
                    outcome = await backend.complete(question(model, params))
                except LMError as error:
                    outcome = error
            assert seen.connections == 1
            return outcome, seen.heads[0]

    outcome, head = asyncio.run(asyncio.wait_for(main(), 60))
    return outcome, json.loads(sent[0]), head


def question(model: str = "local/m", params: dict[str, Any] | None = None) -> Request:
    prefix = Prefix([{"role": "system", "content": "Be brief."}])
    return Request.build(model, [{"role": "user", "content": 'Grüße, "π"?'}], prefix=prefix, params=params or {})


class TestWhatIsSent:
    def test_name_messages_and_parameters_make_the_body(self):
        params = {"temperature": 0.5, "stop": ["x"], "n": 1, "max_tokens": 9}
        _, body, head = ask(chat(), "hosted_vllm/meta/llama", params=params, path="/")
        assert body == {
            "model": "meta/llama",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": 'Grüße, "π"?'}],
            **params,
        }
        assert head.startswith("post /v1/chat/completions http/1.1\r\n")
        assert "content-type: application/json\r\n" in head
        assert "user-agent: burnish/" in head
        assert "authorization" not in head

    def test_extra_body_stands_beside_the_rest_and_a_query_stays_at_the_end(self):
        _, body, head = ask(chat(), params={"extra_body": {"top_k": 3}}, path="?version=2")
        assert body["top_k"] == 3
        assert "extra_body" not in body
        assert head.startswith("post /v1/chat/completions?version=2 ")

    @pytest.mark.parametrize(
        ("model", "name"),
        [
            ("openai/o3-mini", "max_completion_tokens"),
            ("openai/gpt-5", "max_completion_tokens"),
            ("openai/gpt-4o", "max_tokens"),
            ("openai/olmo", "max_tokens"),
            ("local/gpt-5", "max_tokens"),
        ],
    )
    def test_reasoning_models_of_openai_get_the_limit_under_their_name(self, model: str, name: str):
        _, body, _ = ask(chat(), model, params={"max_tokens": 7})
        assert {key: value for key, value in body.items() if key.startswith("max")} == {name: 7}

    def test_a_draw_is_not_sent(self):
        lm = LM("local/m", api_base="http://localhost:1/v1")
        request = lm.request([{"role": "user", "content": "x"}], config={"rollout_id": 3})
        assert "rollout_id" not in request.params

    def test_replies_in_parts_are_refused(self):
        with pytest.raises(ConfigError, match="stream"):
            ask(chat(), params={"stream": True})


class TestCredentials:
    def test_key_and_headers_go_out(self):
        _, _, head = ask(chat(), api_key=f" {KEY}\n", extra_headers={"X-Team": "birds"})
        assert f"authorization: bearer {KEY}\r\n" in head
        assert "x-team: birds\r\n" in head

    def test_headers_may_replace_the_key(self):
        _, _, head = ask(chat(), api_key="other-key", headers={"Authorization": f"Basic {KEY}"})
        assert head.count("authorization") == 1
        assert f"authorization: basic {KEY}" in head

    def test_user_and_password_of_the_address_are_shown_to_the_server_only(self):
        async def main() -> str:
            async with served(lambda _: reply(b"", status="401 No")) as (url, seen):
                backend = create(Endpoint("local/m", url.replace("http://", "http://us%40er:marker@")))
                error = await failure(backend)
                assert "marker" not in repr(error)
                return seen.heads[0]

        assert "authorization: basic dxnazxi6bwfya2vy\r\n" in asyncio.run(main())

    @pytest.mark.parametrize("model", ["openai/m", "local/m"])
    def test_the_key_of_the_environment_goes_to_no_other_host(self, model: str, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert KEY not in ask(chat(), model)[2]

    def test_the_key_of_the_environment_goes_to_the_address_of_the_environment(self, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", KEY)

        async def main() -> list[str]:
            async with served(lambda _: reply(json.dumps(chat()).encode())) as (url, seen):
                monkeypatch.setenv("OPENAI_BASE_URL", url + "/")
                await create(Endpoint("openai/m")).complete(question())
                await create(Endpoint("openai/m", url)).complete(question())
                await create(Endpoint("openai/m", f"{url}/other")).complete(question())
                with pytest.raises(ConfigError, match="api_base"):
                    create(Endpoint("local/m"))
                return seen.heads

        heads = asyncio.run(main())
        assert [KEY in head for head in heads] == [True, True, False]

    @pytest.mark.parametrize(
        ("base", "trusted"),
        [
            (None, True),
            ("https://eu.api.openai.com/v1", True),
            ("http://api.openai.com/v1", False),
            ("https://api.openai.com.example.org/v1", False),
            ("https://example.org/api.openai.com", False),
        ],
    )
    def test_only_openai_itself_is_trusted(self, base: str | None, trusted: bool, monkeypatch):
        monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert ("authorization" in create(Endpoint("openai/gpt-4o", base))._headers) == trusted

    def test_openai_without_a_key_is_refused_before_the_first_call(self, monkeypatch):
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
            LM("openai/gpt-4o").prepare()

    def test_a_credential_that_goes_nowhere_is_refused(self):
        with pytest.raises(ConfigError, match="aws_secret_access_key") as caught:
            create(Endpoint("local/m", "http://localhost:1/v1", secrets={"aws_secret_access_key": KEY}))
        assert KEY not in str(caught.value)

    @pytest.mark.parametrize("base", ["localhost:8000", "unix:/tmp/x", "http:///v1", f"//{KEY}@host/v1"])
    def test_an_address_that_is_none_is_refused(self, base: str):
        with pytest.raises(ConfigError, match="api_base=") as caught:
            create(Endpoint("local/m", base))
        assert KEY not in str(caught.value)

    def test_a_local_model_needs_an_address(self):
        with pytest.raises(ConfigError, match="api_base='http://localhost:8000/v1'"):
            LM("local/m").prepare()

    @pytest.mark.parametrize("status", ["400 Bad", "401 No", "404 No", "429 Slow", "500 Oh", "200 OK"])
    def test_no_error_shows_a_credential(self, status: str):
        said = refusal(f"Bearer {KEY} and {KEY[:-1]}5 " + "x" * 280 + KEY, code="bad")
        for answer in (said, json.dumps(said).encode()[:-1], f"<b>{KEY}</b>".encode()):
            error, _, _ = ask(answer, status=status, api_key=KEY, extra_headers={"x-other": "other-marker"})
            assert isinstance(error, LMError)
            assert KEY not in repr(error)
            assert error.__cause__ is None

    def test_neither_repr_nor_pickle_holds_the_key(self):
        lm = LM("local/m", api_base="http://localhost:1/v1", api_key=KEY)
        lm.prepare()
        assert KEY not in repr(lm)
        assert KEY.encode() not in pickle.dumps(lm)


class TestWhatIsRead:
    def test_text_usage_and_model(self):
        response, _, _ = ask(chat())
        assert response == Response((Output("heron", "stop"),), Usage(1, 11, 3, 0.0, 1), "served")

    def test_all_choices(self):
        choices = [{"message": {"content": text}, "finish_reason": "stop"} for text in "abc"]
        assert ask(chat(choices=choices))[0].texts == ["a", "b", "c"]

    def test_what_comes_beside_the_text_is_kept(self):
        calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
        logprobs = {"content": [{"token": "a", "logprob": -math.inf}]}
        message = {"content": None, "tool_calls": calls, "reasoning": "hm"}
        answer = chat(message, "tool_calls")
        answer["choices"][0]["logprobs"] = logprobs
        response, _, _ = ask(answer)
        extra = {"tool_calls": calls, "reasoning_content": "hm", "logprobs": logprobs}
        assert response.outputs == (Output("", "tool_calls", extra),)
        assert Response.from_json(response.to_json()) == response

    @pytest.mark.parametrize(
        ("message", "reason", "text"),
        [
            ({"content": ""}, "stop", ""),
            ({"content": None}, "length", ""),
            ({"content": None, "reasoning_content": "so long"}, "length", ""),
            ({"content": None, "refusal": "I will not."}, "stop", "I will not."),
            ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, None, "ab"),
            ({"content": "Grüße 🐦\u2028\x00"}, "stop", "Grüße 🐦\u2028\x00"),
        ],
    )
    def test_texts_that_are_unlike_others(self, message: dict[str, Any], reason: str | None, text: str):
        assert ask(chat(message, reason))[0].texts == [text]

    def test_a_known_price_is_billed_and_cached_tokens_cost_less(self, monkeypatch):
        price = capabilities("openai/gpt-4o-mini").price
        assert price is not None
        usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 5}}
        response, _, _ = ask(chat(usage=usage), "openai/gpt-4o-mini")
        assert response.usage == Usage(1, 11, 3, 6 * price.prompt + 5 * price.cached_prompt + 3 * price.completion)

    def test_where_the_endpoint_does_not_count_it_is_estimated(self):
        usage = ask(chat({"content": "four" * 10}, usage=None))[0].usage
        assert usage == Usage(1, question().tokens, 10, 0.0, 1)

    @pytest.mark.parametrize("error", ["", {}, None, False, {"message": "", "code": None}])
    def test_an_error_that_says_nothing_is_none(self, error: object):
        assert ask(chat(error=error))[0].texts == ["heron"]

    def test_a_mark_of_byte_order_is_no_part_of_the_reply(self):
        assert ask(b"\xef\xbb\xbf" + json.dumps(chat()).encode())[0].texts == ["heron"]

    @pytest.mark.parametrize(
        ("written", "text"),
        [
            (rb"cut \ud83d", "cut \ufffd"),
            (rb"\udc26 and \ud83d\udc26", "\ufffd and \U0001f426"),
            (rb"no escape: \\ud83d, but \ud83d", "no escape: \\ud83d, but \ufffd"),
            (b"cut \xf0\x9f\x90", "cut \ufffd"),
        ],
    )
    def test_half_a_character_is_replaced_and_the_reply_is_good(self, written: bytes, text: str):
        response, _, _ = ask(json.dumps(chat()).encode().replace(b"heron", written))
        assert response.texts == [text]
        assert response.texts[0].encode()
        assert Response.from_json(response.to_json()) == response

    @pytest.mark.parametrize(
        ("usage", "prompt"),
        [
            ({"prompt_tokens": -5}, 0),
            ({"prompt_tokens": math.inf}, 0),
            ({"prompt_tokens": math.nan}, 0),
            ({"prompt_tokens": 10**30}, 0),
            ({"prompt_tokens": "many"}, 0),
            ({"prompt_tokens": "7"}, 7),
            ({"prompt_tokens": 7, "prompt_tokens_details": ["odd"]}, 7),
            (["odd"], question().tokens),
        ],
    )
    def test_a_count_that_is_none_spoils_no_reply(self, usage: object, prompt: int):
        response, _, _ = ask(chat(usage=usage))
        assert response.texts == ["heron"]
        assert response.usage.prompt_tokens == prompt

    @pytest.mark.parametrize(
        ("answer", "cause"),
        [
            ({}, "lacks 'choices'"),
            (chat(choices=None), "lacks 'choices'"),
            (chat(choices=[{"text": "old"}]), "has 'choices' that cannot be read"),
            (["heron"], "is no JSON object"),
            (b"[" * 100_000, "is not whole JSON"),
            ({"error": "model is loading"}, "replied with an error: model is loading"),
        ],
    )
    def test_the_text_names_what_is_wrong_with_a_reply(self, answer: object, cause: str):
        assert cause in str(ask(answer)[0])


class TestWhatIsNoReply:
    @pytest.mark.parametrize(
        "answer",
        [
            chat(choices=[]),
            chat(choices=None),
            {},
            chat({"content": None}),
            chat({"content": 7}),
            chat(choices=[{"index": 0, "finish_reason": "stop"}]),
            chat(choices=["heron"]),
            ["heron"],
            b'{"choices": [{"mess',
            b"",
            b"\xff\xfe",
            b"data: {}",
            b"<html>Sorry</html>",
            refusal("overloaded"),
            refusal("bad gateway", 502),
            {"error": "model is loading"},
        ],
    )
    def test_what_is_not_a_completion_is_worth_another_try(self, answer: object):
        error, _, _ = ask(answer)
        assert type(error) is LMTransient
        assert error.model == "local/m"

    @pytest.mark.parametrize(
        ("status", "answer", "kind"),
        [
            (400, refusal("bad field"), LMRejected),
            (400, refusal(code="context_length_exceeded"), PromptTooLong),
            (400, refusal("This model's maximum context length is 8 tokens."), PromptTooLong),
            (400, refusal("the request exceeds the available context size, try increasing it"), PromptTooLong),
            (422, {"detail": "prompt is too long: 9 > 8"}, PromptTooLong),
            (413, refusal("Request too large for model on tokens per minute (TPM)"), PromptTooLong),
            (429, refusal(TOO_LARGE, "rate_limit_exceeded"), PromptTooLong),
            (429, refusal("Rate limit reached on tokens per min (TPM): Limit 9, Used 8."), LMTransient),
            (500, {"error": "context window exceeded"}, PromptTooLong),
            (401, refusal(), LMAccessDenied),
            (402, refusal(), LMAccessDenied),
            (403, b"<html>no</html>", LMAccessDenied),
            (404, {"detail": "Not Found"}, LMAccessDenied),
            (405, b"", LMAccessDenied),
            (307, b"", LMAccessDenied),
            (429, refusal("You exceeded your current quota", "insufficient_quota"), LMAccessDenied),
            (429, refusal("slow down", "rate_limit_exceeded"), LMTransient),
            (408, b"", LMTransient),
            (409, b"", LMTransient),
            (425, b"", LMTransient),
            (500, refusal("oh"), LMTransient),
            (503, b"upstream", LMTransient),
            (529, refusal("overloaded_error"), LMTransient),
            (418, {"message": "tea"}, LMRejected),
        ],
    )
    def test_each_refusal_has_its_kind(self, status: int, answer: object, kind: type[LMError]):
        error, _, _ = ask(answer, status=f"{status} Text", more="Retry-After: 7\r\n")
        assert type(error) is kind
        assert error.status == status
        assert error.retry_after == (7.0 if kind is LMTransient else None)

    def test_the_status_inside_a_reply_with_200_counts(self):
        error, _, _ = ask(refusal("slow down", 429))
        assert (type(error), error.status) == (LMTransient, 429)

    def test_texts_name_the_cause_and_what_to_do(self):
        assert "HTTP 500: the cause" in str(ask(refusal("the cause"), status="500 Oh")[0])
        assert "HTTP 502: Bad gateway nginx" in str(ask(b"<h1>Bad gateway</h1>\n<p>nginx", status="502 Oh")[0])
        assert "/v1" in str(ask(b"", status="404 No")[0])
        assert "api_key" in str(ask(b"", status="401 No")[0])
        assert "text/html" in str(ask(b"<p>", more="Content-Type: text/html\r\n")[0])

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("Retry-After: 2.5", 2.5),
            ("retry-after-ms: 250\r\nRetry-After: 9", 0.25),
            ("Retry-After: soon", None),
            ("Retry-After: nan", None),
            ("Retry-After: -3", None),
            ("X: y", None),
        ],
    )
    def test_the_wait_that_is_asked_for(self, header: str, seconds: float | None):
        assert ask(b"", status="429 Slow", more=f"{header}\r\n")[0].retry_after == seconds

    @pytest.mark.parametrize(("ahead", "least", "most"), [(100, 90.0, 100.0), (-100, 0.0, 0.0)])
    def test_a_date_to_wait_for(self, ahead: float, least: float, most: float):
        until = datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(seconds=ahead)
        date = email.utils.format_datetime(until, usegmt=True)
        assert least <= ask(b"", status="503 Busy", more=f"Retry-After: {date}\r\n")[0].retry_after <= most

    def test_no_connection_is_worth_another_try(self):
        error = asyncio.run(failure(create(Endpoint("local/m", "http://127.0.0.1:1/v1"))))
        assert type(error) is LMTransient


async def failure(backend: OpenAICompatibleBackend, request: Request | None = None) -> LMError:
    with pytest.raises(LMError) as caught:
        await backend.complete(request or question())
    return caught.value


class TestEmbeddings:
    @pytest.mark.parametrize("packed", [True, False])
    def test_rows_come_in_the_order_of_the_texts(self, packed: bool):
        rows = np.array([[1.5, -2.0, 3.0], [0.25, 0.0, 9.0]], dtype=np.float32)
        vectors = [base64.b64encode(row.tobytes()).decode() if packed else row.tolist() for row in rows]
        data = [{"index": index, "embedding": vectors[index]} for index in (1, 0)]
        answer = {"data": data, "model": "served", "usage": {"prompt_tokens": 4}}
        embedded, body, head = ask(answer, call="embed", params={"dimensions": 3})
        assert embedded.rows.dtype == np.float32
        assert np.array_equal(embedded.rows, rows)
        assert embedded.usage == Usage(1, 4, 0, 0.0, 1)
        assert body == {"model": "m", "input": ["a", "ü"], "dimensions": 3, "encoding_format": "base64"}
        assert head.startswith("post /v1/embeddings ")

    def test_where_the_endpoint_does_not_count_it_is_estimated(self):
        data = [{"index": index, "embedding": [1.0]} for index in range(2)]
        assert ask({"data": data}, call="embed")[0].usage == Usage(1, 10, 0, 0.0, 1)

    @pytest.mark.parametrize(
        "data",
        [
            [],
            [{"index": 0, "embedding": [1.0]}],
            [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}],
            [{"index": 0, "embedding": "AAAAAA=="}, {"index": 1, "embedding": "AAA="}],
            None,
        ],
    )
    def test_what_is_not_a_row_for_each_text_is_worth_another_try(self, data: object):
        with pytest.raises(LMTransient):
            ask({"data": data}, call="embed")


@pytest.fixture(scope="module")
def server():
    with serving(answer="echo") as running:
        yield running


class TestBackendContract(BackendContract):
    @pytest.fixture(autouse=True)
    def _reach(self, server):
        self.url = server.url

    def make_backend(self):
        return create(Endpoint(self.model, self.url))

    def make_failures(self):
        nobody = create(Endpoint(self.model, "http://127.0.0.1:1/v1"))
        elsewhere = create(Endpoint(self.model, f"{self.url}/nowhere"))
        return [(nobody, self.make_request(), LMTransient), (elsewhere, self.make_request(), LMAccessDenied)]


class TestEmbedderContract(EmbedderContract):
    @pytest.fixture(autouse=True)
    def _reach(self, server):
        self.url = server.url

    def make_backend(self):
        return create(Endpoint(self.model, self.url))

    def make_failures(self):
        return [(create(Endpoint(self.model, "http://127.0.0.1:1/v1")), ["a"], LMTransient)]


class TestAgainstAServer:
    def test_an_lm_with_an_address_asks_it_directly(self):
        with serving(answer="echo") as server:
            lm = LM("someone/some/model", api_base=server.url, cache=False, api_key=KEY)
            assert lm("Grüße 🐦") == ["Grüße 🐦"]
            assert lm("hi", n=3) == ["hi"] * 3
            assert [seen["authorization"] for seen in server.seen()] == [True, True]

    def test_every_fault_has_its_error(self):
        kinds = {
            "rate_limit_retry_after": (LMTransient, 429),
            "quota": (LMAccessDenied, 429),
            "error": (LMTransient, 500),
            "unavailable": (LMTransient, 503),
            "refused": (LMRejected, 400),
            "too_long": (PromptTooLong, 400),
            "denied": (LMAccessDenied, 401),
            "disconnect": (LMTransient, None),
            "torn": (LMTransient, None),
            "cut": (LMTransient, 200),
            "empty": (LMTransient, None),
            "wrong_type": (LMTransient, 200),
        }
        met = {}
        # One server that does it all: each question meets the fault that its text draws, or none.
        with serving(answer="echo", faults=dict.fromkeys(kinds, 1 / len(kinds))) as server:
            backend = create(Endpoint("local/m", server.url))
            for number in range(100):
                error = asyncio.run(failure(backend, question(params={"seed": number})))
                assert server.count() == number + 1
                met[server.seen()[-1]["fault"]] = (type(error), error.status)
                if len(met) == len(kinds):
                    break
        assert met == kinds
