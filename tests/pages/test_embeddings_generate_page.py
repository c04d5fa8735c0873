"""The Data page of the similarity model: generate, import, spec libraries."""

from __future__ import annotations

import json

from core.datasets import store
from core.embeddings import library as libraries
from core.embeddings.pairs import RUBRIC
from tests.core.embeddings.test_library import pdf
from tests.pages.conftest import buttons, words_of
from tests.pages.similarity_stand_in import make_pairs

MARKDOWN = (
    b"# Line spec\n\n## 1 Clearances\n\nService drops keep 12 ft above sidewalks.\n\n## 2 Guys\n\n"
    b"Guys are tight.\n"
)


def test_the_preview_shows_every_kind_with_its_grade(open_page) -> None:
    at = open_page("generate", task="embeddings")
    said = words_of(at)
    assert all(f"<b>{kind} · " in said for kind in RUBRIC)
    assert RUBRIC["polarity"][1] in said
    assert "No datasets yet" in said
    before = said.count("nx-pair")
    at.button(key="other").click().run()
    assert words_of(at) != said and words_of(at).count("nx-pair") == before


def test_a_kind_that_is_left_out_is_not_previewed(open_page) -> None:
    at = open_page("generate", task="embeddings", **{"kinds.polarity": "0.0"})
    said = words_of(at)
    assert "<b>polarity" not in said and "<b>number" in said


def test_generating_makes_a_dataset_with_its_figures(open_page, workspace) -> None:
    at = open_page("generate", task="embeddings", **{"pairs.count": "300"})
    at.button(key="generate").click().run()
    assert not at.exception
    (made,) = store.list_datasets("embeddings", ws=workspace)
    said = words_of(at)
    assert made.rows == 300 and "210 train / 60 val / 30 test" in said
    assert "Word overlap alone reaches (Spearman)" in said and "nx-grades" in said
    at.toggle(key=f"examples-{made.id}").set_value(True).run()
    assert "Mean grade" in words_of(at) and "word overlap 0." in words_of(at)


def test_import_names_rejected_rows_and_saves_a_gold_set(open_page, workspace) -> None:
    at = open_page("generate", task="embeddings", tab="import")
    lines = [
        json.dumps({"a": "18 ft", "b": "18 feet", "score": 1, "kind": "copy"}),
        json.dumps({"a": "18 ft", "b": "", "score": 1}),
        json.dumps({"a": "<b>x</b>", "b": "y", "score": "much"}),
    ]
    at.file_uploader[0].set_value(("my pairs.jsonl", "\n".join(lines).encode(), "application/json")).run()
    said = words_of(at)
    assert "1 row can be used" in said and "2 rows rejected" in said
    assert "missing or empty" in said and "expected a number from 0 to 1" in said and "<b>x" not in said
    at.button(key="save-import").click().run()
    assert not at.exception
    gold = store.get_gold("embeddings", ws=workspace)
    assert gold is not None and gold.rows == 1 and gold.name == "my-pairs"


def test_the_shipped_library_is_listed_and_stays(open_page, workspace) -> None:
    at = open_page("generate", task="embeddings", tab="libraries")
    (shipped,) = libraries.list_libraries(ws=workspace)
    assert "ships with the Studio" in words_of(at) + str([m.value for m in at.markdown])
    assert f"{shipped.chunks} passages" in words_of(at)
    assert "Delete" not in buttons(at) and not [b for b in at.button if b.key == f"delete-{shipped.id}"]


def test_a_specification_is_previewed_and_saved_and_deletion_asks_first(open_page, workspace) -> None:
    at = open_page("generate", task="embeddings", tab="libraries")
    at.file_uploader[0].set_value(("line spec.md", MARKDOWN, "text/markdown")).run()
    said = words_of(at)
    assert "Line spec › 1 Clearances" in said and "Service drops keep 12 ft" in said
    at.button(key="save-library").click().run()
    assert not at.exception
    made = next(one for one in libraries.list_libraries(ws=workspace) if one.name == "line-spec")
    assert made.chunks == 2
    assert f"{made.id} can be searched" in words_of(at)
    assert "Save the library" not in buttons(at), "what was saved is not offered again"
    at.button(key=f"delete-{made.id}").click().run()
    assert "removed for good" in words_of(at)
    assert {"Delete", "Keep it"} <= set(buttons(at)) and made.path.is_dir()


def test_scanned_pages_and_broken_files_are_named(open_page) -> None:
    at = open_page("generate", task="embeddings", tab="libraries")
    files = [
        ("scan.pdf", pdf("SECTION 1 POLES\nPoles are tagged and upright everywhere.", ""), "application/pdf"),
        ("broken.pdf", b"%PDF-1.4 nothing", "application/pdf"),
    ]
    at.file_uploader[0].set_value(files).run()
    said = words_of(at)
    assert "1 of 2 pages of scan.pdf" in said
    assert "broken.pdf" in at.error[0].value
    assert not at.button(key="save-library").disabled


def test_imported_pairs_stand_in_the_list_with_their_kinds(open_page, workspace) -> None:
    info = make_pairs(workspace, "field", "gold")
    at = open_page("generate", task="embeddings")
    at.toggle(key=f"examples-{info.id}").set_value(True).run()
    assert "Real data (gold)" in words_of(at) and "<td>topic</td>" in words_of(at)
