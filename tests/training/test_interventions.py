"""Going back to earlier points of a run, changing it in its course, and doing it again from its folder."""

import contextlib
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

from tests import helpers
from tests.helpers import preset, run_parts, surviving
from tuiml.nn.optimizers import optimizers
from tuiml.runs import (
    checkpoint_policy,
    checkpoints,
    folder,
    library,
    memory_estimate,
    metrics,
    replay,
    run,
    session,
)
from tuiml.runs.errors import RunError
from tuiml.spec import network_of
from tuiml.training import run_state
from tuiml.training.events import End, Epoch, Intervention, Notice, Progress, Snapshot, State
from tuiml.training.interventions import Change, at_first, between, in_force, read_changes
from tuiml.training.restore_points import RestorePoint, RestorePoints
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import Position, ScheduleState

NOISY = [
    {"type": "dense", "units": 7, "activation": "rrelu"},
    {"type": "dropout", "rate": 0.3},
    {"type": "batch_norm"},
    {"type": "dense", "activation": "softmax"},
]
STEPS = 4  # batches of 16 in an epoch of 60 examples: the last one has 12


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TUIML_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def moments_whatever_they_cost(monkeypatch):
    """A restore point is stored at the start of every epoch: these take no time to speak of."""
    monkeypatch.setattr(run_state, "RESTORE_POINTS", 1e9)


def noisy(**training):
    usual = {"epochs": 6, "optimizer": "nadam", "learning_rate": 0.02, "seed": 5}
    return preset(NOISY, usual | training)


def trainer_of(chosen, **options):
    return helpers.trainer_of(chosen, *run_parts(chosen), **options)


def drive(events, control, act):
    """All events of a run; ``act`` is called with each event and may use the control."""
    reported = []
    for event in events:
        reported.append(event)
        act(event)
    return reported


def state_of(trainer):
    return {name: values.tobytes() for name, values in trainer.engine.state().items()}


def paused(event):
    return isinstance(event, State) and event.state == "paused"


# -- going back ----------------------------------------------------------------------------------------


def states_by_step(chosen):
    """The bits after every step of a run that nobody disturbs."""
    trainer, found = trainer_of(chosen), {}
    control = trainer.control
    control.pause()
    for event in trainer.events():
        if paused(event):
            found[trainer.engine.step_number] = state_of(trainer)
            control.step()
    found[trainer.engine.step_number] = state_of(trainer)
    return found


def test_going_back_restores_the_bits_and_going_on_repeats_them():
    chosen = noisy()
    whole = states_by_step(chosen)
    trainer = trainer_of(chosen)
    control, seen = trainer.control, []
    went = iter([3 * STEPS, STEPS, 2 * STEPS + 3])

    def act(event):
        if isinstance(event, Epoch) and event.epoch == 4 and not seen:
            control.pause()
        if isinstance(event, Intervention):
            step = trainer.engine.step_number
            assert step == event.value == trainer.state.position.step
            assert state_of(trainer) == whole[step]
            seen.append(step)
        if paused(event):
            assert state_of(trainer) == whole[trainer.engine.step_number]
            step = next(went, None)
            if step is None:
                control.resume()
            else:
                control.rewind(step)

    reported = drive(trainer.events(), control, act)
    assert seen == [3 * STEPS, STEPS, STEPS]  # the last one is the nearest kept before
    assert state_of(trainer) == whole[6 * STEPS]
    assert reported[-1].reason == "completed"
    assert reported[-1].epochs == 6
    assert [e.epoch for e in reported if isinstance(e, Epoch)] == [1, 2, 3, 4, 2, 3, 4, 5, 6]


def test_a_moment_in_the_midst_of_an_epoch_can_be_gone_back_to():
    chosen = noisy(epochs=3)
    whole = states_by_step(chosen)
    trainer = trainer_of(chosen)
    control, script = trainer.control, iter(["step", "step", "run", "back", "run"])

    def act(event):
        if isinstance(event, Epoch) and event.epoch == 1:
            control.pause()
        if isinstance(event, Epoch) and event.epoch == 2 and not moved:
            control.pause()
        if not paused(event):
            return
        what = next(script)
        if what == "step":
            control.step()
        elif what == "back":
            moved.append(trainer.state.position.step)
            control.rewind(STEPS + 2)
        else:
            control.resume()

    moved = []
    drive(trainer.events(), control, act)
    assert moved == [2 * STEPS]
    assert trainer.state.position.step == 3 * STEPS
    assert state_of(trainer) == whole[3 * STEPS]


def test_what_is_restored_is_all_that_the_course_depends_on():
    """Best epoch, early stopping and the schedule go on as if the steps between had never been."""
    stopping = {"name": "val_loss", "patience": 2, "restore_best": True}
    chosen = noisy(epochs=40, learning_rate=0.4, optimizer="sgd", schedule="cosine", early_stopping=stopping)
    plain = trainer_of(chosen)
    *_, end = plain.events()
    trainer = trainer_of(chosen)
    control, back = trainer.control, []

    def act(event):
        if isinstance(event, Epoch) and event.epoch == end.epochs - 1 and not back:
            control.rewind(STEPS)
            back.append(True)
        if paused(event):
            control.resume()

    *_, again = drive(trainer.events(), control, act)
    assert back
    assert end.reason == "early_stopped"
    assert (again.reason, again.epochs, again.step, again.best_epoch) == (
        end.reason, end.epochs, end.step, end.best_epoch
    )  # fmt: skip
    assert state_of(trainer) == state_of(plain)


def test_a_run_sent_back_to_the_end_of_an_epoch_reports_that_epoch_once():
    """Also one that was cut off when all batches of the epoch were done and its end was not reported."""
    first = trainer_of(noisy(), live=True)
    for event in first.events():
        if isinstance(event, Progress) and event.step == STEPS:
            break
    where, saved = first.state.position, first.engine.snapshot()
    assert (where.epoch, where.done) == (1, 60)
    network, data, engine = run_parts(noisy())
    engine.restore(saved)
    control = RunControl()
    again = helpers.trainer_of(noisy(), network, data, engine, control, position=where)
    epochs = []
    for event in again.events():
        if isinstance(event, Epoch):
            epochs.append(event.epoch)
            if epochs == [1, 2]:
                control.rewind(STEPS)
        if isinstance(event, State) and event.state == "paused":
            control.resume()
    assert epochs == [1, 2, 2, 3, 4, 5, 6]


def test_nothing_to_go_back_to_is_said():
    trainer = trainer_of(noisy(epochs=2), room=10)
    control = trainer.control

    def act(event):
        if isinstance(event, Epoch) and event.epoch == 1:
            control.rewind(0)
        if paused(event):
            control.resume()

    reported = drive(trainer.events(), control, act)
    notices = [e.text for e in reported if isinstance(e, Notice)]
    assert notices == ["there is no restore point in memory to go back to"]
    assert reported[-1].reason == "completed"
    assert not [e for e in reported if isinstance(e, Intervention)]


def test_a_watched_run_shows_the_layers_it_went_back_to():
    trainer = trainer_of(noisy(epochs=3), live=True)
    control, reported = trainer.control, []
    for event in trainer.events():
        reported.append(event)
        if isinstance(event, Epoch) and event.epoch == 2 and len(reported) < 1000:
            control.rewind(STEPS)
        if paused(event):
            control.stop()
    at = next(i for i, e in enumerate(reported) if isinstance(e, Intervention))
    assert isinstance(reported[at + 1], Snapshot)
    assert reported[at + 1].step == STEPS


# -- points in memory ---------------------------------------------------------------------------------


def point(step, size=10, best=None):
    where = Position(epoch=step // STEPS + 1, step=step, done=0)
    return RestorePoint(object(), where, size, noisy().training, best)


def test_moments_stay_within_their_room_and_keep_the_first_and_the_newest():
    points = RestorePoints(room=200)
    for step in range(0, 4000, STEPS):
        points.add(point(step))
        assert points.size <= 200
        steps = [m.position.step for m in points]
        assert steps[0] == 0
        assert steps[-1] == step
        assert steps == sorted(steps)
    gaps = np.diff([m.position.step for m in points])
    assert len(points) == 20
    assert gaps[-1] == STEPS
    assert gaps[0] > 50 * STEPS  # long ago few, of late many


def test_states_of_best_epochs_count_once():
    points = RestorePoints(room=1000)
    best = point(4)
    for step in (4, 8, 12, 16):
        points.add(point(step, best=best))
    assert points.size == 50


@pytest.mark.parametrize("room", [0, 9])
def test_where_there_is_no_room_nothing_is_kept(room):
    points = RestorePoints(room)
    points.add(point(0))
    points.add(point(4))
    assert list(points) == []
    assert points.nearest(4) is None


def test_with_room_for_one_the_beginning_stays():
    points = RestorePoints(room=15)
    for step in (0, 4, 8):
        points.add(point(step))
    assert [m.position.step for m in points] == [0]
    assert points.nearest(100).position.step == 0


def test_room_for_moments_is_an_eighth_of_what_is_free():
    chosen = preset()
    network = network_of(chosen)
    needed = memory_estimate.of_run(chosen, network)
    assert memory_estimate.for_restore_points(chosen, network, needed + 8_000_000) == 1_000_000
    assert memory_estimate.for_restore_points(chosen, network, needed - 1) == 0
    assert (
        memory_estimate.for_restore_points(chosen, network, 10**15) == memory_estimate.MOST_FOR_RESTORE_POINTS
    )
    assert 0 < memory_estimate.for_restore_points(chosen, network) <= memory_estimate.MOST_FOR_RESTORE_POINTS


# -- changing --------------------------------------------------------------------------------------------


def changed_at(chosen, step, *asked):
    """A trainer whose settings were changed after a step, and its events."""
    trainer = trainer_of(chosen)
    control, left = trainer.control, list(asked)
    control.pause()

    def act(event):
        if paused(event):
            if trainer.state.position.step < step:
                control.step()
            elif left:
                control.change(left.pop(0))
            else:
                control.resume()
        if isinstance(event, Notice) and event.text:
            control.resume()

    return trainer, drive(trainer.events(), control, act)


def test_another_optimizer_begins_at_zero_and_counts_its_own_steps():
    chosen = noisy(optimizer="sgd", learning_rate=0.1, epochs=2)
    trainer, _ = changed_at(chosen, 3, {"optimizer": "adam", "learning_rate": 0.01})
    *_, engine = run_parts(chosen)
    rows = [trainer.order(1)[i : i + 16] for i in range(0, 60, 16)]
    rows += [trainer.order(2)[i : i + 16] for i in range(0, 60, 16)]
    for batch in rows[:3]:
        engine.step(batch, 0.1)
    before = engine.tensors()
    engine.change(optimizers.read("adam"))
    assert all(not values.any() for name, values in engine.state().items() if "optimizer" in name)
    engine.step(rows[3], 0.01)
    # Adam's first step is the rate in every weight that has a gradient: its averages are corrected for.
    moved = np.abs(engine.tensors()["layers.0.weight"] - before["layers.0.weight"])
    np.testing.assert_allclose(moved.max(), 0.01, rtol=1e-3)
    for batch in rows[4:]:
        engine.step(batch, 0.01)
    assert {n: v.tobytes() for n, v in engine.state().items()} == state_of(trainer)


@pytest.mark.parametrize("name", optimizers.names())
def test_any_optimizer_takes_over_and_can_be_taken_back(name):
    chosen = noisy(optimizer="sgd", epochs=2)
    *_, engine = run_parts(chosen)
    first = engine.snapshot()
    start = {n: v.tobytes() for n, v in engine.state().items()}
    rows = np.arange(16)
    engine.step(rows, 0.01)
    middle = engine.snapshot()
    engine.change(optimizers.read(name))
    engine.step(rows, 0.01)
    after = {n: v.tobytes() for n, v in engine.state().items()}
    engine.restore(first)
    assert {n: v.tobytes() for n, v in engine.state().items()} == start
    engine.restore(middle)
    engine.change(optimizers.read(name))
    engine.step(rows, 0.01)
    assert {n: v.tobytes() for n, v in engine.state().items()} == after


def test_the_same_rule_keeps_its_averages_with_other_options():
    chosen = noisy(optimizer="adam")
    *_, engine = run_parts(chosen)
    for _ in range(50):
        engine.step(np.arange(16), 1e-4)
    old = engine.state()
    engine.change(optimizers.read({"name": "adam", "beta1": 0.99, "beta2": 0.9}))
    new = engine.state()
    assert engine.optimizer_start == 0
    name = "layers.0.weight"
    # the averages are (1 - beta) times the sums that are kept
    np.testing.assert_allclose(
        0.1 * old[f"optimizer.gradients.{name}"], 0.01 * new[f"optimizer.gradients.{name}"], rtol=1e-5
    )
    np.testing.assert_allclose(
        0.001 * old[f"optimizer.squares.{name}"], 0.1 * new[f"optimizer.squares.{name}"], rtol=1e-5
    )


def test_momentum_begins_at_zero_where_there_was_none():
    *_, engine = run_parts(noisy(optimizer="sgd"))
    engine.step(np.arange(16), 0.1)
    engine.change(optimizers.read({"name": "sgd", "momentum": 0.9}))
    state = engine.state()
    assert [n for n in state if n.startswith("optimizer.velocity")]
    assert all(not v.any() for n, v in state.items() if n.startswith("optimizer."))


def test_another_batch_size_cuts_the_rest_of_the_epoch_anew():
    chosen = noisy(optimizer="sgd", learning_rate=0.1, epochs=2, schedule="cosine")
    trainer, reported = changed_at(chosen, 2, {"batch_size": 10})
    *_, engine = run_parts(chosen)
    course, order = ScheduleState(trainer.state.training, 60, True), trainer.order(1)
    old = ScheduleState(chosen.training, 60, True)
    engine.step(order[:16], 0.1 * old.factor(1, 0))
    engine.step(order[16:32], 0.1 * old.factor(1, 16))
    for begin, end in ((32, 42), (42, 52), (52, 60)):
        engine.step(order[begin:end], 0.1 * course.factor(1, begin))
    for begin in range(0, 60, 10):
        engine.step(trainer.order(2)[begin : begin + 10], 0.1 * course.factor(2, begin))
    assert {n: v.tobytes() for n, v in engine.state().items()} == state_of(trainer)
    assert trainer.state.position.step == 2 + 3 + 6
    event = next(e for e in reported if isinstance(e, Intervention))
    assert (event.step, event.steps, event.what, event.value, event.batch_size) == (
        2, 11, "batch_size", 10, 10
    )  # fmt: skip
    assert event.epochs_done == pytest.approx(32 / 60)
    assert reported[-1].step == 11


@pytest.mark.parametrize(
    "schedule",
    ["cosine", "one_cycle", {"name": "exponential", "decay": 0.5}, {"name": "constant", "warmup": 3.0}],
)
def test_a_schedule_goes_on_smoothly_whatever_the_batch_size(schedule):
    examples = 6000
    big, small = (
        ScheduleState(noisy(epochs=10, batch_size=size, schedule=schedule).training, examples, True)
        for size in (50, 10)
    )
    for epoch, done in ((1, 3000), (3, 0), (5, 2525), (10, 5990)):
        assert big.factor(epoch, done) == pytest.approx(small.factor(epoch, done), abs=0.02)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"batch_size": 61}, "61 is more than the 60 training examples"),
        ({"batch_size": 59}, "needs 2 examples in a batch"),
        ({"batch_size": 0}, "0 is not allowed"),
        ({"optimizer": "nonsense"}, "nonsense"),
        ({"optimizer": {"name": "adam", "beta1": 2.0}}, "beta1"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"epochs": 3}, "only optimizer, batch_size and learning_rate"),
        ({"batch_size": 8, "optimizer": "nonsense"}, "nonsense"),
    ],
)
def test_what_cannot_be_had_is_refused_and_nothing_changes(asked, said):
    chosen = noisy(epochs=2)
    plain = trainer_of(chosen)
    list(plain.events())
    trainer, reported = changed_at(chosen, 2, asked)
    (notice,) = [e for e in reported if isinstance(e, Notice)]
    assert said in notice.text
    assert "\n" not in notice.text
    assert not [e for e in reported if isinstance(e, Intervention)]
    assert state_of(trainer) == state_of(plain)


def test_a_batch_size_that_leaves_the_epoch_one_example_is_refused():
    trainer, reported = changed_at(noisy(epochs=2), 2, {"batch_size": 27})  # 28 are left of the epoch
    (notice,) = [e for e in reported if isinstance(e, Notice)]
    assert "the last batch of this epoch would have 1" in notice.text
    assert trainer.state.training.batch_size == 16


def test_what_needs_too_much_memory_is_refused():
    def allow(training):
        if training.batch_size > 16:
            raise ValueError("needs about 400.0 GB")

    trainer = trainer_of(noisy(epochs=2), allow=allow)
    trainer.control.change({"batch_size": 20})
    reported = list(trainer.events())
    assert [e.text for e in reported if isinstance(e, Notice)] == ["not changed: needs about 400.0 GB"]
    assert trainer.state.training.batch_size == 16


def test_a_refusal_is_over_once_something_was_changed():
    _, reported = changed_at(noisy(epochs=2), 2, {"batch_size": 61}, {"batch_size": 12})
    assert [bool(e.text) for e in reported if isinstance(e, Notice)] == [True]
    trainer = trainer_of(noisy(epochs=2))
    trainer.control.change({"batch_size": 61})
    trainer.control.change({"batch_size": 12})
    reported = list(trainer.events())
    assert [bool(e.text) for e in reported if isinstance(e, Notice)] == [True, False]


def test_going_back_takes_changes_back():
    chosen = noisy(epochs=4)
    plain = trainer_of(chosen)
    list(plain.events())
    trainer = trainer_of(chosen)
    control, done = trainer.control, []

    def act(event):
        if isinstance(event, Epoch) and event.epoch == 2 and not done:
            done.append(event)
            control.change({"optimizer": "sgd", "batch_size": 20, "learning_rate": 0.5})
        if isinstance(event, Epoch) and event.epoch == 3 and len(done) == 1:
            done.append(event)
            assert trainer.state.training.batch_size == 20
            control.rewind(2 * STEPS)
        if paused(event):
            control.resume()

    drive(trainer.events(), control, act)
    assert len(done) == 2
    assert trainer.state.position.changes == ()
    assert trainer.state.position.interventions == 4
    assert state_of(trainer) == state_of(plain)


# -- on disk ---------------------------------------------------------------------------------------------


class Whim:
    """Somebody who pauses, steps, goes back and changes things, the same for the same seed."""

    ASKED = (
        {"learning_rate": 0.003},
        {"learning_rate": 0.05},
        {"batch_size": 7},
        {"batch_size": 20},
        {"batch_size": 25},
        {"optimizer": "adam", "learning_rate": 0.01},
        {"optimizer": {"name": "sgd", "momentum": 0.9}, "learning_rate": 0.05},
        {"optimizer": {"name": "nadam", "beta1": 0.8}},
        {"optimizer": "adagrad", "batch_size": 12, "learning_rate": 0.02},
    )

    def __init__(self, seed, most=12):
        self.random, self.left = random.Random(seed), most

    def act(self, control, event):
        if isinstance(event, Epoch) and self.left and self.random.random() < 0.5:
            control.pause()
        if not paused(event):
            return None
        self.left = max(0, self.left - 1)
        what = self.random.choice(["step", "step", "change", "change", "back", "go", "cut"])
        if not self.left or what == "go":
            control.resume()
        elif what == "step":
            control.step()
        elif what == "change":
            control.change(self.random.choice(self.ASKED))
        elif what == "back":
            control.rewind(self.random.randint(0, event.step))
        else:
            return "cut"
        return None


def play(events, control, whim):
    """Drive a run until its end, or until it is cut off; its events."""
    reported = []
    with contextlib.closing(events):
        for event in events:
            reported.append(event)
            if isinstance(event, Notice) and control.paused:
                control.resume()
            if whim.act(control, event) == "cut":
                break
    return reported


def lived(seed, name="run", chosen=None):
    """A run through as many sessions as it is cut into, changed on the way; where it lies."""
    whim, control = Whim(seed), RunControl()
    reported = play(session.run(chosen or noisy(), name=name, control=control, shards=1), control, whim)
    for _ in range(20):
        if isinstance(reported[-1], End):
            break
        control = RunControl()
        settings = whim.random.choice([[], ["training.learning_rate=0.03"], ["training.epochs=7"]])
        with contextlib.suppress(RunError):  # all its epochs may be done
            reported = play(session.resume(name, settings, control=control), control, whim)
    assert isinstance(reported[-1], End)
    return folder.runs_folder() / name


def newest(path, chosen):
    return checkpoints.newest(path, network_of(chosen), chosen.training.optimizer, STEPS)


@pytest.mark.parametrize("seed", range(16))
def test_a_run_is_done_again_from_its_folder_to_the_same_bits(seed):
    path = lived(seed)
    *_, verdict = replay.replay(path)
    assert verdict.same, verdict.differs
    assert verdict.differs == ()
    found = newest(path, noisy())
    assert verdict.changes == len(found.position.changes)
    assert verdict.step == found.step
    *_, again = replay.replay(verdict.replay)  # which can be done again itself
    assert again.same


def test_the_whims_of_the_tests_are_of_every_kind():
    """Else the test above would prove less than it says."""
    kinds = set()
    for seed in range(6):
        path = lived(seed, f"run-{seed}")
        kinds |= {line["what"] for line in folder.read_metrics(path) if line["event"] == "intervention"}
    assert kinds == {"rate", "optimizer", "batch_size", "settings", "rewind"}


@pytest.mark.parametrize("seed", range(100, 106))
def test_runs_with_early_stopping_and_schedules_are_done_again_too(seed):
    stopping = {"name": "val_loss", "patience": 2}
    chosen = noisy(schedule="one_cycle", early_stopping=stopping, epochs=12)
    *_, verdict = replay.replay(lived(seed, chosen=chosen))
    assert verdict.same, verdict.differs


def test_another_run_is_told_from_the_same(home):
    path = lived(3)
    document = (path / "preset.toml").read_text()
    (path / "preset.toml").write_text(document.replace("seed = 5", "seed = 6"))
    *_, verdict = replay.replay(path)
    assert not verdict.same
    assert "arrays, by" in verdict.differs[0]


def test_a_stopped_run_is_done_again_up_to_where_it_stopped():
    control = RunControl()
    events = session.run(noisy(), name="run", control=control, shards=1)
    for event in events:
        if isinstance(event, Epoch) and event.epoch == 2:
            control.pause()
        if paused(event):
            control.step() if event.step < 2 * STEPS + 3 else control.stop()
    *_, end, verdict = replay.replay("run")
    assert (end.reason, end.step, verdict.step) == ("stopped", 2 * STEPS + 3, 2 * STEPS + 3)
    assert verdict.same


def back_then(chosen, then, epoch=4, to=2 * STEPS):
    """A run that goes back after an epoch, and then is cut off (``then``) or goes on; its folder."""
    control, went = RunControl(), []
    events = session.run(chosen, name="run", control=control, shards=1)
    with contextlib.closing(events):
        for event in events:
            if isinstance(event, Epoch) and event.epoch == epoch and not went:
                went.append(event)
                control.rewind(to)
            if paused(event):
                if then == "cut":
                    break
                control.resume()
    return folder.runs_folder() / "run"


def test_nothing_is_erased_and_what_was_taken_back_does_not_count():
    path = back_then(noisy(), "go on")
    lines = folder.read_metrics(path)
    assert [line["epoch"] for line in lines if line["event"] == "epoch"] == [1, 2, 3, 4, 3, 4, 5, 6]
    kept = surviving(lines)
    assert [line["epoch"] for line in kept if line["event"] == "epoch"] == [1, 2, 3, 4, 5, 6]
    found = library.summary(path)
    assert found.epochs == 6
    assert found.best["val_loss"] == min(line["val_loss"] for line in kept if line["event"] == "epoch")


def test_a_run_that_is_cut_off_after_going_back_goes_on_from_there():
    chosen = noisy()
    plain = trainer_of(chosen)
    list(plain.events())
    path = back_then(chosen, "cut")
    assert newest(path, chosen).step == 2 * STEPS
    assert max(checkpoints.steps_in(path)) == 2 * STEPS  # those taken back are gone
    reported = list(session.resume("run"))
    assert [e.epoch for e in reported if isinstance(e, Epoch)] == [3, 4, 5, 6]
    found = newest(path, chosen)
    assert {n: v.tobytes() for n, v in found.tensors.items()} == state_of(plain)
    epochs = [x["epoch"] for x in surviving(folder.read_metrics(path)) if x["event"] == "epoch"]
    assert epochs == [1, 2, 3, 4, 5, 6]


class Killed(BaseException):
    """As if the process had ended here."""


@pytest.mark.parametrize("where", ["before", "between", "after"])
def test_a_kill_while_going_back_leaves_a_run_that_goes_on(where, monkeypatch):
    """Before the new checkpoint is there, between it and the end of the old ones, and after."""
    chosen = noisy()
    plain = trainer_of(chosen)
    list(plain.events())
    control, went = RunControl(), []
    events = session.run(chosen, name="run", control=control, shards=1)

    with contextlib.suppress(Killed), monkeypatch.context() as patch:

        def killed(*args, **kwargs):
            patch.setattr(run.Run, "_save", lambda self: None)  # a killed process saves nothing
            raise Killed

        for event in events:
            if isinstance(event, Epoch) and event.epoch == 3:
                made = events.gi_frame.f_locals["new"]
                made.saver.save()  # a checkpoint of the line that is left
            if isinstance(event, Epoch) and event.epoch == 4 and not went:
                went.append(event)
                control.rewind(STEPS)
                if where == "before":
                    patch.setattr(checkpoints, "write", killed)
                if where == "between":
                    patch.setattr(checkpoint_policy.Saver, "_prune", killed)
            if paused(event):
                break
        raise Killed
    events.close()
    path = folder.runs_folder() / "run"
    assert went
    steps = checkpoints.steps_in(path)
    assert steps == {"before": [3 * STEPS], "between": [3 * STEPS, STEPS], "after": [STEPS]}[where]
    reported = list(session.resume("run"))
    first = {"before": 4, "between": 2, "after": 2}[where]
    assert [e.epoch for e in reported if isinstance(e, Epoch)] == list(range(first, 7))
    found = newest(path, chosen)
    assert {n: v.tobytes() for n, v in found.tensors.items()} == state_of(plain)
    kept = [x["epoch"] for x in surviving(folder.read_metrics(path)) if x["event"] == "epoch"]
    assert kept == [1, 2, 3, 4, 5, 6]
    *_, verdict = replay.replay("run")
    assert verdict.same


def test_settings_of_a_new_session_are_recorded_with_what_was_before():
    list(session.run(noisy(epochs=3, schedule="cosine"), name="run", shards=1))
    reported = list(session.resume("run", ["training.epochs=5", "training.learning_rate=0.01"]))
    assert [e.value for e in reported if isinstance(e, Intervention)] == [
        {"epochs": [3, 5], "learning_rate": [0.02, 0.01]}
    ]
    assert reported[0].epochs == 5
    *_, verdict = replay.replay("run")
    assert verdict.same
    again = session.preset_of(folder.runs_folder() / verdict.replay)
    assert again.training.epochs == 3  # it began as the run did


def test_a_checkpoint_of_tuiml_0_1_goes_on(monkeypatch):
    chosen = noisy()
    plain = trainer_of(chosen)
    list(plain.events())
    control = RunControl()
    events = session.run(chosen, name="run", control=control, shards=1)
    for event in events:
        if isinstance(event, Epoch) and event.epoch == 3:
            control.stop()
    path = folder.runs_folder() / "run"
    found = newest(path, chosen)
    old = vars(found.position).copy()
    for name in ("step", "done", "resized_at", "best_step", "optimizer_start", "changes", "interventions"):
        del old[name]
    monkeypatch.setattr(checkpoints, "vars", lambda value: old if value is where else vars(value), False)
    where = found.position
    data = checkpoints.encode(found.tensors, found.step, where, found.details)
    checkpoints.path_of(path, found.step).write_bytes(data)
    monkeypatch.undo()
    monkeypatch.setenv("TUIML_HOME", str(path.parent.parent))
    assert newest(path, chosen).position.step == -1
    list(session.resume("run"))
    last = newest(path, chosen)
    assert {n: v.tobytes() for n, v in last.tensors.items()} == state_of(plain)
    assert last.position.step == 6 * STEPS


def test_metrics_of_a_checkpoint_end_where_it_was_written(tmp_path):
    def epoch(step):
        return {"event": "epoch", "step": step}

    def change(number, what, step, value=0, since=0):
        line = {"event": "intervention", "number": number, "what": what}
        return line | {"step": step, "value": value, "since": since}

    lines = [
        *({"event": "start"}, epoch(4), epoch(8), change(1, "rate", 8), epoch(12)),
        *(change(2, "rewind", 12, value=4), epoch(8), change(3, "rate", 8), epoch(12)),
    ]
    file = tmp_path / "metrics.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def kept(step, interventions):
        end = metrics.end_of(file, step, None, lambda _: False, interventions)
        return file.read_bytes()[:end].count(b"\n")

    assert kept(12, 3) == len(lines)
    assert kept(8, 3) == 8
    assert kept(8, 2) == 7
    assert kept(4, 2) == 6
    assert kept(12, 1) == 5
    assert kept(8, 1) == 4
    assert kept(8, 0) == 3
    assert surviving(lines) == [*lines[:2], *lines[5:]]
    (tmp_path / "preset.toml").write_text("")
    assert library.summary(tmp_path).changes == (lines[7],)


@pytest.mark.parametrize(
    "line",
    [
        {"event": "intervention", "what": "rewind", "value": {"a": 1}, "number": "x", "since": None},
        {"event": "intervention", "what": "rewind", "value": math.inf},
        {"event": "intervention", "what": ["rewind"], "number": True},
        {"event": "intervention"},
    ],
)
def test_lines_of_strangers_are_read_without_harm(line, tmp_path):
    lines = [{"event": "start"}, {"event": "epoch", "step": 4, "epoch": 1}, line]
    assert surviving(lines)[-1] == line
    file = tmp_path / "metrics.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert metrics.end_of(file, 4, None, lambda _: False) > 0


@pytest.mark.parametrize(
    "value",
    [
        "no list",
        [1],
        [{"step": 1, "what": "rate"}],
        [{"step": -1, "what": "rate", "value": 0.1}],
        [{"step": True, "what": "rate", "value": 0.1}],
        [{"step": 1, "what": "rate", "value": "0.1"}],
        [{"step": 1, "what": "rate", "value": math.nan}],
        [{"step": 1, "what": "optimizer", "value": "nonsense"}],
        [{"step": 1, "what": "batch_size", "value": 0}],
        [{"step": 1, "what": "settings", "value": {"seed": [1, 2]}}],
        [{"step": 1, "what": "settings", "value": {"epochs": 3}}],
        [{"step": 1, "what": "rewind", "value": 0}],
    ],
)
def test_changes_of_strangers_are_refused(value):
    with pytest.raises(ValueError, match=r"."):
        read_changes(value)


def test_changes_read_back_and_lead_back_to_the_beginning():
    first = noisy(epochs=3).training
    later = first.model_copy(update={"epochs": 9, "learning_rate": None})
    settings = between(8, first, later, ())
    changes = (
        Change(2, "optimizer", {"name": "adam", "beta1": 0.5}),
        settings,
        Change(9, "batch_size", 4),
    )
    again = read_changes(json.loads(json.dumps([vars(change) for change in changes])))
    assert again == changes
    force = in_force(first, again)
    assert (force.epochs, force.learning_rate, force.batch_size) == (9, None, 4)
    assert force.optimizer == optimizers.read({"name": "adam", "beta1": 0.5})
    assert at_first(later, again) == first
    assert between(8, first, first, ()) is None


def test_the_folder_holds_no_more_checkpoints_than_before():
    path = lived(1)
    assert len(checkpoints.steps_in(path)) <= 3
    assert isinstance(path, Path)
