"""A tiny base encoder, a running dashboard and a browser for the end-to-end tests."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.workspace import PROJECT_ROOT, Workspace

BROWSER_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
FAST = {
    "epochs": 12,
    "consistency": 0,
    "learning_rate": 5e-3,
    "freeze_embeddings": False,
    "on_patience": "off",
    "threads": 1,
}


@pytest.fixture(scope="session")
def small_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a 2-layer encoder whose vocabulary is that of the sentence generator."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    from core.ner.generate import build_settings, generate

    rows = generate(build_settings({"count": 1000, "seed": 3}))["train"]
    seen = Counter(word for row in rows for word in re.findall(r"\w+|[^\w\s]", row["text"].lower()))
    letters = [chr(code) for code in range(33, 127)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(w for w, _ in seen.most_common(3000))]
    words = list(dict.fromkeys([*words, *letters, *(f"##{x}" for x in letters)]))
    folder = tmp_path_factory.mktemp("small") / "base"
    tokenizer = BertTokenizerFast(vocab={w: i for i, w in enumerate(words)}, do_lower_case=True)
    tokenizer.model_max_length = 256
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        config = BertConfig(
            vocab_size=len(words), hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=128, max_position_embeddings=256,
        )  # fmt: skip
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture
def studio(workspace: Workspace, tmp_path: Path) -> Iterator[str]:
    """Address of a dashboard that was started as the README says, on an empty workspace."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (tmp_path / "studio.log").open("wb")
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.fileWatcherType", "none"]
    # PYTHONPATH is not set: the entry must find the packages by itself.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=log, stderr=log, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                    break
            except OSError:
                assert process.poll() is None, (tmp_path / "studio.log").read_text(encoding="utf-8")
                time.sleep(0.1)
        else:
            pytest.fail("The dashboard did not answer within 30 s.")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


@pytest.fixture
def browser() -> Iterator[Any]:
    """A headless Chromium; skips where there is none unless NEXA_REQUIRE_BROWSER is set."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "No Chromium found on the path: install it to run the browser test."
        if os.environ.get("NEXA_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, headless=True, args=BROWSER_ARGS)
        yield found
        found.close()
