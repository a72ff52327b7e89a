"""What ``tuiml.watch`` does whatever the framework: the folder, the guard, the budget, processes, the end."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tuiml
from tests.watch.reading import events, layers, modules
from tests.watch.stub import Clock, StubModule, install
from tuiml.runs.folder import RunFolder
from tuiml.runs.metrics import Metrics
from tuiml.runs.watched import MOST_MODULES, is_watched, read_model
from tuiml.runs.writer import is_held, writer_of
from tuiml.watch.models import Models
from tuiml.watch.ranks import VARIABLES
from tuiml.watch.run import WatchedRun

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def framework(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    install(monkeypatch)


def test_a_loop_leaves_an_ordinary_run_folder(own_folders, capsys):
    with tuiml.watch(StubModule(), name="My net") as run:
        assert capsys.readouterr().err == "tuiml.watch: recording; 'tuiml My-net' shows it\n"
        assert run.path == own_folders / "runs" / "My-net"
        assert is_held(run.path)
        assert writer_of(run.path) == f"process {os.getpid()}"
        for loss in (1.0, 0.5, 0.25):
            run.step(loss=loss, accuracy=0.5, penalty=2.0)
        run.epoch(val_loss=0.75, val_f1=0.5)
        run.step(loss=0.125)
        run.epoch(val_loss=1.75)
    assert not is_held(run.path)
    assert is_watched(run.path)
    assert [module.name for module in read_model(run.path).modules] == ["a", "b"]
    found = events(run.path)
    assert [event.event for event in found if event.event not in ("batch", "scalars", "snapshot")] == [
        *("start", "epoch", "epoch", "end")
    ]
    start, end = found[0], found[-1]
    assert (start.backend, start.parameters, start.epochs, start.steps) == ("stub", 12, 0, 0)
    assert (end.reason, end.step, end.epochs, end.best_epoch) == ("completed", 4, 2, 1)
    first, second = events(run.path, "epoch")
    assert first.train_loss == pytest.approx((1.0 + 0.5 + 0.25) / 3)
    assert (first.val_loss, first.learning_rate, second.train_loss) == (0.75, 0.5, 0.125)
    named = [event.values for event in events(run.path, "scalars")]
    assert {"penalty": 2.0} in named
    assert {"val_f1": 0.5} in named


def test_lines_about_steps_have_the_means_since_the_last_one():
    clock = Clock()
    run = WatchedRun(Models(StubModule()), "net", clock)
    for loss in (8.0, 1.0, 3.0):
        run.step(loss=loss, examples=10)
        clock.now += 0.2 if loss == 1.0 else 0.01
    clock.now += 1
    run.step(loss=5.0, examples=10)
    run.close()
    found = events(run.path, "batch")
    assert [(event.step, event.train_loss) for event in found] == [(1, 8.0), (3, 2.0), (4, 5.0)]
    assert found[1].examples_per_second == pytest.approx(20 / 0.21)


def test_statistics_of_a_step_are_those_of_the_adapter():
    run = tuiml.watch(StubModule())
    run.step()
    run.step()
    run.close()
    found = layers(run.path)
    assert found["a"].gradient_norm == 5.0
    assert found["a"].update_ratio == pytest.approx(-3.0)
    assert found["b"].dead == 0.5
    assert found["b"].zeros == 0.5
    assert found["a"].weights.total == 3


def test_snapshots_take_two_percent_of_the_time(monkeypatch):
    monkeypatch.setattr(RunFolder, "takes_snapshot", True)
    clock, model = Clock(), StubModule()
    spent = []

    def cost():
        clock.now += 0.05
        spent.append(0.05)

    model.cost = cost
    run = WatchedRun(Models(model), "net", clock)
    began = clock.now
    for _ in range(20_000):
        clock.now += 0.01
        run.step(loss=1.0)
    run.close()
    assert 0.005 < sum(spent) / (clock.now - began) < 0.02


def test_what_a_framework_compiles_makes_no_snapshot_rarer(monkeypatch):
    monkeypatch.setattr(RunFolder, "takes_snapshot", True)
    clock, model = Clock(), StubModule()
    models = Models(model)

    def cost():
        models.first.once = 0.0 if model.log.count("measure") > 1 else 30.0
        clock.now += models.first.once + 0.001

    model.cost = cost
    run = WatchedRun(models, "net", clock)
    for _ in range(1000):
        clock.now += 0.01
        run.step(loss=1.0)
    run.close()
    assert model.log.count("measure") > 5  # in ten seconds and those of compiling


def test_a_slow_disk_takes_no_more_of_the_time(monkeypatch):
    monkeypatch.setattr(RunFolder, "takes_snapshot", True)
    clock, model = Clock(), StubModule()
    run = WatchedRun(Models(model), "net", clock)
    record, spent = run._writer.record, []

    def slow(event):
        clock.now += 0.02
        spent.append(0.02)
        record(event)

    monkeypatch.setattr(run._writer, "record", slow)
    began = clock.now
    for _ in range(20_000):
        clock.now += 0.01
        run.step(loss=1.0)
    assert 0.005 < sum(spent) / (clock.now - began) < 0.015
    assert model.log.count("measure") > 40
    run.close()


def test_a_step_that_was_skipped_is_measured_at_the_next():
    model = StubModule()
    model.skips = 1
    run = tuiml.watch(model)
    for _ in range(3):
        run.step()
    run.close()
    assert [event.step for event in events(run.path, "snapshot")] == [3]


@pytest.mark.parametrize("where", ["arming", "hook"])
def test_a_fault_of_tuiml_is_said_once_and_never_reaches_the_loop(where, capsys):
    model = StubModule()
    setattr(model, where, ZeroDivisionError("oh no"))
    run = tuiml.watch(model)
    for _ in range(5):
        run.step(loss=1.0)
    run.epoch()
    run.close()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 2  # and where it is recorded
    assert "ZeroDivisionError: oh no; training goes on without it" in said.err
    assert events(run.path, "notice")[0].text == "recording has ended: ZeroDivisionError: oh no"
    assert model.log.count("close") == 1
    assert not is_held(run.path)


def test_a_number_that_is_none_is_a_fault_of_the_loop_that_is_said(capsys):
    run = tuiml.watch(StubModule())
    run.step(loss="high")
    assert "could not convert string" in capsys.readouterr().err


def test_ctrl_c_passes_through_and_ends_the_run_as_stopped():
    model = StubModule()
    model.arming = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt), tuiml.watch(model) as run:
        run.step()
    assert events(run.path)[-1].reason == "stopped"


def test_an_error_of_the_loop_is_the_runs_last_word():
    with pytest.raises(ValueError, match="mine"), tuiml.watch(StubModule()) as run:
        raise ValueError("mine")
    end = events(run.path)[-1]
    assert (end.reason, end.message) == ("stopped", "ValueError: mine")


def test_a_loss_that_is_not_finite_at_the_end_is_divergence():
    with tuiml.watch(StubModule()) as run:
        run.step(loss=float("nan"))
    assert events(run.path)[-1].reason == "diverged"


def test_a_full_disk_is_said_once_and_what_waited_is_written_later(monkeypatch, capsys):
    clock = Clock()
    run = WatchedRun(Models(StubModule()), "net", clock)
    flush = Metrics.flush

    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Metrics, "flush", full)
    for loss in (3.0, 2.0, 1.0):
        clock.now += 1
        run.step(loss=loss)
    monkeypatch.setattr(Metrics, "flush", flush)
    clock.now += 1
    run.step(loss=0.5)
    run.close()
    assert capsys.readouterr().err.count("No space left on device; training goes on") == 1
    assert [event.train_loss for event in events(run.path, "batch")] == [3.0, 2.0, 1.0, 0.5]
    assert events(run.path, "notice")[0].about == "saving"


def test_without_a_place_to_write_training_goes_on(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TUIML_HOME", str(tmp_path / "file"))
    run = tuiml.watch(StubModule())
    run.step(loss=1.0)
    run.close()
    assert run.path is None
    assert "nothing is recorded: cannot write in" in capsys.readouterr().err


def test_the_same_name_again_is_another_run():
    paths = []
    for _ in range(3):
        with tuiml.watch(StubModule(), name="net") as run:
            paths.append(run.path.name)
    assert paths[0] == "net"
    assert len(set(paths)) == 3
    assert all(name.startswith("net-") for name in paths[1:])


@pytest.mark.parametrize("model", [3, None, [], {}, {"a": 3}, object()])
def test_what_is_no_model_is_refused_and_nothing_is_written(model, own_folders):
    with pytest.raises(TypeError, match=r"tuiml\.watch takes a model"):
        tuiml.watch(model)
    assert not (own_folders / "runs").exists()


@pytest.mark.parametrize("name", VARIABLES)
def test_only_the_first_of_several_processes_writes(name, monkeypatch, own_folders):
    monkeypatch.setenv(name, "1")
    model = StubModule()
    run = tuiml.watch(model)
    run.step(loss=1.0)
    run.close()
    assert run.path is None
    assert model.log == ["close"]
    monkeypatch.setenv(name, "0")
    with tuiml.watch(model) as run:
        assert run.path is not None


def test_the_framework_tells_the_rank_too():
    model = StubModule()
    model.rank = 3
    assert tuiml.watch(model).path is None


PROGRAM = """
import sys
import tuiml
from tests.watch.stub import StubModule
from tuiml.watch import frameworks
frameworks.FRAMEWORKS["stubframework"] = ("tests.watch.stub", "Stub")
run = tuiml.watch(StubModule(), name="net")
run.step(loss=1.0)
{end}
"""


@pytest.mark.parametrize(
    ("end", "reason", "message"),
    [
        ("", "completed", ""),
        ("sys.exit(3)", "completed", ""),
        ("raise KeyboardInterrupt", "stopped", ""),
        ("raise ValueError('mine')", "stopped", "ValueError: mine"),
    ],
)
def test_a_process_that_ends_without_close_ends_the_run(end, reason, message, own_folders):
    subprocess.run([sys.executable, "-c", PROGRAM.format(end=end)], cwd=ROOT, capture_output=True)
    found = events(own_folders / "runs" / "net")[-1]
    assert (found.event, found.reason, found.message) == ("end", reason, message)


FORK = """
if not (child := __import__("os").fork()):
    run.step(loss=2.0)
    run.close()
    sys.exit()
__import__("os").waitpid(child, 0)
run.step(loss=3.0)
run.close()
"""


def test_a_forked_child_neither_writes_nor_ends_the_run(own_folders):
    subprocess.run([sys.executable, "-c", PROGRAM.format(end=FORK)], cwd=ROOT, check=True)
    path = own_folders / "runs" / "net"
    assert [event.train_loss for event in events(path, "batch")] == [1.0, 3.0]
    assert [event.event for event in events(path)].count("end") == 1
    assert not is_held(path)


def test_importing_tuiml_imports_neither_numpy_nor_a_framework():
    frameworks = "assert not {'torch', 'keras', 'jax', 'mlx', 'flax'} & set(sys.modules)"
    for program in (
        "import sys, tuiml; assert not {'numpy', 'pydantic'} & set(sys.modules)",
        f"import sys, tuiml; tuiml.watch.WatchedRun; {frameworks}",
        f"import sys, tuiml.watch; {frameworks}",
    ):
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_each_of_several_models_is_a_module_of_its_own():
    with tuiml.watch({"g": StubModule(), "c.1": StubModule()}) as run:
        run.step()
        run.step()
    assert list(layers(run.path)) == ["g", "g.a", "g.b", "c_1", "c_1.a", "c_1.b"]
    assert modules(run.path)["c_1"].type == "StubModule"
    assert [model.name for model in read_model(run.path).models] == ["g", "c_1"]
    assert events(run.path, "start")[0].parameters == 24


@pytest.mark.parametrize("blocks", [600, 1200])
def test_snapshots_of_thousands_of_modules_are_short_enough_to_be_read(blocks):
    model = StubModule()
    model.blocks = blocks
    with tuiml.watch(model) as run:
        run.step()
        run.step()
    count = min(10 * blocks, MOST_MODULES)
    found = layers(run.path)
    assert len(found) == count
    last = found["block99.9"]
    assert (last.weights is None, last.biases) == (blocks > 600, None), "some histograms are left out"
    assert last.gradient_norm > 0
    assert last.saturated == 0.0123456789012345
    limits = " ".join(read_model(run.path).limits)
    assert "histograms of biases" in limits
    assert ("only the first 10,000 of 12,000 modules are shown" in limits) == (blocks > 1000)
