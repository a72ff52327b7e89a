"""The trainer: its events, their order, and its control; with the test's own clock."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given

from tests.helpers import document, preset, run_parts, trainer_of
from tests.reference import Reference
from tests.spec import random_documents
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.nn.layers import layers
from tuiml.spec import check
from tuiml.training.event_reading import read_event
from tuiml.training.events import End, Epoch, Loading, Progress, Snapshot, Start, State
from tuiml.training.inspections.boundary import Boundary
from tuiml.training.inspections.confusion import Confusion
from tuiml.training.inspections.drawing import Drawing
from tuiml.training.inspections.record import Inspection, InspectionRequest
from tuiml.training.run_control import RunControl

STEPS = 4  # batches of 16 in an epoch of 60 examples: the last one has 12


class Clock:
    """A clock that advances only where the test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Timed(NumpyEngine):
    """An engine that takes its time: seconds a step, a glance and a copy."""

    clock, cost, glance, copy = Clock(), 0.0, 0.0, 0.0

    def steps(self, batches):
        def slowly():
            for batch in batches:
                self.clock.now += self.cost
                yield batch

        return super().steps(slowly())

    def views(self):
        self.clock.now += self.glance
        return super().views()

    def snapshot(self):
        self.clock.now += self.copy
        return super().snapshot()


def timed(chosen, cost=0.01, glance=0.0, copy=0.0, **options):
    """A trainer on a fake clock, and its control."""
    network, data, engine = run_parts(chosen)
    engine.__class__ = Timed
    engine.clock, engine.cost, engine.glance, engine.copy = Clock(), cost, glance, copy
    control = RunControl()
    return trainer_of(chosen, network, data, engine, control, clock=engine.clock, **options), control


def run(*args, **kwargs):
    """All events of a run that no screen shows, except snapshots."""
    trainer, _ = timed(preset(*args, **kwargs))
    return [event for event in trainer.events() if not isinstance(event, Snapshot)], trainer


def kinds(events):
    return [event.event for event in events]


def numbers(event):
    """An event's fields, comparable where they are NaN."""
    return {name: repr(value) for name, value in vars(event).items()}


# -- events --------------------------------------------------------------------------------------


def test_a_run_reports_of_its_epochs_and_its_end():
    events, trainer = run()
    assert kinds(events) == ["epoch", "epoch", "epoch", "end"]
    assert [e.epoch for e in events[:-1]] == [1, 2, 3]
    assert [e.step for e in events[:-1]] == [STEPS, 2 * STEPS, 3 * STEPS]
    end = events[-1]
    assert end.reason == "completed"
    assert (end.epochs, end.step) == (3, 3 * STEPS)
    assert end.seconds == pytest.approx(3 * STEPS * 0.01)
    assert end.examples_per_second == pytest.approx(3 * 60 / 0.12)
    assert trainer.state.steps == 3 * STEPS


def test_the_first_and_the_last_picture_are_of_the_first_and_the_last_step():
    trainer, _ = timed(preset(), cost=1.0)
    events = list(trainer.events())
    assert isinstance(events[0], Snapshot)
    assert events[0].step == 0
    assert all(layer.gradient_norm > 0 for layer in events[0].layers)  # before anything is trained
    snapshots = [e for e in events if isinstance(e, Snapshot)]
    assert [(p.epoch, p.step) for p in snapshots] == [(1, 0), (1, 4), (2, 8), (3, 12)]
    assert snapshots[-1].layers[0].gradient_norm > 0


def test_training_figures_are_means_over_the_batches_as_they_were_trained():
    chosen = preset(training={"epochs": 2})
    events, trainer = run(training={"epochs": 2})
    network, data, engine = run_parts(chosen)
    for epoch in (1, 2):
        loss, hits = 0.0, 0
        order = trainer.order(epoch)
        assert sorted(order.tolist()) == list(range(60))
        for start in range(0, 60, 16):
            rows = order[start : start + 16]
            weights = engine.tensors()
            before = NumpyEngine(network, chosen.training.optimizer, data, 0)
            before.load({**engine.state(), **weights}, engine.step_number)
            part = dataclasses.replace(
                data.train, inputs=data.train.inputs[rows], labels=data.train.labels[rows]
            )
            seen = before.evaluate(part)
            loss, hits = loss + seen.loss, hits + seen.correct
            engine.step(rows, 0.1)
        reported = events[epoch - 1]
        assert reported.train_loss == pytest.approx(loss / 60, rel=1e-5)
        assert reported.train_accuracy == pytest.approx(hits / 60)
    assert not np.array_equal(trainer.order(1), trainer.order(2))


def test_validation_and_test_figures_equal_an_evaluation_by_the_textbook():
    chosen = preset()
    trainer, _ = timed(chosen)
    reference = Reference(
        [{"type": "dense", "activation": f.activation.name} for f in chosen.layers], "cross_entropy"
    )
    for event in trainer.events():
        if not isinstance(event, Epoch | End):
            continue
        p = {name: t.astype(np.float64) for name, t in trainer.engine.tensors().items()}
        part = trainer.data.validation if isinstance(event, Epoch) else trainer.data.test
        inputs = part.inputs.astype(np.float64)
        found = (
            (event.val_loss, event.val_accuracy)
            if isinstance(event, Epoch)
            else (event.test_loss, event.test_accuracy)
        )
        assert found[0] == pytest.approx(reference.mean_loss(inputs, part.labels, p), rel=1e-5)
        assert found[1] == pytest.approx(reference.accuracy(inputs, part.labels, p))


def test_the_best_epoch_is_that_of_the_least_validation_loss():
    events, _ = run(training={"epochs": 12, "learning_rate": 0.5})
    losses = [e.val_loss for e in events if isinstance(e, Epoch)]
    assert events[-1].best_epoch == 1 + losses.index(min(losses))
    assert 1 < events[-1].best_epoch < 12  # else nothing is shown


def test_it_learns():
    events, _ = run(training={"epochs": 60, "optimizer": "adam", "learning_rate": 0.03})
    assert events[-1].test_accuracy > 0.6
    assert events[-2].train_loss < 0.9 * events[0].train_loss


def test_without_validation_there_are_no_figures_of_it():
    wrong = document()
    wrong["data"]["validation"] = 0
    chosen = check(wrong)[0]
    trainer, _ = timed(chosen)
    events = list(trainer.events())
    epochs = [e for e in events if isinstance(e, Epoch)]
    assert all(math.isnan(e.val_loss) and math.isnan(e.val_accuracy) for e in epochs)
    line = json.loads(json.dumps(epochs[0].to_json(), allow_nan=False))
    assert line["val_loss"] is None
    assert line["train_loss"] == epochs[0].train_loss
    losses = [e.train_loss for e in epochs]
    assert events[-1].best_epoch == 1 + losses.index(min(losses))
    assert events[-1].reason == "completed"


def test_units_that_start_at_zero_stay_copies_of_one_another():
    stack = [
        {"type": "dense", "units": 5, "activation": "sigmoid", "initializer": "zeros"},
        {"type": "dense", "activation": "softmax", "initializer": "zeros"},
    ]
    trainer, _ = timed(preset(stack, {"epochs": 5}))
    list(trainer.events())
    weight = trainer.engine.tensors()["layers.0.weight"]
    assert np.abs(weight).max() > 0
    np.testing.assert_allclose(weight, np.broadcast_to(weight[:1], weight.shape), rtol=1e-5)


@given(random_documents.valid())
def test_any_preset_trains_to_an_end(made):
    flat = [layer for layer in made["layers"] if not layers[layer["type"]].images]
    points = {"name": "moons", "size": 40, "train": 12, "validation": 8}
    made = {**made, "data": points, "layers": flat}
    mixed = any(layers[layer["type"]].mixes_examples for layer in made["layers"])
    made["training"] = {
        **made["training"],
        "epochs": 1,
        "batch_size": 12 if mixed else min(made["training"]["batch_size"], 12),
    }
    made["training"].pop("class_weight", None)  # of the classes of other data
    made.pop("pretraining", None)  # before the trainer's time
    next(layer for layer in reversed(made["layers"]) if "units" in layers[layer["type"]].model_fields).pop(
        "units", None
    )
    chosen, problems = check(made)
    assert not problems
    trainer, _ = timed(chosen)
    events = list(trainer.events())
    assert events[-1].reason in ("completed", "diverged")
    assert trainer.engine.finite()
    for event in events:
        assert json.dumps(event.to_json(), allow_nan=False)


# -- steering, from the loop that takes the events ------------------------------------------------------


def test_stop_before_the_first_batch():
    trainer, control = timed(preset())
    control.stop()
    events = list(trainer.events())
    assert kinds(events) == ["snapshot", "end"]
    assert (events[-1].reason, events[-1].step, events[-1].epochs) == ("stopped", 0, 0)


def test_stop_after_an_epoch():
    trainer, control = timed(preset())
    events = []
    for event in trainer.events():
        events.append(event)
        if isinstance(event, Epoch):
            control.stop()
    assert (events[-1].reason, events[-1].step, events[-1].epochs) == ("stopped", STEPS, 1)


def test_stop_when_all_is_done_is_completed():
    trainer, control = timed(preset())
    events = []
    for event in trainer.events():
        events.append(event)
        if isinstance(event, Epoch) and event.epoch == 3:
            control.stop()
    assert events[-1].reason == "completed"


def test_pause_step_and_resume():
    trainer, control = timed(preset(training={"epochs": 2}))
    control.pause()
    seen, steps_asked = [], 2
    for event in trainer.events():
        seen.append(event)
        if isinstance(event, State) and event.state == "paused":
            assert event.step == 2 - steps_asked
            if steps_asked:
                control.step()
                steps_asked -= 1
            else:
                control.resume()
    reported = [(e.event, e.step) if not isinstance(e, State) else (e.state, e.step) for e in seen]
    assert reported[:11] == [
        ("snapshot", 0),
        ("paused", 0),
        ("running", 0),
        ("batch", 1),  # a single step is shown at once
        ("snapshot", 1),
        ("paused", 1),
        ("running", 1),
        ("batch", 2),
        ("snapshot", 2),
        ("paused", 2),
        ("running", 2),
    ]
    assert seen[-1].reason == "completed"
    assert seen[-1].step == 2 * STEPS


def test_a_pause_that_comes_while_inspections_are_answered_is_reported_before_it_waits(monkeypatch):
    trainer, control = timed(preset(training={"epochs": 1}))
    answer_new, states = trainer.inspection.answer_new, []

    def answer_and_pause(**again):
        monkeypatch.setattr(trainer.inspection, "answer_new", answer_new)
        control.pause()
        return answer_new(**again)

    def wait():
        assert states, "it waits, and its status says that it runs"

    monkeypatch.setattr(trainer.inspection, "answer_new", answer_and_pause)
    monkeypatch.setattr(control, "wait", wait)
    control.inspect(())
    for event in trainer.events():
        if isinstance(event, State):
            states.append(event.state)
            control.resume()
    assert states == ["paused", "running"]
    assert event.reason == "completed"


def test_stop_while_paused():
    trainer, control = timed(preset())
    control.pause()
    seen = []
    for event in trainer.events():
        seen.append(event)
        if isinstance(event, State):
            control.stop()
    assert kinds(seen) == ["snapshot", "state", "end"]
    assert seen[-1].reason == "stopped"


def test_the_time_of_a_pause_is_not_training():
    trainer, control = timed(preset(training={"epochs": 1}))
    control.pause()
    for event in trainer.events():
        if isinstance(event, State) and event.state == "paused":
            trainer.engine.clock.now += 1000.0
            control.resume()
    assert event.seconds == pytest.approx(STEPS * 0.01)


def test_the_learning_rate_changes_while_it_runs():
    trainer, control = timed(preset())
    seen = []
    for event in trainer.events():
        seen.append(event)
        if isinstance(event, Epoch) and event.epoch == 1:
            control.set_rate(0.5)
    states = [e for e in seen if isinstance(e, State)]
    assert [(s.state, s.step, s.learning_rate) for s in states] == [("running", STEPS, 0.5)]
    assert [e.learning_rate for e in seen if isinstance(e, Epoch)] == [0.1, 0.5, 0.5]

    *_, engine = run_parts(preset())
    for epoch, rate in ((1, 0.1), (2, 0.5), (3, 0.5)):
        order = trainer.order(epoch)
        for start in range(0, 60, 16):
            engine.step(order[start : start + 16], rate)
    for name, values in engine.tensors().items():
        np.testing.assert_array_equal(values, trainer.engine.tensors()[name])


def test_a_rate_set_while_paused_is_reported_and_used():
    trainer, control = timed(preset(training={"epochs": 1}))
    control.pause()
    states = []
    for event in trainer.events():
        if isinstance(event, State):
            states.append((event.state, event.learning_rate))
            if event.learning_rate == 0.1:
                control.set_rate(0.2)
            elif event.state == "paused":
                control.resume()
    assert states == [("paused", 0.1), ("paused", 0.2), ("running", 0.2)]
    assert trainer.state.position.rate == 0.2


# -- divergence -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("validation", [0, 20])
@pytest.mark.parametrize("epochs", [1, 2, 30])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_divergence_ends_the_run_with_finite_weights(loss, epochs, validation):
    """Also where it happens in the last step of all."""
    stack = [
        {"type": "dense", "units": 6, "activation": "linear", "initializer": "normal"},
        {"type": "dense", "units": 6, "activation": "linear", "initializer": "normal"},
        {"type": "dense", "activation": "softmax" if loss == "cross_entropy" else "linear"},
    ]
    wrong = document(stack, {"epochs": epochs, "learning_rate": 1000.0, "loss": loss})
    wrong["data"]["validation"] = validation
    trainer, _ = timed(check(wrong)[0])
    seen = []
    for event in trainer.events():
        seen.append(event)
        if isinstance(event, Epoch | End):
            assert trainer.engine.finite()  # what is saved at that moment
    end = seen[-1]
    assert end.reason == "diverged"
    assert "learning rate 1000" in end.message
    assert end.step == trainer.engine.step_number
    assert [e.step for e in seen if isinstance(e, Snapshot)][-1] == end.step
    assert f"kept the weights of step {end.step}" in end.message
    assert "\n" not in end.message
    assert json.dumps(end.to_json(), allow_nan=False)


def test_divergence_falls_back_on_the_last_copy_that_was_finite():
    trainer, _ = timed(preset(training={"epochs": 40}), cost=0.02, copy=0.0)
    copies = {}
    snapshot = trainer.engine.snapshot

    def kept():
        found = snapshot()
        copies[found[0]] = found[1].copy()
        return found

    trainer.engine.snapshot = kept
    for event in trainer.events():
        if isinstance(event, Epoch) and event.epoch == 20:
            trainer.engine.weights.flat[3] = np.nan
    assert event.reason == "diverged"
    assert event.step == max(copies)
    assert 70 < event.step <= 80
    np.testing.assert_array_equal(trainer.engine.weights.flat, copies[event.step])


# -- going on -------------------------------------------------------------------------------------------

NOISY = [
    {"type": "dense", "units": 7, "activation": "rrelu"},
    {"type": "dropout", "rate": 0.3},
    {"type": "dense", "activation": "softmax"},
]


def noisy(epochs=3):
    return preset(NOISY, {"epochs": epochs, "optimizer": "nadam", "learning_rate": 0.02, "seed": 5})


def test_same_seed_same_bits_and_same_figures():
    runs = []
    for _ in range(2):
        trainer, _ = timed(noisy())
        runs.append(([numbers(e) for e in trainer.events()], trainer.engine.state()))
    assert runs[0][0] == runs[1][0]
    for name, values in runs[0][1].items():
        np.testing.assert_array_equal(values, runs[1][1][name])


@pytest.mark.parametrize("stop_at", range(14))
def test_a_resumed_run_equals_one_that_never_stopped(stop_at):
    """Stopped after each of its steps in turn, and taken up by a new process's objects."""
    whole, _ = timed(noisy())
    expected = [numbers(e) for e in whole.events() if isinstance(e, Epoch | End)]

    first, control = timed(noisy())
    control.pause()
    reported = []
    for event in first.events():
        if isinstance(event, Epoch | End):
            reported.append(numbers(event))
        if isinstance(event, State) and event.state == "paused":
            control.step() if event.step < stop_at else control.stop()
    if reported[-1]["reason"] == "'stopped'":
        reported.pop()
    state, position = first.engine.state(), first.state.position

    network, data, engine = run_parts(noisy())
    engine.load(state, first.engine.step_number)
    engine.__class__ = Timed
    engine.clock, engine.cost = Clock(), 0.01
    second = trainer_of(noisy(), network, data, engine, clock=engine.clock, position=position)
    if reported and reported[-1].get("reason"):
        reported.pop()  # it had come to its end: only that is reported again
    reported += [numbers(e) for e in second.events() if isinstance(e, Epoch | End)]
    for found, wanted in zip(reported, expected, strict=True):
        for name in ("seconds", "examples_per_second"):  # sums of the clock's steps, in another order
            assert float(found.pop(name)) == pytest.approx(float(wanted.pop(name)))
        assert found == wanted
    for name, values in whole.engine.state().items():
        np.testing.assert_array_equal(values, second.engine.state()[name], err_msg=name)


def test_a_finished_run_can_be_lengthened():
    longer, _ = timed(noisy(epochs=5))
    list(longer.events())
    short, _ = timed(noisy(epochs=3))
    list(short.events())
    network, data, engine = run_parts(noisy(epochs=5))
    engine.load(short.engine.state(), short.engine.step_number)
    rest = trainer_of(noisy(epochs=5), network, data, engine, position=short.state.position)
    assert [e.epoch for e in rest.events() if isinstance(e, Epoch)] == [4, 5]
    np.testing.assert_array_equal(engine.weights.flat, longer.engine.weights.flat)


# -- what is nice to know costs little ------------------------------------------------------------------


@pytest.mark.parametrize("glance", [0.0001, 0.004, 0.2])
def test_pictures_take_at_most_two_percent_of_the_time(glance):
    trainer, _ = timed(preset(training={"epochs": 2500}), cost=0.01, glance=glance, live=True)
    times = [trainer.engine.clock.now for event in trainer.events() if isinstance(event, Snapshot)]
    assert len(times) > 5
    total = trainer.engine.clock.now
    assert (len(times) - 1) * glance <= 0.02 * total + glance
    assert len(times) <= 10 * total + 2  # no more than ten a second
    assert min(b - a for a, b in itertools.pairwise(times[1:-1])) >= 0.1  # but for the one of the end


def test_copies_to_fall_back_on_take_at_most_half_a_percent():
    trainer, _ = timed(preset(training={"epochs": 500}), cost=0.01, copy=0.003)
    copies = []
    snapshot = trainer.engine.snapshot
    trainer.engine.snapshot = lambda: copies.append(1) or snapshot()
    *_, end = trainer.events()
    assert len(copies) > 10
    assert len(copies) * 0.003 <= 0.005 * end.seconds + 0.003


def test_a_watched_run_reports_of_its_progress():
    trainer, _ = timed(preset(training={"epochs": 50}), cost=0.01, live=True)
    events = list(trainer.events())
    progress = [e for e in events if isinstance(e, Progress)]
    assert len(progress) > 10
    epochs = [e for e in events if isinstance(e, Epoch)]
    # Each batch is in one report: an epoch's mean is that of its reports, by their examples.
    steps = [0, *(p.step for p in progress)]
    assert steps == sorted(set(steps))
    assert steps[-1] == 200
    at_ends = {p.step: p for p in progress}
    assert all(e.step in at_ends for e in epochs)
    assert progress[-1].seconds_left == pytest.approx(0.0)
    half = next(p for p in progress if p.step >= 100)
    assert half.seconds_left == pytest.approx((200 - half.step) * 0.01, rel=0.01)
    assert half.examples_per_second == pytest.approx(60 / 0.04, rel=0.02)


def test_an_unwatched_run_reports_now_and_then_amid_long_epochs():
    trainer, _ = timed(preset(training={"epochs": 3}), cost=1.0)
    reported = list(trainer.events())
    reports = [event for event in reported if isinstance(event, Progress)]
    assert [event.step for event in reports] == [2, 4, 6, 8, 10, 12]
    assert [event.step for event in reported if isinstance(event, Epoch)] == [4, 8, 12]


def test_an_unwatched_run_looks_once_an_epoch_at_most():
    trainer, _ = timed(preset(training={"epochs": 20}), cost=0.01, glance=0.0001)
    events = list(trainer.events())
    assert not any(isinstance(e, Progress) for e in events)
    assert 2 <= sum(isinstance(e, Snapshot) for e in events) <= 21


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_run_that_is_watched_has_the_bits_of_one_that_is_not(optimizer):
    chosen = preset(NOISY, {"epochs": 20, "optimizer": optimizer})
    trainers = [timed(chosen, cost=0.02, live=observed)[0] for observed in (False, True)]
    (one, ends), (other, seen) = [(t, [e for e in t.events() if isinstance(e, Epoch)]) for t in trainers]
    assert [(e.train_loss, e.val_loss) for e in ends] == [(e.train_loss, e.val_loss) for e in seen]
    for name, values in one.engine.state().items():
        np.testing.assert_array_equal(other.engine.state()[name], values, err_msg=name)


def test_pictures_hold_what_a_watched_step_has():
    trainer, _ = timed(preset(training={"epochs": 40}), live=True)
    first, *rest = [e for e in trainer.events() if isinstance(e, Snapshot)]
    assert all(math.isnan(layer.update_ratio) for layer in first.layers)
    assert len(rest) > 5
    for picture in rest:
        for layer in picture.layers:
            assert -6 < layer.update_ratio < 0
            assert layer.inputs is not None
            assert layer.biases is not None


def test_no_pictures_while_nobody_looks_but_the_curves_go_on():
    trainer, control = timed(preset(training={"epochs": 60}), live=True)
    views, seen = [], []
    trainer.engine.views = lambda: views.append(1) or type(trainer.engine).views(trainer.engine)
    for event in trainer.events():
        seen.append(event)
        if isinstance(event, Epoch):
            control.observe(not 20 <= event.epoch < 40)
    steps = [e.step for e in seen if isinstance(e, Snapshot)]
    assert not [s for s in steps if 20 * STEPS < s <= 40 * STEPS]
    assert [s for s in steps if s <= 20 * STEPS]
    assert [s for s in steps if s > 40 * STEPS]
    assert len(views) == len(steps)  # and nothing was read for them
    progress = [e.step for e in seen if isinstance(e, Progress)]
    assert max(b - a for a, b in itertools.pairwise(progress)) <= 12  # a tenth of a second


def test_how_a_run_ended_is_seen_where_nobody_looked():
    trainer, control = timed(preset(), live=True)
    control.observe(False)
    *_, last, _, end = trainer.events()
    assert isinstance(last, Snapshot)
    assert last.step == end.step == 3 * STEPS


@pytest.mark.parametrize(
    ("training", "reason"),
    [
        ({}, "completed"),
        ({}, "stopped"),
        (
            {"early_stopping": {"name": "val_loss", "patience": 1, "min_delta": 100}},
            "early_stopped",
        ),
    ],
)
def test_the_final_state_has_a_snapshot_without_a_screen(training, reason):
    trainer, control = timed(preset(training=training), glance=1e6)
    steps = []
    for event in trainer.events():
        if isinstance(event, Snapshot):
            steps.append(event.step)
        if isinstance(event, Epoch) and reason == "stopped":
            control.stop()
    assert event.reason == reason
    assert steps[-1] == event.step, "not of the initial values"
    assert len(steps) <= 3, "one more than is due, whatever snapshots cost"


def test_dead_units_of_the_final_state_are_counted_over_the_data():
    stack = [{"type": "dense", "units": 6, "activation": "relu"}, {"type": "dense", "activation": "softmax"}]
    trainer, _ = timed(preset(stack))
    for event in trainer.events():
        if isinstance(event, Epoch) and event.epoch == 2:
            trainer.engine.load({**trainer.engine.state(), "layers.0.bias": np.full(6, -1e6, np.float32)}, 8)
        if isinstance(event, Snapshot):
            last = event
    assert last.step == 3 * STEPS
    assert last.layers[0].dead == 1.0, "they were alive in the snapshots before"


def test_the_last_picture_is_of_the_last_step_whatever_pictures_cost():
    trainer, _ = timed(preset(), glance=100.0, live=True)
    *_, last, _, end = [e for e in trainer.events() if isinstance(e, Snapshot | Epoch | End)]
    assert isinstance(last, Snapshot)
    assert last.step == end.step == 3 * STEPS
    assert all(-6 < layer.update_ratio < 0 for layer in last.layers)


# -- lines ----------------------------------------------------------------------------------------------


def test_every_event_is_a_line_of_json_and_reads_back():
    trainer, control = timed(preset(NOISY, {"epochs": 2}), live=True)
    control.set_rate(0.3)
    events = [
        Loading("train-images", 5, 10),
        Start("r", "/p", "numpy", "cpu", 1, 10, 60, 20, 20, 16, 2, 8, 0, {"numpy": "2"}),
        *trainer.events(),
    ]
    kinds = {
        "loading",
        "start",
        "batch",
        "epoch",
        "snapshot",
        "state",
        "intervention",
        "restore_points",
        "end",
    }
    assert {e.event for e in events} == kinds
    for event in events:
        line = json.dumps(event.to_json(), allow_nan=False)
        assert "\n" not in line
        again = read_event(json.loads(line))
        assert type(again) is type(event)
        assert repr(again) == repr(event)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"event": "new kind"},
        {"event": ["epoch"]},
        {"event": None},
    ],
)
def test_lines_of_another_version_are_passed_over(line):
    assert read_event(line) is None


@pytest.mark.parametrize(
    "line",
    [
        {"event": "epoch"},
        {"event": "picture", "layers": [{"activations": {"low": 1}}]},
        {"event": "picture", "layers": [None]},
        {"event": "picture", "layers": None},
    ],
)
def test_broken_lines_are_refused(line):
    with pytest.raises(ValueError, match="not an event"):
        read_event(line)


def test_more_keys_than_are_known_are_no_trouble():
    line = {"event": "state", "state": "paused", "step": 3, "learning_rate": 0.1, "new": 1}
    assert read_event(line) == State("paused", 3, 0.1)


# -- what is asked meanwhile -------------------------------------------------------------------------------


def test_requested_inspections_are_repeated_within_its_budget():
    class Slow(Timed):
        def evaluate_each(self, part):
            self.clock.now += 0.005
            return super().evaluate_each(part)

    for observed in (False, True):
        trainer, control = timed(preset(training={"epochs": 400}), cost=0.01, glance=0.002, live=observed)
        trainer.engine.__class__ = Slow
        control.inspect(
            [
                InspectionRequest("confusion"),
                InspectionRequest("boundary", 4, 4),
                InspectionRequest("highest_loss"),
            ]
        )
        events = list(trainer.events())
        shown = [e for e in events if isinstance(e, Confusion)]
        assert len(shown) == len([e for e in events if isinstance(e, Boundary)]) > 5
        snapshots = len([e for e in events if isinstance(e, Snapshot)]) if observed else 0
        assert 0.005 < (len(shown) * 0.005 + snapshots * 0.002) / events[-1].seconds < 0.02
        steps = [e.step for e in shown]
        assert steps == sorted(set(steps))


def test_nothing_is_inspected_unless_requested():
    trainer, control = timed(preset(), live=True)
    control.inspect([InspectionRequest("boundary")])
    control.inspect([])
    assert not [e for e in trainer.events() if isinstance(e, Inspection)]


def test_a_paused_run_answers_at_once_and_after_each_single_step():
    trainer, control = timed(preset())
    control.pause()
    reported = []
    for event in trainer.events():
        reported.append(event)
        if isinstance(event, State) and event.state == "paused":
            if event.step == 0:
                control.inspect([InspectionRequest("boundary", 5, 5)])
            elif event.step == 1:
                control.predict(Drawing(1, b""))  # there are no snapshots here: no answer
                control.inspect([InspectionRequest("confusion")])
            else:
                control.stop()
        if isinstance(event, Boundary) and event.step == 0:
            control.step()
        if isinstance(event, Confusion):
            control.step()
    shown = [(e.event, e.step) for e in reported if isinstance(e, Inspection)]
    assert shown == [("boundary", 0), ("confusion", 1), ("confusion", 2)]


def test_a_single_step_shows_everything_anew():
    trainer, control = timed(preset())
    control.inspect([InspectionRequest("boundary", 5, 5)])
    control.pause()
    shown = []
    for event in trainer.events():
        if isinstance(event, Boundary):
            shown.append(event.step)
            control.step() if event.step < 2 else control.stop()
    assert shown == [0, 1, 2]


def test_after_the_end_it_answers_until_nobody_is_there():
    trainer, control = timed(preset(training={"epochs": 1}))
    control.inspect([InspectionRequest("confusion")])
    end = list(trainer.events())[-1]
    shown = []
    for event in trainer.inspection.answer_after_end():
        shown.append(event.event)
        assert event.step == end.step
        if len(shown) == 1:
            control.inspect([InspectionRequest("highest_loss"), InspectionRequest("boundary")])
        if len(shown) == 3:
            control.leave()
    assert shown == ["confusion", "highest_loss", "boundary"]
