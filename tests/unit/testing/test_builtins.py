"""The built-ins pass the suites that plugin authors are given."""

from __future__ import annotations

from burnish.lm.backends.base import Endpoint
from burnish.plugins import lookup
from burnish.retrieve.nearest_demos import NearestDemos
from burnish.testing import BackendContract, MetricContract, OptimizerContract, PluginContract, ScriptedLM, toy
from burnish.values.example import Example
from burnish.values.prediction import Prediction

ONE = Example(question="Where?", answer="Lake Como").with_inputs("question")


class TestBuiltins(PluginContract):
    plugin = "burnish"


class TestLabeledFewShot(OptimizerContract):
    asks_models = False

    def make_optimizer(self, metric, **options):
        return lookup("optimizers", "LabeledFewShot")(k=4, **options)


class TestBootstrapFewShot(OptimizerContract):
    def make_optimizer(self, metric, **options):
        return lookup("optimizers", "BootstrapFewShot")(metric=metric, max_labeled_demos=6, **options)


class TestKNNFewShot(OptimizerContract):
    def make_optimizer(self, metric, **options):
        return lookup("optimizers", "KNNFewShot")(k=6, metric=metric, **options)

    def empty(self, student):
        return NearestDemos(student)


class TestKNNFewShotOfLabels(TestKNNFewShot):
    asks_models = False

    def make_optimizer(self, metric, **options):
        return lookup("optimizers", "KNNFewShot")(k=6, metric=metric, max_bootstrapped_demos=0, **options)


class TestRandomSearch(OptimizerContract):
    def make_optimizer(self, metric, **options):
        maker = lookup("optimizers", "BootstrapFewShotWithRandomSearch")
        return maker(metric=metric, max_labeled_demos=6, num_candidate_programs=3, **options)


class TestExactMatch(MetricContract):
    good = ((ONE, Prediction(answer="the lake, Como")),)
    bad = ((ONE, Prediction(answer="Como")),)

    def make_metric(self):
        return lookup("metrics", "answer_exact_match")


class TestPassageMatch(MetricContract):
    good = ((ONE, Prediction(context=["Bellagio lies on Lake Como."])),)
    bad = ((ONE, Prediction(context=["Lugano lies on Lake Lugano."])),)

    def make_metric(self):
        return lookup("metrics", "answer_passage_match")


class TestF1(MetricContract):
    good = ((ONE, Prediction(answer="at Lake Como")), (ONE, Prediction(answer="the lake, Como")))
    bad = ((ONE, Prediction(answer="Garda")),)

    def make_metric(self):
        return lookup("metrics", "F1")


class TestHotPotF1(MetricContract):
    good = ((Example(question="?", answer=["yes", "indeed"]).with_inputs("question"), Prediction(answer="Yes.")),)
    bad = ((Example(question="?", answer="yes").with_inputs("question"), Prediction(answer="yes it is")),)

    def make_metric(self):
        return lookup("metrics", "HotPotF1")


class TestOfflineBackend(BackendContract):
    model = "offline/icl"

    def make_backend(self):
        return lookup("lm_backends", "offline")(Endpoint(self.model))


class TestScriptedBackend(BackendContract):
    def make_backend(self):
        # What an LM has as its backend is anything with `complete`, another LM included.
        return ScriptedLM(lambda request: request.messages[-1]["content"])


def test_random_search_gains_on_the_toy_task() -> None:
    suite = TestRandomSearch()
    report = suite.compiled(toy.Classifier()).report
    assert report.gain is not None
    assert report.gain.mean > 0.3
