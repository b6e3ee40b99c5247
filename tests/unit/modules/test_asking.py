"""One question to a model: the second try as JSON, what an endpoint refuses, several completions, and the bill."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import burnish
from burnish import ChatAdapter, JSONAdapter, Output, Predict, ReplyError, TwoStepAdapter, XMLAdapter
from burnish.errors import LMRejected, LMTransient
from burnish.lm.capabilities import Capabilities
from burnish.testing import ScriptedLM

STRUCTURED = Capabilities(structured_output=True)
ASK = "question -> answer: int"


def asked(lm: Any, *, adapter: Any = None, signature: str = ASK, **options: Any) -> burnish.Prediction:
    with burnish.context(lm=lm, adapter=adapter):
        return Predict(signature)(question="6 × 7?", **options)


class TestSecondTry:
    @pytest.mark.parametrize("adapter", [None, ChatAdapter(), XMLAdapter()])
    def test_a_reply_that_does_not_parse_is_asked_for_once_more_as_json(self, adapter):
        lm = ScriptedLM(["Let me think.", '{"answer": 42}'])
        assert asked(lm, adapter=adapter).answer == 42
        first, second = (request.messages[-1]["content"] for request in lm.requests)
        assert "JSON" not in first
        assert second.endswith("Reply with one JSON object with the key `answer`.")

    def test_both_are_on_the_bill(self):
        lm = ScriptedLM(["Let me think.", '{"answer": 42}'])
        assert asked(lm).get_lm_usage()["scripted/model"]["calls"] == 2

    def test_the_last_reply_is_carried_and_the_first_fault_told(self):
        lm = ScriptedLM(["Let me think.", '{"answer": "unknown"}'])
        with pytest.raises(ReplyError, match=r"'unknown'.*asked for as json, after a first reply.*'Let me think") as e:
            asked(lm)
        assert (e.value.reply, e.value.field) == ('{"answer": "unknown"}', "answer")
        assert len(lm.requests) == 2

    @pytest.mark.parametrize("adapter", [ChatAdapter(use_json_adapter_fallback=False), JSONAdapter()])
    def test_an_adapter_without_fallback_asks_once(self, adapter):
        lm = ScriptedLM(["Let me think."])
        with pytest.raises(ReplyError) as caught:
            asked(lm, adapter=adapter)
        assert caught.value.reply == "Let me think."

    def test_demos_are_shown_again_in_the_other_form(self):
        lm = ScriptedLM(["Let me think.", '{"answer": 42}'])
        asked(lm, demos=[{"question": "1 + 1?", "answer": 2}])
        assert [message["content"] for message in lm.requests[1].messages if message["role"] == "assistant"] == [
            '{"answer": 2}'
        ]

    def test_the_second_prompt_is_compiled_once_for_a_candidate(self, monkeypatch):
        compiled = []
        compile_ = JSONAdapter.compile
        monkeypatch.setattr(JSONAdapter, "compile", lambda self, *a, **k: compiled.append(1) or compile_(self, *a, **k))
        with burnish.context(lm=ScriptedLM(["no"] * 6)):
            predict = Predict(ASK)
            for _ in range(3):
                with pytest.raises(ReplyError):
                    predict(question="6 × 7?")
        assert len(compiled) == 1

    def test_an_outage_of_the_second_call_is_an_outage(self):
        with pytest.raises(LMTransient):
            asked(ScriptedLM(["no", LMTransient("gone", model="scripted/model")]))

    def test_a_reply_that_was_cut_off_would_be_cut_off_again(self):
        lm = ScriptedLM([Output("[[ ## reasoning ## ]]\nSix times", "length")])
        with pytest.raises(ReplyError, match=r"cut off because it was too long: raise max_tokens") as caught:
            asked(lm, signature="question -> reasoning, answer: int")
        assert caught.value.cut_off
        assert caught.value.reply == "[[ ## reasoning ## ]]\nSix times"


class TestSeveralCompletions:
    def test_those_that_parse_are_kept_and_the_others_counted(self):
        lm = ScriptedLM([[{"answer": 42}, "no", {"answer": 41}]])
        with pytest.warns(UserWarning, match=r"1 of 3 completions do not parse"):
            prediction = asked(lm, config={"n": 3})
        assert prediction.completions.answer == [42, 41]
        assert len(lm.requests) == 1

    def test_where_none_parses_all_are_asked_for_once_more(self):
        lm = ScriptedLM([["no", "no"], ['{"answer": 42}', '{"answer": 43}']])
        assert asked(lm, config={"n": 2}).completions.answer == [42, 43]
        assert [request.params["n"] for request in lm.requests] == [2, 2]


class TestRefusedParameters:
    def test_an_endpoint_that_refuses_a_response_format_is_asked_without_it_from_then_on(self):
        def reply(request: burnish.Request) -> Any:
            if "response_format" in request.params:
                return LMRejected("HTTP 400: 'response_format' is not supported", model="m", status=400)
            return '{"answer": 42}'

        lm = ScriptedLM(reply, capabilities=STRUCTURED)
        adapter = JSONAdapter()
        assert [asked(lm, adapter=adapter).answer for _ in range(3)] == [42] * 3
        assert ["response_format" in request.params for request in lm.requests] == [True, False, False, False]
        # What one endpoint refuses says nothing of another.
        other = ScriptedLM(['{"answer": 42}'], capabilities=STRUCTURED)
        asked(other, adapter=adapter)
        assert "response_format" in other.requests[0].params

    def test_another_refusal_is_a_refusal(self):
        lm = ScriptedLM([LMRejected("HTTP 400: no such seed", model="m", status=400)], capabilities=STRUCTURED)
        with pytest.raises(LMRejected, match="seed"):
            asked(lm, adapter=JSONAdapter())

    def test_what_the_user_asks_for_himself_is_not_taken_back(self):
        refusal = LMRejected("HTTP 400: 'response_format' is not supported", model="m", status=400)
        lm = ScriptedLM([refusal], capabilities=STRUCTURED)
        with pytest.raises(LMRejected):
            asked(lm, adapter=JSONAdapter(), config={"response_format": {"type": "json_object"}})
        assert lm.requests[0].params["response_format"] == {"type": "json_object"}


class TestTwoSteps:
    def test_the_fields_are_taken_out_of_the_answer_by_the_other_model(self):
        thinker = ScriptedLM(["Six times seven makes forty-two."], model="scripted/thinker")
        small = ScriptedLM([{"answer": 42}], model="scripted/small")
        prediction = asked(thinker, adapter=TwoStepAdapter(small))
        assert prediction.answer == 42
        assert "[[" not in str(thinker.requests[0].messages)
        assert "`answer`" in thinker.requests[0].messages[0]["content"]
        system, last = (message["content"] for message in small.requests[0].messages)
        assert "Take the output fields out of the text" in system
        assert last.startswith("[[ ## text ## ]]\nSix times seven makes forty-two.")
        used = prediction.get_lm_usage()
        assert {name: usage["calls"] for name, usage in used.items()} == {"scripted/thinker": 1, "scripted/small": 1}

    def test_by_name_the_model_that_was_asked_is_asked_again(self):
        lm = ScriptedLM(["Forty-two.", {"answer": 42}])
        assert asked(lm, adapter="two_step").answer == 42

    def test_the_second_question_has_the_second_try_of_its_adapter(self):
        small = ScriptedLM(["Forty-two.", '{"answer": 42}'])
        prediction = asked(ScriptedLM(["Forty-two."], model="scripted/thinker"), adapter=TwoStepAdapter(small))
        assert prediction.answer == 42
        assert prediction.get_lm_usage()["scripted/model"]["calls"] == 2

    def test_what_cannot_be_taken_out_is_a_reply_error_with_the_answer(self):
        thinker = ScriptedLM(["I would rather not say."], model="scripted/thinker")
        with pytest.raises(ReplyError, match="could not be taken out of the reply") as caught:
            asked(thinker, adapter=TwoStepAdapter(ScriptedLM(["no", "no"])))
        assert caught.value.reply == "I would rather not say."

    def test_an_outage_of_the_other_model_is_an_outage(self):
        small = ScriptedLM([LMTransient("gone", model="scripted/small")])
        with pytest.raises(LMTransient):
            asked(ScriptedLM(["Forty-two."]), adapter=TwoStepAdapter(small))

    def test_an_outage_of_the_other_model_is_not_measured(self):
        small = ScriptedLM(lambda request: LMTransient("gone", model="scripted/small"))
        example = burnish.Example(question="6 × 7?", answer=42).with_inputs("question")
        with burnish.context(lm=ScriptedLM(lambda request: "Forty-two."), adapter=TwoStepAdapter(small)):
            result = burnish.Evaluate(devset=[example], metric=lambda e, p, trace=None: e.answer == p.answer)(
                Predict(ASK)
            )
        assert (result.n, result.not_measured) == (0, 1)

    def test_a_signature_with_an_output_called_text(self):
        small = ScriptedLM([{"text": "hello"}])
        with burnish.context(lm=ScriptedLM(["Say hello."]), adapter=TwoStepAdapter(small)):
            assert Predict("question -> text")(question="?").text == "hello"


class TestByName:
    @pytest.mark.parametrize("name", ["chat", "json", "xml", "two_step"])
    def test_adapters_are_found_by_their_names(self, name):
        with burnish.context(adapter=name):
            assert burnish.settings.adapter.name == name

    def test_a_name_that_is_all_but_one_is_told_which(self):
        with pytest.raises(burnish.ConfigError, match=r"no adapter 'jsn'.*'json'"):
            burnish.configure(adapter="jsn")


def test_no_warning_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asked(ScriptedLM(['{"answer": 42}']), adapter="json").answer == 42
