"""The end of a session: what is saved and closed, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tuiml.tui.app.current_run import CurrentRun
from tuiml.tui.app.current_study import CurrentStudy
from tuiml.tui.app.session import Session
from tuiml.tui.app.shutdown import Shutdown

LEAVING = 2.0
"""Seconds that a run has to save itself when the app is left."""


def save_work(
    shutdown: Shutdown,
    session: Session,
    run: CurrentRun,
    study: CurrentStudy,
    others: Sequence[Callable[[], object]],
) -> Iterator[str]:
    """Save the session, close ``others``, and stop what is trained; what became of each, in words."""
    outcome = "your last edits are not saved"
    with shutdown.attempt():
        session.write(session.snapshot(), last=True)
        outcome = session.trouble or "your edits are saved for the next start"
    yield outcome
    for close in (run.stop_following, *others):
        with shutdown.attempt():
            close()
    with shutdown.attempt():
        if run.client is not None:
            yield "training was stopped, and the run is in the library" if run.client.active else ""
            run.client.close(LEAVING)
    with shutdown.attempt():
        yield study.close(LEAVING)
