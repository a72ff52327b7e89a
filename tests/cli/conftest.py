"""Small networks trained on the command line, for the tests of commands that use a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.moons_preset import MOONS
from tuiml.cli import main
from tuiml.spec import dumps


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line, on stderr."""
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    return err


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs of its own; the current folder is the one above it."""
    monkeypatch.setenv("TUIML_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TUIML_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def small(tmp_path: Path) -> str:
    """The path of a preset file."""
    path = tmp_path / "small.toml"
    path.write_text(dumps(MOONS))
    return str(path)


@pytest.fixture
def train(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Trains a small network on a file's data, a regression with ``numbers``; the name of the run."""

    def trained(
        data: dict[str, Any], layers: list[dict[str, Any]] | None = None, name: str = "mine", **training: Any
    ) -> str:
        data = dict(data)
        target = {} if data.pop("numbers", False) else {"activation": "softmax"}
        layers = layers or [{"type": "dense", "units": 8, "activation": "tanh"}, {"type": "dense", **target}]
        training = {"learning_rate": 0.05, "batch_size": 16, "epochs": 5, **training}
        if not target:
            training = {"loss": "mse", **training}
        document = {"version": 1, "name": name, "data": data, "layers": layers, "training": training}
        Path(f"{name}.toml").write_text(dumps(document))
        assert main(["train", f"{name}.toml", "--run", name, "--quiet"]) == 0
        capsys.readouterr()
        return name

    return trained


@pytest.fixture
def evaluate(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """The figures of a command line, and what is said beside them under ``said``."""

    def evaluated(*words: str) -> dict[str, Any]:
        assert main(["evaluate", *words, "--json"]) == 0
        out, err = capsys.readouterr()
        found: dict[str, Any] = json.loads(out)
        return found | {"said": err}

    return evaluated
