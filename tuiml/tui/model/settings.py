"""The state of the app that the next session restores, in one file; a damaged file is renamed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tuiml.files import home, open_to_append, read_regular, write_whole
from tuiml.tui.model.drafts import Draft, as_another, key_of, read_draft

VERSION = 1
MOST_BYTES = 4_000_000
MOST_DRAFTS = 20
MOST_CHARTS = 8
MOST_LESSONS, MOST_STEPS = 1000, 1000
STALE = 60.0
"""Age in seconds from which a half-written file was left by a killed process."""
MOST_ROWS = 100_000


@dataclass
class TrainView:
    """What Train showed of its run, besides the charts."""

    layer: int = -1
    """The selected layer; -1: not known."""
    scroll: int = 0
    """Rows of the layer table above the first that was shown."""
    kind: str = ""
    """The kind of histograms."""
    log: bool | None = None
    """True if the loss had a logarithmic axis; ``None``: the default of the run."""
    large: bool = False
    """True if one chart had the whole screen."""
    axis: str = ""
    """What the curves were drawn over; empty: the default."""


@dataclass
class Settings:
    """The state of the app when it was closed."""

    version: int = VERSION
    screen: str = "build"
    row: int = 0
    run: str = ""
    """Folder of the run on the screen."""
    study: str = ""
    """Folder of the study on the screen."""
    library_tab: str = ""
    """Title of the open tab of the Library."""
    dark: bool = True
    theme: str = ""
    """The name of the theme; empty in files of older versions."""
    charts: list[str] = field(default_factory=list)
    """Ids of the charts that were chosen on Train."""
    train_view: TrainView = field(default_factory=TrainView)
    document: Draft | None = None
    drafts: list[Draft] = field(default_factory=list)
    """Other presets with unsaved edits."""
    pace: str = "watch"
    """``watch`` or ``full``: whether runs of the first preset and of lessons are slowed down."""
    lesson: str = ""
    """The name of the lesson that is open, and how many of its steps are done."""
    lesson_step: int = 0
    lesson_hidden: bool = False
    lessons: dict[str, int] = field(default_factory=dict)
    """How many steps of each lesson were done."""
    opening: str = ""
    """``preset`` or ``run`` while one is being opened, since opening it may end the app."""
    trouble: str = ""
    """Why something could not be restored; not saved itself."""
    first: bool = False
    """True if there was no file: the app was never started before; not saved itself."""


def state_path() -> Path:
    """The file of the settings."""
    return home() / "state.json"


def load(path: Path | None = None) -> Settings:
    """The saved settings, or new ones; a damaged file is renamed, as ``trouble`` says."""
    path = path or state_path()
    _sweep(path)
    try:
        data = read_regular(path, MOST_BYTES + 1)
    except FileNotFoundError:
        return Settings(first=True)
    except OSError as error:
        return Settings(trouble=f"{path} cannot be read: {error.strerror or error}")
    try:
        if len(data) > MOST_BYTES:
            raise ValueError("too long")
        found = json.loads(data)
        # A lone surrogate in a name could not be written again.
        json.dumps(found, ensure_ascii=False).encode(errors="surrogateescape")
        return _read(found)
    except (ValueError, TypeError, KeyError, RecursionError):
        return Settings(trouble=_put_aside(path))


def _put_aside(path: Path) -> str:
    """Rename a damaged file; returns the message about it."""
    what = f"{path.name} is damaged, or of a newer tuiml: you start afresh"
    for number in range(1, 100):
        aside = path.with_name(f"{path.name}.damaged" + (f"-{number}" if number > 1 else ""))
        if not aside.exists():
            break
    try:
        path.rename(aside)
    except OSError as error:
        return f"{what}; it cannot be put aside: {error.strerror or error}"
    return f"{what}; what it held is in {aside.name}"


def _sweep(path: Path) -> None:
    """Remove half-written files of killed processes."""
    with contextlib.suppress(OSError):
        for part in path.parent.glob(f".{path.name}.*.part"):
            if time.time() - part.stat().st_mtime > STALE:
                part.unlink()


def _read(found: Any) -> Settings:
    if found["version"] != VERSION:
        raise ValueError("another version")
    settings = Settings()
    for name in SIMPLE:
        value = _saved(found, name)
        if type(value) is type(getattr(settings, name)):
            setattr(settings, name, value)
    done = found.get("lessons")
    if isinstance(done, dict):
        steps = {name: at for name, at in done.items() if type(at) is int and 0 <= at <= MOST_STEPS}
        settings.lessons = dict(list(steps.items())[:MOST_LESSONS])
    charts = found.get("charts")
    if isinstance(charts, list) and all(isinstance(name, str) for name in charts):
        settings.charts = charts[:MOST_CHARTS]
    settings.train_view = _train_view(_saved(found, "train_view"))
    settings.document = read_draft(found.get("document"))
    drafts = found.get("drafts")
    if isinstance(drafts, list):
        settings.drafts = [d for d in map(read_draft, drafts[:MOST_DRAFTS]) if d]
    return settings


SIMPLE = (
    "screen", "row", "run", "study", "library_tab", "dark", "theme", "opening", "pace",
    "lesson", "lesson_step", "lesson_hidden",
)  # fmt: skip
FORMER = {"screen": "place", "train_view": "seen"}
"""Names of these settings in the files of tuiml 0.2."""


def _saved(found: dict[str, Any], name: str) -> Any:
    return found.get(name, found.get(FORMER.get(name, "")))


def _train_view(found: Any) -> TrainView:
    view = TrainView()
    if not isinstance(found, dict):
        return view
    for name, kinds in (("kind", str), ("large", bool), ("log", bool), ("axis", str)):
        if isinstance(found.get(name), kinds):
            setattr(view, name, found[name])
    for name in ("layer", "scroll"):
        value = found.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_ROWS:
            setattr(view, name, value)
    return view


def save(settings: Settings, path: Path | None = None) -> None:
    """Write the settings.

    Raises:
        OSError: they could not be written; the file is unchanged.
    """
    values = asdict(settings)
    del values["trouble"], values["first"]
    write_whole(path or state_path(), json.dumps(values, indent=1))


def save_shared(settings: Settings, mine: Sequence[Draft], known: Sequence[Draft]) -> None:
    """Write the settings without losing the documents that another app has edited since.

    Args:
        mine: this app's drafts as it last wrote or read them.
        known: all earlier drafts of this app, which may be removed from the file.

    Raises:
        OSError: as :func:`save`.
    """
    with _locked(state_path()):
        try:
            there = _read(json.loads(read_regular(state_path(), MOST_BYTES)))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            there = Settings()
        save(merged(settings, there, mine, known))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock beside a file, if the file system supports locks."""
    handle = -1
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open_to_append(path.with_name(f".{path.name}.lock"))
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle >= 0:
            os.close(handle)


def merged(ours: Settings, there: Settings, mine: Sequence[Draft], known: Sequence[Draft]) -> Settings:
    """Our settings with the unsaved edits that another app wrote to the file.

    If only they changed a document, their version is used; if both did, both versions are kept.
    """
    before = {key_of(draft): draft for draft in mine}
    drafts = {key_of(draft): draft for draft in (ours.document, *ours.drafts) if draft}
    first = key_of(ours.document) if ours.document else ""
    for theirs in (there.document, *there.drafts):
        if theirs is None or not theirs.dirty or theirs in known or theirs in mine:
            continue
        key = key_of(theirs)
        if key in drafts and drafts[key] != before.get(key):
            if theirs.text == drafts[key].text:
                continue
            theirs = as_another(theirs)
            key = key_of(theirs)
        drafts[key] = theirs
    document = drafts.pop(first, None)
    return replace(ours, document=document, drafts=list(drafts.values())[-MOST_DRAFTS:])
