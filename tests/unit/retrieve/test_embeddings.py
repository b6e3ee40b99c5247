"""`Embeddings`: what it finds, by which faces, what it refuses, and what it keeps in a folder."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import pickle

import numpy as np
import pytest

import burnish
from burnish import (
    Cache,
    ConfigError,
    Embedded,
    Embedder,
    Embeddings,
    EmbeddingsWithScores,
    Prediction,
    PromptTooLong,
    StateError,
    Usage,
)
from burnish.lm.scope import Scope, use_scope
from burnish.loop import all_of, run_sync
from burnish.retrieve import embeddings as module
from burnish.retrieve.knn import Index
from burnish.values.usage import Ledger

CORPUS = ["The card has not come.", "The exchange rate is 1.1.", "My card was declined.", "Top up by bank transfer."]
QUERY = "Why did my card not come?"


class Noted:
    """A function that counts letters and keeps what it was asked."""

    def __init__(self):
        self.batches = []

    def __call__(self, texts):
        self.batches.append(texts)
        return letters(texts)


def letters(texts):
    if any(text == "too long" for text in texts):
        raise PromptTooLong("too long", model="letters")
    return [[float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]


class Hosted:
    """An embedding backend that waits, and keeps what it was asked."""

    def __init__(self, dimension=26):
        self.batches = []
        self.dimension = dimension

    async def embed(self, texts, params):
        self.batches.append(texts)
        await asyncio.sleep(0)
        rows = np.array(letters(texts), np.float32)[:, : self.dimension]
        return Embedded(rows, Usage(1, 10 * len(texts)))


def hosted(backend, name="x/letters"):
    return Embedder(name, caching=False, backend=backend)


def retriever(**options):
    return Embeddings(CORPUS, "offline/hashing", **{"k": 2, **options})


# What it finds


def test_the_nearest_passages_and_their_numbers_the_best_first():
    found = retriever()(QUERY)
    assert isinstance(found, Prediction)
    assert found == Prediction(passages=[CORPUS[0], CORPUS[2]], indices=[0, 2])
    assert found.passages[0] == CORPUS[0]


def test_it_finds_what_comparing_all_rows_finds():
    texts = [f"{a} {b}" for a in ("red", "green", "blue", "grey") for b in ("fox", "sea", "door", "house", "card")]
    rows = Embedder("offline/hashing")
    for normalize in (True, False):
        found = EmbeddingsWithScores(texts, rows, 7, normalize=normalize)("the red house door")
        products = rows(texts) @ rows("the red house door")
        order = sorted(range(len(texts)), key=lambda number: (-products[number], number))[:7]
        assert found.indices == order
        assert found.scores == pytest.approx(products[order].tolist(), abs=1e-5)


def test_without_normalize_the_inner_product_counts():
    corpus = ["a", "aaaa b", "b"]
    assert Embeddings(corpus, letters, 1)("a").passages == ["a"]
    assert Embeddings(corpus, letters, 1, normalize=False)("a").passages == ["aaaa b"]


@pytest.mark.parametrize("storage", ["f16", "i8"])
def test_smaller_storage_finds_the_same_here(storage):
    assert retriever(storage=storage)(QUERY) == retriever()(QUERY)


def test_more_than_there_are_is_all_of_them():
    assert sorted(retriever(k=99)(QUERY).indices) == [0, 1, 2, 3]
    assert len(retriever()(QUERY, k=3).passages) == 3


def test_several_queries_are_embedded_and_searched_at_once():
    noted = Noted()
    found = Embeddings(CORPUS, noted, 1)
    noted.batches.clear()
    queries = [*CORPUS[::-1], QUERY]
    many = found(queries)
    assert noted.batches == [queries]
    assert many == [found(query) for query in queries]
    assert [one.indices for one in many[:4]] == [[3], [2], [1], [0]]
    assert found([]) == asyncio.run(found.acall([])) == []
    assert found(tuple(queries)) == asyncio.run(found.acall(queries)) == many


def test_a_blank_text_is_never_found_and_finds_nothing():
    found = Embeddings(["  ", *CORPUS, "\n"], "offline/hashing", 9)
    assert sorted(found(QUERY).indices) == [1, 2, 3, 4]
    assert found(" ") == Prediction(passages=[], indices=[])
    assert [len(one.passages) for one in found([QUERY, "", QUERY])] == [4, 0, 4]
    assert found.corpus == ("  ", *CORPUS, "\n")
    assert Embeddings([" "], "offline/hashing")(QUERY).passages == []


def test_a_large_corpus_is_embedded_part_by_part_and_an_error_says_from_where_it_counts(monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    noted = Noted()
    assert Embeddings(CORPUS, noted, 1)(CORPUS[3]).indices == [3]
    assert noted.batches == [CORPUS[:2], CORPUS[2:], [CORPUS[3]]]
    with pytest.raises(PromptTooLong) as refused:
        Embeddings([*CORPUS, "too long"], letters)
    assert refused.value.__notes__ == ["Places in this message count from number 4 of the corpus."]


# By which faces


def test_all_faces_find_the_same_in_scripts_threads_and_loops():
    for embedder in (Embedder("offline/hashing"), hosted(Hosted())):
        found = Embeddings(CORPUS, embedder, 2)
        expected = found(QUERY)

        async def inside(found=found):
            return [found(QUERY), await found.acall(QUERY)]

        assert asyncio.run(inside()) == [expected] * 2
        assert run_sync(found.acall(QUERY)) == found.forward(QUERY) == found.search(QUERY) == expected


def test_the_sync_face_is_refused_on_burnishs_own_loop():
    for embedder in (Embedder("offline/hashing"), hosted(Hosted())):
        found = Embeddings(CORPUS, embedder)

        async def forward(found=found):
            return found(QUERY)

        with pytest.raises(ConfigError, match="async face"):
            run_sync(forward())


def test_search_has_the_shape_of_a_tool():
    search = retriever().search
    assert search.__name__ == "search"
    assert list(inspect.signature(search).parameters) == ["query"]
    assert "nearest to a query" in inspect.getdoc(search)


def test_queries_of_one_turn_of_the_loop_go_together_each_with_its_own_k():
    noted = Noted()
    found = Embeddings(CORPUS, noted, 2)
    noted.batches.clear()

    async def many():
        return await all_of(found.acall(query, k) for query, k in [(CORPUS[3], 1), (CORPUS[:2], 3), (QUERY, None)])

    together = run_sync(many())
    assert noted.batches == [[CORPUS[3], *CORPUS[:2], QUERY]]
    assert together == [found(CORPUS[3], 1), found(CORPUS[:2], 3), found(QUERY)]
    assert [len(one.indices) for one in (together[0], *together[1], together[2])] == [1, 3, 3, 2]


def test_a_query_that_cannot_be_embedded_fails_alone():
    found = Embeddings(CORPUS, letters, 1)

    async def many():
        return await asyncio.gather(*map(found.acall, [QUERY, "too long", CORPUS[1]]), return_exceptions=True)

    one, refused, other = run_sync(many())
    assert isinstance(refused, PromptTooLong)
    assert [one, other] == [found(QUERY), found(CORPUS[1])]


def test_a_hosted_models_call_is_on_the_bill_of_the_run_that_asked():
    backend = Hosted()
    found = Embeddings(CORPUS, hosted(backend), 1)
    assert backend.batches == [CORPUS]

    async def asked_by(ledger, query):
        with use_scope(Scope(ledger=ledger)):
            return await found.acall(query)

    async def two_runs():
        ledgers = Ledger(), Ledger()
        answers = await all_of(asked_by(ledger, text) for ledger, text in zip(ledgers, CORPUS[:2], strict=True))
        return answers, [ledger.total().calls for ledger in ledgers]

    answers, calls = run_sync(two_runs())
    assert [one.indices for one in answers] == [[0], [1]]
    assert calls == [1, 1]


# What comes and goes


def test_passages_come_and_go():
    found = retriever(k=1)
    found.append(["Freeze the account.", " "])
    assert (len(found), found("freeze account").indices) == (6, [4])
    found.remove([0, 1])
    assert (len(found), found("freeze account").indices, found.corpus[0]) == (4, [2], CORPUS[2])
    found.append([])
    found.remove(range(4))
    assert (len(found), found(QUERY).passages) == (0, [])


def test_copies_of_a_program_share_it_and_a_pickle_says_what_to_do_instead():
    found = retriever()
    assert copy.deepcopy({"retriever": found})["retriever"] is found
    with pytest.raises(TypeError, match="from_saved"):
        pickle.dumps(found)
    assert repr(found) == "Embeddings(4 passages, Embedder('offline/hashing'), k=2)"


# What it refuses


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"corpus": []}, "The corpus of Embeddings is empty"),
        ({"corpus": "a text"}, "is a list of texts, and not one text: write \\['a text', ...\\]"),
        ({"corpus": ["a", 5]}, "at place 1 there is int"),
        ({"corpus": None}, "and not NoneType"),
        ({"k": 0}, "k=0: give a whole number"),
        ({"k": True}, "k=True: give a whole number"),
        ({"callbacks": [print]}, "callbacks=.*nothing would call them"),
        ({"cache": True}, "cache=True.*caching=True"),
        ({"storage": "f64"}, "storage is 'f64'"),
        ({"embedder": 5}, "Embedder\\(model=5\\)"),
        ({"embedder": "minilm"}, "lacks its provider"),
    ],
)
def test_refused(arguments, says):
    with pytest.raises(ConfigError, match=says):
        Embeddings(**{"corpus": CORPUS, "embedder": letters, **arguments})


def test_what_dspy_takes_and_changes_nothing_here_is_taken():
    assert Embeddings(CORPUS, letters, 2, None, False, 3, True)(QUERY) == Embeddings(CORPUS, letters, 2)(QUERY)


@pytest.mark.parametrize(
    ("query", "k", "says"), [(5, None, "and not int"), (["a", 5], None, "place 1 there is int"), ("a", 0, "k=0")]
)
def test_a_query_that_is_none_is_refused_by_both_faces(query, k, says):
    found = retriever()
    with pytest.raises(ConfigError, match=says):
        found(query, k)
    with pytest.raises(ConfigError, match=says):
        asyncio.run(found.acall(query, k))


# What it keeps in a folder


def files(folder):
    return sorted(path.name.split("-")[0] for path in folder.iterdir())


def test_a_saved_retriever_finds_the_same_and_embeds_no_passage_again(tmp_path):
    noted = Noted()
    kept = Embeddings([" ", *CORPUS], noted, 3, normalize=False, storage="f16")
    kept.save(tmp_path / "kept" / "here")
    noted.batches.clear()
    again = Embeddings.from_saved(tmp_path / "kept" / "here", noted)
    assert [text for batch in noted.batches for text in batch] == [" "]
    assert (again.k, again.normalize, again.corpus) == (3, False, (" ", *CORPUS))
    assert again([QUERY, " "]) == kept([QUERY, " "])
    again.append(["new"])
    again.remove([0])
    assert Embeddings.from_saved(tmp_path / "kept" / "here", noted)(QUERY) == kept(QUERY)


def test_what_is_never_found_stays_so(tmp_path):
    kept = Embeddings([" ", CORPUS[0], "", CORPUS[1]], "offline/hashing", 9)
    kept.save(tmp_path)
    again = retriever().load(tmp_path, "offline/hashing")
    assert sorted(again(QUERY).indices) == [1, 3]
    assert (again.corpus, again.k) == (kept.corpus, 9)


def test_saving_again_replaces_what_was_there(tmp_path):
    found = retriever()
    found.save(tmp_path)
    loaded = Embeddings.from_saved(tmp_path, "offline/hashing")
    loaded.append(["Freeze the account."])
    loaded.save(tmp_path)
    assert files(tmp_path) == ["passages.json", "rows"]
    assert len(Embeddings.from_saved(tmp_path, "offline/hashing")) == 5
    assert loaded("freeze account", 1).indices == [4]


@pytest.mark.parametrize("broken", ["the rows", "the texts", "the last step"])
def test_a_save_that_breaks_off_leaves_what_was_there(tmp_path, monkeypatch, broken):
    first, second = retriever(), Embeddings(["Something else."], "offline/hashing")
    first.save(tmp_path)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    target, name = {
        "the rows": (Index, "save"),
        "the texts": (type(tmp_path), "write_text"),
        "the last step": (type(tmp_path), "replace"),
    }[broken]
    monkeypatch.setattr(target, name, fail)
    with pytest.raises(OSError, match="No space left"):
        second.save(tmp_path)
    monkeypatch.undo()
    assert files(tmp_path) == ["passages.json", "rows"]
    assert Embeddings.from_saved(tmp_path, "offline/hashing")(QUERY) == first(QUERY)


def test_another_embedder_is_refused_by_name_and_by_length(tmp_path):
    Embeddings(CORPUS, letters).save(tmp_path / "function")
    Embeddings(CORPUS, hosted(Hosted())).save(tmp_path / "hosted")

    def other(texts):
        return letters(texts)

    def shorter(texts):
        return [row[:5] for row in letters(texts)]

    shorter.__name__ = "letters"
    with pytest.raises(StateError, match="of the embedder 'letters', and not of 'other'"):
        Embeddings.from_saved(tmp_path / "function", other)
    with pytest.raises(StateError, match="and not of 'offline/hashing'"):
        Embeddings.from_saved(tmp_path / "hosted", "offline/hashing")
    found = retriever()
    with pytest.raises(StateError, match="makes rows of 5 numbers, and those in .* have 26"):
        found.load(tmp_path / "function", shorter)
    assert found(QUERY) == retriever()(QUERY)
    backend = Hosted(5)
    later = Embeddings.from_saved(tmp_path / "hosted", hosted(backend))
    assert backend.batches == []
    with pytest.raises(ConfigError, match="rows of 5 numbers, and those of the passages have 26"):
        later(QUERY)


def test_a_save_between_the_reading_of_the_texts_and_of_their_rows_is_read_whole(tmp_path, monkeypatch):
    retriever().save(tmp_path)
    load, at = Index.load, []

    def loaded_late(path):
        if not at:
            at.append(path)
            Embeddings([*CORPUS, "one more text"], letters).save(tmp_path)
        return load(path)

    monkeypatch.setattr(Index, "load", loaded_late)
    assert len(Embeddings.from_saved(tmp_path, letters).corpus) == len(CORPUS) + 1


def edited(folder, **changes):
    path = folder / "passages.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "passages.json").unlink(), "There are no saved passages in"),
        (lambda folder: (folder / "passages.json").write_text("{"), "is not what a retriever saved: the file"),
        (lambda folder: edited(folder, corpus="all"), "is not what a retriever saved: corpus"),
        (lambda folder: edited(folder, k=0), "is not what a retriever saved: k"),
        (lambda folder: edited(folder, format=2), "is of format 2, this Burnish reads up to 1"),
        (lambda folder: edited(folder, rows="../rows.knn"), "must be a file beside it"),
        (lambda folder: edited(folder, rows="rows-0.knn"), "The rows of the passages in .* cannot be read"),
        (lambda folder: edited(folder, rows="passages.json"), "must be a file beside it"),
        (lambda folder: edited(folder, corpus=["one"]), "holds 1 passages, 0 of them without a row, and 4 rows"),
        (lambda folder: edited(folder, not_found=[5], corpus=["a"] * 5), "its files are of different saves"),
        (lambda folder: edited(folder, normalize=False), "compared by ip, and their rows by cosine"),
        (lambda folder: next(folder.glob("*.knn")).write_bytes(b"no"), "no index that can be searched"),
    ],
)
def test_a_folder_that_holds_no_whole_retriever_is_refused(tmp_path, damage, says):
    retriever().save(tmp_path)
    damage(tmp_path)
    found = Embeddings(["Something else."], "offline/hashing")
    with pytest.raises(StateError, match=says):
        found.load(tmp_path, "offline/hashing")
    assert found.corpus == ("Something else.",)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(StateError, match="There are no saved passages in"):
        Embeddings.from_saved(tmp_path / "none", "offline/hashing")


def test_a_saved_folder_holds_no_credential(tmp_path):
    embedder = Embedder("x/y", backend=Hosted(), api_key="MARKER-1", extra_headers={"X": "MARKER-2"})
    with burnish.context(cache=Cache()):
        Embeddings(CORPUS, embedder).save(tmp_path)
    assert all(b"MARKER" not in path.read_bytes() for path in tmp_path.iterdir())


def test_dspys_import_path_leads_here():
    from burnish import retrievers

    assert retrievers is burnish.retrievers
    assert (retrievers.Embeddings, retrievers.EmbeddingsWithScores) == (Embeddings, EmbeddingsWithScores)
