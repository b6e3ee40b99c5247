"""Pictures, sounds and files are made from what people have, and refuse what is none."""

from __future__ import annotations

import base64
import copy
import http.server
import io
import json
import pickle
import threading
import wave
from pathlib import Path

import numpy as np
import pydantic
import pytest
from PIL import Image as Pillow

from burnish.errors import ConfigError
from burnish.values.types.audio import Audio
from burnish.values.types.file import File
from burnish.values.types.image import Image


def drawn(kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (3, 2), "red").save(buffer, kind)
    return buffer.getvalue()


PNG = drawn()
URI = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
WAV = Audio.from_array(np.zeros(10), 8000)


@pytest.fixture
def png(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(PNG)
    return tmp_path / "a.png"


@pytest.fixture
def site(tmp_path: Path):
    """Serves the folder `tmp_path` on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class TestImage:
    def test_every_source_gives_the_picture(self, png):
        every = [
            Image(PNG),
            Image(str(png)),
            Image(png),
            Image(URI),
            Image(url=URI),
            Image(Image(PNG)),
            Image({"url": URI}),
            Image(Pillow.open(png)),
            Image.from_file(png),
            Image.from_path(str(png)),
            Image.from_bytes(PNG),
            Image.from_PIL(Pillow.new("RGB", (3, 2), "red")),
        ]
        assert {image.url[:22] for image in every} == {"data:image/png;base64,"}
        pixels = [Pillow.open(io.BytesIO(base64.b64decode(image.url[22:]))).getpixel((0, 0)) for image in every]
        assert set(pixels) == {(255, 0, 0)}
        assert every[0].format() == [{"type": "image_url", "image_url": {"url": URI}}]

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
    def test_the_data_says_what_it_is_whatever_the_name(self, kind, tmp_path):
        path = tmp_path / "a.txt"
        path.write_bytes(drawn(kind))
        assert Image(path).url.startswith(f"data:image/{kind.lower()};base64,")

    def test_an_address_is_fetched_only_where_asked_for(self, site, png):
        address = f"{site}/a.png"
        assert Image(address).url == Image(url=address).url == Image.from_url(address).url == address
        held = [
            Image(address, download=True),
            Image(url=address, download=True),
            Image.from_url(address, download=True),
        ]
        assert {image.url for image in held} == {URI}

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda folder: Image(folder / "none.png"), "Cannot read .*none.png.*No such file"),
            (lambda folder: Image("none.png"), "Cannot read 'none.png'"),
            (lambda folder: Image(folder / "empty.png"), "empty.png' is empty"),
            (lambda folder: Image(folder / "a.txt"), "a.txt' is no known kind of picture, but text/plain"),
            (Image, "Is a directory"),
            (lambda folder: Image(b""), "0 bytes"),
            (lambda folder: Image(b"abcdefghijk"), "no known kind of picture: it begins with b'abcdefgh'"),
            (lambda folder: Image(3), "made of 3"),
            (lambda folder: Image.from_bytes(PNG, "text/plain"), "but text/plain"),
            (lambda folder: Image.from_url("file:///etc/passwd", download=True), "begins with http"),
            (lambda folder: Image.from_url("http://127.0.0.1:9/a.png", download=True), "Cannot download"),
        ],
    )
    def test_what_holds_no_picture_is_said(self, make, message, tmp_path):
        (tmp_path / "empty.png").touch()
        (tmp_path / "a.txt").write_text("some words")
        with pytest.raises(ConfigError, match=message):
            make(tmp_path)

    def test_what_is_downloaded_has_to_be_a_picture(self, site, tmp_path):
        (tmp_path / "a.html").write_text("<html>")
        (tmp_path / "empty.png").touch()
        with pytest.raises(ConfigError, match="a.html' is no known kind of picture, but text/html"):
            Image(f"{site}/a.html", download=True)
        with pytest.raises(ConfigError, match="gave nothing"):
            Image(f"{site}/empty.png", download=True)
        with pytest.raises(ConfigError, match="404"):
            Image(f"{site}/none.png", download=True)

    @pytest.mark.parametrize(
        "url", ["", "a.png", "file:///a.png", "data:text/plain;base64,aGk=", "data:image/png;base64,", "https://a b"]
    )
    def test_an_address_has_to_be_one(self, url):
        with pytest.raises(ValueError, match="is no picture: give an address"):
            Image(url=url)

    def test_a_field_takes_what_a_row_may_have_and_never_reads_a_file(self, png):
        checker = pydantic.TypeAdapter(Image)
        for value in (Image(PNG), URI, PNG, {"url": URI}, Pillow.open(png)):
            assert checker.validate_python(value).url.startswith("data:image/png;base64,")
        assert checker.validate_python("https://a/b.png").url == "https://a/b.png"
        for value in (str(png), png, 3):
            with pytest.raises(pydantic.ValidationError, match="is no picture|No picture"):
                checker.validate_python(value)

    def test_it_is_a_value(self):
        image = Image(PNG)
        assert image == Image(PNG)
        assert len({image, Image(PNG), Image("https://a/b")}) == 2
        for twin in (copy.deepcopy(image), pickle.loads(pickle.dumps(image)), Image(**image.model_dump())):
            assert twin == image
        assert repr(image) == str(image) == f"Image(image/png, {len(PNG)} bytes)"
        with pytest.raises(pydantic.ValidationError):
            image.url = "https://a/b"


class TestAudio:
    def test_samples_become_a_wav_file(self):
        tone = np.sin(np.arange(800) / 5)
        sound = Audio.from_array(np.stack([tone, -tone], axis=1), 8000)
        assert sound.format() == [{"type": "input_audio", "input_audio": {"data": sound.data, "format": "wav"}}]
        with wave.open(io.BytesIO(base64.b64decode(sound.data))) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (
                2,
                2,
                8000,
                800,
            )
            samples = np.frombuffer(file.readframes(800), dtype="<i2").reshape(-1, 2) / 32767
        assert np.abs(samples[:, 0] - tone).max() < 1e-4
        assert Audio.from_array(np.array([1, -1], dtype=np.int16), 8) == Audio.from_array(np.array([1, -1]) / 32767, 8)

    @pytest.mark.parametrize(
        ("name", "kind"), [("a.wav", "wav"), ("a.mp3", "mp3"), ("a.flac", "flac"), ("a.txt", "wav")]
    )
    def test_files(self, name, kind, tmp_path):
        path = tmp_path / name
        path.write_bytes(base64.b64decode(WAV.data) if kind == "wav" else b"\0\0 sound")
        assert Audio.from_file(path).audio_format == Audio.from_path(str(path)).audio_format == kind

    def test_an_address_is_fetched(self, site, tmp_path):
        (tmp_path / "a.wav").write_bytes(base64.b64decode(WAV.data))
        assert Audio.from_url(f"{site}/a.wav") == WAV

    def test_what_is_no_sound_is_said(self, png):
        with pytest.raises(ConfigError, match="no known kind of sound, but image/png"):
            Audio.from_file(png)
        with pytest.raises(ConfigError, match="Cannot read"):
            Audio.from_file("none.wav")
        with pytest.raises(ConfigError, match=r"shape \(0,\)"):
            Audio.from_array([], 8000)
        with pytest.raises(ConfigError, match="format='mp3'"):
            Audio.from_array([0.0], 8000, format="mp3")
        with pytest.raises(ValueError, match="data"):
            Audio(data="", audio_format="wav")

    def test_a_field_takes_what_a_row_may_have(self):
        checker = pydantic.TypeAdapter(Audio)
        assert checker.validate_python(WAV.model_dump()) == checker.validate_python(WAV) == WAV
        assert checker.validate_python(f"data:audio/mpeg;base64,{WAV.data}").audio_format == "mp3"
        with pytest.raises(pydantic.ValidationError, match="'a.wav' is no sound"):
            checker.validate_python("a.wav")


class TestFile:
    def test_every_source_gives_the_file(self, tmp_path):
        path = tmp_path / "a.pdf"
        path.write_bytes(b"%PDF-1.4 x")
        uri = f"data:application/pdf;base64,{base64.b64encode(b'%PDF-1.4 x').decode()}"
        assert File.from_path(path).format() == [{"type": "file", "file": {"file_data": uri, "filename": "a.pdf"}}]
        assert File.from_path(path, filename="b", mime_type="a/b").filename == "b"
        assert File.from_bytes(b"%PDF-1.4 x", "a.pdf", "application/pdf") == File.from_path(path)
        assert File.from_file_id("file-1", "a").format() == [
            {"type": "file", "file": {"file_id": "file-1", "filename": "a"}}
        ]
        assert pydantic.TypeAdapter(File).validate_python(uri).file_data == uri
        assert repr(File.from_path(path)) == "File(a.pdf, application/pdf, 10 bytes)"

    def test_what_is_none_is_said(self, tmp_path):
        (tmp_path / "mystery").write_text("x")
        for make, message in [
            (lambda: File.from_path(tmp_path / "none"), "Cannot read"),
            (lambda: File.from_path(tmp_path / "mystery"), "mystery'.*mime_type="),
            (lambda: File.from_bytes(b"", "a.pdf"), "0 bytes is none: 'a.pdf'"),
            (File, "needs file_data or file_id"),
            (lambda: File(file_data="abc"), "'abc', and has to be a data URI"),
            (lambda: pydantic.TypeAdapter(File).validate_python("a.pdf"), "'a.pdf' is no file"),
        ]:
            with pytest.raises(ValueError, match=message):
                make()


class TestSavedByDspy:
    @pytest.mark.parametrize(
        "value",
        [Image("https://a/b.png"), WAV, File.from_file_id("file-1", "a.pdf")],
        ids=lambda value: type(value).__name__,
    )
    def test_a_demo_of_a_file_that_dspy_saved_is_read(self, value):
        text = f"<<CUSTOM-TYPE-START-IDENTIFIER>>{json.dumps(value.format())}<<CUSTOM-TYPE-END-IDENTIFIER>>"
        checker = pydantic.TypeAdapter(type(value))
        assert checker.validate_python(text) == value
        for broken in (text[:-1], text.replace("[", "", 1), text.replace("_", "-").replace('"file"', '"f"')):
            with pytest.raises(pydantic.ValidationError, match="is no"):
                checker.validate_python(broken)

    def test_dspy_saves_so(self):
        dspy = pytest.importorskip("dspy")
        saved = dspy.Image("https://a/b.png").model_dump()
        assert pydantic.TypeAdapter(Image).validate_python(saved) == Image("https://a/b.png")
