"""What is declared of the events of a run, and how strictly they are read."""

import json

import pytest

from tests.runs.hostile_metrics import events
from tests.tui.recorded_events import start
from tuiml.training.event_reading import read_event
from tuiml.training.events import KINDS, Intervention, RestorePoints, Start, kind_of
from tuiml.training.inspections.record import Inspection
from tuiml.training.layer_statistics import HISTOGRAMS, Histogram, LayerStatistics


def declared(flag):
    """The events of runs that have a flag."""
    kinds = {name: kind for name, kind in KINDS.items() if not issubclass(kind, Inspection)}
    return {name for name, kind in kinds.items() if getattr(kind, flag)} - {"probe"}


def test_each_kind_says_what_is_done_with_it():
    assert declared("recorded") == {
        *(
            "start",
            "batch",
            "scalars",
            "epoch",
            "snapshot",
            "state",
            "intervention",
            "notice",
            "end",
            "pretraining",
        )
    }
    assert declared("droppable") == {"batch", "scalars", "snapshot"}
    assert declared("replaced") == {"snapshot", "restore_points"}
    assert {"start", "end", "state", "intervention", "notice", "loading"} <= declared("changes_keys")
    moving = {"batch", "scalars", "epoch", "snapshot", "restore_points", "pretraining", "pretraining_batch"}
    assert not moving & declared("changes_keys")
    for kind in KINDS.values():
        if issubclass(kind, Inspection):
            assert (kind.recorded, kind.droppable, kind.replaced, kind.changes_keys) == (
                False,
                False,
                True,
                False,
            )


def test_former_names_are_known():
    assert kind_of("picture") is kind_of("snapshot")
    assert kind_of("moments") is RestorePoints
    assert kind_of("newer") is kind_of(None) is kind_of(["epoch"]) is None


@pytest.mark.parametrize("event", events(), ids=lambda event: event.event)
def test_every_kind_survives_json(event):
    assert repr(read_event(json.loads(json.dumps(event.to_json(), allow_nan=False)))) == repr(event)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": True},
        {"epochs": 2.0},
        {"epochs": "2"},
        {"epochs": -1},
        {"epochs": 2**53 + 1},
        {"epochs": None},
        {"versions": {"numpy": 2}},
        {"versions": {"numpy": ["2"]}},
        {"versions": [["numpy", "2"]]},
        {"note": 1},
        {"note": "x" * 200_000},
        {"path": None},
    ],
)
def test_values_of_the_wrong_type_are_refused_within_tables_too(change):
    assert isinstance(read_event(start().to_json()), Start)
    with pytest.raises(ValueError, match="not an event"):
        read_event(start().to_json() | change)


@pytest.mark.parametrize(
    "points", [[[1, 1]], [[1, 1, 0.5, 2]], [[1.0, 1, 0.5]], [[1, -1, 0.5]], [[1, 1, "x"]], {}]
)
def test_restore_points_are_checked_one_by_one(points):
    with pytest.raises(ValueError, match="not an event"):
        read_event({"event": "restore_points", "points": points})


def test_interventions_hold_no_boolean_and_no_huge_number():
    line = next(e for e in events() if isinstance(e, Intervention)).to_json()
    for value in (True, 2**60, -(2**60)):
        with pytest.raises(ValueError, match="not an event"):
            read_event(line | {"value": value})


def test_the_histograms_of_a_layer_are_those_that_are_named():
    bars = Histogram(0.0, 1.0, (1,), 0, 0)
    full = LayerStatistics(**dict.fromkeys(HISTOGRAMS, bars))
    assert [name for name, value in vars(full).items() if value is bars] == sorted(
        HISTOGRAMS, key=list(vars(full)).index
    )
