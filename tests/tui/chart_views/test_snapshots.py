"""The stored snapshots of a run, and how past ones are shown."""

import dataclasses
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import helpers
from tests.tui.recorded_events import FLAT, NAN, bars, end, layer, start
from tuiml.training.events import Snapshot
from tuiml.training.layer_statistics import Histogram
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.model.cursor import neighbour
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.snapshots import FEWEST, LAYERS, MOST, SnapshotHistory


def of(steps, most=MOST, layers=1):
    found = SnapshotHistory(most)
    for step in steps:
        found.add(step, [layer(step / 1000)] * layers)
    return found


def model(*steps):
    found = RunModel()
    found.begin(helpers.document())
    found.feed([Snapshot(1, step, (FLAT, layer(step / 1000))) for step in steps])
    return found


def same(a, b):
    return all(x == y or (x != x and y != y) for x, y in zip(_flat(a), _flat(b), strict=True))


def _flat(statistics):
    return dataclasses.astuple(statistics)


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=400, unique=True), st.integers(2, 60))
def test_the_first_and_the_newest_stay_all_in_order_and_never_too_many(steps, most):
    steps = sorted(steps)
    kept = of(steps, most).steps
    assert (kept[0], kept[-1]) == (steps[0], steps[-1])
    assert kept == sorted(set(kept))
    assert set(kept) <= set(steps)
    assert len(kept) <= max(most, FEWEST)


def test_a_long_run_is_covered_evenly():
    kept = of(range(0, 100_000, 10)).steps
    gaps = [b - a for a, b in pairwise(kept[:-1])]
    assert len(kept) > MOST / 3
    assert max(gaps) <= 2 * min(gaps)
    assert kept[-1] == 99_990


def test_a_deep_network_keeps_fewer_moments():
    kept = of(range(200), layers=200)
    assert len(kept) <= LAYERS // 200
    assert len(of(range(200), layers=1)) == 200


def test_a_picture_comes_back_as_it_was_reported():
    reported = layer(
        0.25,
        inputs=bars(3, 0, 2**40, low=-2.0, high=2.0, below=7),
        gradients=Histogram(-1.0, 1.0, (1, 2, 3), 0, 9, 0.25),
        weights=None,
        std=math.inf,
    )
    found = SnapshotHistory()
    found.add(3, [FLAT, reported])
    snapshot = found.snapshots[0]
    assert same(snapshot.layers()[0], FLAT)
    assert same(snapshot.statistics(1), reported)
    assert snapshot.statistics(2) is snapshot.statistics(-1) is None
    assert snapshot.part(5, "weights") is None


def test_a_run_that_went_on_from_an_earlier_step_has_its_new_pictures():
    assert of([10, 20, 30, 20, 25]).steps == [10, 20, 25]


def test_the_nearest_and_the_neighbours():
    found = of([10, 20, 40])
    assert [found.nearest(step).step for step in (0, 14, 31, 99)] == [10, 10, 40, 40]
    assert [found.before(step).step for step in (0, 10, 39, 40, 99)] == [10, 10, 20, 40, 40]
    assert neighbour(found.steps, 40, -1) == 20
    assert neighbour(found.steps, 25, -1) == 20
    assert neighbour(found.steps, 10, -5) == 10
    assert neighbour(found.steps, 10, 1) == 20
    assert neighbour(found.steps, 20, 1) is None, "the newest is now"
    assert SnapshotHistory().nearest(3) is SnapshotHistory().before(3) is neighbour([], 3, -1) is None


def test_a_figure_of_all_layers_over_time_has_gaps_where_it_was_not_reported():
    found = SnapshotHistory()
    found.add(1, [FLAT])
    found.add(2, [FLAT, layer(gradient_norm=0.5)])
    norms = found.figures("gradient_norm").tolist()
    assert math.isnan(norms[0][1])
    assert norms[1][1] == 0.5
    assert SnapshotHistory().figures("gradient_norm").shape == (0, 0)


def test_a_past_run_has_the_history_it_had_live():
    live = model(1, 5, 9)
    assert live.history.steps == [1, 5, 9]
    live.begin(helpers.document())
    assert len(live.history) == 0


# -- looking back ------------------------------------------------------------------------------------------


def test_looking_back_stays_where_it_is_while_the_run_goes_on():
    run = model(10, 20, 30)
    selection = ChartSelection(lambda: run)
    selection.index = 1
    assert (selection.step, selection.statistics.mean) == (30, 0.03)
    selection.cursor.move(-1)
    before = selection.stamp()
    assert (selection.step, selection.statistics.mean) == (20, 0.02)
    run.feed([Snapshot(1, 40, (FLAT, layer(0.04)))])
    assert (selection.step, selection.layers[1].mean) == (20, 0.02)
    assert selection.stamp() == before, "nothing to draw again"
    selection.cursor.move(1)
    assert selection.step == 30
    selection.cursor.move(1)
    assert selection.past_snapshot is None
    assert selection.step == 40
    selection.cursor.move(1)
    assert selection.past_snapshot is None
    selection.cursor.move(-100)
    assert selection.step == 10
    selection.cursor.follow()
    assert selection.step == 40


@pytest.mark.parametrize(("last", "prefix"), [(30, ""), (90, "as of step 30 · ")])
def test_what_is_older_than_the_end_of_a_run_says_of_which_step_it_is(last, prefix):
    run = model(10, 20)
    selection = ChartSelection(lambda: run)
    run.feed([start(), Snapshot(1, 30, (FLAT, layer()))])
    before = selection.stamp()
    assert selection.prefix == "", "while it is trained, the newest is a little behind"
    run.feed([dataclasses.replace(end(), step=last)])
    assert selection.prefix == prefix
    assert (selection.stamp() != before) == bool(prefix)


def test_a_new_run_is_looked_at_as_it_is_now():
    run = model(10, 20, 30)
    selection = ChartSelection(lambda: run)
    selection.cursor.move(-2)
    run.begin(helpers.document())
    assert selection.past_snapshot is None
    assert (selection.step, list(selection.layers), selection.statistics) == (0, [], None)
    selection.cursor.move(-1)
    assert selection.past_snapshot is None


def test_what_thinning_took_is_still_looked_at():
    run = model(*range(200))
    selection = ChartSelection(lambda: run)
    selection.cursor.move(-100)
    step = selection.step
    run.feed([Snapshot(1, n, (FLAT, layer())) for n in range(200, 2000)])
    assert selection.step == step
    selection.cursor.move(-1)
    assert selection.step < step


def test_kinds_that_no_layer_has_are_passed_over():
    run = model(1)
    selection = ChartSelection(lambda: run)
    assert [selection.next_kind(), selection.next_kind(-1)] == ["gradients", "weights"]
    run.feed([Snapshot(1, 2, (FLAT, layer(inputs=bars(1, 2), biases=bars(2))))])
    assert [selection.next_kind(), selection.next_kind(-1)] == ["inputs", "biases"]


@pytest.mark.parametrize("norm", [NAN, math.inf])
def test_figures_that_are_no_numbers_are_kept(norm):
    found = SnapshotHistory()
    found.add(1, [layer(gradient_norm=norm)])
    assert same(found.snapshots[0].statistics(0), layer(gradient_norm=norm))
