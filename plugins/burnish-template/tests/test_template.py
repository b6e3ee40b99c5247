"""What the contract asks of each part, and what this plugin says of itself."""

from __future__ import annotations

import pytest
from burnish_template.echo import EchoBackend
from burnish_template.shortest_demos import ShortestDemos
from burnish_template.word_overlap import word_overlap

from burnish import LM, Example, LMRejected, Prediction, Request, context
from burnish.testing import BackendContract, MetricContract, OptimizerContract, PluginContract, toy


class TestPlugin(PluginContract):
    plugin = "template"


class TestShortestDemos(OptimizerContract):
    def make_optimizer(self, metric, **options):
        return ShortestDemos(metric, **options)


class TestWordOverlap(MetricContract):
    example = Example(question="Which colours?", answer="red and blue").with_inputs("question")
    good = ((example, Prediction(answer="Blue and red")),)
    bad = ((example, Prediction(answer="red")), (example, Prediction(answer="")))

    def make_metric(self):
        return word_overlap


class TestEcho(BackendContract):
    model = "echo/back"

    def make_backend(self):
        return EchoBackend(endpoint=None)

    def make_failures(self):
        picture = [{"role": "user", "content": [{"type": "image_url"}]}]
        return [(self.make_backend(), Request.build(self.model, picture, params={}), LMRejected)]


def test_demos_raise_the_score_and_only_the_shortest_are_shown():
    student = toy.Classifier()
    with context(lm=toy.lm()):
        program = ShortestDemos(toy.metric, k=16, progress=False).compile(
            student, trainset=toy.trainset(), valset=toy.valset()
        )
    [predictor] = program.predictors()
    shortest = sorted(toy.trainset(), key=lambda example: len(str(example.toDict())))
    assert predictor.demos == shortest[: len(predictor.demos)]
    assert program.report.gain.mean > 0.4


def test_an_echo_model_is_found_by_its_name():
    assert LM("echo/back", cache=False)("Is anybody there?") == ["Is anybody there?"]


def test_feedback_names_what_is_missing():
    example = Example(question="?", answer="red and blue").with_inputs("question")
    score = word_overlap(example, Prediction(answer="red"))
    assert score.value == pytest.approx(1 / 3)
    assert score.feedback == "These words are missing: and, blue."


def test_only_every_word_passes_while_bootstrapping():
    example = Example(question="?", answer="red and blue").with_inputs("question")
    assert not word_overlap(example, Prediction(answer="red"), trace=[])
    assert word_overlap(example, Prediction(answer="blue and red"), trace=[])
