"""A search for instructions that is killed while it proposes, bootstraps or scores goes on, and asks for no reply twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from burnish.testing.server import serving
from tests.support.compile_script import compile_chain
from tests.support.processes import finish, journaled, keys, kill, start_compile, wait_until


@pytest.mark.parametrize("optimizer", ["MIPROv2", "COPRO"])
def test_kills_change_nothing(optimizer: str, tmp_path: Path) -> None:
    with serving(tmp_path / "log", latency=0.005, bodies=True) as server:
        whole = compile_chain(server.url, tmp_path / "whole", optimizer=optimizer)
        undisturbed = keys(server)
        assert whole.total.calls == len(undisturbed) == len(set(undisturbed)) > 80
        assert whole.usage["propose"].calls >= 4
        folder, begin, kept = tmp_path / "killed", server.count(), set[str]()
        folder.mkdir()
        options = ("--optimizer", optimizer)
        # The first stands among the proposals of COPRO, and among the first runs of MIPROv2.
        for share in (0.05, *sorted(random.Random(3).uniform(0.1, 0.9) for _ in range(3))):
            before = server.count()
            process = start_compile(server.url, folder, *options)
            resent = before - begin - len(kept)
            wanted = begin + resent + int(share * len(undisturbed))
            wait_until(lambda wanted=wanted: server.count() >= wanted, process)
            kill(process)
            assert not kept & set(keys(server)[before:])
            kept = journaled(folder / "run")
        before = server.count()
        status, _, err = finish(start_compile(server.url, folder, *options))
        assert status == 0, err
        assert not kept & set(keys(server)[before:])
        assert set(keys(server)[begin:]) == set(undisturbed)
    assert (folder / "program.json").read_bytes() == (tmp_path / "whole" / "program.json").read_bytes()
