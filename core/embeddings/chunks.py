"""Specifications as passages: PDF, Markdown or text is read, cut along its sections, and each passage
knows its place.

Storing passages and their vectors is library.py.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from core.datasets.importers.reading import open_text
from core.embeddings.bank import DATA
from core.errors import DatasetError, NotFoundError

SHIPPED = DATA / "library"
MAX_BYTES = 200 * 1024 * 1024
SUFFIXES = (".pdf", ".md", ".markdown", ".txt", ".text")
_LONGEST = 90  # words of a passage; a vector of more is a blur
_SHORTEST = 3
_SCANNED = 20  # letters on a page below which it is taken for a picture
_MARKDOWN = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
# "4.1 Over Rails", "Rule 54.4-B2 Clearances".
_NUMBERED = re.compile(
    r"^(?:(?:SECTION|Section|RULE|Rule|Article|ARTICLE|Part|PART|Chapter|CHAPTER)\s+)?"
    r"(\d+(?:[.-](?:\d+|[A-Z]\d{0,2})){0,5}[A-Za-z]?)[.):]?\s+(\S.*)$"
)
_CONTENTS = re.compile(r"(?:\.\s?){4,}\s*\d*$")  # a line of a table of contents
_NAMED = re.compile(
    r"^(?:SECTION|Section|RULE|Rule|Article|ARTICLE|Part|PART|Chapter|CHAPTER|Appendix|APPENDIX)\s+[\w.-]+\b.*$"
)
_BULLET = re.compile(r"^\s*(?:[-*•]|\(\w{1,3}\)|\w[.)])\s+")
_ENDS = (".", ":", ";")
_SENTENCE = re.compile(r"(?<=[.;:?!])\s+(?=[A-Z(\"'\d])")
# After these a full stop ends no sentence.
_ABBREVIATED = re.compile(
    r"\b(?:No|Fig|Sec|Para|G\.O|approx|min|max|ft|in|lb|etc|i\.e|e\.g|vs|Art|Ch|Dia)\.$", re.IGNORECASE
)


@dataclass(frozen=True)
class Chunk:
    """One passage.

    Args:
        text: The passage.
        section: Headings above it, outermost first.
        page: Page of a PDF, from 1; 0 elsewhere.
        source: File name.
    """

    text: str
    section: tuple[str, ...] = ()
    page: int = 0
    source: str = ""


@dataclass
class Document:
    """What was read from one file.

    Args:
        chunks: The passages in order.
        notices: What could not be read, one sentence each (scanned pages, for example).
        pages: Pages of a PDF; 0 elsewhere.
        scanned: Numbers of the pages without text.
    """

    chunks: list[Chunk]
    notices: list[str] = field(default_factory=list)
    pages: int = 0
    scanned: list[int] = field(default_factory=list)


def read_document(source: Path | bytes, *, filename: str, encoding: str | None = None) -> Document:
    """Read a specification and cut it into passages.

    Args:
        source: Path or the bytes.
        filename: Its ending decides how it is read.
        encoding: Of text files that are not UTF-8.

    Raises:
        NotFoundError: If there is no such file.
        DatasetError: If the kind is unknown, the file is broken or locked, or no text can be found in it.
    """
    suffix = Path(filename).suffix.lower()
    head = source[:5] if isinstance(source, bytes) else _head(source)
    if suffix == ".pdf" or head == b"%PDF-":
        return _pdf(source, filename)
    if suffix not in SUFFIXES:
        raise DatasetError(
            f"{filename!r} is no kind of file that can be read as a specification.",
            f"Expected {', '.join(SUFFIXES)}.",
        )
    with open_text(source, filename, encoding) as stream:
        text = stream.read()
    chunks = list(cut(text, source=filename, markdown=suffix in (".md", ".markdown")))
    if not chunks:
        raise DatasetError(f"No passages were found in {filename!r}.", "Choose a file with sentences.")
    return Document(chunks)


def _head(path: Path) -> bytes:
    if not path.is_file():
        raise NotFoundError(f"There is no file {str(path)!r}.", "Check the path.")
    with path.open("rb") as file:
        return file.read(5)


def _pdf(source: Path | bytes, filename: str) -> Document:
    payload = source if isinstance(source, bytes) else source.read_bytes()
    if len(payload) > MAX_BYTES:
        raise DatasetError(f"The file {filename!r} has more than {MAX_BYTES // 1024**2} MB.", "Split it.")
    texts, broken = _pages(payload, filename)
    repeated = _repeated(texts)
    kept = [
        "\n".join(line for line in text.splitlines() if _bare(line) not in repeated) for text in texts
    ]  # fmt: skip
    # A stamp that stands on every page says nothing: what is left decides whether a page holds text.
    scanned = [
        number
        for number, text in enumerate(kept, 1)
        if number not in broken and sum(map(str.isalnum, text)) < _SCANNED
    ]
    if len(scanned) + len(broken) == len(texts):
        raise DatasetError(
            f"All {len(texts)} pages of {filename!r} are pictures without text.",
            "Run text recognition (OCR) on the file and import it again.",
        )
    notices = []
    if scanned:
        notices.append(
            f"{len(scanned)} of {len(texts)} pages of {filename} hold no text (scanned or empty): "
            f"{_shown(scanned)}. Run text recognition on the file to include them."
        )
    if broken:
        notices.append(
            f"{len(broken)} of {len(texts)} pages of {filename} cannot be read: {_shown(broken)}. "
            "Print the file to a new PDF to include them."
        )
    chunks = list(_passages([(n, _joined(text)) for n, text in enumerate(kept, 1)], filename, False))
    if not chunks:
        raise DatasetError(f"No passages were found in {filename!r}.", "Choose a file with sentences.")
    return Document(chunks, notices, len(texts), scanned)


def _pages(payload: bytes, filename: str) -> tuple[list[str], list[int]]:
    """Texts of all pages, and the numbers of those that cannot be read."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError

    faults = (
        PyPdfError, DependencyError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
        RecursionError, OSError,
    )  # fmt: skip
    try:
        reader = PdfReader(io.BytesIO(payload))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DatasetError(
                f"The file {filename!r} is locked with a password.", "Save a copy without password."
            )
        count = len(reader.pages)
    except DatasetError:
        raise
    except faults as error:
        raise _unreadable(filename, error) from error
    texts: list[str] = []
    broken: list[int] = []
    for number in range(count):
        try:
            texts.append(reader.pages[number].extract_text() or "")
        except faults as error:
            if number == 0 and count == 1:
                raise _unreadable(filename, error) from error
            texts.append("")
            broken.append(number + 1)
    if not texts:
        raise DatasetError(f"The file {filename!r} has no pages.", "Choose another file.")
    return texts, broken


def _unreadable(filename: str, error: BaseException) -> DatasetError:
    return DatasetError(
        f"The file {filename!r} cannot be read as a PDF: {str(error)[:120] or type(error).__name__}.",
        "Open it in a viewer and print it to a new PDF.",
    )


def _shown(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:20])) + ("…" if len(numbers) > 20 else "")


def _bare(line: str) -> str:
    return re.sub(r"\d+", "0", line.strip())


def _repeated(texts: list[str]) -> set[str]:
    """Headers and footers: lines that stand first or last on most pages."""
    if len(texts) < 4:
        return set()
    seen: dict[str, int] = {}
    for text in texts:
        lines = [line for line in text.splitlines() if line.strip()]
        for line in {_bare(line) for line in lines[:2] + lines[-2:]}:
            seen[line] = seen.get(line, 0) + 1
    return {line for line, count in seen.items() if count > len(texts) / 2}


def _joined(text: str) -> str:
    """Lines of a PDF put together to paragraphs; a word parted at the line's end is mended."""
    text = re.sub(r"(\w)-\n(?=[a-z])", r"\1", text)
    out: list[str] = []
    for line in text.splitlines():
        plain = line.strip()
        ends = not out or not out[-1] or out[-1].endswith(_ENDS) or _heading(out[-1], False)
        if not plain or ends or _BULLET.match(line) or _heading(plain, False):
            out.append(plain)
        else:
            out[-1] += f" {plain}"
    return "\n".join(out)


def _heading(line: str, markdown: bool) -> tuple[int, str] | None:
    """(level, title) where the line is a heading."""
    found = _MARKDOWN.match(line)
    if found:
        return len(found[1]), found[2]
    if markdown or len(line) > 90 or line.endswith((".", ";", ",", ":")):
        return None
    numbered = _NUMBERED.match(line)
    if numbered and numbered[2][:1].isupper() and len(numbered[2].split()) <= 10:
        return 1 + len(re.findall(r"[.-]", numbered[1])), line
    if _NAMED.match(line) and len(line.split()) <= 12:
        return 1, line
    letters = [letter for letter in line if letter.isalpha()]
    if len(letters) > 5 and all(letter.isupper() for letter in letters) and len(line.split()) <= 10:
        return 1, line
    return None


def _beside(open_title: str, title: str) -> bool:
    """Whether numbered headings stand beside each other, as 4.2 and 54.4-B2: none is part of the other."""
    numbers = [_NUMBERED.match(one) for one in (open_title, title)]
    parts = [re.split("[.-]", found[1]) if found else [] for found in numbers]
    return min(map(len, parts)) > 1 and parts[1][: len(parts[0])] != parts[0]


def cut(text: str, *, source: str = "", page: int = 0, markdown: bool = False) -> Iterator[Chunk]:
    """Passages of a text: a paragraph each, long ones in groups of whole sentences.

    Args:
        text: The text.
        source: File name.
        page: Page it stands on.
        markdown: Only `#` marks a heading.
    """
    return _passages([(page, text)], source, markdown)


def _passages(pages: Iterable[tuple[int, str]], source: str, markdown: bool) -> Iterator[Chunk]:
    """Passages of a document: headings stay open over pages, and a sentence is never cut by one."""
    section: list[tuple[int, str]] = []
    paragraph: list[str] = []
    began = 0  # page on which the paragraph begins
    # A heading of which nothing has followed yet: a line of a list may look like one, and must not get lost.
    bare: tuple[int, str, int] | None = None

    def flush() -> Iterator[Chunk]:
        nonlocal bare
        whole = " ".join(" ".join(paragraph).split())
        paragraph.clear()
        path = tuple(title for _, title in section)
        for part in _parts(whole):
            if len(part.split()) >= _SHORTEST:
                bare = None
                yield Chunk(part, path, began, source)

    def lone(level: int) -> Iterator[Chunk]:
        """The heading before one of this level, as a passage, where it has no text and no headings below."""
        if bare is not None and bare[0] >= level and len(bare[1].split()) >= _SHORTEST:
            yield Chunk(bare[1], tuple(title for _, title in section[:-1]), bare[2], source)

    for page, text in pages:
        text = text.strip("\n")
        torn = bool(paragraph) and text[:1].islower() and not paragraph[-1].endswith(_ENDS)
        if not torn:
            yield from flush()
        for line in text.splitlines():
            plain = line.strip()
            if not plain or _CONTENTS.search(plain):
                yield from flush()
                continue
            heading = _heading(plain, markdown)
            if heading is not None:
                yield from flush()
                level, title = heading
                yield from lone(level)
                while section and (section[-1][0] >= level or _beside(section[-1][1], title)):
                    section.pop()
                section.append(heading)
                bare = (level, title, page)
                continue
            if _BULLET.match(line):
                yield from flush()
                plain = _BULLET.sub("", line).strip()
            if not paragraph:
                began = page
            paragraph.append(plain)
            if torn and plain.endswith(_ENDS):
                torn = False
                yield from flush()
    yield from flush()
    yield from lone(0)


def _parts(text: str) -> Iterator[str]:
    words = len(text.split())
    if words <= _LONGEST:
        if text:
            yield text
        return
    held = ""
    for sentence in _sentences(text):
        if held and len(held.split()) + len(sentence.split()) > _LONGEST:
            yield held
            held = ""
        pieces = sentence.split()
        while len(pieces) > _LONGEST:  # a table without full stops; a model reads no further
            share = -(-len(pieces) // -(-len(pieces) // _LONGEST))
            yield " ".join(pieces[:share])
            pieces = pieces[share:]
        held = f"{held} {' '.join(pieces)}".strip()
    if held:
        yield held


def _sentences(text: str) -> list[str]:
    out: list[str] = []
    for part in _SENTENCE.split(text):
        if out and _ABBREVIATED.search(out[-1]):
            out[-1] += f" {part}"
        else:
            out.append(part)
    return out


@cache
def shipped_chunks() -> list[Chunk]:
    """Passages of the spec library that ships."""
    return [
        chunk
        for path in sorted(SHIPPED.glob("*.md"))
        for chunk in cut(path.read_text(encoding="utf-8"), source=path.name, markdown=True)
    ]
