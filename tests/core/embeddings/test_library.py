"""Specifications become passages, passages a library, and vectors of two models never meet."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.embeddings import library as libraries
from core.embeddings.chunks import Chunk, cut, read_document, shipped_chunks
from core.embeddings.index import Index
from core.embeddings.predict import SimilarityModel, load_base
from core.errors import DatasetError, IntegrityError, NotFoundError, StateError
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


def test_a_stamp_on_every_page_does_not_make_a_scanned_page_readable() -> None:
    stamp = "Company Standard Distribution 2024 page"
    pages = [f"{stamp} {n}\nThe pole {'abcd'[n]} is tagged and upright everywhere." for n in range(4)]
    found = read_document(pdf(*pages, f"{stamp} 5"), filename="spec.pdf")
    assert found.scanned == [5] and "5 pages" in found.notices[0]
    assert not any("Company" in chunk.text for chunk in found.chunks)
    with pytest.raises(DatasetError, match="pictures without text"):
        read_document(pdf(*[f"{stamp} {n}" for n in range(6)]), filename="scan.pdf")


def test_a_page_that_cannot_be_read_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from pypdf import PageObject

    extract = PageObject.extract_text

    def torn(self: PageObject) -> str:
        text = extract(self)
        if "broken" in text:
            raise KeyError("/Font")
        return text

    monkeypatch.setattr(PageObject, "extract_text", torn)
    found = read_document(pdf("Poles are tagged everywhere.", "A broken page."), filename="s.pdf")
    assert "1 of 2 pages of s.pdf cannot be read: 2" in found.notices[0] and len(found.chunks) == 1


def test_a_sentence_goes_on_over_the_page() -> None:
    found = read_document(
        pdf("1 Clearances\nWires keep 18 ft above", "the road at all times.\nPoles are tagged."),
        filename="spec.pdf",
    )
    assert [(chunk.text, chunk.page) for chunk in found.chunks] == [
        ("Wires keep 18 ft above the road at all times.", 1),
        ("Poles are tagged.", 2),
    ]
    assert all(chunk.section == ("1 Clearances",) for chunk in found.chunks)


def test_no_line_is_lost_because_it_looks_like_a_heading() -> None:
    text = (
        "SECTION 4 WORK\n4.1 Verify the pole tag\n4.2 Over Rails\nWires keep 27 ft over rails.\n"
        "Rule 54.4-B2 Special Cases\nOnly if the owner agrees.\n5 Guys ........ 12\n6 Set new anchors"
    )
    found = [(chunk.text, chunk.section) for chunk in cut(text)]
    assert found == [
        ("4.1 Verify the pole tag", ("SECTION 4 WORK",)),
        ("Wires keep 27 ft over rails.", ("SECTION 4 WORK", "4.2 Over Rails")),
        ("Only if the owner agrees.", ("SECTION 4 WORK", "Rule 54.4-B2 Special Cases")),
        ("6 Set new anchors", ()),
    ]


@given(st.lists(st.text(alphabet="ab .\n#1-", max_size=30), max_size=12))
def test_passages_hold_every_long_word_of_a_text(parts: list[str]) -> None:
    text = "\n\n".join(f"{part}\nthe wordnumber{n} stands in this line." for n, part in enumerate(parts))
    together = " ".join(chunk.text for chunk in cut(text))
    assert all(f"wordnumber{n} " in together for n in range(len(parts)))


def test_a_passage_is_never_longer_than_a_model_reads() -> None:
    table = " ".join(f"cell{n}" for n in range(205))
    found = [chunk.text for chunk in cut(table)]
    assert max(len(text.split()) for text in found) <= 90 and " ".join(found) == table


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


def library_of(workspace: Workspace, *texts: str, name: str = "one") -> libraries.Library:
    return libraries.store_library([Chunk(text) for text in texts], name=name, sources=["x"], ws=workspace)


def vector_file(library: libraries.Library, key: str) -> Path:
    return library.path / "vectors" / f"{key}.safetensors"


def test_foreign_or_damaged_vectors_are_not_used_and_made_anew(
    workspace: Workspace, model: SimilarityModel
) -> None:
    one = library_of(workspace, "the pole", "the guy")
    other = library_of(workspace, "the anchor", "the line", name="other")
    index, foreign = libraries.embed_library(one, model), libraries.embed_library(other, model)
    file = vector_file(one, index.key)
    copied = vector_file(other, foreign.key).read_bytes()
    for payload in (b"", file.read_bytes()[:-7], copied):
        file.write_bytes(payload)
        assert not libraries.is_embedded(one, index.key)
        with pytest.raises(IntegrityError, match="damaged"):
            libraries.open_index(one, index.key)
        np.testing.assert_array_equal(libraries.embed_library(one, model).vectors, index.vectors)
    # Vectors of this model under another model's name are refused, too.
    vector_file(one, "another").write_bytes(file.read_bytes())
    with pytest.raises(IntegrityError, match="another model"):
        libraries.open_index(one, "another")


def test_damaged_passages_are_refused_and_the_import_mends_them(workspace: Workspace) -> None:
    library = library_of(workspace, "the pole", "the guy")
    file = library.path / "chunks.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace("guy", "gut"), encoding="utf-8")
    with pytest.raises(IntegrityError, match="Import it again"):
        libraries.read_chunks(library)
    again = library_of(workspace, "the pole", "the guy")
    assert again.id == library.id and libraries.read_chunks(again)[1].text == "the guy"
    (library.path / "library.json").write_text("{", encoding="utf-8")
    assert libraries.read_chunks(library_of(workspace, "the pole", "the guy"))[0].text == "the pole"


def test_a_library_is_found_by_id_name_or_as_shipped(workspace: Workspace) -> None:
    library = library_of(workspace, "the pole")
    assert libraries.find_library(library.id).id == libraries.find_library("one").id == library.id
    assert libraries.find_library("shipped").name == libraries.SHIPPED_NAME
    with pytest.raises(NotFoundError, match="Choose one of: shipped, "):
        libraries.find_library("none")


def test_a_library_without_passages_is_refused(workspace: Workspace) -> None:
    with pytest.raises(DatasetError, match="no passages"):
        libraries.store_library([], name="empty", sources=[], ws=workspace)


def test_search_over_ten_thousand_passages_is_quick() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(10_000, 384)).astype(np.float32)
    index = Index([Chunk(str(n)) for n in range(10_000)], vectors, "k")
    index.nearest(vectors[0], 20)
    begin = time.perf_counter()
    hits = index.nearest(vectors[7], 20)
    assert time.perf_counter() - begin < 0.05 and hits[0].number == 7
