"""Files that an index did not write, from where a search maps them: refused by name, or searched for what they are worth."""

from __future__ import annotations

import errno
import os
import struct
import sys

import numpy as np
import pytest

from burnish.errors import StateError
from burnish.retrieve.knn import Index

F16 = 1
MOST_ROWS = 2**32 - 1


def sparse(path, *, rows, places=1, storage=F16):
    """A file of zeros that the disk holds as a hole: a right head, and all the bytes that it asks for."""
    panel = -(-32 * places // 64) * 64
    head = b"BURNISH\0" + struct.pack("=IBBHQQI", 1, 0, storage, 0, places, rows, 0x01020304)
    path.write_bytes(head.ljust(64, b"\0"))
    os.truncate(path, 64 + -(-rows // 16) * panel)
    return path


def saved(path):
    index = Index(2, metric="ip")
    index.append(np.arange(1, 81, dtype=np.float32).reshape(40, 2))
    index.save(path)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows makes no hole of what was never written")
def test_a_head_of_billions_of_rows_claims_no_memory(tmp_path):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loaded = Index.load(sparse(tmp_path / "most.knn", rows=MOST_ROWS))
    assert (len(loaded), loaded.dimension) == (MOST_ROWS, 1)
    with pytest.raises(StateError, match="which is not what 4294967296 rows of 1 take"):
        Index.load(sparse(tmp_path / "more.knn", rows=MOST_ROWS + 1))
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 64 << 20


def test_all_rows_of_a_hole_tie(tmp_path):
    rows = 200_000
    loaded = Index.load(sparse(tmp_path / "hole.knn", rows=rows, places=3))
    for k in (1, rows - 1, rows):
        numbers, scores = loaded.search([1, 2, 3], k)
        assert (numbers == np.arange(k)).all()
        assert not scores.any()
    loaded.remove([0, rows - 1])
    loaded.append([[1, 1, 1]])
    assert loaded.search([1, 2, 3], 2)[0].tolist() == [rows - 2, 0]


@pytest.mark.parametrize("cut", [1, 63, 64, 65, 200])
def test_a_copy_that_was_cut_is_refused_and_the_whole_one_answers_on(tmp_path, cut):
    loaded = Index.load(saved(tmp_path / "rows.knn"))
    (tmp_path / "cut.knn").write_bytes((tmp_path / "rows.knn").read_bytes()[:-cut])
    with pytest.raises(StateError, match="which is not what 40 rows of 2 take"):
        Index.load(tmp_path / "cut.knn")
    assert loaded.search([1, 1], 2)[0].tolist() == [39, 38]


@pytest.mark.parametrize("bits", [0x7F800000, 0xFF800000, 0x7FC00000, 0x7F7FFFFF], ids=hex)
def test_scores_are_numbers_or_the_file_is_damaged(tmp_path, bits):
    """The largest number overflows with another: its score would be infinite."""
    path = saved(tmp_path / "rows.knn")
    content = bytearray(path.read_bytes())
    content[64:68] = struct.pack("=I", bits)
    path.write_bytes(content)
    with pytest.raises(StateError, match="it holds values that are no numbers; build it again"):
        Index.load(path).search([1e16, 1], 40)


@pytest.mark.parametrize("size", [0, 1, 63])
def test_a_file_too_short_says_how_short(tmp_path, size):
    (tmp_path / "short.knn").write_bytes(b"BURNISH\0".ljust(size, b"\0")[:size])
    with pytest.raises(StateError, match=f"it has {size} bytes, and an index has 64 at least"):
        Index.load(tmp_path / "short.knn")


def test_a_path_that_leads_to_no_file(tmp_path):
    saved(tmp_path / "rows.knn")
    with pytest.raises(OSError, match="directory"):
        Index.load(tmp_path)
    with pytest.raises(OSError, match=r"rows\.knn") as below:
        Index.load(tmp_path / "rows.knn" / "more.knn")
    assert sys.platform == "win32" or below.value.errno == errno.ENOTDIR
    with pytest.raises((OSError, ValueError)):
        Index.load(tmp_path / "rows\0.knn")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.knn")
    with pytest.raises(OSError, match="a pipe or a device, and no file"):
        Index.load(tmp_path / "pipe.knn")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no such permissions")
def test_a_file_that_may_not_be_read(tmp_path):
    path = saved(tmp_path / "rows.knn")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # the superuser may read everything, and nobody may not
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError) as refused:
            Index.load(path)
    finally:
        os.seteuid(user)
    assert (refused.value.errno, refused.value.filename) == (errno.EACCES, str(path))
