"""Lines of metrics as no run writes them: of every kind of event, with anything in any of their places."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tuiml.training.events import (
    KINDS,
    End,
    Epoch,
    Event,
    Intervention,
    Loading,
    Notice,
    Pretraining,
    PretrainingProgress,
    Progress,
    RateFound,
    RateTried,
    Replayed,
    RestorePoints,
    Scalars,
    Snapshot,
    Start,
    State,
)
from tuiml.training.layer_statistics import Histogram, LayerStatistics

UNREADABLE = {
    "400 digits": "9" * 400,
    "minus 400 digits": "-" + "9" * 400,
    "5,000 digits": "9" * 5000,
    "2^63": str(2**63),
    "1e999": "1e999",
    "-1e999": "-1e999",
    "200 deep": "[" * 200 + "]" * 200,
    "100,000 deep": "[" * 100_000 + "]" * 100_000,
    "tables within tables": '{"a": ' * 200 + "1" + "}" * 200,
    "a long list": json.dumps([0] * 200_000),
    "a text of megabytes": json.dumps("x" * 2_000_000),
}
"""Values, as JSON, for which a line is passed over wherever in it they stand."""
ODD = ["-1", "-1.5", "NaN", "Infinity", "1e300", "1e-300", "0", "null", "true", str(2**53)]
ODD += ['""', '"text"', '"\\ud800"', '"\\u0000\\u001b[2J"', "[]", "{}", "[[]]", "[null]", "[[1, 2, 3, 4]]"]
ODD += ['{"name": {}}']
"""Others, that may be what some places hold."""
_HERE = "@here@"


def events() -> list[Event]:
    """A sound event of each kind."""
    bars = Histogram(-1.0, 1.0, (3, 2, 1), 0, 3)
    layer = LayerStatistics(0.5, 0.2, 0.0, 0.1, 0.0, 0.0, 0.3, 0.1, bars, bars, bars)
    settings = {"epochs": [2, 4], "learning_rate": [0.1, 0.2]}
    found: list[Event] = [
        Loading("digits", 10, 100),
        Start("r", "/r", "numpy", "cpu", 2, 100, 100, 10, 10, 10, 3, 30, 0, {"numpy": "2"}, "note", "loss"),
        Pretraining(0, 0, 2, 1, 3, 0.5, 1.0),
        PretrainingProgress(0, 1, 2, 2, 3, 0.5, 1.0, 0.5),
        Progress(1, 5, 1.0, 0.5, 0.1, 1000.0, 1.0, 2.0),
        Notice("saving", "a text", 5),
        Scalars(1, 5, {"grad_scale": 65536.0}),
        Snapshot(1, 5, (layer, layer)),
        Epoch(1, 10, 1.0, 0.5, 1.1, 0.4, 0.1, 1.0, 1000.0),
        State("paused", 10, 0.1),
        *(Intervention(n, 10, 2, what, value, 1.0, 30, 10, 0.1) for n, (what, value) in enumerate([
            ("rate", 0.1), ("optimizer", {"name": "adam"}), ("batch_size", 10), ("settings", settings),
        ], 1)),
        RestorePoints(((0, 1, 1.0), (5, 1, 0.5))),
        Intervention(5, 10, 1, "rewind", 5, 0.5, 30, 10, 0.1, 4),
        Replayed("r", "again", 5, 0, False, ("layers.0.weight",)),
        RateTried(1, 10, 0.1, 1.0, 1.0),
        RateFound(0.1, 10, 10, "steepest there"),
        End("completed", "r", "/r", 3, 30, 1, 1.0, 0.5, 1.0, 1000.0, "a message"),
    ]  # fmt: skip
    of_runs = {name for name, kind in KINDS.items() if kind.__module__ == Event.__module__}
    assert {event.event for event in found} == of_runs
    return found


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a line there are values, all but its kind."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [(*path, key) for key, _ in pairs if (*path, key) != ("event",)]
    return found + [place for key, inner in pairs for place in _places(inner, (*path, key))]


def damaged(event: Event, place: int, value: str) -> bytes:
    """A line with another value, given as JSON, in one of its places (counted round and round)."""
    line = json.loads(json.dumps(event.to_json()))
    places = _places(line)
    *path, last = places[place % len(places)]
    part = line
    for key in path:
        part = part[key]
    part[last] = _HERE
    return json.dumps(line).replace(f'"{_HERE}"', value).encode()


_FEW = st.sampled_from(sorted(set(UNREADABLE) - {"a long list", "a text of megabytes"})).map(UNREADABLE.get)
_CHANGED = st.builds(damaged, st.sampled_from(events()), st.integers(0, 200), st.sampled_from(ODD) | _FEW)
_SOUND = st.sampled_from(events()).map(lambda event: json.dumps(event.to_json()).encode())
_CUT = st.builds(lambda line, at: line[: at % len(line)], _SOUND, st.integers(0, 1000))
_ANY = st.binary(max_size=60).map(lambda data: data.replace(b"\n", b""))
LINES = st.lists(_CHANGED | _SOUND | _CUT | _ANY, min_size=1, max_size=30)
"""A file's lines, sound and damaged ones of every kind."""
