"""Specifications become passages, passages a library, and vectors of two models never meet."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from core.embeddings import library as libraries
from core.embeddings.chunks import Chunk, cut, read_document, shipped_chunks
from core.embeddings.index import Index
from core.embeddings.predict import SimilarityModel, load_base
from core.embeddings.reembed import reembed, reembed_state
from core.errors import DatasetError, NotFoundError, StateError
from core.workspace import Workspace


def pdf(*pages: str) -> bytes:
    """A small PDF; an empty page stands for a scanned one."""
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for text in pages:
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in text.split("\n")) if text else ""
        stream = f"BT /F1 10 Tf 40 740 Td {lines}ET".encode()
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R /Resources << "
            b"/Font << /F1 3 0 R >> >> >>" % len(objects)
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return (
        out
        + head
        + table
        + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(out))
    )


def test_markdown_keeps_the_section_path() -> None:
    text = (
        "# Spec\n\n## 1 Poles\n\nPoles are tagged. They stand\nupright.\n\n"
        "### 1.1 Depth\n\n- Set 6 ft deep.\n- Tamp the soil well.\n\n## 2 Guys\n\nGuys are tight everywhere."
    )
    chunks = list(cut(text, markdown=True))
    assert [chunk.text for chunk in chunks] == [
        "Poles are tagged. They stand upright.",
        "Set 6 ft deep.",
        "Tamp the soil well.",
        "Guys are tight everywhere.",
    ]
    assert chunks[1].section == ("Spec", "1 Poles", "1.1 Depth") and chunks[3].section == ("Spec", "2 Guys")


def test_plain_text_with_numbered_headings() -> None:
    chunks = list(
        cut(
            "SECTION 4 CLEARANCES\nWires keep 18 ft. See Sec. 5 for others.\n4.1 Over Rails\nWires "
            "keep 27 ft over rails.\n"
        )
    )
    assert chunks[0].section == ("SECTION 4 CLEARANCES",) and chunks[1].section[-1] == "4.1 Over Rails"


def test_long_paragraphs_are_cut_between_sentences() -> None:
    text = " ".join(f"Sentence number {n} says that the pole is tagged and upright." for n in range(40))
    chunks = list(cut(text))
    assert len(chunks) > 3 and all(chunk.text.endswith(".") for chunk in chunks)
    assert " ".join(chunk.text for chunk in chunks) == text


def test_a_pdf_gives_pages_and_reports_scanned_ones() -> None:
    found = read_document(
        pdf("1 Clearances\nWires keep 18 ft above\nthe road at all times.", ""), filename="spec.pdf"
    )
    assert found.pages == 2 and found.scanned == [2] and "scanned" in found.notices[0]
    assert found.chunks[0].text == "Wires keep 18 ft above the road at all times."
    assert found.chunks[0].page == 1 and found.chunks[0].section == ("1 Clearances",)


def test_unusable_files_are_named() -> None:
    with pytest.raises(DatasetError, match="pictures without text"):
        read_document(pdf("", ""), filename="scan.pdf")
    with pytest.raises(DatasetError, match="cannot be read as a PDF"):
        read_document(b"%PDF-1.4 broken", filename="broken.pdf")
    with pytest.raises(DatasetError, match="no kind of file"):
        read_document(b"abc", filename="table.xlsx")
    with pytest.raises(NotFoundError):
        read_document(Path("nowhere.md"), filename="nowhere.md")


def test_the_shipped_library_has_sections() -> None:
    chunks = shipped_chunks()
    assert len(chunks) > 50 and all(chunk.section for chunk in chunks)


@pytest.fixture
def model(tiny_encoder: Path) -> SimilarityModel:
    return load_base(str(tiny_encoder))


def test_import_search_and_delete(workspace: Workspace, model: SimilarityModel) -> None:
    text = (
        b"# S\n\n## Poles\n\nThe pole must be on the line.\n\n## Guys\n\nKeep the guy 18 feet on the line.\n"
    )
    library = libraries.import_library([("s.md", text)], ws=workspace)
    assert libraries.import_library([("s.md", text)], ws=workspace).id == library.id
    assert [entry.id for entry in libraries.list_libraries(ws=workspace)] == [library.id]
    index = libraries.embed_library(library, model)
    hits = model.search("Keep the guy 18 ft on the line", index, k=2)
    assert hits[0].text == "Keep the guy 18 feet on the line." and hits[0].section[-1] == "Guys"
    again = libraries.open_index(library, index.key)
    np.testing.assert_array_equal(again.vectors, index.vectors)
    libraries.delete_library(library.id, ws=workspace)
    with pytest.raises(NotFoundError):
        libraries.get_library(library.id, ws=workspace)


def test_vectors_of_another_model_are_refused(workspace: Workspace, model: SimilarityModel) -> None:
    library = libraries.store_library(
        [Chunk("the pole"), Chunk("the guy")], name="two", sources=["x"], ws=workspace
    )
    with pytest.raises(StateError, match="no vectors"):
        libraries.open_index(library, libraries.model_key(model))
    foreign = Index(libraries.read_chunks(library), np.eye(2, 32, dtype=np.float32), "another")
    with pytest.raises(StateError, match="another model"):
        model.search("pole", foreign)


def test_reembedding_covers_every_library_and_keeps_the_old_vectors(
    workspace: Workspace, model: SimilarityModel
) -> None:
    for name in ("one", "two"):
        libraries.store_library(
            [Chunk(f"the pole {name}"), Chunk("the guy")], name=name, sources=["x"], ws=workspace
        )
    first = libraries.list_libraries(ws=workspace)[0]
    (first.path / "vectors").mkdir()
    np.save(first.path / "vectors" / "old.npy", np.zeros((2, 32), np.float32))
    seen: list[tuple[int, int]] = []
    report = reembed(model, ws=workspace, progress=lambda done, total: seen.append((done, total)))
    assert report["state"] == "done" and report["libraries"] == 2 and seen[-1] == (4, 4)
    assert all(
        libraries.is_embedded(entry, report["key"]) for entry in libraries.list_libraries(ws=workspace)
    )
    assert (first.path / "vectors" / "old.npy").is_file() and reembed_state(ws=workspace)["done"] == 4


def test_search_over_ten_thousand_passages_is_quick() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(10_000, 384)).astype(np.float32)
    index = Index([Chunk(str(n)) for n in range(10_000)], vectors, "k")
    index.nearest(vectors[0], 20)
    begin = time.perf_counter()
    hits = index.nearest(vectors[7], 20)
    assert time.perf_counter() - begin < 0.05 and hits[0].number == 7
