"""Opening an uploaded file as text: size, encoding and kind are checked before a single row is read.

What the text means is known to the importers beside this module.
"""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import BinaryIO, TextIO

from core.errors import DatasetError, NotFoundError

MAX_BYTES = 200 * 1024 * 1024
_CHUNK = 1 << 20
# UTF-32 first: its little-endian mark starts with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHER_KINDS = (
    (b"PK\x03\x04", "an Excel, Word or ZIP file", "Export the table as CSV, or unpack the archive."),
    (b"%PDF", "a PDF", "Export the annotations from the tool they were made with."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "Export the table as CSV."),
)


def open_text(
    source: Path | bytes, filename: str, encoding: str | None = None, newline: str = "\n"
) -> TextIO:
    """Open a file for reading after checking that all of it decodes.

    Args:
        source: Path or the bytes themselves.
        filename: Name for messages.
        encoding: Encoding that the user named; otherwise a byte order mark decides, and UTF-8 without one.
        newline: As in `open`.

    Raises:
        NotFoundError: If the path is no file.
        DatasetError: If the file is empty, larger than 200 MB, no text, or not in its encoding; the message
            says at which byte.
    """
    size = len(source) if isinstance(source, bytes) else _size(source)
    if size == 0:
        raise DatasetError(f"The file {filename!r} is empty.", "Choose a file with annotated text.")
    if size > MAX_BYTES:
        raise DatasetError(
            f"The file {filename!r} has {size / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are possible.",
            "Split it into several files.",
        )
    binary = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    try:
        head = binary.read(8)
        name, skip = _encoding(head, filename, encoding)
        binary.seek(skip)
        _check(binary, filename, name, skip)
        binary.seek(skip)
        return io.TextIOWrapper(binary, encoding=name, newline=newline)
    except BaseException:
        binary.close()
        raise


def _size(path: Path) -> int:
    if not path.is_file():
        raise NotFoundError(f"There is no file {str(path)!r}.", "Check the path.")
    return path.stat().st_size


def _encoding(head: bytes, filename: str, named: str | None) -> tuple[str, int]:
    for start, kind, advice in _OTHER_KINDS:
        if head.startswith(start):
            raise DatasetError(f"The file {filename!r} is {kind}, not a text file.", advice)
    mark = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), None)
    if mark is not None:
        return mark[1], len(mark[0])
    if named is None:
        return "utf-8", 0
    try:
        # Raises for codecs that give bytes instead of text, such as hex.
        b"aa".decode(named, errors="replace")
        codecs.getincrementaldecoder(named)
        return codecs.lookup(named).name, 0
    except (LookupError, UnicodeError):
        raise DatasetError(f"{named!r} is not an encoding.", "Try utf-8, cp1252 or latin-1.") from None


def _check(binary: BinaryIO, filename: str, encoding: str, skip: int) -> None:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    position, lines = skip, 1
    while True:
        chunk = binary.read(_CHUNK)
        held = decoder.getstate()[0]
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            data = held + chunk
            at = position - len(held) + error.start
            line = lines + _breaks(data[: error.start], encoding)
            raise _wrong(filename, encoding, at, line, data[error.start]) from None
        if "\0" in text:
            raise DatasetError(
                f"The file {filename!r} holds zero bytes, so it is no plain text in {encoding.upper()}.",
                "Save it as UTF-8 and import it again.",
            )
        if not chunk:
            return
        position += len(chunk)
        lines += text.count("\n")


def _breaks(data: bytes, encoding: str) -> int:
    """Line breaks in the good part of a piece that does not decode as a whole."""
    return data.decode(encoding, errors="replace").count("\n")


def _wrong(filename: str, encoding: str, at: int, line: int, byte: int) -> DatasetError:
    where = f"the byte 0x{byte:02X} at position {at} (line {line})"
    message = f"The file {filename!r} is not {encoding.upper()}: {where} does not fit."
    advice = "Save the file as UTF-8 and import it again"
    if encoding == "utf-8":
        likely = bytes([byte]).decode("cp1252", errors="ignore")
        if likely:
            message += f" In Windows-1252 it would be {likely!r}."
        advice += ", or name its encoding (often cp1252)"
    return DatasetError(message, advice + ".")
