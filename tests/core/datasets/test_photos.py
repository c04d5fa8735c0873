"""Photos of people: turned upright, within limits, without place and time."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.datasets.photos import heic_available, open_photo, photo_size, without_metadata
from core.errors import InputError


def _photo(width: int = 60, height: int = 40) -> Image.Image:
    pixels = np.full((height, width, 3), 200, np.uint8)
    pixels[: height // 2, : width // 2] = (250, 0, 0)  # the upper left corner is red
    return Image.fromarray(pixels)


def _bytes(image: Image.Image, format: str = "JPEG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


_TURNS = {1: None, 3: 180, 6: 90, 8: 270}


@pytest.mark.parametrize("orientation", list(_TURNS))
def test_photos_are_turned_upright(orientation: int) -> None:
    stored = _photo() if _TURNS[orientation] is None else _photo().rotate(_TURNS[orientation], expand=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _bytes(stored, exif=exif, quality=95)
    pixels, size = open_photo(data)
    assert size == photo_size(data) == (60, 40) and pixels.shape == (40, 60, 3)
    assert pixels[5, 5, 0] > 220 > 40 > pixels[5, 5, 1] and pixels[35, 55, 1] > 150


def test_large_jpegs_are_decoded_smaller_but_keep_their_size() -> None:
    data = _bytes(_photo(1600, 1200))
    pixels, size = open_photo(data, at_most=700)
    assert size == (1600, 1200) and pixels.shape[1] == 800
    assert open_photo(data)[0].shape[1] == 1600


def test_png_with_palette_and_transparency_becomes_rgb() -> None:
    for mode in ("P", "LA", "RGBA", "L", "1"):
        pixels, _ = open_photo(_bytes(_photo().convert(mode), "PNG"))
        assert pixels.shape == (40, 60, 3) and pixels.dtype == np.uint8


@pytest.mark.parametrize("kind", ["PNG 16", "TIFF 16", "TIFF I", "TIFF F", "JPEG CMYK", "JPEG L", "TIFF LAB"])
def test_photos_of_any_depth_and_colour_keep_their_brightness(kind: str, tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 200).astype(np.uint8), (100, 1))
    colour = Image.fromarray(np.stack([ramp] * 3, axis=2))
    format, mode = kind.split()
    image = {
        "16": lambda: Image.fromarray(ramp.astype(np.uint16) * 257),
        "I": lambda: Image.fromarray(ramp.astype(np.int32) * 257),
        "F": lambda: Image.fromarray((ramp / 255).astype(np.float32)),
        "L": lambda: Image.fromarray(ramp),
    }.get(mode, lambda: colour.convert(mode))()
    data = _bytes(image, format)
    pixels, size = open_photo(data)
    assert size == (200, 100) and pixels.dtype == np.uint8
    assert np.abs(pixels[50].astype(int) - ramp[50][:, None]).max() <= 6
    # What training reads is a plain picture, whatever came.
    path = tmp_path / f"photo.{format.lower().replace('jpeg', 'jpg')}"
    path.write_bytes(data)
    read = cv2.imread(str(without_metadata(path, tmp_path / "clean")), cv2.IMREAD_COLOR)
    assert np.abs(read[50].astype(int) - ramp[50][:, None]).max() <= 6


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(6, 60), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_exif_block_does_not_cost_the_photo(changes) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    block = bytearray(exif.tobytes())
    for place, value in changes:
        block[min(place, len(block) - 1)] = value
    data = _bytes(_photo(), exif=bytes(block))
    pixels, size = open_photo(data)
    assert size == photo_size(data) == (pixels.shape[1], pixels.shape[0])


def test_heic_photos_of_phones_are_read() -> None:
    if not heic_available():
        with pytest.raises(InputError, match="pillow-heif"):
            open_photo(b"\0\0\0\x18ftypheic" + bytes(40), name="IMG_1.HEIC")
        return
    import pillow_heif

    stream = io.BytesIO()
    pillow_heif.from_pillow(_photo(128, 64)).save(stream, quality=95)
    pixels, size = open_photo(stream.getvalue(), name="IMG_1.HEIC")
    assert size == (128, 64) and pixels[5, 5, 0] > 200 > 60 > pixels[5, 5, 1]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic_photos_are_turned_once(orientation: int) -> None:
    if not heic_available():
        pytest.skip("pillow-heif is not installed")
    import pillow_heif

    # Phones write the turn twice: as a property of the image, which counts, and in EXIF, which must not turn
    # the photo a second time.
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    upright = _photo(128, 64)
    stored = upright if orientation == 1 else upright.transpose(turns[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    pillow_heif.from_pillow(stored).save(stream, quality=95, exif=exif.tobytes())
    assert (b"irot" in stream.getvalue()) is (orientation != 1)
    pixels, size = open_photo(stream.getvalue(), name="IMG_2.HEIC")
    assert size == photo_size(stream.getvalue()) == (128, 64) and pixels.shape == (64, 128, 3)
    assert pixels[5, 5, 0] > 200 > 60 > pixels[5, 5, 1] and pixels[60, 120, 1] > 150


def test_a_cut_off_photo_is_named_with_its_reason() -> None:
    data = _bytes(_photo(400, 300), quality=95)
    with pytest.raises(InputError, match=r"'half.jpg' cannot be read as a photo: it is damaged or cut off"):
        open_photo(data[: len(data) // 2], name="half.jpg")


def test_a_giant_photo_is_refused_by_its_header() -> None:
    head = (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    )
    import zlib

    data = head + struct.pack(">I", zlib.crc32(head[12:29])) + struct.pack(">I", 0) + b"IDAT" + bytes(4)
    with pytest.raises(InputError, match="megapixels"):
        open_photo(data, name="bomb.png")


@pytest.mark.parametrize("data", [b"", b"hello", b"GIF89a" + bytes(50), b"\xff\xd8\xff\xe0" + bytes(20)])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        open_photo(data, name="x.jpg")


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_give_a_photo_or_a_sentence(data: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBP", b"II*\0", b"BM"):
        try:
            open_photo(start + data)
        except InputError as error:
            assert str(error)


def test_place_and_time_do_not_reach_the_copy(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (49.0, 1.0, 2.0)
    path = tmp_path / "phone.jpg"
    path.write_bytes(_bytes(_photo(), exif=exif))
    clean = without_metadata(path, tmp_path / "clean")
    assert clean != path and not dict(Image.open(clean).getexif())
    assert Image.open(clean).size == photo_size(path) == (40, 60)
    plain = tmp_path / "plain.png"
    plain.write_bytes(_bytes(_photo(), "PNG"))
    assert without_metadata(plain, tmp_path / "clean") == plain
