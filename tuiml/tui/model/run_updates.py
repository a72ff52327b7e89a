"""How events change the state of a run: :func:`update` has a function for each kind."""

from __future__ import annotations

import math
from functools import singledispatch

from tuiml.spec.preset import batches_of
from tuiml.spec.stopping import badness
from tuiml.training import events
from tuiml.training.inspections.record import Inspection
from tuiml.tui.model.metric import accuracy_or_r2
from tuiml.tui.model.run_data import RunData, new_version

NOTICES_KEPT = 16


@singledispatch
def update(event: events.Event, run: RunData) -> None:
    """Change the state of ``run`` by an event; other kinds change nothing."""


@update.register
def _(event: Inspection, run: RunData) -> None:
    run.inspections[event.event] = event
    run.inspections_version = new_version()


@update.register
def _(event: events.Loading, run: RunData) -> None:
    run.loading, run.status = event, "loading"


@update.register
def _(event: events.Pretraining, run: RunData) -> None:
    run.pretraining = event


@update.register
def _(event: events.Snapshot, run: RunData) -> None:
    run.snapshot = event
    run.history.add(event.step, event.layers)
    run.snapshots_version = new_version()


@update.register
def _(event: events.RestorePoints, run: RunData) -> None:
    run.restore_points = event.points


@update.register
def _(event: events.Notice, run: RunData) -> None:
    run.notices.pop(event.about, None)
    if event.text and len(run.notices) < NOTICES_KEPT:
        run.notices[event.about] = event.text


@update.register
def _(event: events.Start, run: RunData) -> None:
    """The events before it are of the same run: :meth:`RunModel.resume` says what is forgotten."""
    run.start, run.status, run.end = event, "running", None
    run.loading = run.pretraining = None
    run.name = event.run or run.name
    run.message = event.note
    run.notices.clear()
    if event.note:
        run.notices["conditions"] = event.note
    run.epoch = max(1, run.epoch)
    run.train_step = event.step if 0 <= event.step <= event.steps else 0  # it may be from a file
    run.changed_steps, run.restore_points = 0, ()
    if event.batch_size > 0:
        run.batches_per_epoch = batches_of(event.train_examples, event.batch_size)


@update.register
def _(event: events.Progress, run: RunData) -> None:
    run.pretraining = None
    _advance(event, run)
    _add_train(event, run)
    run.seconds_left = event.seconds_left


@update.register
def _(event: events.Epoch, run: RunData) -> None:
    run.pretraining = None
    if run.epochs and run.epochs[-1].epoch >= event.epoch:
        _forget_epochs(event.epoch, run)  # its process was killed before it saved, and it was done again
    _advance(event, run)
    if run.batches_per_epoch and abs(run.x_of(event.step) - event.epoch) > 1e-9:
        run.anchor = event.step, float(event.epoch)  # its batches were not all of one size
    if run.train_step < event.step:  # without events of batches, the epoch's mean is all there is
        _add_train(event, run)
    x = run.x_of(event.step) if run.watched else float(event.epoch)
    for curves, value in (
        (run.loss, event.val_loss),
        (run.accuracy, accuracy_or_r2(event.val_accuracy, event.val_r2)),
    ):
        if not run.watched or math.isfinite(value):  # a loop of the user's own need not measure it each time
            curves.add_validation(x, value)
    run.epochs.append(event)
    watched = str(run.start.watched) if run.start else ""  # it may be from a file
    if run.best is None or _badness(event, watched) < _badness(run.best, watched):
        run.bests.append(event)
    run.curves_version = new_version()


@update.register
def _(event: events.Scalars, run: RunData) -> None:
    run.scalars.add(run.x_of(event.step), event.values)
    run.curves_version = new_version()


@update.register
def _(event: events.State, run: RunData) -> None:
    run.status, run.step = event.state, event.step
    manual = event.changed is not False  # else the schedule changed the rate
    if manual and math.isfinite(run.rate) and event.learning_rate != run.rate:
        run.interventions.add_rate(run.x_of(event.step), event.learning_rate)
        run.curves_version = new_version()
    run.rate = event.learning_rate


@update.register
def _(event: events.Intervention, run: RunData) -> None:
    rewind, x = event.what == "rewind", event.epochs_done
    examples = run.start.train_examples if run.start else 0
    run.batches_per_epoch = batches_of(examples, event.batch_size) if examples > 0 < event.batch_size else 0
    run.changed_steps, run.epoch, run.rate = event.steps, event.epoch, event.learning_rate
    if rewind:
        for curves in (run.loss, run.accuracy):
            curves.go_back(x)
        step = event.value if isinstance(event.value, int) else event.step
        forget_after(run, max(0, step), x, event.last_intervention)
    run.anchor = (run.step if rewind else event.step), x
    run.interventions.add(event)
    run.curves_version = new_version()


@update.register
def _(event: events.End, run: RunData) -> None:
    run.end, run.status, run.message = event, event.reason, event.message
    run.step, run.seconds, run.speed = event.step, event.seconds, event.examples_per_second
    run.seconds_left, run.pretraining = 0.0, None
    run.curves_version = new_version()


def _advance(event: events.Progress | events.Epoch, run: RunData) -> None:
    run.epoch, run.step = event.epoch, event.step
    run.rate, run.speed, run.seconds = event.learning_rate, event.examples_per_second, event.seconds
    run.clock.append(run.x_of(event.step), event.seconds)


def _add_train(event: events.Progress | events.Epoch, run: RunData) -> None:
    # A mean belongs to the middle of the steps it is over: those since the last one, of this epoch.
    x = (run.train_step + run.step) / 2 if run.watched else run.epoch - 0.5
    if run.start and run.start.epochs:
        batches = run.batches_per_epoch or run.start.steps // run.start.epochs
        first = max(run.train_step, run.step - batches)
        x = run.x_of((first + run.step) / 2)
    run.train_step = run.step
    run.loss.add_train(x, event.train_loss)
    score = accuracy_or_r2(event.train_accuracy, event.train_r2)
    if not run.watched or math.isfinite(score):
        run.accuracy.add_train(x, score)
    run.curves_version = new_version()


def forget_after(run: RunData, step: int, x: float, interventions: int) -> None:
    """Go back to a step, ``x`` epochs into the run and after so many interventions; the curves stay."""
    run.step = run.train_step = step
    run.clock.cut(x)
    for epochs in (run.epochs, run.bests):
        while epochs and epochs[-1].step > step:
            epochs.pop()
    run.interventions.forget(x, interventions)
    run.history.go_back(step)
    if run.snapshot and run.snapshot.step > step:
        newest = run.history.snapshots[-1:]
        run.snapshot = events.Snapshot(run.epoch, newest[0].step, newest[0].layers()) if newest else None
    run.curves_version = new_version()
    run.snapshots_version = new_version()


def _forget_epochs(first: int, run: RunData) -> None:
    """Forget that an epoch and later ones were closed."""
    for epochs in (run.epochs, run.bests):
        while epochs and epochs[-1].epoch >= first:
            epochs.pop()
    for curves in (run.loss, run.accuracy):
        curves.validation.cut(math.nextafter(first, 0.0))


def _badness(epoch: events.Epoch, watched: str = "") -> float:
    """The number by which epochs are compared, the smaller the better; infinity where there is none."""
    figures = {"val_loss": epoch.val_loss, "val_accuracy": epoch.val_accuracy}
    bad = badness(watched, figures.get(watched or "val_loss", epoch.train_loss))
    bad = epoch.train_loss if math.isnan(bad) else bad
    return bad if not math.isnan(bad) else math.inf
