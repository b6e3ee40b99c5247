"""Pictures through a whole compile: real server, run directory, saved program."""

from __future__ import annotations

import base64
import io
import json
import time

import pytest
from PIL import Image as Pillow

import burnish
from burnish.adapters.chat import ChatAdapter
from burnish.lm.request import Request
from burnish.testing.server import serving

COLOURS = ("red", "green", "blue", "white")
SORT = burnish.Signature("image: Image, note -> colour", "Name the colour.")


def picture(colour: str) -> burnish.Image:
    return burnish.Image(Pillow.new("RGB", (8, 8), colour))


def parts_of(body: dict) -> list[str]:
    """The pictures in a request as it arrived."""
    contents = [message["content"] for message in body["messages"] if isinstance(message["content"], list)]
    return [part["image_url"]["url"] for content in contents for part in content if part["type"] == "image_url"]


@pytest.fixture
def server():
    with serving(answer={"colour": "red"}, bodies=True) as running:
        yield running


def test_pictures_arrive_are_kept_and_come_back(server, tmp_path):
    rows = [
        burnish.Example(image=picture(colour), note=f"a {colour} square", colour="red").with_inputs("image", "note")
        for colour in COLOURS
    ]

    def compiled() -> burnish.Module:
        optimizer = burnish.BootstrapFewShot(
            metric=lambda row, made, trace=None: made.colour == row.colour,
            max_bootstrapped_demos=2,
            max_labeled_demos=0,
            run_dir=tmp_path / "run",
            progress=False,
        )
        with burnish.context(lm=server.lm()):
            return optimizer.compile(burnish.Predict(SORT), trainset=rows)

    program = compiled()
    first = server.count()
    assert first >= 2
    urls = {row.image.url for row in rows}
    asked = [parts_of(entry["body"]) for entry in server.seen()]
    assert all(len(found) == 1 and set(found) <= urls for found in asked)
    # The run directory answers what was asked before: a picture has the same fingerprint each time.
    again = compiled()
    assert server.count() == first
    assert [demo.image for demo in again.demos] == [demo.image for demo in program.demos]

    program.save(tmp_path / "program.json")
    saved = json.loads((tmp_path / "program.json").read_text())
    assert saved["demos"][0]["image"] == {"url": program.demos[0].image.url}
    loaded = burnish.Predict(SORT)
    loaded.load(tmp_path / "program.json")
    with burnish.context(lm=server.lm()):
        loaded(image=picture("white"), note="n")
        program(image=picture("white"), note="n")
    one, two = (entry["body"]["messages"] for entry in server.seen()[-2:])
    assert one == two
    assert parts_of({"messages": one}) == [demo.image.url for demo in program.demos] + [picture("white").url]


def test_the_cache_knows_a_picture_again(server, tmp_path):
    lm = server.lm(cache=True)
    with burnish.context(lm=lm, cache=burnish.Cache(tmp_path / "cache.db")):
        for colour in ("red", "red", "green", "red"):
            burnish.Predict(SORT)(image=picture(colour), note="n")
    assert server.count() == 2


def test_sounds_files_and_lists_arrive_as_parts(server):
    ask = burnish.Signature("sound: Audio, papers: list[File], pages: dict[str, Image] -> colour")
    with burnish.context(lm=server.lm()):
        burnish.Predict(ask)(
            sound=burnish.Audio.from_array([0.0, 0.5], 8000),
            papers=[burnish.File.from_bytes(b"%PDF-", "a.pdf", "application/pdf"), burnish.File.from_file_id("id")],
            pages={"one": picture("red")},
        )
    (entry,) = server.seen()
    content = entry["body"]["messages"][-1]["content"]
    assert [part["type"] for part in content] == [
        *("text", "input_audio", "text", "file", "text", "file", "text", "image_url", "text")
    ]
    assert content[4] == {"type": "text", "text": ", "}


def test_a_megabyte_is_sent_once_and_counted_as_one_picture():
    noise = io.BytesIO()
    Pillow.effect_noise((1200, 1200), 90).save(noise, "PNG")
    image = burnish.Image(noise.getvalue())
    assert len(image.url) > 1_000_000
    adapter = ChatAdapter()
    start = time.perf_counter()
    messages = adapter.render(SORT, {"image": image, "note": "n"})
    request = Request.build("a/b", messages, params={})
    spent = time.perf_counter() - start
    assert request.tokens < 1200
    assert len(request.turn) < len(image.url) + 500
    assert Request.build("a/b", adapter.render(SORT, {"image": image, "note": "n"}), params={}).key == request.key
    # About 20 ms on one core; a quadratic step would take minutes.
    assert spent < 2
    assert (
        base64.b64decode(json.loads(request.turn)["content"][1]["image_url"]["url"].partition(",")[2])
        == noise.getvalue()
    )
