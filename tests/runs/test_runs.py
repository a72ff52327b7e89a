"""Runs: their folders, checkpoints, and that stopping one changes nothing but the time it takes."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tuiml.backends import choice
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.backends.steps import Step
from tuiml.cli import main
from tuiml.formatting import bytes_text
from tuiml.runs import (
    checkpoint_file,
    checkpoint_policy,
    checkpoints,
    folder,
    library,
    listing,
    memory_estimate,
    preparation,
    session,
    threads,
)
from tuiml.runs.errors import Cancelled, CheckpointError, RunError
from tuiml.runs.replay import replay
from tuiml.spec import Preset, SpecError, check, network_of
from tuiml.training import restore_points
from tuiml.training.events import End, Epoch, Event, Start
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import Position

DOCUMENT: dict[str, Any] = {
    "version": 1,
    "name": "small",
    "data": {"name": "moons", "size": 200},
    "layers": [
        {"type": "dense", "units": 8, "activation": "rrelu"},
        {"type": "dropout", "rate": 0.2},
        {"type": "dense", "activation": "softmax"},
    ],
    "training": {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 32, "epochs": 4},
}
BATCHES = 6
"""180 training examples, 32 at a time."""


def preset(**training: Any) -> Preset:
    found, problems = check(DOCUMENT | {"training": DOCUMENT["training"] | training})
    assert found, problems
    return found


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUIML_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints whenever one may be written."""
    monkeypatch.setattr(checkpoint_policy, "INTERVAL", 0.0)
    monkeypatch.setattr(checkpoint_policy, "FRACTION", 1e9)


def finish(events: Iterator[Event]) -> End:
    found = list(events)
    assert isinstance(found[-1], End)
    return found[-1]


def stop_at(control: RunControl, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop once the engine has trained ``step`` batches."""
    train = NumpyEngine.steps

    def counted(engine: NumpyEngine, batches: Any) -> int:
        def watched() -> Any:
            for batch in batches:
                yield batch
                if engine.step_number == step:
                    control.stop()

        return train(engine, watched())

    monkeypatch.setattr(NumpyEngine, "steps", counted)


def tensors(path: str | Path, step: int) -> dict[str, Any]:
    return dict(safetensors.numpy.load_file(checkpoints.path_of(Path(path), step)))


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


# -- a run and its folder ---------------------------------------------------------------------------------


def test_a_run_leaves_its_preset_metrics_and_weights() -> None:
    end = finish(session.run(preset(), name="one"))
    path = Path(end.path)
    assert (end.run, end.reason, path) == ("one", "completed", folder.runs_folder() / "one")
    assert library.read(path / "preset.toml") == preset().document()
    lines = folder.read_metrics(path)
    assert [line["event"] for line in lines if line["event"] not in ("snapshot", "batch")] == [
        "start",
        *["epoch"] * 4,
        "end",
    ]
    snapshots = [line for line in lines if line["event"] == "snapshot"]
    assert lines.index(snapshots[0]) == 1
    assert len(snapshots[0]["layers"]) == 3
    expected = {
        "layers.0.weight": (8, 2),
        "layers.0.bias": (8,),
        "layers.2.weight": (2, 8),
        "layers.2.bias": (2,),
    }
    initial = safetensors.numpy.load_file(path / "initial.safetensors")
    assert {name: values.shape for name, values in initial.items()} == expected
    last = tensors(path, 4 * BATCHES)
    assert last["optimizer.squares.layers.2.bias"].shape == (2,)
    assert not same({name: last[name] for name in initial}, dict(initial))


def test_start_and_end_say_what_an_outside_tool_relies_on() -> None:
    events = list(session.run(preset(epochs=1)))
    start = next(e for e in events if isinstance(e, Start)).to_json()
    assert start["event"] == "start"
    assert start["backend"] == "numpy"
    assert (start["parameters"], start["train_examples"], start["threads"] >= 1) == (42, 180, True)
    assert start["run"].startswith("small-20")
    epoch = next(e for e in events if isinstance(e, Epoch)).to_json()
    assert set(epoch) == {
        "event", "epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy",
        "learning_rate", "seconds", "examples_per_second",
    }  # fmt: skip
    end = events[-1].to_json()
    assert {"reason", "run", "path", "best_epoch", "test_loss", "test_accuracy"} <= set(end)
    assert {"seconds", "examples_per_second"} <= set(end)


def test_runs_of_one_second_get_names_of_their_own() -> None:
    folders = [folder.RunFolder.create(preset()) for _ in range(3)]
    assert len({f.name for f in folders}) == 3
    for f in folders:
        f.close()


def test_a_name_that_is_taken_is_refused_before_the_data_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    finish(session.run(preset(epochs=1), name="my run!"))
    monkeypatch.setattr(preparation, "load_data", lambda *_: pytest.fail("it read the data"))
    with pytest.raises(RunError, match="'my-run' already") as caught:
        next(session.run(preset(), name="my run!"))
    assert caught.value.code == 2


@pytest.mark.parametrize("name", ["../out", "/etc/x", "..", "", "a/b", "😀" * 200, "é" * 200, ".hidden"])
def test_no_name_leads_out_of_the_runs_folder(name: str) -> None:
    made = folder.RunFolder.create(preset(), name)
    made.close()
    assert made.path.parent == folder.runs_folder()
    assert made.path.is_dir()
    assert not made.name.startswith(".")


def test_nothing_is_written_where_a_run_cannot_begin(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_missing", lambda: "MLX is not installed")
    with pytest.raises(RunError, match=r"MLX is not installed.*use --backend numpy"):
        next(session.run(preset(), backend="mlx"))
    with pytest.raises(RunError, match="not a backend"):
        next(session.run(preset(), backend="torch"))
    control = RunControl()
    control.stop()
    with pytest.raises(Cancelled):
        finish(session.run(preset(), control=control))
    monkeypatch.setattr(memory_estimate, "machine", lambda: 1000)
    with pytest.raises(
        SpecError, match=r"layers: training needs about .* kB of memory and this machine has 1.0 kB"
    ):
        next(session.run(preset()))
    assert not home.exists()


def test_a_folder_whose_run_did_not_begin_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "write", full)
    with pytest.raises(RunError, match="No space left") as caught:
        finish(session.run(preset()))
    assert caught.value.code == 1
    assert list(folder.runs_folder().iterdir()) == []


def test_memory_grows_with_what_takes_it() -> None:
    wide = [{"type": "dense", "units": 4000}, *DOCUMENT["layers"]]
    small, large = preset(), check(DOCUMENT | {"layers": wide})[0]
    assert large is not None
    assert memory_estimate.of_run(large, network_of(large)) > 10 * memory_estimate.of_run(
        small, network_of(small)
    )
    with pytest.raises(SpecError, match=r"layers\[1\] is the largest"):
        memory_estimate.refuse_if_short(large, network_of(large), 10_000)
    assert bytes_text(1_234_567) == "1.2 MB"
    assert bytes_text(999) == "999 bytes"


# -- stopped and gone on with -----------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, BATCHES, 2 * BATCHES + 4])
def test_a_stopped_run_ends_with_the_bits_of_one_never_stopped(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *rest = DOCUMENT["layers"]  # with running statistics too
    chosen, problems = check(DOCUMENT | {"layers": [first, {"type": "batch_norm"}, *rest]})
    assert chosen, problems
    whole = finish(session.run(chosen, name="whole"))
    control = RunControl()
    with monkeypatch.context() as patch:
        stop_at(control, step, patch)
        stopped = finish(session.run(chosen, name="parts", control=control))
    assert (stopped.reason, stopped.step) == ("stopped", step)
    assert {"layers.1.running_mean", "layers.1.running_var"} <= tensors(stopped.path, step).keys()
    end = finish(session.resume("parts"))
    assert end.reason == "completed"
    assert same(tensors(whole.path, 4 * BATCHES), tensors(end.path, 4 * BATCHES))
    assert (end.test_loss, end.best_epoch) == (whole.test_loss, whole.best_epoch)
    for a, b in zip(_epochs(whole.path), _epochs(end.path), strict=True):
        assert a["epoch"] == b["epoch"]
        assert a["val_loss"] == b["val_loss"]
        assert a["train_loss"] == pytest.approx(b["train_loss"])
        assert a["train_accuracy"] == b["train_accuracy"]


def _epochs(path: str) -> list[dict[str, Any]]:
    return [line for line in folder.read_metrics(Path(path)) if line["event"] == "epoch"]


def test_a_finished_run_can_be_lengthened() -> None:
    longer = finish(session.run(preset(), name="long"))
    short = finish(session.run(preset(epochs=2), name="short"))
    with pytest.raises(RunError, match=r"2 epochs of 'short' are done.*--set training.epochs="):
        finish(session.resume("short"))
    end = finish(session.resume(short.path, ["training.epochs=4"]))
    assert end.epochs == 4
    assert same(tensors(longer.path, 4 * BATCHES), tensors(end.path, 4 * BATCHES))
    assert library.read(Path(end.path) / "preset.toml")["training"]["epochs"] == 4


def test_a_run_is_resumed_and_replayed_with_its_own_backend_and_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "_missing", lambda: "")
    monkeypatch.setattr(choice, "_gpu", lambda: "gpu")  # so that auto is MLX
    for module in (choice, memory_estimate):
        monkeypatch.setattr(module, "memory", lambda chosen: None, raising=False)

    def built(chosen: choice.Choice, *rest: Any) -> NumpyEngine:
        engine = NumpyEngine(*rest)
        monkeypatch.setattr(engine, "name", chosen.name)
        return engine

    monkeypatch.setattr(preparation, "build", built)

    def began(events: Iterator[Event]) -> tuple[str, int, str]:
        start = next(event for event in events if isinstance(event, Start))
        list(events)
        return start.backend, start.threads, start.note

    longer = iter(range(2, 10))

    def resumed(name: str, **options: Any) -> tuple[str, int, str]:
        return began(session.resume(name, [f"training.epochs={next(longer)}"], **options))

    began(session.run(preset(epochs=1), name="slow", backend="numpy", shards=3))
    assert resumed("slow") == ("numpy", 3, "")
    assert began(replay("slow", name="again"))[:2] == ("numpy", 3)
    assert resumed("slow", backend="auto", shards=2)[:2] == ("mlx", 2)
    assert resumed("slow")[:2] == ("mlx", 2), "the last session's"
    monkeypatch.setattr(choice, "_missing", lambda: "MLX is not installed")
    *own, note = resumed("slow")
    assert own == ["numpy", 2]
    assert "backend mlx before, now numpy" in note


def test_only_epochs_and_rate_change_when_a_run_goes_on() -> None:
    finish(session.run(preset(epochs=1), name="a"))
    for setting in ("training.seed=1", "layers.0.units=9", "training=1"):
        with pytest.raises(RunError, match=r"only training\.epochs, training\.learning_rate and training"):
            finish(session.resume("a", [setting]))
    with pytest.raises(SpecError, match="epochs"):
        finish(session.resume("a", ["training.epochs=none"]))
    events = list(session.resume("a", ["training.epochs=2", "training.learning_rate=0.5"]))
    assert [e.learning_rate for e in events if isinstance(e, Epoch)] == [0.5]


def test_a_run_cut_off_before_its_first_checkpoint_starts_again() -> None:
    whole = finish(session.run(preset(), name="whole"))
    events = session.run(preset(), name="cut")
    cut = next(e.path for e in events if isinstance(e, Start))
    next(e for e in events if isinstance(e, Epoch))
    events.close()
    for step in checkpoints.steps_in(Path(cut)):
        checkpoints.path_of(Path(cut), step).unlink()
    with (Path(cut) / "metrics.jsonl").open("ab") as file:
        file.write(b'{"event": "epoch", "epo')
    (Path(cut) / ".checkpoint-6.safetensors.x1.part").write_bytes(b"cut off")
    end = finish(session.resume("cut"))
    assert not list(Path(cut).glob(".*"))
    assert same(tensors(whole.path, 4 * BATCHES), tensors(end.path, 4 * BATCHES))
    assert [line["epoch"] for line in _epochs(end.path)] == [1, 2, 3, 4]


def test_a_run_that_nobody_listens_to_any_more_is_saved() -> None:
    events = session.run(preset(), name="left")
    next(e for e in events if isinstance(e, Epoch) and e.epoch == 2)
    assert library.summary(folder.runs_folder() / "left").reason == "running"
    events.close()
    assert library.summary(folder.runs_folder() / "left").reason == "interrupted"
    assert checkpoints.steps_in(folder.runs_folder() / "left")[0] == 2 * BATCHES


def test_a_run_that_diverged_in_its_last_validation_and_was_resumed_is_replayed_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluate = NumpyEngine.evaluate

    def overflowing(engine: NumpyEngine, part: Any) -> Any:
        found = evaluate(engine, part)
        return replace(found, loss=math.inf) if engine.step_number == 2 * BATCHES else found

    monkeypatch.setattr(NumpyEngine, "evaluate", overflowing)
    end = finish(session.run(preset(epochs=2), name="wild"))
    assert (end.reason, end.step) == ("diverged", 2 * BATCHES)
    assert finish(session.resume("wild", ["training.epochs=3"])).reason == "completed"
    *_, reported = replay("wild")
    assert (reported.same, reported.step, reported.differs) == (True, 3 * BATCHES, ())


def test_a_run_is_released_before_its_end_is_reported() -> None:
    for event in session.run(preset(epochs=1), name="done"):
        if isinstance(event, End):
            library.rename(folder.runs_folder() / "done", "renamed")
            assert finish(session.resume("renamed", ["training.epochs=2"])).epochs == 2


@pytest.mark.parametrize("rewindable", [True, False])
def test_a_run_that_nobody_can_take_back_keeps_no_restore_points(
    rewindable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    add = restore_points.RestorePoints.add

    def counted(self: restore_points.RestorePoints, point: restore_points.RestorePoint) -> None:
        kept.append(point.position.step)
        add(self, point)

    monkeypatch.setattr(restore_points.RestorePoints, "add", counted)
    end = finish(session.run(preset(), name="a", control=RunControl(rewindable=rewindable)))
    assert end.reason == "completed"
    assert bool(kept) == rewindable
    count = len(kept)
    finish(session.run(preset(), name="b"))
    assert main(["resume", "a", "--quiet", "--set", "training.epochs=5"]) == 0
    assert main(["replay", "a", "--quiet"]) == 0
    assert len(kept) == count, "nor does the command line keep any"


def test_two_processes_do_not_write_to_one_run() -> None:
    events = session.run(preset(), name="busy")
    next(events)
    for act in (
        lambda: finish(session.resume("busy")),
        lambda: library.delete(folder.runs_folder() / "busy"),
    ):
        with pytest.raises(RunError, match="going on"):
            act()
    events.close()
    assert finish(session.resume("busy")).reason == "completed"


def test_divergence_keeps_the_last_finite_state() -> None:
    wild, problems = check(
        DOCUMENT
        | {
            "layers": [
                {"type": "dense", "units": 8, "activation": "relu"},
                {"type": "dense", "activation": "linear"},
            ],
            "training": {
                "loss": "mse",
                "optimizer": "sgd",
                "learning_rate": 500.0,
                "epochs": 50,
                "batch_size": 32,
            },
        }
    )
    assert wild, problems
    end = finish(session.run(wild, name="wild"))
    assert end.reason == "diverged"
    assert "not finite" in end.message
    kept = tensors(end.path, end.step)
    assert all(np.isfinite(values).all() for values in kept.values())
    newest = checkpoints.newest(Path(end.path), network_of(wild), wild.training.optimizer, BATCHES)
    assert newest
    assert library.summary(Path(end.path)).reason == "diverged"


# -- checkpoints ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A checkpoint of the preset at its second step."""
    network, p = network_of(preset()), preset()
    shapes = checkpoints.shapes(network, p.training.optimizer)
    arrays = {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()}
    note = 'its note has "sha256":"' + checkpoint_file.BLANK + '"'
    return checkpoints.encode(arrays, 2, Position(batch=2, rate=0.01), {"preset": {"note": note}})


def read(path: Path, data: bytes) -> checkpoints.Checkpoint:
    path.write_bytes(data)
    return checkpoints.load(path, network_of(preset()), preset().training.optimizer)


def test_a_checkpoint_reads_back(written: bytes, tmp_path: Path) -> None:
    found = read(tmp_path / "c", written)
    assert (found.step, found.position) == (2, Position(batch=2, rate=0.01))
    assert found.position.best_loss == math.inf
    assert all((values == 0.5).all() for values in found.tensors.values())


def test_any_flipped_byte_is_noticed(written: bytes, tmp_path: Path) -> None:
    for place in {*range(0, len(written), 37), 0, 7, 8, len(written) - 1}:
        data = bytearray(written)
        data[place] ^= 0x10
        with pytest.raises(CheckpointError) as caught:
            read(tmp_path / "c", bytes(data))
        assert "\n" not in str(caught.value)


def test_what_is_cut_off_or_goes_on_is_noticed(written: bytes, tmp_path: Path) -> None:
    for data in (
        b"",
        b"\0" * 7,
        b"\xff" * 8,
        written[:100],
        written[:-1],
        written + b"x",
        b"\x02" + bytes(7) + b"{}",
    ):
        with pytest.raises(CheckpointError):
            read(tmp_path / "c", data)
    with pytest.raises(CheckpointError, match="No such file"):
        checkpoints.load(tmp_path / "none", network_of(preset()), preset().training.optimizer)


@pytest.mark.parametrize(
    "change",
    [
        {"layers.0.weight": np.full((8, 2), np.nan, np.float32)},
        {"layers.0.weight": np.zeros((2, 8), np.float32)},
        {"layers.9.weight": np.zeros(1, np.float32)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(written: bytes, tmp_path: Path, change: dict[str, Any]) -> None:
    arrays = read(tmp_path / "c", written).tensors | change
    with pytest.raises(CheckpointError, match=r"layers\.0\.weight|another network"):
        read(tmp_path / "c", checkpoints.encode(arrays, 2, Position(batch=2, rate=0.01), {}))


@pytest.mark.parametrize(
    "change", [{"rate": -1.0}, {"epoch": 0}, {"seconds": 1e999}, {"totals": 3}, {"batch": "x"}]
)
def test_positions_that_cannot_be_are_refused(written: bytes, tmp_path: Path, change: dict[str, Any]) -> None:
    arrays = read(tmp_path / "c", written).tensors
    text = json.dumps({"step": 2, "position": _where() | change})
    data = safetensors.numpy.save(arrays, metadata={"sha256": checkpoint_file.BLANK, "tuiml": text})
    digest = hashlib.sha256(data).hexdigest()
    with pytest.raises(CheckpointError, match="where the run stood"):
        read(tmp_path / "c", data.replace(checkpoint_file.BLANK.encode(), digest.encode(), 1))


def _where() -> dict[str, Any]:
    return vars(Position(batch=2, rate=0.01)) | {"totals": [0.0, 0, 0], "best_loss": None}


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(often: None) -> None:
    whole = finish(session.run(preset(), name="whole"))
    end = finish(session.run(preset(epochs=3), name="hurt"))
    path = Path(end.path)
    newest, before, *_ = checkpoints.steps_in(path)
    data = bytearray(checkpoints.path_of(path, newest).read_bytes())
    data[-5] ^= 1
    checkpoints.path_of(path, newest).write_bytes(data)
    found = checkpoints.newest(path, network_of(preset()), preset().training.optimizer, BATCHES)
    assert found
    assert found.step == before
    end = finish(session.resume("hurt", ["training.epochs=4"]))
    assert same(tensors(whole.path, 4 * BATCHES), tensors(end.path, 4 * BATCHES))


def test_the_newest_two_checkpoints_and_the_best_are_kept(often: None) -> None:
    control, states = RunControl(), {}
    for event in session.run(preset(epochs=8), name="kept", control=control):
        if isinstance(event, Epoch):
            states[event.epoch] = event.val_loss
            if event.epoch == 3:
                control.set_rate(20.0)
    path = folder.runs_folder() / "kept"
    best = min(states, key=lambda epoch: states[epoch])
    assert best < 7
    assert checkpoints.steps_in(path) == [8 * BATCHES, 7 * BATCHES, best * BATCHES]
    kept = checkpoints.load(
        checkpoints.path_of(path, best * BATCHES), network_of(preset()), preset().training.optimizer
    )
    assert kept.position.best_loss == states[best]
    summary = library.summary(path)
    assert summary.best
    assert summary.best["epoch"] == best


def test_the_best_weights_are_kept_even_where_time_allows_one_checkpoint() -> None:
    control = RunControl()
    for event in session.run(preset(epochs=6), name="kept", control=control):
        if isinstance(event, Epoch) and event.epoch == 2:
            control.set_rate(20.0)
    best = library.summary(folder.runs_folder() / "kept").best
    assert best
    assert set(checkpoints.steps_in(folder.runs_folder() / "kept")) == {6 * BATCHES, best["step"]}


def test_an_error_in_the_midst_of_a_step_saves_no_half_step(
    often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = NumpyEngine.steps

    def broken(engine: NumpyEngine, batches: Any) -> int:
        def until() -> Any:
            for batch in batches:
                if engine.step_number == BATCHES + 2:
                    engine.step_number += 1
                    raise ZeroDivisionError("planted")
                yield batch

        return train(engine, until())

    monkeypatch.setattr(NumpyEngine, "steps", broken)
    with pytest.raises(ZeroDivisionError):
        finish(session.run(preset(), name="half"))
    assert checkpoints.steps_in(folder.runs_folder() / "half") == [BATCHES]


def test_a_step_that_a_process_of_it_breaks_off_is_not_saved_and_the_run_goes_on_from_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = finish(session.run(preset(), name="whole"))
    run = Step.run

    def broken(step: Step, rows: Any, rate: float, number: int) -> float:
        loss = run(step, rows, rate, number)
        if number == 2 * BATCHES + 1:
            step._update.weights[::2] = 0.5  # what it had done of its share
            raise ChildProcessError("a process was ended by signal 9")
        return loss

    with monkeypatch.context() as patched:
        patched.setattr(Step, "run", broken)
        with pytest.raises(RunError, match="cannot go on: a process was ended by signal 9"):
            finish(session.run(preset(), name="half"))
    assert finish(session.resume("half")).test_loss == whole.test_loss


# -- listed, renamed, deleted -----------------------------------------------------------------------------


def test_runs_are_listed_newest_first_with_their_figures() -> None:
    finish(session.run(preset(), name="a"))
    finish(session.run(preset(epochs=1), name="b"))
    for name, when in (("a", "2020-01-01T00:00:00+00:00"), ("b", "2021-01-01T00:00:00+00:00")):
        path = folder.runs_folder() / name / "metrics.jsonl"
        lines = [json.loads(line) | {"time": when} for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    b, a = listing.list_runs()
    assert (b.name, a.name) == ("b", "a")
    assert (a.preset, a.reason, a.epochs, a.planned, a.parameters) == ("small", "completed", 4, 4, 42)
    assert a.last
    assert a.last["epoch"] == 4
    assert a.figure("test_loss") > 0
    assert json.loads(json.dumps(library.figures(a)))["end"]["reason"] == "completed"


def test_broken_folders_are_listed_and_never_raise(home: Path) -> None:
    assert listing.list_runs() == []
    runs = folder.runs_folder()
    for name in ("empty", "garbage", "hostile"):
        (runs / name).mkdir(parents=True)
    (runs / "garbage" / "metrics.jsonl").write_bytes(
        bytes(range(256)) + b"\n[1]\n{}\n" + b"[" * 100_000 + b"\n"
    )
    (runs / "garbage" / "preset.toml").write_bytes(b"\xff\xfe")
    (runs / "hostile" / "preset.toml").write_text('version = 1\nname = "\\u001b[31m\\u202e"')
    lines = [
        {"event": "start", "time": "9999-12-31T23:59:59+00:00", "parameters": 10**400, "epochs": "x"},
        {"event": "epoch", "epoch": None, "val_loss": [1], "train_loss": True},
        {"event": "end", "reason": "\x1b]0;x\x07", "test_loss": "no"},
    ]
    (runs / "hostile" / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (runs / "file").write_text("not a folder")
    (runs / "loop").symlink_to("loop")
    found = {run.name: run for run in listing.list_runs()}
    assert set(found) == {"empty", "garbage", "hostile"}
    assert found["empty"].reason == found["garbage"].reason == "broken"
    assert found["hostile"].reason.isprintable()
    assert found["hostile"].preset.isprintable()
    assert (found["hostile"].parameters, found["hostile"].best) == (0, None)
    for run in found.values():
        library.figures(run)


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"event": "start"}\n{"event": "epoch", "val_loss": NaN}\n{"event": "ep')
    assert folder.read_metrics(path) == [{"event": "start"}, {"event": "epoch", "val_loss": None}]


def test_many_pictures_leave_a_small_file() -> None:
    made = folder.RunFolder.create(preset(), "pictures")
    for step in range(5000):
        made.record({"event": "picture", "step": step, "layers": []})
        made.record({"event": "batch", "step": step})
    made.record({"event": "epoch", "epoch": 1})
    made.close()
    lines = folder.read_metrics(made.path)
    assert lines[0] == {"event": "picture", "step": 0, "layers": []}
    assert lines[-1] == {"event": "epoch", "epoch": 1}
    assert len(lines) < 50


def test_runs_are_found_renamed_and_deleted() -> None:
    finish(session.run(preset(epochs=1), name="first"))
    with pytest.raises(RunError, match="no run 'frist'; did you mean 'first'"):
        library.find("frist")
    path = library.rename(library.find("first"), "second one")
    assert library.find("second-one") == path == library.find(str(path))
    finish(session.run(preset(epochs=1), name="first"))
    with pytest.raises(RunError, match="already"):
        library.rename(path, "first")
    library.delete(path)
    assert [run.name for run in listing.list_runs()] == ["first"]


def test_delete_stays_inside_the_runs_folder(tmp_path: Path) -> None:
    finish(session.run(preset(epochs=1), name="mine"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    runs = folder.runs_folder()
    (runs / "mine" / "link").symlink_to(outside)
    (runs / "linked").symlink_to(outside)
    for path in (outside, runs, runs / "mine" / "..", runs / "mine" / "link", runs / ".." / ".."):
        with pytest.raises(RunError, match="is not in"):
            library.delete(path)
    library.delete(runs / "linked")
    library.delete(runs / "mine")
    assert (outside / "precious").read_text() == "x"
    assert library.names() == []


# -- threads ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cores", "wanted", "environment", "expected"),
    [
        (1, None, {}, 1),
        (2, None, {}, 2),
        (4, None, {}, 4),
        (64, None, {}, 4),
        (8, 6, {}, 6),
        (2, 6, {}, 6),
        (8, 2, {"OMP_NUM_THREADS": "5"}, 2),
        (8, None, {"OMP_NUM_THREADS": "5"}, 5),
        (8, None, {"OMP_NUM_THREADS": "5", "TUIML_THREADS": "3"}, 3),
        (8, None, {"OPENBLAS_NUM_THREADS": "zero"}, 4),
    ],
)
def test_a_thread_for_each_core_unless_somebody_decides(
    cores: int,
    wanted: int | None,
    environment: dict[str, str],
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", dict(environment))
    monkeypatch.setattr(threads, "cores", lambda: cores)
    assert threads.limit(wanted) == expected
    assert threads.count() == expected
    assert os.environ["VECLIB_MAXIMUM_THREADS"] == "1"  # tuiml splits a batch itself
