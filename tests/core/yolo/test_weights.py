"""Files of weights: safetensors round trip, and pickles that must not run."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.errors import ModelError
from core.yolo import quiet, weights


class _Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.write_text, (self.mark, "it ran")


def _same(one: torch.nn.Module, other: torch.nn.Module) -> None:
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(one.eval()(x)[0], other.eval()(x)[0], atol=1e-5)


def test_stored_detectors_come_back_with_the_same_answers(tmp_path: Path) -> None:
    network = weights.build("yolov8p", seed=3)
    weights.store(network, tmp_path / "m", weights.DetectorInfo("yolov8p", image_size=64), dtype="fp32")
    loaded, info = weights.load(tmp_path / "m")
    assert info.labels == ["pole", "crossarm", "underground"] and info.image_size == 64
    assert loaded.names == {0: "pole", 1: "crossarm", 2: "underground"}
    _same(network, loaded)
    weights.store(network, tmp_path / "half", info)
    half = (tmp_path / "half" / weights.WEIGHTS_FILE).stat().st_size
    assert half < 0.6 * (tmp_path / "m" / weights.WEIGHTS_FILE).stat().st_size


def test_the_same_seed_gives_the_same_network() -> None:
    _same(weights.build("yolov8p", seed=1), weights.build("yolov8p", seed=1))


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("how", ["plain", "torch"])
def test_a_hostile_pickle_never_runs(tmp_path: Path, trusted: bool, how: str) -> None:
    mark, file = tmp_path / "mark", tmp_path / "evil.pt"
    if how == "torch":
        torch.save({"model": _Evil(mark), "ema": None}, file)
    else:
        file.write_bytes(pickle.dumps(_Evil(mark)))
    with pytest.raises(ModelError) as caught:
        weights.read_weights(file, trusted=trusted)
    assert not mark.exists()
    assert ("pickle" in str(caught.value)) is not trusted


def test_the_hostile_pickle_of_these_tests_is_hostile(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    pickle.loads(pickle.dumps(_Evil(mark)))
    assert mark.read_text() == "it ran"


def test_a_library_checkpoint_is_read_only_when_trusted(tmp_path: Path) -> None:
    network = weights.build("yolov8p", ["person", "crossarm"], seed=2)
    file = tmp_path / "theirs.pt"
    torch.save({"model": network.half(), "ema": None, "train_args": {"task": "detect"}}, file)
    with pytest.raises(ModelError, match="Mark it as trusted"):
        weights.read_weights(file)
    architecture, names, state = weights.read_weights(file, trusted=True)
    assert (architecture, names) == ("yolov8p", ["person", "crossarm"])
    ours = weights.build("yolov8p", seed=5)
    before = ours.state_dict()["model.22.cv3.0.2.weight"].clone()
    weights.adopt(ours, state, weights.LABELS, names)
    after = ours.state_dict()
    assert torch.equal(after["model.0.conv.weight"], network.state_dict()["model.0.conv.weight"].float())
    # The class that both know keeps its row, the others stay untrained.
    row = after["model.22.cv3.0.2.weight"]
    assert torch.equal(row[1], state["model.22.cv3.0.2.weight"][1].float())
    assert torch.equal(row[0], before[0]) and torch.equal(row[2], before[2])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.safetensors", b"\x10\0\0\0\0\0\0\0{", "damaged"),
        ("empty.safetensors", b"", "damaged"),
        ("weights.bin", b"x", "expected .safetensors or .pt"),
        ("text.pt", b"hello", "pickle"),
    ],
)
def test_files_that_are_no_weights_are_refused_by_name(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        weights.read_weights(tmp_path / name)
    with pytest.raises(ModelError, match="does not exist"):
        weights.read_weights(tmp_path / "nothing.pt")


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    save_file({"model.0.conv.weight": torch.zeros(16, 3, 3, 3)}, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="no YOLOv8 detector"):
        weights.read_weights(tmp_path / "a.safetensors")
    weights.store(weights.build("yolov8p"), tmp_path / "m", weights.DetectorInfo("yolov8p"))
    info = json.loads((tmp_path / "m" / weights.INFO_FILE).read_text(encoding="utf-8"))
    (tmp_path / "m" / weights.INFO_FILE).write_text(
        json.dumps({**info, "labels": ["a", "b"]}), encoding="utf-8"
    )
    with pytest.raises(ModelError, match="do not fit"):
        weights.load(tmp_path / "m")


def test_the_library_is_quiet() -> None:
    import os

    library = quiet.library()
    from ultralytics.utils import ONLINE, SETTINGS
    from ultralytics.utils.checks import check_font

    assert ONLINE is False and SETTINGS["sync"] is False
    assert os.environ["ULTRALYTICS_SAFE_LOAD"] == "1"
    assert check_font("Arial.ttf") is not None
    assert library is quiet.library()
