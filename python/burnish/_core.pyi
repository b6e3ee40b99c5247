"""The Rust core: text metrics, board statistics, the choice of traces, the nearest rows, searches and races, draws, fingerprints, an HTTP client.

Arrays are one-dimensional, contiguous numpy columns unless a shape is given; columns that go together have equal
length. Arguments of a wrong type, length or range raise `burnish.errors.ConfigError` with the argument and the row. So
does a string with a lone surrogate, which has no UTF-8 form. An integer that 64 bits do not hold is an OverflowError. Calls that read more than 16 KiB release the GIL; arrays
must not be written to meanwhile.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

_Floats: TypeAlias = NDArray[np.float64]
_Ints: TypeAlias = NDArray[np.int64]
# Candidate, example, score and status, as `Board.append` takes them.
_Rows: TypeAlias = tuple[_Ints, _Ints, _Floats, NDArray[np.uint8]]

__all__ = [
    "Board",
    "Fingerprint",
    "HttpClient",
    "KnnIndex",
    "TraceTable",
    "draw",
    "exact_match",
    "f1",
    "fingerprint",
    "hotpot_f1",
    "near_copies",
    "normalize",
    "passage_match",
    "precision",
    "race_beaten",
    "race_rejects",
    "recall",
    "search_design",
    "search_random",
    "search_surrogate",
    "search_tpe",
]

def normalize(texts: Sequence[str]) -> list[str]:
    """The SQuAD-normalised form of each text.

    In this order: NFD, lower case, no ASCII punctuation, no articles (a, an, the), single spaces. Equal to what
    `unicodedata`, `str.lower`, `re` and `str.split` give, for every character that this Python's Unicode tables know.

    Args:
        texts: n strings.

    Returns:
        n strings.
    """

def exact_match(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> _Floats:
    """1.0 where a prediction equals one of its references, both normalised, else 0.0.

    Args:
        predictions: n strings.
        references: For each prediction one string or more.

    Returns:
        n scores.
    """

def f1(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> _Floats:
    """The best F1, over its references, of the normalised tokens a prediction shares, counted with repeats.

    Two texts without tokens score 1.0; one without beside one with tokens scores 0.0.

    Args:
        predictions: n strings.
        references: For each prediction one string or more.

    Returns:
        n scores from 0 to 1.
    """

def precision(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> _Floats:
    """The best share, over its references, of a prediction's normalised tokens that a reference has too, counted with repeats.

    Two texts without tokens score 1.0; one without beside one with tokens scores 0.0.

    Args:
        predictions: n strings.
        references: For each prediction one string or more.

    Returns:
        n scores from 0 to 1.
    """

def recall(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> _Floats:
    """The best share, over its references, of a reference's normalised tokens that the prediction has too, counted with repeats.

    Two texts without tokens score 1.0; one without beside one with tokens scores 0.0.

    Args:
        predictions: n strings.
        references: For each prediction one string or more.

    Returns:
        n scores from 0 to 1.
    """

def hotpot_f1(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> _Floats:
    """As `f1`, but where one side is yes, no or noanswer and the other differs, that pair scores 0.0.

    Args:
        predictions: n strings.
        references: For each prediction one string or more.

    Returns:
        n scores from 0 to 1.
    """

def passage_match(passages: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> _Floats:
    """1.0 where the tokens of one answer stand side by side in one passage, both normalised, else 0.0.

    An answer that normalises to nothing is found nowhere. A row without passages scores 0.0.

    Args:
        passages: For each of n rows any number of strings.
        answers: For each row one string or more.

    Returns:
        n scores.
    """

@final
class Board:
    """Rows of (candidate, example, score, status) in any order and any pieces, and what they say.

    Rows of status 0 (scored) or 1 (failed) count, with a finite score; of status 2 (not measured) never. The counted rows of one candidate
    on one example are averaged first and make one cell, and every cell weighs the same. Answers are the same bits
    for the same rows, however they came; a question works out again what has new rows.
    """

    def __new__(cls) -> Board: ...
    def append(self, candidate: _Ints, example: _Ints, score: _Floats, status: NDArray[np.uint8], /) -> None:
        """Adds rows; none if one is refused.

        Args:
            candidate: For each of n rows a number from 0 to 2**20 - 1.
            example: For each row any number that names the example.
            score: For each row a finite score; anything where the status is 2.
            status: 0 scored, 1 failed, 2 not measured.
        """

    def replace(self, candidate: _Ints, example: _Ints, score: _Floats, status: NDArray[np.uint8], /) -> None:
        """Puts rows in place of all others of their cells, one after another; none if one is refused.

        Args:
            candidate: As in `append`.
            example: As in `append`.
            score: As in `append`.
            status: As in `append`.
        """

    def summary(self, n_candidates: int, /) -> tuple[_Ints, _Ints, _Ints, _Floats, _Floats, _Floats]:
        """What is known of each candidate.

        Args:
            n_candidates: For how many, from 0 on; at most 2**20.

        Returns:
            Six columns: cells (n); of these, those with a failed row; examples of which no row counts; the mean over the
            cells; the ends of its 95% interval, Wilson's where all n scores are 0 or 1, else Student's. Where n is 0,
            mean and ends are NaN; where n is 1 and the score neither 0 nor 1, the interval is (-inf, inf).
        """

    def leader(self, n_candidates: int, share: float = 0.0, /) -> int | None:
        """The candidate with the best mean, the lowest of several equals; None if nothing is measured.

        Args:
            n_candidates: As in `summary`.
            share: Only candidates with at least this share of the cells of the one with the most count.

        Returns:
            A number from 0 to `n_candidates` - 1, or None.
        """

    def paired(self, first: int, second: int, /) -> tuple[int, float, float, float]:
        """The gain of one candidate over another on the examples that both have a cell for.

        Args:
            first: The candidate whose score counts for; any number.
            second: The candidate whose score counts against.

        Returns:
            Common examples (n), mean of first minus second, and the ends of its 95% interval (Student's). Mean and ends
            are NaN where n is 0; the ends are (-inf, inf) where n is 1.
        """

    def front(self, n_candidates: int, /) -> tuple[_Ints, _Ints]:
        """The candidates that no other dominates.

        One dominates another if it has a cell wherever the other has one, is at least as good there, and
        better on one example.

        Args:
            n_candidates: As in `summary`; candidates beyond it neither dominate nor win.

        Returns:
            Two columns: numbers of candidates, rising, and for each the examples on which no other has a better score.
        """

    def __len__(self) -> int:
        """How many rows there are."""

def draw(seed: int, purpose: str, step: int) -> int:
    """The random number with this name.

    Args:
        seed: From -2**63 to 2**63 - 1.
        purpose: What the number is for.
        step: Which one of them, from -2**63 to 2**63 - 1.

    Returns:
        A number from 0 to 2**64 - 1, each as likely.
    """

def fingerprint(text: str, /) -> str:
    """The first 16 bytes of the BLAKE3 digest of a text, as 32 hex digits.

    Args:
        text: The text, hashed as UTF-8.

    Returns:
        32 hex digits in lower case.
    """

@final
class Fingerprint:
    """A prefix that is already hashed; it never changes.

    `Fingerprint(a).extend(b).finish(c)` equals `fingerprint(a + b + c)` and hashes only `c` when `finish` is called.
    """

    def __new__(cls, prefix: str = "") -> Fingerprint: ...
    def extend(self, text: str, /) -> Fingerprint:
        """The prefix followed by `text`, as a new prefix.

        Args:
            text: What to add.

        Returns:
            A new object; this one stays as it is.
        """

    def finish(self, suffix: str = "") -> str:
        """The fingerprint of the prefix followed by `suffix`.

        Args:
            suffix: What to add for this one fingerprint.

        Returns:
            32 hex digits in lower case.
        """

@final
class HttpClient:
    """Sends requests from a thread of its own, over connections that it keeps.

    The thread never calls Python. When an answer has come and none was waiting to be taken, it makes a socket
    readable. Proxies come from the environment and certificates from the system, as they are when the client is made.
    """

    def __new__(cls) -> HttpClient: ...
    @property
    def socket(self) -> int:
        """The number of the socket to watch; who made the client reads from it before `take`, and closes it."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes, pieces: bool = False, /) -> int:
        """Send a POST request; returns at once.

        Args:
            url: An address with ``http`` or ``https``.
            headers: A dict of names and values.
            body: The body.
            pieces: Whether the body of an answer that is a stream of events comes as it arrives.

        Returns:
            The number under which its answer will come.
        """

    def get(self, url: str, headers: Mapping[str, str], /) -> int:
        """Send a GET request; returns at once.

        Args:
            url: As in `post`.
            headers: As in `post`.

        Returns:
            As `post`.
        """

    def cancel(self, number: int, /) -> None:
        """Give a request up: its connection is closed, and no answer to it comes.

        Args:
            number: What `post` returned; any other does nothing.
        """

    def take(self) -> list[tuple[int, tuple[int, dict[str, str], bytes] | str | bytes]]:
        """What has come since the last time, in the order in which it came.

        Returns:
            For each request its number, with status, headers (names in lower case) and body as it came, or with a text
            that says why there is no answer, or with a piece of its body, after which more comes.
        """

@final
class KnnIndex:
    """Rows, and for each query the nearest of them: exact for the values as they are kept.

    A row's number is its place, as in a list. Scores are the same bits on every machine, for a query alone or among
    others, on one thread or many; of equal scores the lower number comes first. Searches run side by side; a change waits for
    them. Values are finite and of size 1e16 at most, or 65504 in f16 with ip; rows and queries of zeros are refused with cosine.
    """

    def __new__(
        cls,
        dimension: int,
        metric: Literal["ip", "cosine"] = "ip",
        storage: Literal["f32", "f16", "i8"] = "f32",
    ) -> KnnIndex:
        """An index without rows.

        Args:
            dimension: Numbers of a row, from 1 to 65,536.
            metric: What makes a row near: ip, a large inner product, or cosine, a small angle.
            storage: How a value is kept: f32, as it came; f16, in half precision; i8, in 8 bits with a scale for each
                row, where queries are rounded too.
        """

    @staticmethod
    def load(path: str | PathLike[str], /) -> KnnIndex:
        """The index in a file, mapped and read as it is searched; copied into memory once it is changed.

        Args:
            path: What `save` wrote. Nobody may write to it meanwhile; `save` replaces it and does not.

        Returns:
            The index. A file that is none is a `burnish.errors.StateError`.
        """

    def save(self, path: str | PathLike[str], /) -> None:
        """Writes the index to a file, whole or not at all.

        Args:
            path: Where to; a file that is there is replaced.
        """

    def append(self, rows: NDArray[np.float32], /) -> None:
        """Adds rows behind those that are there; none if one is refused.

        Args:
            rows: A table of shape (n, dimension), row after row in memory.
        """

    def remove(self, numbers: _Ints, /) -> None:
        """Takes rows out; those behind them move down, as in a list. None if a number is refused.

        Args:
            numbers: Row numbers in any order; one may stand there twice.
        """

    def search(
        self, queries: NDArray[np.float32], k: int, threads: int | None = None
    ) -> tuple[_Ints, NDArray[np.float32]]:
        """The nearest rows of each query, best first.

        Args:
            queries: A table of shape (q, dimension), row after row in memory.
            k: How many rows, from 1 to as many as there are.
            threads: At most so many; None for as many as this process may run at once. Little work uses fewer.

        Returns:
            Row numbers and scores, both of shape (q, k).
        """

    def __len__(self) -> int: ...
    @property
    def dimension(self) -> int:
        """Numbers of a row."""

    @property
    def metric(self) -> Literal["ip", "cosine"]:
        """What makes a row near."""

    @property
    def storage(self) -> Literal["f32", "f16", "i8"]:
        """How a value is kept."""

def near_copies(rows: Sequence[Sequence[str]], /) -> _Ints:
    """For each row of texts the place of the first row of its group; its own where no earlier row is near.

    Rows are near whose sketches differ in at most 7 of 128 bits: some nine tenths of their pairs of neighbouring words are
    common, in all texts together and in the shortest; of fewer than 32 pairs, all. Near to near is near: a chain is one group.

    Args:
        rows: n lists of texts, the values of the same fields in the same order.

    Returns:
        n places, none higher than its own.
    """

@final
class TraceTable:
    """Recorded steps of rollouts, a row of 72 bytes each: run here, or told of by logs.

    Changes wait for what reads, and the other way round. Predictors have numbers in the order in which they were first met.
    """

    def __new__(cls) -> TraceTable:
        """A table without rows."""

    def append(
        self,
        score: _Floats,
        predictor: Sequence[str],
        rollout: _Ints,
        tokens: _Ints,
        inputs: Sequence[str],
        outputs: Sequence[str],
    ) -> None:
        """Adds steps that were run here; none if one is refused.

        Args:
            score: Score of the rollout; NaN if it has none.
            predictor: Which predictor was called.
            rollout: In which rollout; steps of one share a number.
            tokens: What the step takes as a demo.
            inputs: What went in, as one text: near copies are told by it.
            outputs: What came out, as one text: with the inputs it tells exact copies.
        """

    def scan(
        self,
        path: str | PathLike[str],
        *,
        score: Sequence[str],
        label: str | None,
        min_score: float | None,
        threads: int | None,
    ) -> tuple[int, int, int, int, int, int, list[tuple[int, str]]]:
        """Adds the calls that a log of JSON lines tells of.

        Args:
            path: The log; it is read from its beginning to its end, and must stay as it is for `steps`.
            score: Keys on the way to the score; none for where each kind of log has it.
            label: The field that rows are stratified by.
            min_score: Calls below, or without a score, are left out.
            threads: At most so many; None for as many as this process may run at once.

        Returns:
            Lines that are not empty, malformed ones, those without a call; calls that failed, without a score, below it;
            number and fault of the first 1,000 malformed lines. A log that cannot be read is an OSError, and adds nothing.
        """

    def pick(
        self,
        *,
        min_score: float | None,
        per_predictor: int,
        max_tokens: int | None,
        near: bool,
        variety: bool,
        stratify: bool,
        seed: int,
    ) -> _Ints:
        """The numbers of the rows worth showing as demos.

        Args:
            min_score: The lowest score that is good enough; None takes rows without a score too.
            per_predictor: At most so many rows of each predictor.
            max_tokens: At most so many tokens of each predictor, all its rows together.
            near: Whether near copies are copies: sketches that differ in at most 7 of 128 bits.
            variety: Whether the next is the row farthest from those that were given, and not the first that comes.
            stratify: Whether the labels take turns.
            seed: Draws which of several steps of one predictor in one rollout stays.

        Returns:
            Predictor by predictor, in the order in which they were given.
        """

    def steps(
        self, rows: _Ints, /
    ) -> list[tuple[str, list[tuple[str, str, bool]], list[tuple[str, str, bool]], float, str, int]]:
        """What rows say, read again from their logs.

        Args:
            rows: Numbers of rows that came from logs.

        Returns:
            Of each its predictor; name, text and whether the text is JSON of each input, and of each output; score, path and
            line. A log in which something else stands by now is a `burnish.errors.StateError`.
        """

    def names(self) -> list[str]:
        """The names of the predictors, by their numbers."""

    def columns(self) -> tuple[_Floats, _Ints, _Ints, _Ints, NDArray[np.uint64]]:
        """Score, predictor, rollout and tokens of each row, and its sketch: 128 bits in two columns."""

    def __len__(self) -> int: ...

def search_random(sizes: _Ints, picks: _Ints, n: int, seed: int, step: int) -> _Ints:
    """New candidates by chance.

    Args:
        sizes: How many choices each slot has.
        picks: Candidates that are not to come: their choices, one candidate after another.
        n: How many; fewer come where the space has no more.
        seed: Where chance comes from.
        step: Which time it is that this seed is asked.

    Returns:
        Their choices, one candidate after another.
    """

def search_design(sizes: _Ints, n: int, seed: int) -> _Ints:
    """Candidates in which every choice of a slot comes equally often, or once more.

    Args:
        sizes: How many choices each slot has.
        n: How many; fewer come where the space has no more.
        seed: Where chance comes from.

    Returns:
        Their choices, one candidate after another; the first has the first choice of every slot.
    """

def search_tpe(
    sizes: _Ints, picks: _Ints, rows: _Rows, closed: NDArray[np.bool_], n: int, seed: int, step: int
) -> _Ints:
    """Candidates by a tree-structured Parzen estimator over all slots together.

    Args:
        sizes: How many choices each slot has.
        picks: The candidates on the board: their choices, one candidate after another.
        rows: The board's rows.
        closed: For each candidate whether it is not to come again.
        n: How many; fewer come where the space has no more.
        seed: Where chance comes from.
        step: Which time it is that this seed is asked.

    Returns:
        Their choices, one candidate after another, all different.
    """

def search_surrogate(
    sizes: _Ints,
    picks: _Ints,
    rows: _Rows,
    closed: NDArray[np.bool_],
    n: int,
    greedy: float,
    seed: int,
    step: int,
) -> tuple[_Ints, _Floats, _Floats, _Floats, _Floats, _Floats]:
    """Candidates by a Gaussian process over slots, pairs of slots and shared examples.

    Args:
        sizes: How many choices each slot has.
        picks: The candidates on the board: their choices, one candidate after another. At most 2,048 with a score.
        rows: The board's rows.
        closed: For each candidate whether it is not to come again.
        n: How many; fewer come where the space has no more.
        greedy: Share of them that the expected score chooses; the others are each best in a draw from the posterior.
        seed: Where chance comes from.
        step: Which time it is that this seed is asked.

    Returns:
        Their choices, one candidate after another, all different; expected score and standard deviation of each candidate on
        the board, NaN without a score; shares of the expected score's variance: of each slot, of pairs, of candidates
        alone; then for each choice of each slot, slot after slot, how much more a candidate is expected to score with it than with
        the slot's first, the others averaged over, and the standard deviation of that. The last three are empty without a score.
    """

def race_beaten(rows: _Rows, n_candidates: int, share: float, looks: int, error: float) -> NDArray[np.bool_]:
    """Whether each candidate is worse than the best on the same examples, beyond doubt.

    Args:
        rows: The board's rows.
        n_candidates: How many candidates there are, from number 0 on.
        share: The best has at least this share of the examples of the one with the most.
        looks: How often this is asked while scores come in.
        error: The chance, over all candidates and looks, that the one which is truly the best is called beaten.

    Returns:
        A flag for each candidate.
    """

def race_rejects(rows: _Rows, n_candidates: int, n_examples: int, budget: int) -> tuple[_Ints, int]:
    """Who is still in a race of successive rejects.

    Args:
        rows: The board's rows; all candidates see the examples in the same order.
        n_candidates: How many entered.
        n_examples: How many examples there are.
        budget: Cells that the race may cost.

    Returns:
        The numbers of those still in, and how many examples each is to have seen next; 0 where one is left.
    """
