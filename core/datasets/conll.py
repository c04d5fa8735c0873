"""CoNLL BIO text out of rows: one `token<TAB>tag` a line, a blank line after each sentence.

Reading such files back is the importer's work (importers/ner_conll.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from core.datasets.spans import to_bio

TEXT_COMMENT = "# text = "


def sentence_lines(row: dict[str, Any], *, with_text: bool = False) -> list[str]:
    """The lines of one row, without the blank line after it.

    Args:
        row: `{"text", "entities"}`.
        with_text: Open with a `# text = …` comment, which keeps the spaces between the tokens so that
            an import gives back the same offsets. Many readers of plain CoNLL know no comments.
    """
    text = row["text"]
    spans, tags = to_bio(text, row["entities"])
    lines = [f"{text[start:end]}\t{tag}" for (start, end), tag in zip(spans, tags, strict=True)]
    if with_text:
        # A line break inside the text would end the comment; a space keeps every offset.
        lines.insert(0, TEXT_COMMENT + "".join(" " if char in "\r\n" else char for char in text))
    return lines


def conll_text(rows: Iterable[dict[str, Any]], *, with_text: bool = False) -> Iterator[str]:
    """The file's text, one piece per row. Rows without any token are left out."""
    for row in rows:
        lines = sentence_lines(row, with_text=with_text)
        if len(lines) > int(with_text):
            yield "\n".join(lines) + "\n\n"
