"""The run on screen as plain state: live events and a past run's file lead to the same."""

import json
import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from tests import helpers
from tests.helpers import trainer_of
from tests.tui.recorded_events import FLAT, batch, end, epoch, layer, start
from tuiml.training.event_reading import read_event
from tuiml.training.events import Loading, Notice, Snapshot, State
from tuiml.training.run_control import RunControl
from tuiml.tui.charts.palette import Look
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.status import detail_line, detail_lines

NAN = math.nan


def model(*events, document=None):
    found = RunModel()
    found.begin(document or helpers.document())
    found.feed(events)
    return found


def points(series):
    return list(zip(*(values.tolist() for values in series.points()), strict=True))


def test_a_run_goes_through_its_states():
    run = RunModel()
    assert run.status == "empty"
    run.begin(helpers.document(), "named")
    assert (run.status, run.name, run.alive) == ("loading", "named", True)
    assert run.feed([Loading("mnist", 5, 10)]) == {"loading"}
    assert run.loading.done == 5
    run.feed([start()])
    assert (run.status, run.loading, run.name) == ("running", None, "a-run")
    run.feed([State("paused", 3, 0.1)])
    assert run.status == "paused"
    assert run.alive
    run.feed([State("running", 3, 0.1), end("diverged", "the loss was not finite")])
    assert (run.status, run.message, run.alive) == ("diverged", "the loss was not finite", False)


def test_of_two_notices_about_the_same_the_later_holds_and_an_empty_one_ends_it():
    run = model(Notice("saving", "of before"), start(), Notice("saving", "disk full"), Notice("data", "x"))
    assert run.notices == {"saving": "disk full", "data": "x"}
    run.feed([Notice("saving", "still full")])
    assert list(run.notices.values()) == ["x", "still full"]
    run.feed([Notice("saving", "")])
    assert run.notices == {"data": "x"}
    assert run.alive
    assert "".join(text for text, _ in detail_line(run, 80, Look())) == "▲ x"
    run.feed([Notice("saving", "word " * 30)])
    rows = ["".join(text for text, _ in row) for row in detail_lines(run, 80, Look())]
    assert len(rows) == 2, "a long one is shown in full"
    assert sum(row.count("word") for row in rows) == 30


def test_a_new_run_forgets_the_last_one():
    run = model(start(), batch(1, 5, 2.0), epoch(1, 10, 1.5, 1.4), State("running", 12, 0.5), end())
    run.begin(helpers.document(name="next"))
    assert (
        len(run.loss.train)
        == len(run.loss.validation)
        == len(run.epochs)
        == len(run.interventions.rates)
        == 0
    )
    assert (run.best, run.end, run.snapshot, run.step) == (None, None, None, 0)
    assert run.preset.name == "next"


def test_training_lies_in_the_middle_of_its_batches_and_validation_at_the_epochs_end():
    run = model(start(), batch(1, 4, 2.0), batch(1, 10, 1.0), epoch(1, 10, 1.4, 1.2))
    assert points(run.loss.raw) == [(0.2, 2.0), (0.7, 1.0)]
    assert points(run.loss.validation) == [(1.0, 1.2)]
    assert points(run.accuracy.validation) == [(1.0, 0.4)]


def test_epochs_alone_draw_a_curve():
    run = model(start(), epoch(1, 10, 1.5, 1.4), epoch(2, 20, 1.0, 1.1))
    assert points(run.loss.raw) == [(0.5, 1.5), (1.5, 1.0)]


def test_events_before_a_start_have_a_place():
    run = model(epoch(1, 10, 1.5), epoch(2, 20, 1.0))
    assert points(run.loss.raw) == [(0.5, 1.5), (1.5, 1.0)]


def test_a_loss_that_is_not_finite_is_a_gap():
    run = model(start(), batch(1, 2, 2.0), batch(1, 4, NAN), batch(1, 6, math.inf), batch(1, 8, 1.0))
    ys = run.loss.train.points()[1]
    assert np.isnan(ys).tolist() == [False, True, True, False]


def test_what_is_recent_follows_the_run_and_does_not_lag_behind_a_long_one():
    run = model(start(epochs=1000, steps=1000))
    run.feed(batch(n, n, 10.0) for n in range(1, 501))
    assert run.loss.recent == pytest.approx(10.0)
    run.feed(batch(n, n, 0.0) for n in range(501, 601))
    assert run.loss.recent < 1.0  # 3 % of 500 epochs later most of the fall is seen
    assert math.isnan(model(start()).loss.recent)


def test_a_long_run_takes_bounded_memory():
    run = model(start(epochs=30_000, steps=30_000))
    run.feed(epoch(n, n, 1.0 / n, 2.0 / n) for n in range(1, 30_001))
    run.feed(State("running", n, 1.0 / (n + 2)) for n in range(1000))
    assert max(len(s) for s in (run.loss.raw, run.loss.train, run.loss.validation)) <= 4096
    assert len(run.epochs) < 1000
    assert len(run.interventions.rates) < 100
    assert run.loss.raw.points()[0][0] == 0.5
    assert run.epochs[-1].epoch == run.best.epoch == 30_000


def test_the_best_epoch_is_judged_by_validation_and_without_it_by_training():
    assert model(epoch(1, 1, 1.0, 0.5), epoch(2, 2, 0.1, 0.9)).best.epoch == 1
    assert model(epoch(1, 1, 1.0), epoch(2, 2, 0.1), epoch(3, 3, NAN)).best.epoch == 2


def test_the_best_epoch_is_judged_by_what_the_run_watched():
    epochs = [
        replace(epoch(n, n, 1.0, val=n / 10), val_accuracy=a) for n, a in ((1, 0.5), (2, 0.8), (3, 0.8))
    ]
    assert model(start(watched="val_accuracy"), *epochs).best.epoch == 2
    assert model(start(watched="train_loss"), epoch(1, 1, 2.0, 0.1), epoch(2, 2, 1.0, 0.2)).best.epoch == 2
    assert model(start(watched="no such figure"), *epochs).best.epoch == 1
    assert model(start(watched=["a list"]), *epochs).best.epoch == 1


def test_what_a_schedule_does_to_the_rate_is_no_change_by_hand():
    run = model(start(), batch(1, 5, 2.0), State("paused", 9, 0.08, False), State("running", 9, 0.08, False))
    assert not run.interventions.rates
    run.feed([State("running", 12, 0.5, True)])
    assert list(run.interventions.rates) == [(1.2, 0.5)]


def test_changes_of_the_rate_are_marked_where_they_happened():
    run = model(start(), batch(1, 5, 2.0), State("paused", 10, 0.1), State("paused", 10, 0.2))
    run.feed([State("paused", 10, 0.5), State("running", 10, 0.5), State("running", 20, 0.05)])
    assert list(run.interventions.rates) == [(1.0, 0.5), (2.0, 0.05)]
    assert run.rate == 0.05


def test_a_counter_moves_when_and_only_when_there_is_something_new_to_draw():
    run = model(start())
    before = (run.curves_version, run.snapshots_version)
    run.feed([State("paused", 1, 0.1)])
    assert (run.curves_version, run.snapshots_version) == before
    run.feed([batch(1, 2, 1.0)])
    assert run.curves_version > before[0]
    run.feed([Snapshot(1, 2, ())])
    assert run.snapshots_version > before[1]


def test_failure_says_why_and_a_stop_while_loading_is_no_failure():
    run = RunModel()
    run.begin(helpers.document())
    run.fail("the training process was killed")
    assert (run.status, run.message, run.alive) == ("failed", "the training process was killed", False)
    run.fail("stopped while the data was loading", asked=True)
    assert run.status == "stopped"


def test_a_past_run_looks_as_it_did():
    chosen = helpers.preset()
    net, data, engine = helpers.run_parts(chosen)
    epochs = [
        start(epochs=3, steps=12),
        *trainer_of(chosen, net, data, engine, RunControl(), live=True).events(),
    ]
    live = model(*epochs, document=chosen.document())
    past = RunModel()
    past.load([json.dumps(e.to_json()) for e in epochs], chosen.document())
    for name in ("raw", "train", "validation"):
        assert points(getattr(past.loss, name)) == points(getattr(live.loss, name))
    assert past.snapshot
    assert live.snapshot
    assert past.snapshot.to_json() == live.snapshot.to_json()  # NaN is not equal to itself
    assert (past.status, past.best, past.step) == ("completed", live.best, 12)
    assert past.statistics(0).activations is not None
    assert past.statistics(7) is None


def test_a_run_without_an_end_was_cut_off():
    past = RunModel()
    past.load([json.dumps(start().to_json())], helpers.document())
    assert (past.status, past.message) == ("interrupted", "interrupted before its first step")
    assert not past.alive
    past.load([json.dumps(e.to_json()) for e in (start(), batch(3, 25, 1.0))], helpers.document())
    assert past.message == "interrupted at epoch 3 of 4, step 25"


HOSTILE = [
    {"counts": []},
    {"counts": [1] * 100_000},
    {"counts": [-1]},
    {"counts": [1.5]},
    {"counts": 3},
    {"below": -1},
    {"above": "many"},
    {"low": 1, "high": 1},
    {"low": 2, "high": 1},
    {"low": None},
    {"high": 1e300},
    {"high": True},
    {"floor": -1, "low": -1},
    {"floor": "low"},
    {"floor": 1e-10},  # an axis on both sides of 0 has to be as long on either
    {"floor": 1e-10, "low": -1, "counts": [1, 2]},
    {"floor": 1e-10, "low": -1, "counts": [1]},
    {"floor": 2, "low": -1, "counts": [1, 2, 3]},
    {"floor": 1e-320, "low": -1, "counts": [1, 2, 3]},
]


def hostile(kind="gradients", **part):
    """A snapshot with a histogram that nobody can draw."""
    good = {"low": 0.0, "high": 1.0, "counts": [1, 2, 3], "below": 0, "above": 0}
    layers = [{"mean": 0.0, kind: good | part}]
    return {"event": "picture", "epoch": 1, "step": 1, "layers": layers}


def readable(line):
    try:
        return read_event(line) is not None
    except ValueError:
        return False


@pytest.mark.parametrize("kind", ["activations", "inputs", "weights", "biases", "gradients"])
def test_a_histogram_that_can_be_drawn_is_read(kind):
    found = read_event(hostile(kind))
    assert getattr(found.layers[0], kind).counts == (1, 2, 3)
    log = read_event(hostile(kind, floor=1e-10, low=-1.0)).layers[0]
    assert getattr(log, kind).edges() == pytest.approx((-1.0, -1e-10, 1e-10, 1.0))
    for part in HOSTILE:
        assert not readable(hostile(kind, **part)), part


def test_pictures_of_tuiml_0_1_are_read():
    """Fewer fields, and gradients on an axis of equal bins."""
    bars = {"low": -0.5, "high": 0.5, "counts": [1, 2, 3], "below": 4, "above": 0}
    old = {
        "mean": 0.1, "std": 0.2, "zeros": 0.0, "saturated": None, "dead": 0.25, "weight_mean": 0.0,
        "weight_std": 0.1, "gradient_norm": 0.3, "activations": None, "weights": bars, "gradients": bars,
    }  # fmt: skip
    past = RunModel()
    line = {"event": "picture", "epoch": 1, "step": 7, "layers": [old]}
    past.load([json.dumps(line)], helpers.document())
    found = past.statistics(0)
    assert (found.dead, found.gradient_norm) == (0.25, 0.3)
    assert math.isnan(found.update_ratio)
    assert math.isnan(found.weight_norm)
    assert math.isnan(found.slope_mean)
    assert (found.inputs, found.biases) == (None, None)
    assert found.gradients.floor == 0.0
    assert found.gradients.edges() == pytest.approx((-0.5, -1 / 6, 1 / 6, 0.5))


def test_lines_that_cannot_be_read_are_left_out():
    good = epoch(1, 10, 1.5, 1.4)
    statistics = {"mean": 0, "activations": {"low": 0, "high": 1, "counts": ["x"], "below": 0, "above": 0}}
    bad = [
        "",
        "not json",
        "[1]",
        "null",
        '{"event": "epoch"}',
        '{"event": []}',
        '{"event": "a newer kind", "epoch": 2}',
        json.dumps(good.to_json() | {"epoch": "2"}),
        json.dumps(good.to_json() | {"epoch": True}),
        json.dumps(good.to_json() | {"epoch": 10**400}),
        json.dumps(good.to_json() | {"train_loss": "1.5"}),
        json.dumps(end().to_json() | {"reason": "exploded"}),
        json.dumps({"event": "picture", "epoch": 1, "step": 1, "layers": [{"mean": "x"}]}),
        json.dumps({"event": "picture", "epoch": 1, "step": 1, "layers": [statistics]}),
        json.dumps({"event": "picture", "epoch": 1, "step": 1, "layers": 3}),
        *(json.dumps(hostile(**part)) for part in HOSTILE),
        "[" * 100_000,
    ]
    past = RunModel()
    past.load([*bad, json.dumps(good.to_json()), *bad], helpers.document())
    assert [e.epoch for e in past.epochs] == [1]
    assert past.snapshot is None
    assert past.end is None


def test_a_preset_of_the_past_that_is_no_longer_valid_still_shows_its_curves():
    past = RunModel()
    past.load([json.dumps(epoch(1, 10, 1.5).to_json())], {"version": 1, "layers": [{"type": "gone"}]})
    assert (past.preset, past.network) == (None, None)
    assert len(past.loss.raw) == 1


def test_an_event_is_read_back_as_it_was_reported():
    for event in (start(), batch(1, 2, 1.0), epoch(1, 2, 1.0, 0.5), State("paused", 2, 0.1), end()):
        assert read_event(event.to_json()) == event


def test_a_run_of_very_many_epochs_takes_no_more_memory_the_longer_it_is_watched():
    found = model(start(600_000, 6_000_000))

    def feed(first, last):
        for n in range(first, last):
            found.feed([batch(n, 10 * n - 5, 1.0 / n), epoch(n, 10 * n, 1.0 / n, 1.0 / n)])
            if n % 100 == 0:
                found.feed([Snapshot(n, 10 * n, (FLAT, layer(), layer()))])

    tracemalloc.start()
    feed(1, 9_000)
    before = tracemalloc.get_traced_memory()[0]
    feed(9_000, 18_000)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 600_000, "nine thousand epochs of some 400 bytes each would be more"
    assert found.loss.validation.last == pytest.approx(1 / 17_999)
