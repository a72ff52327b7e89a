"""Follows a run from its first event to its end, with signals that stop it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator
from typing import TYPE_CHECKING

from tuiml.cli.output import drop_output, note

if TYPE_CHECKING:
    from tuiml.cli.notices import Notices
    from tuiml.cli.progress import Show
    from tuiml.cli.signals import Stopping
    from tuiml.training.events import Event
    from tuiml.training.run_control import RunControl


def follow(events: Generator[Event], control: RunControl, show: Show, notices: Notices | None = None) -> int:
    """Show a run's events to the end, and notify of them; the exit code."""
    from tuiml.cli.signals import Stopping
    from tuiml.runs.errors import Cancelled
    from tuiml.training.events import End

    end: End | None = None
    with Stopping(control) as stopping, contextlib.closing(events), notices or contextlib.nullcontext():
        try:
            for event in events:
                end = event if isinstance(event, End) else end
                show_event(show, event, stopping)
                if notices is not None:
                    notices.take(event)
        except Cancelled as error:
            if stopping.number is None:
                raise
            note(f"tuiml: {error}")
            return 128 + stopping.number
        finally:
            show.close()
    if end is None or show.unsaved or stopping.failed:
        return 1
    if end.reason == "stopped":
        return 128 + stopping.number if stopping.number is not None else 1
    return 3 if end.reason == "diverged" else 0


def show_event(show: Show, event: Event, stopping: Stopping) -> None:
    """Show an event; if stdout takes nothing any more, stop the run, which is saved anyway."""
    from tuiml.training.events import End

    try:
        show.report(event)
    except BrokenPipeError:
        drop_output()
        show.silence()
        stopping.stop(signal.SIGPIPE)
    except OSError as error:
        drop_output()
        show.silence()
        what = "saved" if isinstance(event, End) else "stopped and saved"
        note(f"tuiml: cannot print: {error.strerror or error}; the run is {what}")
        stopping.failed = True
        stopping.stop(None)
