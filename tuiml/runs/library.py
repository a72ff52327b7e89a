"""What a list shows of a run; finds, renames and deletes runs, even with damaged folders. Needs no numpy."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tuiml.registry import closest, short
from tuiml.runs import trash
from tuiml.runs.errors import RunError
from tuiml.runs.folder import METRICS, PRESET, Line, runs_folder, studies_folder
from tuiml.runs.folder_names import fitting
from tuiml.runs.run_lines import MOST, NAN, RunLines, last_batch, number
from tuiml.runs.tags import read_tags
from tuiml.runs.trash import Deleted, refused
from tuiml.runs.watched import MODEL, is_watched, read_model, settings_of
from tuiml.runs.writer import is_held
from tuiml.spec.library import read, spellings
from tuiml.spec.problems import SpecError
from tuiml.text import plain_text

LISTED = 6
"""Most names that a message lists."""
LATEST = 250_000_000_000
"""The latest time that every calendar can show, in seconds since 1970."""


@dataclass(frozen=True)
class RunSummary:
    """A run in a list. Texts are safe to print; figures are those of its metrics."""

    name: str
    """Its folder's name, as it is: what rename and delete take with :attr:`path`."""
    path: Path
    preset: str
    """The name of its preset; of a watched run, the class of its model."""
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
    """The last epoch's line; of a watched run without epochs, the last one about batches."""
    best: Line | None
    """The best epoch's line, by the metric of the run."""
    end: Line | None
    problem: str = ""
    """Why it is broken."""
    changes: tuple[Line, ...] = ()
    """The lines of manual changes that were not undone."""
    skipped: int = 0
    """How many lines of its metrics cannot be read."""
    unread: int = 0
    """Bytes of its metrics that are not read, as they are very long."""
    document: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """Its preset as it is in its folder, not checked; empty if it cannot be read. Of a watched run,
    framework, model and optimizer."""
    framework: str = ""
    """Of a watched run: ``pytorch``; empty for tuiml's own."""
    tags: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    """What differs from the preset it is named after, in words; see :mod:`tuiml.runs.listing`."""
    origin: str = ""
    """Where that preset is: ``own`` or ``bundled``; empty if there is none of the name."""

    def figure(self, name: str) -> float:
        """A number of the run's end, else of its last epoch; NaN if there is none."""
        for line in (self.end, self.last):
            value = number(line, name)
            if not math.isnan(value):
                return value
        return NAN


def summary(path: Path, lines: RunLines | None = None) -> RunSummary:
    """The run in a folder; never raises for its content.

    Args:
        lines: what was read of its metrics before; they are read on from there.
    """
    try:
        return _summary(path, lines or RunLines())
    except Exception as error:  # one broken run must not hide the others
        said = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        problem = plain_text(f"cannot be read: {said}"[:200])
        when = _when(None, path)
        return RunSummary(path.name, path, "", when, "broken", 0, 0, 0, None, None, None, problem)


def passed_over(count: int, unread: int = 0) -> str:
    """A message about lines that cannot be read and bytes that are not read; empty if there are none."""
    found = [f"{count:,} lines of {METRICS} cannot be read and are left out"] if count else []
    if count == 1:
        found = [f"1 line of {METRICS} cannot be read and is left out"]
    if unread:
        found.append(f"the last {unread:,} bytes of {METRICS}, after the first {MOST:,}, are not read")
    return "; ".join(found)


def _summary(path: Path, lines: RunLines) -> RunSummary:
    held = is_held(path)
    problem = framework = ""
    document: dict[str, Any] = {}
    try:
        lines.read(path)
    except OSError as error:
        problem = f"{METRICS}: {error.strerror or error}"
    last = lines.last
    try:
        framework, document = _trained(path)
        with contextlib.suppress(OSError):
            last = last or (last_batch(path) if framework else None)
    except (SpecError, RunError) as error:
        problem = str(error)
    start = lines.start
    if start is None and not problem and not held:
        problem = f"{METRICS}: has no start"
    return RunSummary(
        name=path.name,
        path=path,
        preset=plain_text(str(document.get("model" if framework else "name", ""))[:80]),
        when=_when(lines.first, path),
        reason=_reason(lines.end, held, bool(problem)),
        epochs=_integer(lines.last, "epoch"),
        planned=_integer(start, "epochs"),
        parameters=_integer(start, "parameters"),
        last=last,
        best=lines.best,
        end=lines.end,
        problem=plain_text(problem),
        changes=tuple(lines.changes),
        skipped=lines.skipped,
        unread=lines.unread,
        document=document,
        framework=framework,
        tags=read_tags(path),
    )


def _trained(path: Path) -> tuple[str, dict[str, Any]]:
    """The framework of a watched run and what is in place of its preset; else nothing and the preset.

    Raises:
        SpecError, RunError: it cannot be read.
    """
    if not is_watched(path):
        return "", read(path / PRESET)
    model = read_model(path)
    return plain_text(model.framework[:80]) or "unknown", settings_of(model)


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


# -- one run ----------------------------------------------------------------------------------------------


class AmbiguousRun(RunError):
    """Several runs have a name that begins with the word."""


def find(word: str) -> Path:
    """The folder of a run, by its name or its beginning, by the path of the folder, or as STUDY/TRIAL.

    Raises:
        RunError: there is none, and the nearest name is suggested; or several begin so, and they are listed.
    """
    own = [runs_folder() / name for name in spellings(word)] if Path(word).name == word else []
    trial = [studies_folder() / word] if word.count("/") == 1 and ".." not in word else []
    for path in (*own, Path(os.path.expanduser(word)), *trial):
        if _is_run(path):
            return path
    folder, beginning = runs_folder(), word
    if trial:
        study, beginning = word.split("/")
        folder = studies_folder() / (_beginning(study, _folders(studies_folder())) or study)
    name = _beginning(beginning, [one for one in _folders(folder) if _is_run(folder / one)])
    if name:
        return folder / name
    near = closest(word, names())
    hint = f"did you mean '{plain_text(near)}'?" if near else "tuiml runs lists them"
    raise RunError(f"there is no run {short(word, 200)}; {hint}")


def _is_run(path: Path) -> bool:
    return any((path / name).is_file() for name in (PRESET, METRICS, MODEL))


def _beginning(word: str, known: Iterable[str]) -> str | None:
    """The only name that begins with ``word``, whatever its case.

    Raises:
        RunError: several begin so.
    """
    found = [name for name in known if word and name.startswith(word)]
    found = found or [name for name in known if word and name.casefold().startswith(word.casefold())]
    if len(found) > 1:
        listed = ", ".join(plain_text(name) for name in sorted(found)[-LISTED:])
        more = f" and {len(found) - LISTED:,} more" if len(found) > LISTED else ""
        raise AmbiguousRun(f"{len(found):,} runs begin with {short(word, 60)}: {listed}{more}")
    return found[0] if found else None


def names() -> list[str]:
    """The names of all runs."""
    return _folders(runs_folder())


def _folders(parent: Path) -> list[str]:
    try:
        with os.scandir(parent) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".")]
            return [e.name for e in found if e.is_dir(follow_symlinks=False) or os.path.isdir(e.path)]
    except OSError:
        return []


def rename(path: Path, name: str) -> Path:
    """Rename a run; returns its new folder.

    Raises:
        RunError: the name is taken, a process writes to the run, or it is not in the runs folder.
    """
    _ours(path)
    return moved(path, name, "run")


def delete(*paths: Path) -> Deleted:
    """Move runs to the trash. Of a link only the link is moved.

    Raises:
        RunError: a process writes to one, one is not in the runs folder or cannot be moved; then none is.
    """
    for path in paths:
        _ours(path)
    return trash.put(paths)


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
        raise refused("rename", path, error) from None
    return target


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
        **({"framework": run.framework} if run.framework else {}),
        **{key: getattr(run, key) for key in ("reason", "epochs", "planned", "parameters")},
        **{key: getattr(run, key) for key in ("last", "best", "end")},
        "changes": [{key: line.get(key) for key in ("step", "what", "value")} for line in run.changes],
        **({"tags": list(run.tags)} if run.tags else {}),
        **({"differs": list(run.differs)} if run.differs else {}),
        **({"problem": run.problem} if run.problem else {}),
        **({"skipped": run.skipped} if run.skipped else {}),
        **({"unread": run.unread} if run.unread else {}),
    }
