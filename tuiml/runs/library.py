"""Lists, finds, renames and deletes runs, even with damaged folders. Needs no numpy."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tuiml.registry import closest, short
from tuiml.runs import timeline
from tuiml.runs.errors import RunError
from tuiml.runs.folder import METRICS, PRESET, Line, each_line, fitting, runs_folder, studies_folder
from tuiml.runs.writer import is_held
from tuiml.spec.library import read, spellings
from tuiml.spec.problems import SpecError
from tuiml.spec.stopping import badness
from tuiml.text import plain_text

NAN = float("nan")
LATEST = 250_000_000_000
"""The latest time that every calendar can show, in seconds since 1970."""


@dataclass(frozen=True)
class RunSummary:
    """A run in a list. Texts are safe to print; figures are those of its metrics."""

    name: str
    """Its folder's name, as it is: what rename and delete take with :attr:`path`."""
    path: Path
    preset: str
    when: float
    """Start, in seconds since 1970."""
    reason: str
    """Why it ended (``completed``, ``stopped``, ``diverged``, ``early_stopped``); ``running``;
    ``interrupted`` if its process was killed; ``broken`` if it cannot be read."""
    epochs: int
    """Epochs done."""
    planned: int
    parameters: int
    last: Line | None
    """The last epoch's line."""
    best: Line | None
    """The best epoch's line, by the metric of the run."""
    end: Line | None
    problem: str = ""
    """Why it is broken."""
    changes: tuple[Line, ...] = ()
    """The lines of manual changes that were not undone."""
    skipped: int = 0
    """How many lines of its metrics cannot be read."""

    def figure(self, name: str) -> float:
        """A number of the run's end, else of its last epoch; NaN if there is none."""
        for line in (self.end, self.last):
            value = number(line, name)
            if not math.isnan(value):
                return value
        return NAN


def number(line: Line | None, name: str) -> float:
    """A number of a line; NaN if it is missing or not a number."""
    value = line.get(name) if line else None
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > 1e300:
        return NAN
    return float(value)


def list_runs() -> list[RunSummary]:
    """All runs in the runs folder, the newest first."""
    try:
        names = os.listdir(runs_folder())
    except OSError:
        return []
    folders = [runs_folder() / name for name in names if not name.startswith(".")]
    found = [summary(path) for path in folders if os.path.isdir(path)]
    return sorted(found, key=lambda run: (run.when, run.name), reverse=True)


def summary(path: Path) -> RunSummary:
    """The run in a folder; never raises for its content."""
    try:
        return _summary(path)
    except Exception as error:  # one broken run must not hide the others
        said = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        problem = plain_text(f"cannot be read: {said}"[:200])
        when = _when(None, path)
        return RunSummary(path.name, path, "", when, "broken", 0, 0, 0, None, None, None, problem)


def passed_over(count: int) -> str:
    """A message about lines that cannot be read; empty if there are none."""
    if count == 1:
        return f"1 line of {METRICS} cannot be read and is left out"
    return f"{count:,} lines of {METRICS} cannot be read and are left out" if count else ""


def _summary(path: Path) -> RunSummary:
    held = is_held(path)
    problem, preset = "", ""
    lines = _Lines()
    try:
        lines.read(path)
    except OSError as error:
        problem = f"{METRICS}: {error.strerror or error}"
    try:
        preset = str(read(path / PRESET).get("name", ""))
    except SpecError as error:
        problem = str(error)
    start = lines.start
    if start is None and not problem and not held:
        problem = f"{METRICS}: has no start"
    return RunSummary(
        name=path.name,
        path=path,
        preset=plain_text(preset[:80]),
        when=_when(lines.first, path),
        reason=_reason(lines.end, held, bool(problem)),
        epochs=_integer(lines.last, "epoch"),
        planned=_integer(start, "epochs"),
        parameters=_integer(start, "parameters"),
        last=lines.last,
        best=lines.best,
        end=lines.end,
        problem=plain_text(problem),
        changes=tuple(lines.changes),
        skipped=lines.skipped,
    )


def _reason(end: Line | None, held: bool, broken: bool) -> str:
    if held:
        return "running"
    if end is not None:
        return plain_text(str(end.get("reason", "")))[:20]
    return "broken" if broken else "interrupted"


def _integer(line: Line | None, name: str) -> int:
    value = number(line, name)
    return int(value) if math.isfinite(value) else 0


def _when(start: Line | None, path: Path) -> float:
    with contextlib.suppress(ValueError, OverflowError, OSError):
        when = datetime.fromisoformat(str((start or {}).get("time"))).timestamp()
        if 0 <= when < LATEST:
            return when
    with contextlib.suppress(OSError):
        return min(max(0.0, path.stat().st_mtime), LATEST)
    return 0.0


class _Lines:
    """What a run's list needs of its metrics. They are read one by one: there may be a million."""

    def __init__(self) -> None:
        self.first: Line | None = None
        self.start: Line | None = None
        self.last: Line | None = None
        self.best: Line | None = None
        self.end: Line | None = None
        self.changes: list[Line] = []
        self.skipped = 0
        self.watched = "val_loss"
        self._least = math.inf

    def read(self, path: Path) -> None:
        """Read them; the best epoch is by the metric that the last start names.

        Raises:
            OSError: they cannot be read.
        """
        for line in filter(None, each_line(path, having=b"watched")):
            self.watched = str(line.get("watched") or self.watched)
        rewinds = filter(timeline.is_rewind, filter(None, each_line(path, having=b"rewind")))
        for line in timeline.surviving(rewinds, self._counted(path)):
            event = line.get("event")
            if event == "start":
                self.first, self.start, self.end = self.first or line, line, None
            elif event == "end":
                self.end = line
            elif event == "epoch":
                self._take(line)
            elif event == "intervention" and not timeline.is_rewind(line):
                self.changes.append(line)

    def _counted(self, path: Path) -> Iterator[Line]:
        for line in each_line(path):
            if line is not None:
                yield line
            self.skipped += line is None

    def _take(self, epoch: Line) -> None:
        """Note an epoch; the best one is by the training loss where it lacks the metric."""
        bad = badness(self.watched, number(epoch, self.watched))
        bad = number(epoch, "train_loss") if math.isnan(bad) else bad
        if bad < self._least:
            self.best, self._least = epoch, bad
        self.last = epoch


# -- one run ----------------------------------------------------------------------------------------------


def find(word: str) -> Path:
    """The folder of a run, by its name, by the path of the folder, or as STUDY/TRIAL.

    Raises:
        RunError: there is none; the nearest name is suggested.
    """
    own = [runs_folder() / name for name in spellings(word)] if Path(word).name == word else []
    trial = [studies_folder() / word] if word.count("/") == 1 and ".." not in word else []
    for path in (*own, Path(os.path.expanduser(word)), *trial):
        if (path / PRESET).is_file() or (path / METRICS).is_file():
            return path
    near = closest(word, names())
    hint = f"did you mean '{plain_text(near)}'?" if near else "tuiml runs lists them"
    raise RunError(f"there is no run {short(word, 200)}; {hint}")


def names() -> Iterable[str]:
    """The names of all runs."""
    folder = runs_folder()
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def rename(path: Path, name: str) -> Path:
    """Rename a run; returns its new folder.

    Raises:
        RunError: the name is taken, a process writes to the run, or it is not in the runs folder.
    """
    _ours(path)
    return moved(path, name, "run")


def delete(path: Path) -> None:
    """Delete a run. Of a link only the link is removed.

    Raises:
        RunError: a process writes to the run, it is not in the runs folder, or cannot be removed.
    """
    _ours(path)
    remove(path)


def moved(path: Path, name: str, called: str) -> Path:
    """Give a folder another name beside the old one; returns its new place.

    Args:
        called: what it is, for the message.

    Raises:
        RunError: the name is taken, or the system refuses.
    """
    target = path.with_name(fitting(name))
    if target == path:
        return path
    if target.exists() or target.is_symlink():
        raise RunError(f"there is a {called} '{target.name}' already; give another name")
    try:
        path.rename(target)
    except OSError as error:
        raise _refused("rename", path, error) from None
    return target


def remove(path: Path) -> None:
    """Remove a folder with all that is in it; of a link only the link.

    Raises:
        RunError: the system refuses.
    """
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)  # removes links inside, and does not follow them
        else:
            path.unlink()
    except OSError as error:
        raise _refused("delete", path, error) from None


def _refused(do: str, path: Path, error: OSError) -> RunError:
    return RunError(f"cannot {do} '{plain_text(path.name)}': {error.strerror or error}", code=1)


def _ours(path: Path) -> None:
    parent, studies = path.parent.resolve(), studies_folder().resolve()
    inside = parent == runs_folder().resolve() or (parent.parent == studies and (path / PRESET).exists())
    if not inside or path.name in ("", ".", ".."):
        raise RunError(f"{plain_text(str(path))} is not in {plain_text(str(runs_folder()))}")
    if not path.is_symlink() and is_held(path):
        raise RunError(f"the run '{plain_text(path.name)}' is going on; stop it first")


def figures(run: RunSummary) -> dict[str, Any]:
    """A summary as plain data for ``--json``."""
    return {
        "run": run.name,
        "path": str(run.path),
        "preset": run.preset,
        "when": datetime.fromtimestamp(run.when).astimezone().isoformat(timespec="seconds"),
        **{key: getattr(run, key) for key in ("reason", "epochs", "planned", "parameters")},
        **{key: getattr(run, key) for key in ("last", "best", "end")},
        "changes": [{key: line.get(key) for key in ("step", "what", "value")} for line in run.changes],
        **({"problem": run.problem} if run.problem else {}),
        **({"skipped": run.skipped} if run.skipped else {}),
    }
