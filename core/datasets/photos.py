"""Reading photos from people: JPEG, PNG, HEIC ... turned upright, within limits. Where they were taken is
never read.

Only pixels and the orientation come out of here; no other metadata is looked at or passed on.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from core.errors import InputError

MOST_PIXELS = 120_000_000
MOST_BYTES = 80 * 1024 * 1024
SMALLEST_SIDE = 8
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "HEIF", "MPO")
_TRAINABLE = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_METADATA = {"exif", "xmp", "XML:com.adobe.xmp", "photoshop"}
_PLAIN_MODES = ("RGB", "L", "RGBA", "LA", "P", "1")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_SIDEWAYS = (5, 6, 7, 8)
_heif: bool | None = None


def heic_available() -> bool:
    """True when HEIC photos of phones can be read on this machine; the reader is registered once."""
    global _heif
    if _heif is None:
        try:
            from pillow_heif import register_heif_opener

            register_heif_opener(thumbnails=False)
            _heif = True
        except ImportError:
            _heif = False
    return _heif


def open_photo(
    source: Path | bytes, *, name: str = "", at_most: int = 0
) -> tuple[np.ndarray, tuple[int, int]]:
    """Read a photo and turn it upright.

    Args:
        source: A file or its bytes.
        name: What errors call it; the file's name by default.
        at_most: With a number of pixels, a JPEG may be decoded at half, a quarter or an eighth of its size
            as long as its long side stays at or above this: much faster. 0 = full size.

    Returns:
        `(pixels (height, width, 3) uint8 RGB, (width, height) of the upright photo in full size)`.

    Raises:
        InputError: If it is no photo, damaged, cut off, or too large.
    """
    name = name or (source.name if isinstance(source, Path) else "photo")
    data = _bytes(source, name)
    with _readable(name):
        image = _opened(data, name)
        full = image.size
        _check_size(full, name)
        if at_most and image.format in ("JPEG", "MPO"):
            _draft(image, at_most)
        orientation = _orientation(image)
        image = _rgb(image)
        if orientation in _TURNS:
            image = image.transpose(_TURNS[orientation])
        pixels = np.asarray(image)
    if orientation in _SIDEWAYS:
        full = full[1], full[0]
    return pixels, full


def photo_size(source: Path | bytes, *, name: str = "") -> tuple[int, int]:
    """`(width, height)` of the upright photo, from its header; errors as in `open_photo`."""
    name = name or (source.name if isinstance(source, Path) else "photo")
    data = _bytes(source, name)
    with _readable(name):
        image = _opened(data, name)
        _check_size(image.size, name)
        width, height = image.size
        turned = _orientation(image) in _SIDEWAYS
    return (height, width) if turned else (width, height)


def without_metadata(path: Path, folder: Path) -> Path:
    """A photo that carries no metadata (place, time, camera): the file itself, or an upright JPEG copy in
    `folder`.

    Formats that training cannot read (HEIC, TIFF, several images in one file, colours for print, 16 bits) are
    copied as well.

    Raises:
        InputError: As in `open_photo`.
    """
    data = _bytes(path, path.name)
    with _readable(path.name):
        image = _opened(data, path.name)
        plain = (
            image.format in ("JPEG", "PNG", "BMP", "WEBP")
            and path.suffix.lower() in _TRAINABLE
            and image.mode in _PLAIN_MODES
        )
        if plain and not image.getexif() and not _METADATA & set(image.info):
            return path
    pixels, _ = open_photo(path)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}-{path.stem[:60]}.jpg"
    Image.fromarray(pixels).save(target, "JPEG", quality=95, subsampling=0)
    return target


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or the EXIF block is damaged."""
    try:
        value = image.getexif().get(0x0112, 1)
    except (OSError, ValueError, SyntaxError, TypeError, LookupError, struct.error):
        return 1
    return value if value in _TURNS else 1


def _rgb(image: Image.Image) -> Image.Image:
    """The image in 8 bits a channel. Pillow cuts 16-bit grey off at 255, which leaves a white picture."""
    if image.mode not in ("F", "I") and not image.mode.startswith("I;"):
        return image.convert("RGB")
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    top = float(values.max(initial=0.0))
    scale = 255.0 if top <= 1.0 and image.mode == "F" else 1.0 if top <= 255.0 else 255.0 / max(top, 65535.0)
    return Image.fromarray(np.clip(values * scale, 0, 255).astype(np.uint8)).convert("RGB")


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turn whatever a damaged file makes the reader raise into one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except (
        OSError, ValueError, SyntaxError, EOFError, MemoryError, ArithmeticError, LookupError, TypeError,
        struct.error,
    ) as error:  # fmt: skip
        raise InputError(
            f"{name!r} cannot be read as a photo: it is damaged or cut off ({type(error).__name__}).",
            "Save it again as JPEG and try once more.",
        ) from error


def _bytes(source: Path | bytes, name: str) -> bytes:
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    if size > MOST_BYTES:
        raise InputError(
            f"{name!r} has {size / 1e6:.0f} MB; expected at most {MOST_BYTES / 1e6:.0f} MB.",
            "Make it smaller.",
        )
    return source.read_bytes() if isinstance(source, Path) else source


def _opened(data: bytes, name: str) -> Image.Image:
    heic = data[4:8] == b"ftyp"
    if heic and not heic_available():
        raise InputError(
            f"{name!r} is a HEIC photo, and the package pillow-heif is not installed.",
            "Run: pip install pillow-heif, or save the photo as JPEG.",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _too_large(name) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError, LookupError, struct.error):
        raise InputError(
            f"{name!r} is no photo that can be read.", "Use JPEG, PNG, WEBP, TIFF or HEIC."
        ) from None
    if image.format not in _FORMATS:
        raise InputError(f"{name!r} is a {image.format} file.", "Use JPEG, PNG, WEBP, TIFF or HEIC.")
    return image


def _check_size(size: tuple[int, int], name: str) -> None:
    if size[0] * size[1] > MOST_PIXELS:
        raise _too_large(name)
    if min(size) < SMALLEST_SIDE:
        raise InputError(f"{name!r} has {size[0]} x {size[1]} pixels; nothing can be found in it.")


def _too_large(name: str) -> InputError:
    return InputError(
        f"{name!r} has more than {MOST_PIXELS // 1_000_000} megapixels.", "Make it smaller, then try again."
    )


def _draft(image: Image.Image, at_most: int) -> None:
    # The decoder can skip to 1/2, 1/4 or 1/8 of the size, at a fraction of the time of a full decode.
    scale = 8
    while scale > 1 and max(image.size) // scale < at_most:
        scale //= 2
    if scale > 1:
        image.draft("RGB", (image.size[0] // scale, image.size[1] // scale))
