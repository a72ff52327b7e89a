"""Programs and ONNX models of a run on a table: far and tiny columns, categories, missing values."""

from __future__ import annotations

import json
import os
import random
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.test_programs import needs
from tuiml.cli import main
from tuiml.spec import dumps

HEADER = "far;tiny;town;rooms;price\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A regression that was trained on a table, as the run ``mine``."""
    monkeypatch.chdir(tmp_path)
    draw, rows = random.Random(1), []
    for number in range(200):
        far, tiny = 5e7 + draw.random(), draw.random() * 1e-33
        town, rooms = draw.choice(["North", 'Old "Quay"', "South"]), draw.randint(1, 6)
        price = 3 * (far - 5e7) + 1e33 * tiny + len(town) / 5 + rooms / 3 + draw.gauss(0, 0.05)
        quoted = '"' + town.replace('"', '""') + '"'
        rows.append(f"{'' if number % 40 == 7 else repr(far)};{tiny!r};{quoted};{rooms};{price:.4f}\n")
    Path("houses.csv").write_text(HEADER + "".join(rows))
    document: dict[str, Any] = {
        "version": 1,
        "name": "houses",
        "data": {"path": "houses.csv", "missing": "mean"},
        "layers": [{"type": "dense", "units": 8, "activation": "tanh"}, {"type": "dense"}],
        "training": {"loss": "huber", "learning_rate": 0.05, "epochs": 20},
    }
    Path("houses.toml").write_text(dumps(document))
    assert main(["train", "houses.toml", "--run", "mine", "--quiet"]) == 0
    capsys.readouterr()
    return Path(os.environ["TUIML_HOME"])


def loss_of_the_test(home: Path) -> float:
    lines = (home / "runs" / "mine" / "metrics.jsonl").read_text().splitlines()
    return float(json.loads(lines[-1])["test_loss"])


@needs
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras on PyTorch
def test_a_program_reads_and_scales_the_table(framework: str, home: Path) -> None:
    assert main(["export", "mine", "--to", framework, "--data"]) == 0
    program = runpy.run_path(f"mine_{framework}.py")
    model = program["load_model"]()
    x, y = program["read_data"](f"mine_{framework}.npz")
    loss, score = program["evaluate"](model, x, y)
    assert loss == pytest.approx(loss_of_the_test(home), rel=1e-6)
    assert score > 0.5
    rows, prices = program["read_data"]("houses.csv")
    assert rows.shape == (200, 6)
    assert np.isnan(rows).any()
    found = program["predict"](model, rows)
    assert np.corrcoef(found[:, 0], prices[:, 0])[0, 1] > 0.8


def test_an_onnx_model_scales_the_table(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    assert main(["export", "mine", "--to", "onnx", "--data"]) == 0
    capsys.readouterr()
    session = runtime.InferenceSession("mine.onnx", providers=["CPUExecutionProvider"])
    assert json.loads(session.get_modelmeta().custom_metadata_map["features"])[0] == "far"
    with np.load("mine.npz") as arrays:
        (found,) = session.run(["predictions"], {"inputs": arrays["x"]})
        targets = arrays["y"]
    assert np.abs(found - targets).mean() < targets.std()
    assert main(["predict", "mine", "houses.csv", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    answers = np.array([line["outputs"]["price"] for line in lines])
    # each of the test part's predictions is one of those of the whole table
    assert np.abs(found - answers[None, :]).min(axis=1).max() < 1e-4
