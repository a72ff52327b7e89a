"""The process that runs a simulated study, from its start to its end, and what it reports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tests.simulator.clock import clock
from tests.simulator.disk import Disk, Process
from tests.simulator.machine import Machine
from tests.simulator.plan import Broken
from tests.simulator.simulated_session import SimulatedSession
from tests.simulator.small_studies import NAME, STUDIES
from tests.simulator.study_rules import Rules, Whole
from tuiml.runs.errors import RunError
from tuiml.runs.folder import studies_folder
from tuiml.studies import session
from tuiml.studies.control import StudyControl, StudyOrder
from tuiml.studies.events import StudyEvent
from tuiml.studies.study import Study


class StudySession(SimulatedSession[StudyEvent]):
    """One study, and the process that runs it.

    Args:
        root: an empty folder, in memory if possible.
        whole: what is in the folders of the studies that were never disturbed.
    """

    def __init__(self, root: Path, whole: Mapping[int, Whole] | None = None) -> None:
        os.environ["TUIML_HOME"] = str(root)
        super().__init__(Disk(root))
        self.root = root
        self.machine = Machine(self.disk, self.counted)
        clock.reset(self.machine.sleep)
        self.machine.bored = lambda: self._control.order(StudyOrder("resume"))
        self.number, self.jobs = 0, 2
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

    def _heard(self, event: StudyEvent) -> None:
        self.rules.heard(event)

    def _refused(self, error: RunError, failing: bool) -> None:
        self._end_process()
        if not failing:
            raise Broken("a study can be run", str(error)) from error
        self.counted["refused"] += 1

    def _end_process(self) -> Process | None:
        process = super()._end_process()
        if process:
            self.machine.orphan(process)
        return process

    def _die(self) -> None:
        """The process is gone; its workers hear that, and end by themselves."""
        self.counted["deaths"] += self.process is not None
        self._kill()
