"""All runs with what lists show of them. What was read is kept until a file of the run changes.

With many or long runs it is kept in a file too: the first list of a session, and each ``tuiml runs``, would
have to read all metrics again.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from tuiml.files import home, read_regular, write_whole
from tuiml.runs.folder import METRICS, PRESET, runs_folder
from tuiml.runs.library import RunSummary, names, summary
from tuiml.runs.run_lines import RunLines
from tuiml.runs.tags import TAGS, parse
from tuiml.runs.watched import MODEL
from tuiml.spec import SpecError, check
from tuiml.spec.differences import described
from tuiml.spec.library import PresetFile, bundled, own
from tuiml.text import plain_text

Signature: TypeAlias = tuple[tuple[int, int], ...]
FEW, MUCH = 40, 4_000_000
"""Runs, and bytes of metrics, that are read quickly enough without the file."""
VERSION = 1
_BYTES = 64_000_000


class Base(NamedTuple):
    """A preset that runs may come from."""

    origin: str
    """``own`` or ``bundled``."""
    document: Mapping[str, Any]
    """As a run of it records it, with its name."""


Bases: TypeAlias = Mapping[str, Base]
"""Presets by the names in them."""


def bases() -> dict[str, Base]:
    """The presets of the user and the bundled ones; one's own hides a bundled one of the same name."""
    found: dict[str, Base] = {}
    for origin, listed in (("bundled", bundled), ("own", own)):
        files: list[PresetFile] = []
        with contextlib.suppress(OSError):
            files = listed()
        for file in files:
            with contextlib.suppress(SpecError):
                preset, _ = check(file.document())
                if preset is not None:
                    found[preset.name] = Base(origin, preset.document())
    return found


class Runs:
    """Reads runs; later only those that changed."""

    def __init__(self) -> None:
        self._of: dict[Path, tuple[RunSummary, Base | None, RunSummary]] = {}
        self._going_on: dict[Path, RunLines] = {}
        """Of runs that go on, what was read of their metrics: they are read on from there."""
        self.left = False
        """True if the last list lacks some."""

    def read(self, bases: Bases, *, soon: bool = False) -> list[RunSummary]:
        """All runs in the runs folder, the newest first.

        Args:
            soon: those that take long to read as they were read before, or not at all; then :attr:`left`.
        """
        folder = runs_folder()
        paths = [folder / name for name in names()]
        before, self.left = dict(self._known), False
        room, found = MUCH if soon else math.inf, []
        for path in paths:
            size = self._unread(path)
            if size > room:
                self.left = True
            elif size:
                self._read(path)
                room -= size
            found += [self._compared(path, bases)] if path in self._known else []
        kept = {path: self._known[path] for path in paths if path in self._known}
        much = len(paths) >= FEW or sum(signed[0][1] for signed, _ in kept.values()) >= MUCH
        if much and any(before.get(path) is not entry for path, entry in kept.items()):
            _save([(path.name, *entry) for path, entry in kept.items()])
        return sorted(found, key=lambda run: (run.when, run.name), reverse=True)

    def one(self, path: Path, bases: Bases) -> RunSummary:
        """The run in a folder; never raises for its content."""
        self.summary(path)
        return self._compared(path, bases)

    def _compared(self, path: Path, bases: Bases) -> RunSummary:
        run = self._known[path][1]
        base = None if run.framework else bases.get(run.preset)
        last = self._of.get(path)
        if last is None or last[0] is not run or last[1] != base:
            last = self._of[path] = (run, base, _described(run, base))
        return last[2]

    def summary(self, path: Path) -> RunSummary:
        """The same without what differs from its preset."""
        if self._unread(path):
            self._read(path)
        return self._known[path][1]

    def _read(self, path: Path) -> None:
        signed, lines = _signature(path), self._going_on.pop(path, RunLines())
        run = summary(path, lines)
        self._known[path] = (signed, run)
        if run.reason == "running":
            self._going_on[path] = lines

    def _unread(self, path: Path) -> int:
        """Bytes of a run's metrics that are to be read if a file of it may have changed; else 0."""
        signed = _signature(path)
        before, run = self._known.get(path, ((), None))
        # the files of a run do not say whether it is still running
        new = run is None or before != signed or run.reason == "running"
        lines = self._going_on.get(path)
        return max(1, signed[0][1] - (lines.end_of_lines if lines else 0)) if new else 0

    @cached_property
    def _known(self) -> dict[Path, tuple[Signature, RunSummary]]:
        """What was read."""
        return _load()


def list_runs() -> list[RunSummary]:
    """All runs, the newest first, with what differs from their presets."""
    return Runs().read(bases())


def _described(run: RunSummary, base: Base | None) -> RunSummary:
    try:
        words = described(run.document, base.document if base else None) if run.document else ()
    except (TypeError, ValueError, RecursionError):  # a preset that nobody has checked
        words = ()
    return replace(run, differs=words, origin=base.origin if base else "")


def _signature(path: Path) -> Signature:
    return signature(path / METRICS, path / PRESET, path / TAGS, path / MODEL)


def signature(*paths: Path) -> Signature:
    """Time and size of files: they change with the files."""
    found = []
    for path in paths:
        try:
            stat = os.stat(path)
            found.append((stat.st_mtime_ns, stat.st_size))
        except OSError:
            found.append((0, -1))
    return tuple(found)


# -- the file ---------------------------------------------------------------------------------------------


def index_path() -> Path:
    """The file of what was read. It may be removed."""
    return home() / "runs-index.json"


def _save(known: list[tuple[str, Signature, RunSummary]]) -> None:
    entries = {}
    for name, signed, run in known:
        if run.reason not in ("running", "broken"):
            with contextlib.suppress(TypeError, ValueError):
                text = json.dumps({key: getattr(run, key) for key in _KINDS})
                entries[name] = f"[{json.dumps(signed)}, {text}]"
    body = ",\n".join(f"{json.dumps(name)}: {text}" for name, text in entries.items())
    with contextlib.suppress(OSError, UnicodeError):  # then they are read again
        write_whole(index_path(), f'{{"version": {VERSION}, "runs": {{\n{body}\n}}}}\n')


def _load() -> dict[Path, tuple[Signature, RunSummary]]:
    found: dict[Path, tuple[Signature, RunSummary]] = {}
    try:
        saved = json.loads(read_regular(index_path(), _BYTES))
        if saved["version"] != VERSION:
            return {}
        for name, (signed, values) in saved["runs"].items():
            path = runs_folder() / name
            run = _summary(path, values)
            if run is not None and path.name == name:
                found[path] = (tuple((int(time), int(size)) for time, size in signed), run)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return found


_KINDS: dict[str, Any] = {
    "preset": str,
    "when": float,
    "reason": str,
    "epochs": int,
    "planned": int,
    "parameters": int,
    "last": dict | None,
    "best": dict | None,
    "end": dict | None,
    "problem": str,
    "changes": list,
    "skipped": int,
    "unread": int,
    "document": dict,
    "framework": str,
    "tags": list,
}
"""What is kept of a run, with its types."""


def _summary(path: Path, values: dict[str, Any]) -> RunSummary | None:
    """The run of an entry; ``None`` if it is not one that :func:`_save` has written."""
    if not all(isinstance(values.get(key), kind) for key, kind in _KINDS.items()):
        return None
    made = {field.name: values[field.name] for field in fields(RunSummary) if field.name in _KINDS}
    made |= {key: plain_text(made[key]) for key in ("preset", "reason", "problem", "framework")}
    changes = tuple(line for line in made["changes"] if isinstance(line, dict))
    tags = parse(tag for tag in made["tags"] if isinstance(tag, str))
    return RunSummary(name=path.name, path=path, **made | {"changes": changes, "tags": tags})
