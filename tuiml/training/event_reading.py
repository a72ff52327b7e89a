"""Events as they come from files and from another process: checked before anything is done with them.

A ``metrics.jsonl`` may have been edited, copied from anywhere or cut off; a training process may be broken.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from tuiml.registry import short
from tuiml.spec.problems import Problem
from tuiml.text import plain_text
from tuiml.training import inspection_records
from tuiml.training.events import End, Event, Snapshot, State, from_json
from tuiml.training.statistics import Histogram, LayerStatistics


def read_event(line: Any) -> Event | None:
    """The event of a line from a file or another process; ``None`` for a kind that is not known.

    Raises:
        ValueError: it is not an event: something is missing or of the wrong type.
    """
    try:
        if isinstance(line, dict) and line.get("event") in inspection_records.KINDS:
            return inspection_records.read(line)
        event = from_json(line)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise ValueError(f"not an event: {short(line)}") from None
    if event is not None and not _sound(event):
        raise ValueError(f"not an event: {short(line)}")
    return event


_LARGEST = 2**53
_FARTHEST = 1e39
"""Beyond what float32 holds."""
_MOST_BINS = 1000
_TYPES: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "str": str}


def _sound(record: Event | LayerStatistics | Histogram) -> bool:
    """Whether every field of a record has the type it is declared with."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if field.type == "bool | None":
            if not isinstance(value, bool | None):
                return False
            continue
        if isinstance(value, bool) or (isinstance(value, int) and abs(value) > _LARGEST):
            return False
        if isinstance(field.type, str) and not isinstance(value, _TYPES.get(field.type, object)):
            return False
    if isinstance(record, Snapshot):
        return all(map(_sound, record.layers))
    if isinstance(record, LayerStatistics):
        return all(_sound(part) for part in vars(record).values() if isinstance(part, Histogram))
    if isinstance(record, Histogram):
        return _drawable(record)
    return not isinstance(record, End | State) or _words_known(record)


def _drawable(found: Histogram) -> bool:
    """Whether a histogram's axis has a length and its bins, not absurdly many, hold counts."""
    if not all(isinstance(n, int) and 0 <= n <= _LARGEST for n in (*found.counts, found.below, found.above)):
        return False
    if not (-_FARTHEST <= found.low < found.high <= _FARTHEST and 1 <= len(found.counts) <= _MOST_BINS):
        return False
    if not found.floor:
        return True
    mirrored = found.low == -found.high and len(found.counts) % 2 == 1 and len(found.counts) > 1
    return mirrored and 1e-300 <= found.floor < found.high


def _words_known(record: End | State) -> bool:
    if isinstance(record, State):
        return record.state in ("running", "paused")
    return record.reason in ("completed", "stopped", "diverged", "early_stopped")


def events_of(lines: Any) -> list[Event]:
    """The events of a bundle, without kinds that are not known.

    Raises:
        ValueError: it is not a list of events.
    """
    if not isinstance(lines, list):
        raise ValueError("events are a list")
    return [event for event in map(read_event, lines) if event is not None]


def problems_of(pairs: Any) -> list[Problem]:
    """The problems of a message.

    Raises:
        ValueError: they are not pairs of path and message.
    """
    if not isinstance(pairs, list) or not all(isinstance(p, list) and len(p) == 2 for p in pairs):
        raise ValueError("problems are pairs")
    return [Problem(plain_text(str(path)), plain_text(str(text))) for path, text in pairs]
