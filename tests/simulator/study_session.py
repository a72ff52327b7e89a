"""The process that runs a simulated study, from its start to its end, and what it reports."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import suppress
from pathlib import Path

from tests.simulator.clock import clock
from tests.simulator.disk import Disk, Killed, Process
from tests.simulator.machine import Machine
from tests.simulator.plan import Broken
from tests.simulator.small_studies import NAME, STUDIES
from tests.simulator.study_rules import Rules, Whole
from tuiml.runs.errors import RunError
from tuiml.runs.folder import studies_folder
from tuiml.studies import session
from tuiml.studies.control import StudyControl, StudyOrder
from tuiml.studies.events import StudyEvent
from tuiml.studies.study import Study

LONGEST = 400
"""Events of one session of a study: no plan needs more."""


class StudySession:
    """One study, and the process that runs it.

    Args:
        root: an empty folder, in memory if possible.
        whole: what is in the folders of the studies that were never disturbed.
    """

    def __init__(self, root: Path, whole: Mapping[int, Whole] | None = None) -> None:
        os.environ["TUIML_HOME"] = str(root)
        self.root, self.disk, self.counted = root, Disk(root), Counter[str]()
        self.machine = Machine(self.disk, self.counted)
        clock.reset(self.machine.sleep)
        self.machine.bored = lambda: self._control.order(StudyOrder("resume"))
        self.number, self.jobs = 0, 2
        self.process: Process | None = None
        """The one that runs the study; ``None``: nobody does."""
        self._events: Generator[StudyEvent] | None = None
        self._control = StudyControl()
        self.rules = Rules(self.disk, self.machine, whole)

    @property
    def study(self) -> Study:
        return STUDIES[self.number]

    @property
    def path(self) -> Path:
        return studies_folder() / NAME

    def _begin(self) -> None:
        self.process, self._control = Process("study"), StudyControl()
        self.disk.acting = self.process
        self._events = session.run_study(self.study, NAME, self._control, jobs=self.jobs)
        self.disk.acting = Process()
        self.counted["sessions"] += 1
        self.rules.session_begins(self.process)

    def _next(self) -> bool:
        """Take the next event of the study; whether there may be more."""
        if self._events is None or self.process is None:
            return False
        self.disk.acting, failing = self.process, self.disk.failing
        try:
            event = next(self._events)
        except StopIteration:
            self._end_process()
            return False
        except Killed:
            self._die()
            return False
        except RunError as error:
            self._end_process()
            if not failing:
                raise Broken("a study can be run", str(error)) from error
            self.counted["refused"] += 1
            return False
        finally:
            self.disk.acting = Process()
        self.counted["events"] += 1
        self.rules.heard(event)
        return True

    def _end_process(self) -> None:
        process, self.process, self._events = self.process, None, None
        if process:
            self.disk.release(process)
            self.machine.orphan(process)
        self.disk.acting = Process()

    def _die(self) -> None:
        """The process is gone; its workers hear that, and end by themselves."""
        events = self._events
        if self.process:
            self.process.dead = True
            self.disk.acting = self.process
            self.counted["deaths"] += 1
        with suppress(Killed, StopIteration, RuntimeError, OSError):
            if events is not None:
                events.close()
        self._end_process()

    def _running(self) -> Process:
        """The process that runs the study, which may have to be started."""
        if self._events is None:
            self._begin()
        assert self.process is not None
        return self.process

    def _go(self, events: int) -> None:
        self._running()
        for _ in range(events):
            if not self._next():
                return

    def _go_on(self) -> None:
        """Let the session run to its end."""
        for _ in range(LONGEST):
            if not self._next():
                return
        raise Broken("a study comes to its end", f"not after {LONGEST} events")
