"""The Data page: preview, generating, importing, the list."""

from __future__ import annotations

import json

from core.datasets import store
from tests.pages.conftest import ROW, buttons, words_of


def test_empty_page_previews_sentences(open_page) -> None:
    at = open_page("generate")
    said = words_of(at)
    assert "No datasets yet" in said
    assert said.count("nx-text") >= 8
    assert "nx-EQUIPMENT" in said
    assert "Generate the dataset" in buttons(at)


def previewed(at) -> list[str]:
    """The HTML of the previewed sentences."""
    return [e.proto.body for e in at.get("html") if e.proto.body.startswith('<p class="nx-text')]


def test_the_preview_changes_with_the_recipe(open_page) -> None:
    at = open_page("generate")
    before = previewed(at)
    at.number_input(key="g.seed").set_value(99).run()
    assert len(before) == len(previewed(at)) == 8
    assert before != previewed(at)
    at.button(key="other").click().run()
    assert not set(before) & set(previewed(at))


def test_a_style_that_is_left_out_is_not_previewed(open_page) -> None:
    at = open_page("generate")
    for slider in at.slider:
        slider.set_value(1.0 if slider.key in ("mix.go-back", "mix.nothing") else 0.0)
    at.run()
    styles = {caption.value.split(" · ")[0] for caption in at.caption if caption.value}
    assert {"go-back"} <= styles & {"go-back", "nothing", "regulation", "spec"} <= {"go-back", "nothing"}


def test_generating_makes_a_dataset_and_says_so(open_page, workspace) -> None:
    at = open_page("generate", **{"g.count": "60"})
    at.button(key="generate").click().run()
    assert not at.exception
    (made,) = store.list_datasets("ner", ws=workspace)
    assert made.rows == 60
    assert f"{made.id} can be used now." in words_of(at)


def test_a_name_that_cannot_be_used_is_one_sentence(open_page) -> None:
    at = open_page("generate", **{"g.count": "20", "g.name": "../x"})
    at.button(key="generate").click().run()
    assert "cannot be a dataset name" in at.error[0].value


def test_the_list_shows_counts_health_and_escapes_rows(open_page, dataset) -> None:
    at = open_page("generate")
    said = words_of(at)
    assert dataset.id in said
    assert "20 train / 6 val / 4 test" in said
    assert "1 thing to know" in [e.label for e in at.expander][-1]
    assert "&lt;script&gt;" in said
    assert "<script>" not in said


def test_delete_asks_first(open_page, dataset, workspace) -> None:
    at = open_page("generate")
    at.button(key=f"delete-{dataset.id}").click().run()
    assert "removed for good" in words_of(at)
    assert store.list_datasets("ner", ws=workspace)


def test_import_names_rejected_rows_and_saves_a_gold_set(open_page, workspace) -> None:
    at = open_page("generate", tab="import")
    lines = [
        json.dumps(ROW),
        '{"text": "pole", "entities": [{"start": 0, "end": 99, "label": "EQUIPMENT"}]}',
        "no json",
    ]
    at.file_uploader[0].set_value(("field notes.jsonl", "\n".join(lines).encode(), "application/json")).run()
    said = words_of(at)
    assert "1 row can be used" in said
    assert "2 rows rejected" in said
    assert "not inside the text" in said
    at.button(key="save-import").click().run()
    assert not at.exception
    gold = store.get_gold("ner", ws=workspace)
    assert gold is not None
    assert gold.rows == 1
    assert "targets are judged on it" in words_of(at)


def test_unknown_labels_are_asked_for(open_page) -> None:
    at = open_page("generate", tab="import")
    row = {"text": "pole", "entities": [{"start": 0, "end": 4, "label": "THING"}]}
    at.file_uploader[0].set_value(("a.jsonl", json.dumps(row).encode(), "application/json")).run()
    assert at.button(key="save-import").disabled
    at.selectbox(key="map-THING").select("EQUIPMENT").run()
    assert not at.button(key="save-import").disabled
    assert "1 row can be used" in words_of(at)


def test_a_file_of_the_wrong_kind_is_one_sentence(open_page) -> None:
    at = open_page("generate", tab="import")
    at.file_uploader[0].set_value(("a.txt", b"\xff\xfe\x00binary\x00", "text/plain")).run()
    assert at.error
    assert "Traceback" not in words_of(at)
