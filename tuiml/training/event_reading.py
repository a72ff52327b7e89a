"""Events from a file or from another process, checked.

A ``metrics.jsonl`` may have been edited, copied from anywhere or cut off; a training process may be broken.
"""

from __future__ import annotations

from typing import Any

from tuiml.registry import short
from tuiml.spec.problems import Problem
from tuiml.text import plain_text
from tuiml.training import codec
from tuiml.training import inspections as inspections  # registers their events
from tuiml.training.events import Event, kind_of


def read_event(line: Any) -> Event | None:
    """The event of an object from a file or another process; ``None`` for a kind that is not known.

    Raises:
        ValueError: a field is missing, of the wrong type, or does not fit the others.
    """
    try:
        kind = kind_of(line.get("event"))
        if kind is None:
            return None
        event = codec.read(kind, line)
        event.check()
    except (AttributeError, ValueError):
        raise ValueError(f"not an event: {short(line)}") from None
    return event


def events_of(lines: Any) -> list[Event]:
    """The events of a message, without those of unknown kinds.

    Raises:
        ValueError: it is not a list of events.
    """
    if not isinstance(lines, list):
        raise ValueError("events are a list")
    return [event for event in map(read_event, lines) if event is not None]


def problems_of(pairs: Any) -> list[Problem]:
    """The problems of a message.

    Raises:
        ValueError: they are not pairs of path and text.
    """
    if not isinstance(pairs, list) or not all(isinstance(p, list) and len(p) == 2 for p in pairs):
        raise ValueError("problems are pairs")
    return [Problem(plain_text(str(path)), plain_text(str(text))) for path, text in pairs]
