"""Runs that tuiml 0.2 wrote are listed, compared, resumed and replayed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.written_by_0_2 import DATA, IN_APP, RUNS, copy_to
from tuiml.cli import main
from tuiml.files import write_whole
from tuiml.runs import checkpoint_file, checkpoints
from tuiml.spec import load, network_of
from tuiml.training.event_reading import read_event
from tuiml.training.events import Intervention

Capture = pytest.CaptureFixture[str]
Line = dict[str, Any]


@pytest.fixture(autouse=True)
def home(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUIML_FAST", "0")  # the networks are too small for compiling to be worth it
    return copy_to(own_folders)


def run_command(capsys: Capture, *arguments: str) -> tuple[int, str]:
    """A command's exit code and what it printed."""
    capsys.readouterr()
    return main(list(arguments)), capsys.readouterr().out


def listed(capsys: Capture) -> dict[str, Line]:
    """``tuiml runs --json`` by run."""
    code, out = run_command(capsys, "runs", "--json")
    assert code == 0
    return {run["run"]: run for run in json.loads(out)}


def lines(out: str) -> list[Line]:
    return [json.loads(line) for line in out.splitlines()]


# -- runs: what is read ------------------------------------------------------------------------------------

LISTED: dict[
    str, tuple[Any, ...]
] = {  # reason, epochs done and planned, parameters, best epoch, its val_loss,
    # the last train_loss, test_loss, what was changed by hand and stayed
    "digits-tiny": ("completed", 2, 2, 261, 2, 2.29145, 2.292236, 2.285918, []),
    "diverged": ("diverged", 1, 5, 13, 1, 1.615186e27, 6.594613e21, 1.583043e31, []),
    "killed": ("interrupted", 4, 6, 22, 4, 0.686518, 0.699492, None, []),
    "layers": ("completed", 2, 2, 123, 1, 2.30754, 2.31101, 2.311235, []),
    "lengthened": (
        *("completed", 4, 4, 22, 1, 0.685345, 0.644872, 0.637634),
        [(16, {"epochs": [2, 4], "learning_rate": [0.01, 0.02]})],
    ),
    "own-data": ("completed", 2, 2, 39, 2, 1.560481, 1.263744, 1.246863, []),
    "rbm": ("completed", 2, 2, 315, 2, 2.325486, 2.364319, 2.334869, []),
    "rbm-cut": ("stopped", 0, 2, 315, None, None, None, 2.330265, []),
    "regression": ("early_stopped", 7, 60, 61, 4, 0.111356, 0.126484, 0.137045, []),
    "steered": (
        *("completed", 6, 6, 22, 1, 0.691365, 0.632257, 0.651141),
        [(8, 0.05), (18, {"name": "sgd", "momentum": 0.9, "nesterov": True}), (18, 0.02)],
    ),
    "stopped": ("stopped", 3, 10, 22, 2, 0.681272, 0.659477, 0.646555, []),
    IN_APP: ("completed", 4, 4, 35, 4, 0.388654, 0.458023, 0.381576, [(3, 0.2), (5, 10)]),
}


def test_every_run_is_listed_with_its_figures(capsys: Capture, home: Path) -> None:
    found = listed(capsys)
    assert set(found) == set(LISTED) == RUNS
    for name, (*expected, changes) in LISTED.items():
        run = found[name]
        best, last, end = (run[key] or {} for key in ("best", "last", "end"))
        counts = [run["reason"], run["epochs"], run["planned"], run["parameters"], best.get("epoch")]
        assert counts == expected[:5], name
        losses = [best.get("val_loss"), last.get("train_loss"), end.get("test_loss")]
        assert losses == [loss and pytest.approx(loss, rel=1e-5) for loss in expected[5:]], name
        assert [(change["step"], change["value"]) for change in run["changes"]] == changes, name
        assert run["path"] == str(home / "runs" / name)
        assert run["when"].startswith("2026-11-27T22:2")
    regression = found["regression"]
    assert (regression["best"]["val_r2"], regression["end"]["test_r2"]) == pytest.approx(
        (0.67921, 0.733366), 1e-5
    )
    assert regression["last"]["val_accuracy"] is None


def test_runs_are_compared(capsys: Capture) -> None:
    code, out = run_command(capsys, "compare", "steered", "stopped", "--json")
    assert code == 0
    assert [run["settings"] for run in json.loads(out)] == [
        {"training.optimizer": "sgd", "training.learning_rate": 0.1, "training.epochs": 6},
        {"training.optimizer": "adam", "training.learning_rate": 0.01, "training.epochs": 10},
    ]
    code, out = run_command(capsys, "compare", "steered", "lengthened", "killed", IN_APP)
    assert code == 0
    rows = {cells[0]: cells[1:] for cells in (re.split(r"\s{2,}", row.strip()) for row in out.splitlines())}
    assert rows["ended"] == ["completed", "completed", "interrupted", "completed"]
    assert rows["epochs"] == ["6/6", "4/4", "4/6", "4/4"]
    assert rows["best epoch"] == ["1", "1", "4", "4"]
    assert rows["val accuracy"] == ["50.00 %", "55.00 %", "60.00 %", "95.00 %"]


LAYERS = [  # type, output shape, parameters, activation
    ("conv2d", [2, 6, 6], 22, "prelu"),
    ("batch_norm", [2, 6, 6], 4, None),
    ("max_pool2d", [2, 3, 3], 0, None),
    ("conv2d", [2, 3, 3], 18, "linear"),
    ("activation", [2, 3, 3], 0, "leaky_relu"),
    ("avg_pool2d", [2, 1, 1], 0, None),
    ("flatten", [2], 0, None),
    ("layer_norm", [2], 4, None),
    ("dense", [5], 15, "elu"),
    ("dropout", [5], 0, None),
    ("dense", [10], 60, "softmax"),
]


def test_the_preset_of_a_run_has_its_layers_and_settings(capsys: Capture, home: Path) -> None:
    code, out = run_command(capsys, "show", str(home / "runs" / "layers" / "preset.toml"), "--json")
    assert code == 0
    found = json.loads(out)
    columns = ("type", "output_shape", "parameters", "activation")
    assert [tuple(layer[name] for name in columns) for layer in found["layers"]] == LAYERS
    assert (found["problems"], found["parameters"], found["not_trained"]) == ([], 123, 4)
    settings = found["settings"]
    assert settings["schedule"] == "one_cycle"
    assert settings["optimizer"] == {"name": "sgd", "momentum": 0.9}
    assert settings["regularization"] == {"l1": 0.0001, "l2": 0.001, "weight_decay": 0.0001, "clip_norm": 5.0}
    assert (settings["steps"], settings["seed"]) == (20, 3)


# -- runs: what is done with them --------------------------------------------------------------------------

RESUMED: dict[
    str, tuple[Any, ...]
] = {  # settings; step it goes on from; then the last epoch, its step, val_loss
    "digits-tiny": (["training.epochs=3"], 86, 3, 129, 2.275336),
    "steered": (["training.epochs=7"], 48, 7, 56, 0.718802),
    "stopped": ([], 24, 10, 80, 0.709571),
    "lengthened": (["training.epochs=5"], 32, 5, 40, 0.714714),
    "regression": (["training.epochs=9", "training.early_stopping=never"], 119, 9, 153, 0.144453),
    "rbm": (["training.epochs=3"], 20, 3, 30, 2.318482),
    "rbm-cut": ([], 0, 2, 20, 2.325486),
    "layers": (["training.epochs=3"], 20, 3, 30, 2.310466),
    "killed": ([], 32, 6, 48, 0.684163),
    IN_APP: (["training.epochs=5"], 19, 5, 25, 0.310269),
}
RATES = {"steered": 0.02, "lengthened": 0.02, IN_APP: 0.2}
"""As they were changed by hand."""


@pytest.mark.parametrize("name", RESUMED)
def test_a_run_goes_on_from_its_newest_checkpoint(name: str, capsys: Capture) -> None:
    settings, step, epochs, last, loss = RESUMED[name]
    before = listed(capsys)[name]
    given = [word for setting in settings for word in ("--set", setting)]
    code, out = run_command(capsys, "resume", name, *given, "--backend", "numpy", "--json")
    assert code == 0
    start, *_, end = found = lines(out)
    assert start["step"] == step
    assert not re.search("cannot be used|anew", start["note"])  # every file is as good as new
    trained = [line for line in found if line["event"] == "epoch"]
    assert [line["epoch"] for line in trained] == list(range(before["epochs"] + 1, epochs + 1))
    assert (trained[-1]["step"], end["step"], end["reason"]) == (last, last, "completed")
    assert trained[-1]["val_loss"] == pytest.approx(loss, rel=1e-3)  # other machines round otherwise
    if name in RATES:
        assert trained[-1]["learning_rate"] == RATES[name]
    after = listed(capsys)[name]
    assert (after["reason"], after["epochs"], after["planned"]) == ("completed", epochs, epochs)
    assert after["changes"][: len(before["changes"])] == before["changes"]
    assert len(after["changes"]) == len(before["changes"]) + bool(settings)


def test_layers_that_were_pretrained_are_not_pretrained_again(capsys: Capture) -> None:
    code, out = run_command(capsys, "resume", "rbm-cut", "--backend", "numpy", "--json")
    assert code == 0
    assert [(line["layer"], line["epoch"]) for line in lines(out) if line["event"] == "pretraining"] == [
        (2, 1),
        (2, 2),
    ]


def test_a_run_that_diverged_goes_on_from_its_last_finite_weights(capsys: Capture) -> None:
    given = ("--set", "training.learning_rate=0.0001", "--backend", "numpy", "--json")
    code, out = run_command(capsys, "resume", "diverged", *given)
    start, *_, end = lines(out)
    assert (code, start["step"], end["reason"], end["step"]) == (3, 8, "diverged", 8)


def newest(run: Path) -> Path:
    """The checkpoint of the greatest step."""
    return max(run.glob("checkpoint-*.safetensors"), key=lambda path: int(path.stem.partition("-")[2]))


@pytest.mark.parametrize("name", [*(name for name in RESUMED if name != "rbm-cut"), "diverged"])
def test_a_run_is_replayed_with_what_was_changed_by_hand(name: str, capsys: Capture, home: Path) -> None:
    code, out = run_command(capsys, "replay", name, "--run", "again", "--json", "--quiet")
    assert code in (0, 1)  # the bits depend on the machine and on NumPy's version
    verdict = lines(out)[-1]
    assert verdict["same"] is (code == 0)
    assert verdict["changes"] == len(LISTED[name][-1])
    old, new = (newest(path) for path in (DATA / "runs" / name, home / "runs" / "again"))
    assert new.name == old.name == f"checkpoint-{verdict['step']}.safetensors"
    weights, again = load_file(old), load_file(new)
    assert list(again) == list(weights)
    for array, values in weights.items():
        if array.startswith("layers."):
            np.testing.assert_allclose(again[array], values, rtol=1e-3, atol=1e-4, err_msg=array)


# -- keys that have other names now ------------------------------------------------------------------------


def test_every_key_of_a_position_is_read(tmp_path: Path) -> None:
    run = DATA / "runs" / IN_APP
    preset = load(run / "preset.toml")
    details = json.loads(checkpoint_file.glance(run / "checkpoint-5.safetensors"))
    details["position"] |= {"watched": "val_accuracy", "gained_epoch": 3, "since": 7, "born": 2}
    tensors = load_file(run / "checkpoint-5.safetensors")
    path = tmp_path / "checkpoint-5.safetensors"
    write_whole(path, checkpoint_file.pieces(tensors, json.dumps(details)))
    found = checkpoints.load(path, network_of(preset), preset.training.optimizer).position
    fields = dict(zip(details["position"], vars(found).values(), strict=False))  # in order, new ones last
    assert [fields[key] for key in ("watched", "gained_epoch", "since", "born")] == ["val_accuracy", 3, 7, 2]


def old_lines() -> list[Line]:
    """The lines of all metrics."""
    return [
        line for run in sorted(RUNS) for line in lines((DATA / "runs" / run / "metrics.jsonl").read_text())
    ]


def test_lines_of_metrics_are_read_under_their_former_names() -> None:
    old = old_lines()
    read = [event for line in old if (event := read_event(line))]
    assert len(read) == len(old)
    snapshots = sum(event.event == "snapshot" for event in read)
    assert snapshots == sum(line["event"] == "picture" for line in old) > 0
    rewinds = [event for event in read if isinstance(event, Intervention) and event.what == "rewind"]
    assert sorted((event.value, event.last_intervention) for event in rewinds) == [(4, 1), (16, 1)]
    assert read_event({"event": "moments", "moments": [[5, 1, None]]}) is not None


def test_what_is_written_today_has_todays_names() -> None:
    old = old_lines()
    written = [event.to_json() for line in old if (event := read_event(line))]
    assert {"picture", "moments"}.isdisjoint(line["event"] for line in written)
    assert not any("since" in line for line in written)
    for before, after in zip(old, written, strict=True):
        same = before.keys() - {"event", "since", "time", "layers"}
        assert {key: after[key] for key in same} == {key: before[key] for key in same}
