"""The simulated machine for plans about studies: the real study, pool, workers and tables of tuiml.

After every step :class:`StudyWorld` checks what :mod:`tests.simulator.study_rules` says; at the end the
study is left to itself until it is completed, and compared with one that was never disturbed.
"""

from __future__ import annotations

import errno
import random
from contextlib import ExitStack
from unittest.mock import patch

from tests.simulator.clock import clock
from tests.simulator.disk import Process
from tests.simulator.plan import Broken, Step
from tests.simulator.simulated_session import LONGEST
from tests.simulator.small_studies import ADAPTIVE, NAME
from tests.simulator.study_session import StudySession
from tests.simulator.workers import Fate
from tuiml.backends.choice import choose
from tuiml.runs import threads
from tuiml.runs.errors import RunError
from tuiml.studies import pool, session
from tuiml.studies.control import StudyControl, StudyOrder
from tuiml.studies.folder import read_state

SESSIONS = 8
"""In which an undisturbed study is completed, whatever was before."""
MOST_SEEDS = 1
"""That are added to a configuration."""


class StudyWorld(StudySession):
    """A study, and whoever disturbs it."""

    # -- a plan --------------------------------------------------------------------------------------------

    def play(self, plan: list[Step]) -> None:
        """Play a plan to its end, then let the study be completed undisturbed and compare it.

        Raises:
            Broken: a rule does not hold.
        """
        with ExitStack() as stack:
            for name, part in self.machine.parts().items():
                stack.enter_context(patch.object(pool, name, part))
            stack.enter_context(patch.object(session, "choose", lambda _: choose("numpy")))
            stack.enter_context(patch.object(threads, "cores", lambda: 1))
            stack.enter_context(self.rules.acknowledging())
            stack.enter_context(self.disk)
            try:
                for kind, *arguments in plan:
                    self.counted[kind] += 1
                    getattr(self, f"do_{kind}")(*arguments)
                    self.rules.look(kind)
                self._finish()
            finally:
                self._die()
                self.machine.kill_all()

    # -- what happens to it --------------------------------------------------------------------------------

    def do_study(self, number: int, jobs: int) -> None:
        """Which study is run, and how many trials at once."""
        self.number, self.jobs = number, jobs
        self.rules.begin(self.study, number, self.path, jobs)

    def do_go(self, events: int) -> None:
        """Let the study go on, or begin it, for some events."""
        self._go(events)

    def do_wait(self, seconds: float) -> None:
        """Nothing is asked for a while; workers whose study was killed go on meanwhile."""
        if self.process is None:
            self.machine.sleep(seconds)

    def do_fate(self, kind: str, amount: float, torn: float, skip: int) -> None:
        """What becomes of a worker that begins one of the next trials."""
        self.machine.fates.extend([*[Fate()] * skip, Fate(kind, amount, torn)])

    def do_murder(self, number: int) -> None:
        """A worker is killed, wherever it is."""
        if self.machine.children:
            self.machine.children[number % len(self.machine.children)].die()

    def do_power(self, fuse: int, torn: float, seed: int) -> None:
        """The power fails, while one of the processes writes."""
        rng, process = random.Random(seed), self._running()
        for one in (process, *(child.process for child in self.machine.children)):
            one.fuse, one.torn = rng.randint(0, max(fuse, 1)), torn
        self.machine.died = self._stop_everything
        self._go(40)
        self.machine.died = lambda: None
        self._die()
        self.machine.kill_all()
        self.disk.heal()
        self.disk.power_cut(rng)
        self.counted["power cuts"] += 1

    def _stop_everything(self) -> None:
        for one in (self.process, *(child.process for child in self.machine.children)):
            if one:
                one.dead = True

    def do_stop(self) -> None:
        """The user stops the study, which ends soon."""
        if self._events is not None:
            self._control.stop()
            self.rules.stopped = True
            self._go_on()

    def do_close(self) -> None:
        """The process ends with an error: what it runs is closed."""
        if error := self._close():
            raise Broken("a study that is closed ends", str(error)) from error

    def do_second(self) -> None:
        """Another process wants to run the study."""
        alive, other = self.process is not None and self.rules.started, Process("second")
        failing, self.disk.acting = self.disk.failing, other
        events = session.run_study(self.study, NAME, StudyControl(), jobs=1)
        try:
            next(events)
        except RunError as error:
            if self.process is None and not failing:
                raise Broken("a study can be run", str(error)) from error
        else:
            events.close()
            if alive:
                raise Broken("one process runs a study", "two do")
        finally:
            self.disk.release(other)
            self.disk.acting = Process()

    def do_order(self, do: str, number: int) -> None:
        """The user asks something of the study or of one of its trials."""
        names = self.rules.names()
        if self._events is None or not self.rules.started or not names:
            return
        trial = names[number % len(names)] if do not in ("pause", "resume") else ""
        if do == "more_seeds" and self.rules.has_more(MOST_SEEDS):
            return
        if do in ("stop_trial", "resume_trial") and self.number in ADAPTIVE:
            return  # another one would win, or one that was cut be trained to its end: as the user wants it
        self._control.order(StudyOrder(do, trial))  # type: ignore[arg-type]  # one of them
        self.rules.asked()

    def do_full(self, kind: str, after: int, number: int) -> None:
        """The disk is full for a while."""
        self.disk.refuse(kind, after, number, errno.ENOSPC)

    def do_error(self, kind: str, after: int) -> None:
        """The disk fails once."""
        self.disk.refuse(kind, after, 1, errno.EIO)

    def do_clock(self, jump: float) -> None:
        """The time of day jumps."""
        clock.jumped += jump

    def do_look(self) -> None:
        """The app and the command show the study."""
        self.rules.compare_tables()

    def do_more(self) -> None:
        """Seeds are added to all configurations (of the study that is compared with)."""
        self._go(LONGEST)
        self._begin()
        for name in self.rules.first_names():
            self._control.order(StudyOrder("more_seeds", name, MOST_SEEDS))
        self._go_on()

    # -- its end -------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Let the study be completed undisturbed; then it is as if nothing had happened."""
        self.disk.heal()
        self.machine.fates.clear()
        if self._events is not None:
            self._go_on()
        for _ in range(SESSIONS):
            if self.rules.complete:
                break
            self._begin()
            for name in read_state(self.path).stopped:
                self._control.order(StudyOrder("resume_trial", name))
            self._go_on()
        if not self.rules.complete:
            raise Broken("a study comes to its end", f"not after {SESSIONS} sessions: {self.rules.last}")
        self.machine.sleep(60.0)  # workers of sessions that were killed
        self.rules.compare_tables()
        self.rules.compare_whole()
        self.rules.compare_leftovers()
