"""What must hold of a study, whatever happens to the processes that run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from safetensors.numpy import load_file

from tests.simulator.disk import Disk, Process
from tests.simulator.machine import Machine
from tests.simulator.plan import Broken
from tuiml.cli.study_table import results_data
from tuiml.runs import checkpoints, library
from tuiml.runs.folder import steps_in
from tuiml.runs.writer import is_held
from tuiml.studies import folder, table
from tuiml.studies.events import StudyEnd, StudyEvent, StudyStart, TrialEnd, TrialStart
from tuiml.studies.folder import STATE, STUDY, read_state
from tuiml.studies.pool import TRIES
from tuiml.studies.results import Results
from tuiml.studies.study import Study
from tuiml.tui.model.study_model import StudyModel

OVER = ("completed", "early_stopped", "diverged")
STATES = {"completed": "completed", "early_stopped": "completed", "diverged": "diverged", "failed": "failed"}
MOST_WAITING, MOST_HANDLES = 60, 12
"""Lines that were heard and not read; files that a process has open."""


@dataclass
class Whole:
    """What a study that was never disturbed has left."""

    trials: dict[str, Any] = field(default_factory=dict)
    """By the names of their folders: state, epochs, curve, figures, weights."""
    rows: list[Any] = field(default_factory=list)

    def with_trials(self, other: Whole | None) -> Whole:
        """With the trials of another one too."""
        return Whole({**(other.trials if other else {}), **self.trials}, self.rows)


class Rules:
    """Hears what a study reports, and looks at its folder."""

    def __init__(self, disk: Disk, machine: Machine, whole: Mapping[int, Whole] | None) -> None:
        self._disk, self._machine, self._all = disk, machine, whole
        self.whole = Whole()
        """What this study has left."""
        self.started = self.complete = self.stopped = False
        self.last: StudyEvent | None = None
        self._accepted: dict[str, tuple[str, int]] = {}
        """How trials have ended, and after how many epochs, that are said to be over."""
        self._ended: dict[str, str] = {}
        """The same in this session, of all that have ended."""
        self._decided: dict[str, list[str]] = {STATE: [""], STUDY: [""]}
        """What the study's own files may hold: the newest that is said to be written, and later ones."""
        self._orders = self._faults = self._deaths = 0

    def begin(self, study: Study, number: int, path: Path, jobs: int) -> None:
        """A plan begins."""
        self._study, self._number, self._path, self._jobs = study, number, path, jobs

    def session_begins(self, process: Process) -> None:
        self._process, self.started, self.stopped = process, False, False
        self._ended, self._orders = {}, 0
        self._faults, self._deaths = self._disk.faults, self._killed

    @property
    def _killed(self) -> int:
        return self._machine.counted["workers killed"] + self._machine.counted["workers that ended"]

    @contextmanager
    def acknowledging(self) -> Iterator[None]:
        """Note what is said to be written of the study's own files."""
        write: Callable[..., bool] = folder.write_whole

        def written(path: Path, payload: str, **rest: Any) -> bool:
            self._decided[path.name].append(payload)
            sure = write(path, payload, **rest)
            if sure:
                del self._decided[path.name][:-1]
            return sure

        with patch.object(folder, "write_whole", written):
            yield

    # -- what it reports -----------------------------------------------------------------------------------

    def heard(self, event: StudyEvent) -> None:
        """Raise Broken unless an event may be reported."""
        self.last = event
        if isinstance(event, StudyStart):
            self.started = True
        elif isinstance(event, TrialStart):
            self._ended.pop(event.trial, None)
        elif isinstance(event, TrialEnd):
            self._trial_ended(event)
        elif isinstance(event, StudyEnd):
            self._study_ended(event)
        self._bounded()

    def _trial_ended(self, event: TrialEnd) -> None:
        if event.trial in self._ended and not event.earlier:
            raise Broken("each trial is counted once", f"{event.trial} ends again: {event.reason}")
        self._ended[event.trial] = event.reason
        if event.reason == "failed":
            if not event.message or not (self._troubled or self._killed - self._deaths > TRIES):
                raise Broken("a trial fails for a reason", f"{event.trial}: {event.message}")
        elif event.reason == "stopped":
            if not (self.stopped or self._orders or self._troubled or event.earlier):
                raise Broken("a trial fails for a reason", f"{event.trial} was stopped: {event.message}")
        elif event.reason in OVER:
            self._trial_over(event)

    def _trial_over(self, event: TrialEnd) -> None:
        found = library.summary(self._path / event.trial)
        if not self._troubled and (found.reason, found.epochs) != (event.reason, event.epochs):
            seen = (
                f"{event.trial}: {event.reason} after {event.epochs}, but {found.reason} after {found.epochs}"
            )
            raise Broken("a trial that is over is done", seen)
        if not self._disk.faults:
            self._accepted[event.trial] = event.reason, event.epochs

    @property
    def _troubled(self) -> bool:
        """Whether the disk has refused something in this session."""
        return self._disk.faults > self._faults

    def _study_ended(self, event: StudyEnd) -> None:
        self.complete = event.reason == "completed" and event.done == event.trials and not event.failed
        failed = list(self._ended.values()).count("failed")
        if event.failed != failed or event.done > event.trials:
            raise Broken("each trial is counted once", f"{event.said}, but {failed} have failed")
        if event.reason == "failed" and not (event.message and self._troubled):
            raise Broken("a study fails for a reason", event.said)
        if event.reason == "completed" and not self._troubled:
            done = self._results().done
            if done != event.done:
                raise Broken("each trial is counted once", f"{event.said}, but {done} in the table")

    def _bounded(self) -> None:
        """What is kept of a study is no more than its trials at once need."""
        children = [one for one in self._machine.children if one.code is None]
        mine = [one for one in children if one.parent is self._process]
        handles = len(self._disk.handles())
        if len(mine) > self._jobs or self._machine.waiting > MOST_WAITING:
            raise Broken("memory is bounded", f"{len(mine)} workers, {self._machine.waiting} lines")
        if handles > MOST_HANDLES * (1 + len(children)):
            raise Broken("memory is bounded", f"{handles} files are open")

    # -- what the user asks --------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The trials that have a folder."""
        paths = sorted(self._path.iterdir()) if self._path.exists() else []
        return [path.name for path in paths if path.is_dir() and not path.name.startswith(".")]

    def first_names(self) -> list[str]:
        """A trial of each configuration."""
        return [row.trials[0].path.name for row in self._results().rows]

    def has_more(self, most: int) -> bool:
        """Whether a configuration has so many more seeds already, or may soon have."""
        more = read_state(self._path).more.values()
        return self._orders > 0 or any(len(seeds) >= most for seeds in more)

    def asked(self) -> None:
        self._orders += 1

    # -- what its folder holds -----------------------------------------------------------------------------

    def look(self, when: str) -> None:
        """After each step: what was said to be over or decided is there."""
        if when in ("power", "kill", "murder", "close", "stop", "wait", "second"):
            for name, (reason, epochs) in self._accepted.items():
                found = library.summary(self._path / name)
                if (found.reason, found.epochs) != (reason, epochs) and not self._disk.faults:
                    seen = (
                        f"{when}: {name} is {found.reason} after {found.epochs}, was {reason} after {epochs}"
                    )
                    raise Broken("no result that was accepted is lost", seen)
        if when in ("power", "kill"):
            for name, texts in self._decided.items():
                path = self._path / name
                text = path.read_text() if path.exists() else ""
                if text not in texts:
                    raise Broken("no decision that was kept is lost", f"{when}: {name} has {text[:60]!r}")

    def _results(self) -> Results:
        return table.Table(self._study, self._path).results()

    def compare_tables(self) -> None:
        """What the app and the command show is what the folder holds, and what was told."""
        kept, fresh = table.results(self._study, self._path), self._results()
        shown, found = (repr(results_data(one)) for one in (kept, fresh))
        if shown != found:
            raise Broken("the table shows what the folder holds", _differing(shown, found))
        model = StudyModel()
        model.begin(self._path)
        model.feed(self._study, kept, {})
        trials = {one.path.name: one.state for row in fresh.rows for one in row.trials}
        if sum(model.counts().values()) != len(trials) or len(self.names()) != len(set(self.names())):
            raise Broken("each trial is counted once", f"{model.counts()} of {len(trials)}")
        told = {name: STATES[reason] for name, reason in self._ended.items() if reason in STATES}
        wrong = {name: state for name, state in told.items() if trials.get(name) != state}
        if wrong and not self._disk.faults:
            raise Broken("the table shows what was told", f"{wrong} but {trials}")

    # -- its end -------------------------------------------------------------------------------------------

    def compare_whole(self) -> None:
        """It is as a study that was never disturbed, to the bit."""
        found = self._results()
        for row in found.rows:
            for one in row.trials:
                figures = {name: value for name, value in one.figures.items() if name != "seconds"}
                said = repr((one.state, one.epochs, one.curve, figures))
                self.whole.trials[one.path.name] = said, _weights(one.path)
        names = ("rank", "n", "mean", "std", "test_mean", "test_std")
        self.whole.rows = [
            (row.configuration.name, *(getattr(row, name) for name in names)) for row in found.rows
        ]
        if self._all is None:
            return
        whole = self._all[self._number]
        for name, (said, weights) in self.whole.trials.items():
            other, others = whole.trials.get(name, ("nothing", {}))
            if said != other or weights != others:
                about = f"{said}, not {other}" if said != other else f"{len(weights)} arrays differ"
                raise Broken("a disturbed study has the bits of an undisturbed one", f"{name}: {about}")
        if not read_state(self._path).more and repr(self.whole.rows) != repr(whole.rows):
            seen = _differing(repr(self.whole.rows), repr(whole.rows))
            raise Broken("a disturbed study has the bits of an undisturbed one", seen)

    def compare_leftovers(self) -> None:
        """Nobody writes any more, and each trial has one folder."""
        names = self.names()
        if set(names) != set(self.whole.trials):
            raise Broken("each trial is counted once", f"{set(names) ^ set(self.whole.trials)}")
        held = [name for name in (".", *names) if is_held(self._path / name)]
        if not held:
            folder.StudyFolder.hold(self._path.name).close()  # removes what a process left that was killed
        left = [path.name for path in self._path.rglob("*.part")]
        if held or self._machine.children or (left and not self._disk.faults):
            raise Broken(
                "a study that has ended leaves nothing behind", f"{held} {left} {self._machine.children}"
            )


def _weights(path: Path) -> dict[str, bytes]:
    """The arrays of the newest checkpoint, as bytes."""
    newest = max(steps_in(path), default=None)
    if newest is None:
        return {}
    return {name: one.tobytes() for name, one in load_file(checkpoints.path_of(path, newest)).items()}


def _differing(one: str, other: str) -> str:
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return f"…{one[max(0, at - 60) : at + 60]} but …{other[max(0, at - 60) : at + 60]}"
