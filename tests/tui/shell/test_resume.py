"""Going on with a run from the app, and following one that another process trains."""

import dataclasses
import json
import os
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from tests import helpers
from tests.tui import files_on_disk
from tests.tui.bench import Bench
from tests.tui.recorded_events import batch, end, epoch, layer, start
from tuiml.runs.folder import METRICS, RunFolder
from tuiml.runs.tail import Tail
from tuiml.runs.writer import is_held
from tuiml.spec.toml import loads
from tuiml.training.events import Intervention
from tuiml.tui.library.screen import Library
from tuiml.tui.model import past_run, settings
from tuiml.tui.model.run_model import RunModel, events_in
from tuiml.tui.model.settings import Settings, TrainView
from tuiml.tui.process import follower
from tuiml.tui.process.child import TrainingProcessEnded
from tuiml.tui.process.exit_reason import MemoryWatch, cause, killed_for_memory
from tuiml.tui.shell.resume import NumberDialog
from tuiml.tui.widgets.dialogs import ConfirmDialog

pytestmark = pytest.mark.usefixtures("quick")
STEERING = {"resume", "step", "stop", "rate_down", "rate_up", "rate_type"}


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Followers look as often as they can."""
    monkeypatch.setattr(follower, "OFTEN", 0.01)
    monkeypatch.setattr(follower, "RARELY", 0.01)


class RunBench(Bench):
    @property
    def went_on(self):
        return [asked[1:] for asked in self.client.asked if asked[0] == "resume_run"]


@asynccontextmanager
async def bench(run=None, *, size=(120, 40), left=None):
    async with RunBench.opened(settings=left, run=run, size=size) as on:
        if run or (left and left.run):
            await on.until(lambda: on.model.status != "empty")
            await on.drawn()
        yield on


def checkpoint(path, step):
    """Of a checkpoint only the name is looked at here."""
    (path / f"checkpoint-{step}.safetensors").touch()


# -- asking ------------------------------------------------------------------------------------------------


async def test_a_run_that_was_cut_off_says_where_and_goes_on_from_there():
    path = files_on_disk.run(epochs=3, reason=None)
    checkpoint(path, 100)
    async with bench(left=Settings(screen="train", run=str(path)), size=(80, 24)) as on:
        assert "interrupted at epoch 3 of 3, step 129; g resumes it from step 100" in on.train.status.text
        assert "resume" in on.keys
        await on.press("g")
        assert on.went_on == [(str(path), [])]
        assert on.model.status == "loading"
        assert len(on.model.loss.validation) == 3, "everything stays"
        await on.until(lambda: "resume" not in on.keys)


async def test_of_a_run_that_is_done_it_is_asked_for_how_many_more_epochs():
    path = files_on_disk.run(epochs=3)
    async with bench(path) as on:
        assert on.app.screen_name == "train"
        await on.press("g")
        assert isinstance(on.app.screen, NumberDialog)
        field = on.app.screen.query_one(Input)
        assert field.value == "1"
        for wrong in ("", "0", "-1", "x", "1.5", "9" * 12):
            field.value = wrong
            await on.press("enter")
            assert isinstance(on.app.screen, NumberDialog), wrong
        field.value = "5"
        await on.press("enter")
        assert on.went_on == [(str(path), ["training.epochs=8"])]
        again = dataclasses.replace(start(8, 8 * 43, step=129), run="first", path=str(path))
        on.app.client.report(again)
        await on.until(lambda: on.model.status == "running")
        assert on.model.preset.training.epochs == 8
        assert on.model.epochs_planned == 8


async def test_escape_leaves_everything_as_it_is():
    async with bench(files_on_disk.run()) as on:
        await on.press("g", "escape")
        assert on.went_on == []
        assert on.model.status == "completed"


async def test_a_run_that_diverged_goes_on_at_a_smaller_rate():
    async with bench(files_on_disk.run(reason="diverged")) as on:
        await on.press("g")
        field = on.app.screen.query_one(Input)
        assert field.value == "0.005"
        field.value = "-1"
        await on.press("enter")
        assert on.went_on == []
        field.value = "0.002"
        await on.press("enter")
        assert on.went_on[0][1] == ["training.learning_rate=0.002"]


async def test_a_run_that_stopped_early_goes_on_without():
    async with bench(files_on_disk.run(reason="early_stopped")) as on:
        await on.press("g")
        assert isinstance(on.app.screen, ConfirmDialog)
        await on.press("y")
        assert on.went_on[0][1] == ["training.early_stopping=never"]


async def test_g_in_the_library_goes_on_with_the_run_under_the_cursor():
    path = files_on_disk.run(reason="stopped")
    async with bench() as on:
        await on.press("3", "end")
        library = on.app.query_one(Library)
        await on.until(lambda: library.item is not None and library.item.run is not None)
        assert "item_resume" in on.keys
        await on.press("g")
        await on.until(lambda: on.went_on)
        assert on.went_on == [(str(path), [])]
        assert on.app.screen_name == "train"


async def test_what_is_refused_is_said_and_all_is_as_it_was():
    path = files_on_disk.run(reason="stopped")
    async with bench(path) as on:
        await on.press("g")
        on.app.client.active = False
        on.app.post_message(
            TrainingProcessEnded("the run 'first' is going on in another process; stop it there first")
        )
        await on.until(lambda: on.complaints)
        assert "going on in another process" in on.complaints[0]
        assert on.model.status == "stopped"
        assert len(on.complaints) == 1


async def test_a_run_that_is_trained_elsewhere_is_not_gone_on_with():
    path = files_on_disk.run(reason="stopped")
    async with bench(path) as on:
        held = RunFolder.reopen(path)
        await on.press("g")
        assert on.went_on == []
        assert on.complaints == [f"first is being trained by process {os.getpid()}: it is only followed here"]
        held.close()


async def test_curves_go_on_without_a_gap_or_a_point_twice():
    run = RunModel()
    run.begin(helpers.document())
    sent = [
        start(),
        *(batch(1 + (s - 1) // 10, s, 1 / s) for s in range(2, 27, 2)),
        epoch(1, 10, 0.5, 0.5),
    ]
    run.feed([*sent, epoch(2, 20, 0.3, 0.3)])
    run.fail("gone")
    run.resume()
    assert (run.status, run.resuming, len(run.loss.raw)) == ("loading", True, 13)
    run.feed([start(step=16)])
    assert (run.step, run.epoch, run.status) == (16, 2, "running")
    assert [e.epoch for e in run.epochs] == [1]
    assert run.best.epoch == 1
    run.feed(batch(1 + (s - 1) // 10, s, 1 / s) for s in range(18, 41, 2))
    for series in (run.loss.raw, run.loss.train):
        assert series.points()[0].tolist() == pytest.approx([0.1 + 0.2 * n for n in range(20)])
    assert run.loss.raw.points()[1].tolist() == pytest.approx([1 / s for s in range(2, 41, 2)])


async def test_what_a_rewind_undid_is_there_again_if_the_power_failed_before_that_was_saved():
    hand = Writer("back")
    rewind = Intervention(1, 40, 2, "rewind", 10, 1.0, 40, 8, 0.1)
    done = [event for n in range(1, 4) for event in (batch(n, 10 * n, 1 / n), epoch(n, 10 * n, 1 / n, 1 / n))]
    hand.report(start(), *done, rewind, batch(2, 15, 0.6))
    hand.folder.close()
    async with bench(left=Settings(screen="train", run=str(hand.path))) as on:
        assert [e.epoch for e in on.model.epochs] == [1]
        assert [mark.label for mark in on.model.interventions.marks] == ["back 2"]
        await on.press("g")
        folder = RunFolder.reopen(hand.path)
        folder.rewind(30, epoch=4, interventions=0)  # the newest checkpoint is of before it went back
        resumed = dataclasses.replace(start(step=30), run="back", path=str(hand.path))
        for event in (resumed, batch(4, 35, 0.2)):
            folder.record(event.to_json())
        await on.report(resumed, batch(4, 35, 0.2))
        folder.close()
        found = past_run.load_run(hand.path)
        assert [e.epoch for e in found.epochs] == [e.epoch for e in on.model.epochs] == [1, 2, 3]
        assert not on.model.interventions.marks
        assert (on.model.step, on.model.status, on.model.followed) == (35, "running", False)
        for shown, there in ((on.model.loss, found.loss), (on.model.accuracy, found.accuracy)):
            assert shown.raw.points()[0].tolist() == there.raw.points()[0].tolist()
            assert shown.validation.points()[0].tolist() == there.validation.points()[0].tolist()
            assert not shown.branches


async def test_other_conditions_are_reported():
    run = RunModel()
    run.begin(helpers.document())
    run.feed([start(note="goes on under other conditions: threads 2 before, now 1")])
    assert list(run.notices.values()) == ["goes on under other conditions: threads 2 before, now 1"]


# -- the training process dies -----------------------------------------------------------------------------


async def test_a_training_process_that_dies_leaves_everything_and_offers_its_checkpoint():
    path = files_on_disk.run(reason="stopped")
    async with bench(path, size=(80, 24)) as on:
        await on.press("g")
        on.app.client.report(start(3, 129, step=43))
        on.app.client.report(dataclasses.replace(start(3, 129, step=43), path=str(path)), batch(2, 60, 1.0))
        await on.until(lambda: on.model.step == 60)
        on.app.client.active = False
        checkpoint(path, 86)
        on.app.post_message(TrainingProcessEnded("the training process was killed by signal 9 (SIGKILL)"))
        await on.until(lambda: on.model.status == "failed")
        said = " ".join(on.train.status.text.split())
        assert "newest checkpoint is of epoch 2, step 86; g resumes it" in said
        assert len(on.model.loss.raw) == 2
        assert on.app.client.path == str(path), "what it learned is asked of the checkpoint"
        await on.press("g")
        assert len(on.went_on) == 2


@pytest.mark.parametrize(
    ("code", "line", "for_memory", "words"),
    [
        (-9, "", True, "killed by signal 9 (SIGKILL): memory ran out"),
        (-9, "", False, "killed by signal 9 (SIGKILL); perhaps memory ran out"),
        (-9, "", None, "killed by signal 9 (SIGKILL); perhaps memory ran out"),
        (-11, "", None, "killed by signal 11 (SIGSEGV): it crashed"),
        (-15, "", None, "killed by signal 15 (SIGTERM)"),
        (-99, "", None, "killed by signal 99"),
        (1, "MemoryError: 7 GB", None, "memory ran out: it ended unasked (exit code 1): MemoryError: 7 GB"),
        (3, "", None, "it ended unasked (exit code 3)"),
    ],
)
def test_why_a_process_is_gone(code, line, for_memory, words):
    assert cause(code, line, "it", for_memory).endswith(words)


def test_what_the_kernel_killed_for_memory_is_counted(tmp_path):
    own = tmp_path / "cgroup"
    for kind, text, name in (
        ("0::/a/b", "low 0\noom 1\noom_kill 3\n", "a/b/memory.events"),
        ("4:memory:/job\n0::/", "under_oom 0\noom_kill 2\n", "memory/job/memory.oom_control"),
        ("4:memory:/elsewhere", "oom_kill 5\n", "memory/memory.oom_control"),  # as inside a container
    ):
        root = tmp_path / text.split()[-1]
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text)
        own.write_text(kind + "\n")
        assert killed_for_memory(own, root) == int(text.split()[-1])
    assert killed_for_memory(tmp_path / "none", tmp_path) is None
    own.write_text("nonsense:x\n0::/gone")
    assert killed_for_memory(tmp_path / "none", tmp_path) is None


def test_a_kill_of_long_ago_is_not_taken_for_ours():
    count, now = 0, 0.0
    watch = MemoryWatch(lambda: count, lambda: now)
    count, now = 1, 5.0  # another process, while ours went on
    watch.measure()
    assert watch.rose() is False
    count = 2
    assert watch.rose() is True
    assert MemoryWatch(lambda: None).rose() is None


# -- following ---------------------------------------------------------------------------------------------


class Writer:
    """Another process's hand in a run's folder: it holds the lock as one would."""

    def __init__(self, name="far"):
        self.preset = helpers.preset(training={"epochs": 4})
        self.folder = RunFolder.create(self.preset, name)
        self.path = self.folder.path

    def report(self, *events):
        for event in events:
            if event.event in ("start", "end"):
                event = dataclasses.replace(event, run=self.path.name, path=str(self.path))
            self.folder.record(event.to_json())


@pytest.fixture
def writer():
    found = Writer()
    found.report(start(), batch(1, 5, 2.0), batch(1, 10, 1.0, seconds=2.0), epoch(1, 10, 1.5, 1.4))
    yield found
    found.folder.close()


async def test_a_run_that_another_process_trains_is_followed_to_its_end(writer):
    async with bench(writer.path) as on:
        await on.until(lambda: f"followed: trained by process {os.getpid()}" in on.train.status.text)
        assert not STEERING & set(on.keys)
        assert "start_pause" not in on.keys
        assert (on.model.status, on.model.step, len(on.model.loss.raw)) == ("running", 10, 2)
        writer.report(batch(2, 15, 0.9, seconds=3.0), batch(2, 20, 0.8, seconds=4.0), epoch(2, 20, 0.85, 0.9))
        await on.until(lambda: on.model.step == 20)
        assert len(on.model.loss.raw) == 4
        writer.report(end())
        writer.folder.close()
        await on.until(lambda: on.model.status == "completed")
        await on.until(lambda: "followed" not in on.train.status.text)
        assert "resume" in on.keys


async def test_the_keys_that_would_steer_it_say_why_they_do_not(writer):
    async with bench(writer.path) as on:
        for key in ("s", "full_stop", "left_square_bracket", "l", "g", "ctrl+r"):
            on.app.say("")
            await on.press(key)
            assert "only followed here" in str(on.app.query_one("#top").text), key
        assert [asked for asked in on.app.client.asked if asked != "inspect_again"] == []
        assert on.model.followed


async def test_a_writer_that_is_killed_leaves_an_interrupted_run(writer):
    async with bench(writer.path) as on:
        os.close(writer.folder._lock)  # as the system does it
        writer.folder._lock = -1
        await on.until(lambda: on.model.status == "interrupted")
        words = "interrupted at epoch 1 of 4, step 10; g resumes it"
        await on.until(lambda: words in on.train.status.text)


async def test_a_run_that_somebody_goes_on_with_elsewhere_is_followed_from_then_on():
    """Its file is cut at the checkpoint, and soon longer than it was."""
    first = Writer("again")
    first.report(start(), *(batch(1, n, 1.0, seconds=n) for n in range(1, 9)), end("stopped"))
    first.folder.close()
    async with bench(first.path) as on:
        assert (on.model.status, len(on.model.loss.raw)) == ("stopped", 8)
        first.folder = RunFolder.reopen(first.path)
        await on.pilot.pause()
        assert not on.model.followed, "nothing was done to it yet"
        first.folder.rewind(4)
        first.report(start(step=4), *(batch(1, n, 0.5, seconds=n) for n in range(5, 12)))
        await on.until(lambda: on.model.followed and on.model.step == 11)
        assert on.model.loss.raw.points()[1].tolist() == [1.0] * 4 + [0.5] * 7
        first.folder.close()


async def test_a_followed_run_that_is_deleted_or_renamed_says_so(writer):
    async with bench(writer.path) as on:
        writer.path.rename(writer.path.with_name("elsewhere"))
        await on.until(lambda: on.model.folder_gone)
        await on.until(lambda: "its folder is gone: it was renamed or deleted" in on.train.status.text)
        assert on.model.status == "interrupted"
        assert "resume" not in on.keys
        await on.press("g")
        assert on.went_on == []


async def test_that_a_past_runs_folder_is_gone_is_said_before_how_it_ended():
    path = files_on_disk.run()
    async with bench(path, size=(80, 24)) as on:
        path.rename(path.with_name("elsewhere"))
        await on.until(lambda: "its folder is gone: it was renamed or deleted" in on.train.status.text)
        assert (on.model.folder_gone, on.model.status) == (True, "completed")


async def test_opening_something_else_or_leaving_stops_nothing(writer):
    other = files_on_disk.run("other")
    async with bench(writer.path) as on:
        follower = on.app.current_run.follower
        await on.press("3", "end")
        library = on.app.query_one(Library)
        await on.until(lambda: bool(library.items))
        library.opener.open_run(next(item for item in library.items if item.path == other))
        await on.until(lambda: on.model.name == "other")
        assert follower._over.is_set()
        writer.report(batch(2, 30, 0.1, seconds=9.0))
        assert on.model.step == 129
    assert is_held(writer.path)


async def test_another_checkpoint_is_asked_what_it_learned(writer):
    async with bench(writer.path) as on:
        assert "inspect_again" not in on.app.client.asked
        checkpoint(writer.path, 10)
        await on.until(lambda: "inspect_again" in on.app.client.asked)
        on.model.inspection_failed("this run has no sound checkpoint to look into")
        on.app.client.path = ""
        checkpoint(writer.path, 20)
        await on.until(lambda: on.app.client.path == str(writer.path))
        assert on.model.inspection_problem == ""


async def test_a_run_starts_from_build_while_another_is_followed(writer):
    async with bench(writer.path) as on:
        await on.press("1", "ctrl+r")
        await on.until(lambda: on.app.client.active)
        assert on.app.current_run.follower is None
        assert not on.model.followed


# -- what the screen showed --------------------------------------------------------------------------------


async def test_what_train_looked_at_comes_back():
    path = files_on_disk.run(of="mnist-relu-10", reason="stopped")
    async with bench(path) as on:
        await on.press("down", "down", "down", "v", "v", "o", "c", "X")
        charts, seen = on.train.charts.chosen, on.train.view_state
        assert (seen.layer, seen.kind, seen.log, seen.axis) == (4, "gradients", True, "step")
        await on.press("ctrl+q")
    found = settings.load()
    assert found.train_view == seen
    async with bench(left=found) as on:
        await on.until(lambda: on.train.table.cursor == 4)
        assert on.train.charts.chosen == charts
        assert on.train.view_state == seen
        assert on.train.selection.index == 4
        assert on.app.screen_name == "train"


@pytest.mark.parametrize(
    "hostile",
    [
        None, 3, [], {"layer": "3"}, {"layer": True}, {"layer": -7}, {"layer": 10**30}, {"layer": 1.5},
        {"kind": ["x"]}, {"kind": "[@click=app.quit]\x1b[31m", "log": "yes", "large": 1}, {"scroll": -1},
        {"axis": 3}, {"axis": ["step"]},
    ],
)  # fmt: skip
async def test_hostile_settings_of_train_are_left_out(hostile):
    path = files_on_disk.run(reason="stopped")
    left = {"version": 1, "place": "train", "run": str(path), "seen": hostile}
    settings.state_path().parent.mkdir(parents=True, exist_ok=True)
    settings.state_path().write_text(json.dumps(left))
    found = settings.load()
    assert dataclasses.replace(found.train_view, kind="") == TrainView()
    async with bench(left=found) as on:
        await on.until(lambda: on.model.status == "stopped")
        assert on.train.selection.kind == "activations"
        assert on.train.table.cursor == 1


def test_a_run_read_back_has_the_curves_it_had():
    """At the start line for line; of more snapshots than are stored, only the stored ones are read."""
    hand = Writer("whole")
    sent = [start(steps=400)]
    for n in range(1, 400):
        sent += [batch(1 + n // 100, n, 1 / n, seconds=0.2 * n), _picture(n)]
    live = RunModel()
    live.begin(hand.preset.document())
    for event in sent:
        hand.folder._next_snapshot = 0.0
        hand.report(event)
        live.feed([event])
    hand.folder.close()
    past = past_run.load_run(hand.path)
    assert past.history.steps == live.history.steps
    xs, ys = past.loss.raw.points()
    assert 150 < len(xs) <= 300
    assert xs[:100].tolist() == live.loss.raw.points()[0][:100].tolist()
    assert ys[:100].tolist() == live.loss.raw.points()[1][:100].tolist()
    assert ys[100:].tolist() == pytest.approx((1 / (100 * xs[100:])).tolist(), rel=0.02)
    assert loads((hand.path / "preset.toml").read_text()) == past.document


def _picture(step):
    from tuiml.training.events import Snapshot

    return Snapshot(1, step, (layer(),))


def test_a_stream_of_pictures_that_begins_while_it_is_read_is_not_lost():
    hand = Writer("young")
    hand.report(start())
    tail = Tail(hand.path)
    model = past_run.load_run(hand.path, tail=tail)
    assert model.snapshot is None
    hand.report(_picture(1))
    assert [e.event for e in events_in(tail.read())] == ["snapshot"]
    hand.folder.close()
    assert (Path(hand.path) / METRICS).exists()
