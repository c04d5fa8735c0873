"""The overview in its states."""

from __future__ import annotations

from core.tasks import TASKS
from tests.pages.conftest import buttons, words_of


def test_empty_workspace_says_what_to_do_first(open_page) -> None:
    at = open_page("overview")
    said = words_of(at)
    assert "There is no training data yet" in said
    assert "Generate data" in buttons(at)
    missing = [task for task in TASKS.values() if not task.available]
    assert said.count("Not part of this edition yet.") == len(missing)
    for title in ("NER", "Similarity", "Detector"):
        assert title in said


def test_one_primary_button(open_page) -> None:
    at = open_page("overview")
    assert len([b for b in at.button if b.proto.type == "primary"]) == 1


def test_a_running_training_is_shown_with_its_progress(open_page, make_run) -> None:
    make_run("running", name="night")
    at = open_page("overview")
    said = words_of(at)
    assert "night is training." in said
    assert "Watch" in buttons(at)
    assert "epoch 2.0 of 4" in said
    assert 'role="progressbar"' in said


def test_a_failed_training_comes_first(open_page, make_run) -> None:
    make_run("failed", message="The disk is full.", hint="Free some space.")
    at = open_page("overview")
    assert "The last training failed: The disk is full. Free some space." in words_of(at)
    assert "See what happened" in buttons(at)


def test_markdown_in_a_run_name_loads_nothing(open_page, make_run) -> None:
    make_run("failed", message="![x](http://example.org/x.png)")
    said = words_of(open_page("overview"))
    assert "![x]" not in said
    assert "\\!\\[x\\]" in said


def test_markup_in_a_run_name_stays_text(open_page, make_run) -> None:
    run = make_run("running", name="x")
    spec = (
        (run / "status.json")
        .read_text(encoding="utf-8")
        .replace('"name": "x"', '"name": "<script>x</script>"')
    )
    (run / "status.json").write_text(spec, encoding="utf-8")
    at = open_page("overview")
    assert not any("<script>" in element.proto.body for element in at.get("html")[1:])


def test_an_unexpected_error_is_one_sentence(open_page, monkeypatch, caplog) -> None:
    from core.runs import state

    def broken(*_, **__):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(state, "list_runs", broken)
    at = open_page("overview")
    said = words_of(at)
    assert "could not be finished because of an unexpected error (ZeroDivisionError)" in at.error[0].value
    assert "secret detail" not in said
    assert "Traceback" not in said
    assert any(record.exc_info and record.name == "nexa.dashboard" for record in caplog.records)
