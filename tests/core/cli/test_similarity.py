"""The similarity model on the command line: pairs, training, scores, search, promotion."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core import tasks
from core.cli import main
from core.datasets import store
from core.embeddings import library as libraries
from core.embeddings.chunks import Chunk
from core.runs import process
from core.workspace import Workspace
from tests.core.embeddings.tiny import store_version, toy_pairs


@pytest.fixture(autouse=True)
def released(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The similarity model can be used, and ships no starter."""
    monkeypatch.setitem(tasks.TASKS, "embeddings", replace(tasks.TASKS["embeddings"], released=True))
    monkeypatch.setattr("core.workspace.STARTER_DIR", tmp_path_factory.mktemp("no") / "starter")


def run_json(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict]:
    status = main([*argv, "--json"])
    return status, json.loads(capsys.readouterr().out)


def pair_file(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def spec_file(folder: Path) -> str:
    text = "# Spec\n\n## 1 Poles\n\nThe pole must be on the line.\n\n## 2 Guys\n\nKeep the guy 18 feet on.\n"
    (folder / "spec.md").write_text(text, encoding="utf-8")
    return str(folder / "spec.md")


def test_generate_gives_pairs_and_the_same_seed_gives_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    status, first = run_json(capsys, "generate", "embeddings", "--count", "300", "--seed", "7")
    assert status == 0 and sum(first["counts"].values()) == 300
    _, second = run_json(capsys, "generate", "embeddings", "--count", "300", "--seed", "7")
    assert second["dataset"] == first["dataset"]
    assert main(["generate", "embeddings", "--count", "10"]) == 2
    assert "count" in capsys.readouterr().err


def test_a_mix_of_kinds_is_given_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    mix = ("--set", 'kind_mix={"paraphrase": 1, "unrelated": 0.5}')
    status, made = run_json(capsys, "generate", "embeddings", "--count", "300", *mix)
    assert status == 0
    rows = list(store.read_rows(store.get_dataset("embeddings", made["dataset"]), "train"))
    assert {row["kind"] for row in rows} == {"paraphrase", "unrelated"}
    assert main(["generate", "embeddings", "--count", "300", "--set", "kind_mix={paraphrase: 1}"]) == 2
    assert "is no JSON" in capsys.readouterr().err


def test_pairs_of_the_topics_that_a_version_knows(
    tiny_encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = run_json(capsys, "generate", "embeddings", "--count", "300")[1]["dataset"]
    version = store_version(tiny_encoder, dataset=known)
    asked = ("generate", "embeddings", "--count", "400", "--set", f"topics_of={version.id}")
    status, made = run_json(capsys, *asked)
    card = store.get_dataset("embeddings", made["dataset"]).card
    assert status == 0 and card["settings"]["topics_of"] == version.id
    assert card["topics"]["train"] == store.get_dataset("embeddings", known).card["topics"]["train"]
    unknown = store_version(tiny_encoder, seed=2, dataset="gone@00000000")
    assert main([*asked[:-1], f"topics_of={unknown.id}"]) == 2
    assert "cannot be told" in capsys.readouterr().err
    assert main([*asked[:-1], "topics_of=base"]) == 2
    assert main([*asked[:-1], "topics_of=v77"]) != 0


def test_import_a_gold_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "real.jsonl"
    pair_file(file, toy_pairs(12))
    file.write_text(file.read_text(encoding="utf-8") + '{"a": "x"}\n', encoding="utf-8")
    status, value = run_json(capsys, "import", "embeddings", str(file), "--gold")
    assert status == 0 and value["counts"] == {"test": 12} and value["rejected"][0]["line"] == 13
    assert run_json(capsys, "datasets", "embeddings")[1]["gold"] == value["dataset"]


def test_train_a_version_and_score_with_it(
    tiny_encoder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        process,
        "worker_command",
        lambda run_dir: [sys.executable, "-m", "tests.core.cli.similarity_worker", str(run_dir)],
    )
    run_json(capsys, "generate", "embeddings", "--count", "300")
    settings = ("epochs=1", "threads=1", "precision=fp32", "first_texts=40", "freeze_layers=0")
    options = [part for one in settings for part in ("--set", one)]
    status, run = run_json(
        capsys, "train", "embeddings", "--base-model", str(tiny_encoder), "--wait", *options
    )
    assert status == 0 and (run["state"], run["version"]) == ("completed", "v1"), run
    status, models = run_json(capsys, "models", "embeddings")
    assert models["models"][0]["kind"] == "delta" and models["models"][0]["aliases"] == ["candidate"]


def test_evaluate_prints_correlations_kinds_and_stress(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_version(tiny_encoder)
    file = pair_file(tmp_path / "pairs.jsonl", toy_pairs(40))
    status, value = run_json(capsys, "evaluate", "embeddings", "--model", "v1", "--data", file)
    assert status == 0 and -1 <= value["spearman"] <= 1 and -1 <= value["pearson"] <= 1
    assert set(value["kinds"]) == {"paraphrase", "number", "object", "polarity"}
    assert value["kinds"]["number"].keys() == {"spearman", "mean", "given", "pairs"}
    assert value["kinds"]["number"]["given"] == pytest.approx(0.45)
    assert not {"points", "worst", "stress"} & set(value)
    _, value = run_json(
        capsys, "evaluate", "embeddings", "--model", "v1", "--data", file, "--worst", "3", "--stress"
    )
    assert len(value["worst"]) == 3 and len(value["stress"]["known"]) == 3
    assert main(["evaluate", "embeddings", "--model", "v1", "--data", file, "--stress"]) == 0
    text = capsys.readouterr().out
    assert "mean predicted" in text and "polarity" in text and "Near copies" in text and "f1" not in text


def test_stress_belongs_to_the_similarity_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "ner", "--model", "base", "--data", "x.jsonl", "--stress"]) == 2
    assert "--stress" in capsys.readouterr().err


def test_predict_writes_a_score_for_each_pair(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_version(tiny_encoder)
    source = pair_file(tmp_path / "in.jsonl", [{"a": "the pole", "b": "The pole."}, {"a": "x", "b": "guy"}])
    target = tmp_path / "out.jsonl"
    status, value = run_json(
        capsys, "predict", "embeddings", "--model", "v1", "--input", source, "--output", str(target)
    )
    found = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert status == 0 and value["inputs"] == 2
    assert found[0] == {"a": "the pole", "b": "The pole.", "score": 1.0} and 0 <= found[1]["score"] < 1


def test_libraries_are_imported_searched_and_deleted(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_version(tiny_encoder)
    status, made = run_json(capsys, "libraries", "--import", spec_file(tmp_path), "--name", "mine")
    assert status == 0 and made["passages"] == 2 and made["sources"] == ["spec.md"]
    assert run_json(capsys, "libraries")[1]["libraries"][0]["library"] == made["library"]
    ask = ["search", "keep the guy 18 feet on", "--model", "v1", "-k", "1"]
    for name in (made["library"], "mine"):
        status, found = run_json(capsys, *ask, "--library", name)
        assert status == 0 and found["library"] == made["library"] and len(found["hits"]) == 1
        assert found["hits"][0]["section"] == ["Spec", "2 Guys"] and found["hits"][0]["score"] == 1.0
    assert main([*ask, "--library", "mine"]) == 0
    assert "Spec > 2 Guys" in capsys.readouterr().out
    assert run_json(capsys, "libraries", "--delete", made["library"])[1]["libraries"] == []
    assert main([*ask, "--library", "mine"]) == 1
    assert "Choose one of: shipped" in capsys.readouterr().err


def test_the_shipped_library_is_searched_by_default(
    tiny_encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_version(tiny_encoder)
    status, found = run_json(capsys, "search", "service drop too low over the driveway", "--model", "v1")
    assert status == 0 and len(found["hits"]) == 5 and found["library"].startswith("sample-specs@")
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True) and all(hit["section"] for hit in found["hits"])


@pytest.mark.parametrize(
    ("argv", "status", "part"),
    [
        (["search", " ", "--model", "base"], 2, "is empty"),
        (["search", "x", "-k", "0"], 2, "-k"),
        (["libraries", "--name", "x"], 2, "--import"),
        (["libraries", "--import", "absent.pdf"], 1, "absent.pdf"),
        (["libraries", "--delete", "absent@01234567"], 1, "absent@01234567"),
    ],
)
def test_wrong_use_is_told(
    capsys: pytest.CaptureFixture[str], argv: list[str], status: int, part: str
) -> None:
    assert main(argv) == status
    assert part in capsys.readouterr().err


def test_promote_and_rollback_embed_every_library_first(
    tiny_encoder: Path, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = store_version(tiny_encoder, seed=1), store_version(tiny_encoder, seed=2)
    library = libraries.store_library([Chunk("the pole is tall"), Chunk("the guy")], name="s", sources=["s"])
    assert main(["promote", "embeddings", one.id]) == 0
    assert "Re-embedded: 2 of 2" in capsys.readouterr().err
    assert libraries.is_embedded(library, libraries.folder_key(one.path))
    assert not libraries.is_embedded(library, libraries.folder_key(other.path))
    assert run_json(capsys, "promote", "embeddings", other.id)[1]["production"] == other.id
    late = libraries.store_library([Chunk("the anchor is deep")], name="late", sources=["s"])
    status = main(["rollback", "embeddings", "--json"])
    captured = capsys.readouterr()
    assert status == 0 and json.loads(captured.out)["production"] == one.id
    assert "Re-embedded: 3 of 3" in captured.err
    assert libraries.is_embedded(late, libraries.folder_key(one.path))


def test_the_benchmarks_measure_search_and_encoding(
    tiny_encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_version(tiny_encoder)
    options = ["--set", "model=v1", "--set", "rounds=1"]
    status, found = run_json(capsys, "bench", "embeddings-search", *options, "--set", "passages=50")
    assert status == 0 and found["passages"] == 50 and found["search_ms"] >= found["nearest_ms"] > 0
    status, found = run_json(capsys, "bench", "embeddings-encode", *options, "--set", "texts=40")
    assert status == 0 and found["texts"] == 40 and found["texts_a_second"] > 0
    assert main(["bench", "embeddings-encode", "--set", "texts=few"]) == 2
    assert "'few'" in capsys.readouterr().err


def test_regrade_makes_a_version_that_follows_the_given_grades(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.embeddings.verdict._MOST_STEPS", 400)
    parent = store_version(tiny_encoder)
    rows = [{**row, "group": f"g{n % 30}"} for n, row in enumerate(toy_pairs(400))]
    file = pair_file(tmp_path / "mine.jsonl", rows)
    status, value = run_json(
        capsys, "regrade", "embeddings", "--model", parent.id, "--data", file, "--name", "mine"
    )
    assert status == 0, value
    assert value["version"] != parent.id
    origin = value["origin"]
    assert origin["method"] == "regrade" and origin["parents"][0]["name"] == parent.id
    fresh = pair_file(tmp_path / "fresh.jsonl", toy_pairs(80, 5))
    scores = {}
    for version in (parent.id, value["version"]):
        _, scores[version] = run_json(capsys, "evaluate", "embeddings", "--model", version, "--data", fresh)
    assert scores[value["version"]]["spearman"] > scores[parent.id]["spearman"] + 0.2
    card = (Path(value["path"]) / "card.md").read_text(encoding="utf-8")
    assert "The last word on a pair was fitted on" in card
    status, pulled = run_json(
        capsys, "regrade", "embeddings", "--model", parent.id, "--data", file, "--keep", "0.8"
    )
    assert (
        status == 0 and pulled["origin"]["kept"] == 0.8 and "80% of the encoder" in pulled["origin"]["text"]
    )
    changes = {
        version: load_file(Path(path) / "delta.safetensors")
        for version, path in (("parent", parent.path), ("pulled", pulled["path"]))
    }
    for name, change in changes["parent"].items():
        assert torch.allclose(changes["pulled"][name].float(), 0.8 * change.float(), atol=2e-3)
    assert main(["regrade", "embeddings", "--model", parent.id, "--data", file, "--keep", "0.2"]) != 0
    assert "A share of 0.2" in capsys.readouterr().err


def test_regrade_says_what_is_missing(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parent = store_version(tiny_encoder)
    few = pair_file(tmp_path / "few.jsonl", toy_pairs(20))
    assert main(["regrade", "embeddings", "--model", parent.id, "--data", few]) != 0
    assert "20 pairs are too few" in capsys.readouterr().err
    assert main(["regrade", "embeddings", "--model", "base", "--data", few]) != 0
    assert "no pair head" in capsys.readouterr().err


def test_blend_averages_two_versions(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = store_version(tiny_encoder, seed=1), store_version(tiny_encoder, seed=2)
    argv = ["blend", "embeddings", one.id, other.id, "--share", "0.25", "--name", "mean"]
    status, value = run_json(capsys, *argv)
    assert status == 0, value
    origin = value["origin"]
    assert origin["method"] == "blend" and "75% v1 and 25% v2" in origin["text"]
    assert [(parent["name"], parent["share"]) for parent in origin["parents"]] == [("v1", 0.75), ("v2", 0.25)]
    for file in ("delta.safetensors", "head.safetensors"):
        states = [load_file(Path(path) / file) for path in (one.path, other.path, value["path"])]
        assert set(states[0]) == set(states[2])
        for name, made in states[2].items():
            wanted = 0.75 * states[0][name].float() + 0.25 * states[1][name].float()
            assert made.dtype == torch.float16 and torch.allclose(made.float(), wanted, atol=2e-3), name
    manifest = json.loads((Path(value["path"]) / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["origin"] == origin and manifest["spec"]["argv"][3:5] == ["blend", "embeddings"]
    file = pair_file(tmp_path / "pairs.jsonl", toy_pairs(40))
    scored = [
        run_json(capsys, "evaluate", "embeddings", "--model", ref, "--data", file)[1]["spearman"]
        for ref in (one.id, value["version"])
    ]
    assert None not in scored and scored[0] != scored[1]


def test_blend_refuses_what_cannot_be_averaged(
    tiny_encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = store_version(tiny_encoder, seed=1), store_version(tiny_encoder, seed=2)
    for argv, said in (
        ((one.id, one.id), "the same weights"),
        ((one.id, other.id, "--share", "1"), "The share is 1"),
        ((one.id, "base"), "no pair head"),
        ((one.id, "v9"), "v9"),
        ((one.id, other.id, "--statistics", "scenes"), "--statistics"),
    ):
        assert main(["blend", "embeddings", *argv]) != 0
        assert said in capsys.readouterr().err, argv
    info = json.loads((other.path / "nexa_similarity.json").read_text(encoding="utf-8"))
    info["use_figures"] = not info["use_figures"]
    (other.path / "nexa_similarity.json").write_text(json.dumps(info), encoding="utf-8")
    assert main(["blend", "embeddings", one.id, other.id]) != 0
    assert "nexa_similarity.json" in capsys.readouterr().err  # its hash does not fit any more


def test_regrade_on_fresh_pairs_of_topics_that_were_not_learnt_from(
    tiny_encoder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.datasets import store
    from core.embeddings.bank import default_bank
    from core.embeddings.derived import trained_version
    from core.embeddings.unseen import datasets_behind, topics_behind, unseen_rules

    made = [
        run_json(capsys, "generate", "embeddings", "--count", "300", "--seed", seed)[1]["dataset"]
        for seed in "12"
    ]
    one, other = (
        store_version(tiny_encoder, seed=seed, dataset=name) for seed, name in enumerate(made, start=1)
    )
    _, blended = run_json(capsys, "blend", "embeddings", one.id, other.id, "--no-scores")
    version = trained_version(blended["version"], Workspace.current())
    assert datasets_behind(version.manifest) == sorted(made)
    # What the cards name is left out, and what is kept for testing.
    card = store.get_dataset("embeddings", made[0]).card
    bank = default_bank()
    test = {rule.topic for rule in bank.rules_of("test")}
    assert not {rule.topic for rule in unseen_rules(version)} & {*card["topics"]["train"], *test}
    monkeypatch.setattr("core.embeddings.verdict._MOST_STEPS", 150)
    status, value = run_json(capsys, "regrade", "embeddings", "--model", version.id, "--fresh", "900")
    assert status == 0, value
    assert "900 pairs of fresh pairs of topics unknown to v3" in value["origin"]["text"]
    manifest = json.loads((Path(value["path"]) / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["spec"]["argv"][-2:] == ["--fresh", "900"]
    # Blended and regraded versions tell what they know themselves: the datasets are no longer needed.
    datasets = [store.get_dataset("embeddings", name) for name in made]
    known = {topic for dataset in datasets for topic in dataset.card["topics"]["train"]}
    for dataset in datasets:
        shutil.rmtree(dataset.path)
    again = trained_version(value["version"], Workspace.current())
    assert topics_behind(again) == sorted(known)
    assert unseen_rules(again) == unseen_rules(version)
    assert topics_behind(one) is None
    # A version whose dataset is gone cannot say what it knows.
    gone = store_version(tiny_encoder, seed=7, dataset="embeddings@00000000")
    assert main(["regrade", "embeddings", "--model", gone.id, "--fresh", "300"]) != 0
    assert "embeddings@00000000" in capsys.readouterr().err
    unnamed = store_version(tiny_encoder, seed=8)
    assert main(["regrade", "embeddings", "--model", unnamed.id, "--fresh", "300"]) != 0
    assert "none is named" in capsys.readouterr().err
