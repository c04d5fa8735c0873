"""Base encoders: found, checked, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.encoders import bases
from core.errors import BaseModelError, IntegrityError


@pytest.fixture(autouse=True)
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty hub cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def one_sentence(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert "\n" not in text and len(text) < 300
    return text


def test_packaged_base_is_the_expected_file() -> None:
    folder = bases.resolve_base("minilm")
    assert (folder / "config.json").is_file()
    assert bases.fingerprint(folder) == bases.PACKAGED_SHA256


def test_packaged_base_with_other_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "PACKAGED_SHA256", "0" * 64)
    with pytest.raises(IntegrityError, match="not the expected file"):
        bases.resolve_base("minilm")


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "PACKAGED", "no_such_package_here")
    with pytest.raises(BaseModelError, match=r"requirements\.txt"):
        bases.resolve_base("")
    assert bases.list_bases()[0].available is False


def test_local_folder(tiny: Path) -> None:
    assert bases.resolve_base(str(tiny)) == tiny.resolve()
    assert len(bases.fingerprint(tiny)) == 64


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError) as error:
        bases.resolve_base(str(tmp_path / "gone" / "model"))
    assert "does not exist" in one_sentence(error) and "minilm" in str(error.value)


def test_folder_without_model(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError) as error:
        bases.resolve_base(str(tmp_path))
    assert "config.json" in one_sentence(error)


def test_pickles_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(BaseModelError) as error:
        bases.resolve_base(str(tmp_path))
    assert "pickle" in one_sentence(error)


def test_hub_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import errors

    def refuse(name: str, **options: object) -> str:
        raise errors.LocalEntryNotFoundError("no connection")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(BaseModelError) as error:
        bases.resolve_base("bert-base-uncased")
    assert "cannot be reached" in one_sentence(error) and "minilm" in str(error.value)


def test_unknown_hub_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx
    from huggingface_hub import errors

    def refuse(name: str, *, local_files_only: bool = False, **options: object) -> str:
        if local_files_only:
            raise errors.LocalEntryNotFoundError("not here")
        response = httpx.Response(404, request=httpx.Request("GET", "https://example.org"))
        raise errors.RepositoryNotFoundError("404", response=response)

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(BaseModelError) as error:
        bases.resolve_base("someone/no-such-model")
    assert "knows no model 'someone/no-such-model'" in one_sentence(error)


def test_hub_model_with_pickles_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "snapshot"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **options: str(folder))
    with pytest.raises(BaseModelError) as error:
        bases.resolve_base("old/model")
    assert "safetensors" in one_sentence(error)


def test_availability_is_told_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("the network was tried")

    monkeypatch.setattr("huggingface_hub.snapshot_download", never)
    choices = {choice.name: choice for choice in bases.list_bases()}
    assert choices["minilm"].available
    assert not choices["bert-base-uncased"].available and choices["bert-base-uncased"].reason
    assert bases.is_available("someone/model")[0] is False
