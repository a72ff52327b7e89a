"""The preview beside the Library's list; a run is read when the cursor rests on it."""

from __future__ import annotations

import json
from asyncio import TimerHandle
from dataclasses import dataclass
from functools import partial
from typing import cast

from textual import on
from textual.message import Message

from tuiml.data.own.entries import DataFiles
from tuiml.data.own.reading import DataFilesInBackground
from tuiml.studies.results import Results
from tuiml.training.events import Epoch
from tuiml.tui.library.preview import broken_strips, preset_strips, run_strips
from tuiml.tui.library.study_preview import study_strips
from tuiml.tui.model.catalog import Item, Key
from tuiml.tui.model.document import Document
from tuiml.tui.model.past_run import read_run
from tuiml.tui.model.run_model import RunModel, events_in
from tuiml.tui.process.study_follower import read_table
from tuiml.tui.shell.protocol import HasShell
from tuiml.tui.widgets.later import later
from tuiml.tui.widgets.strips_view import Drawing, StripsView

SETTLED = 0.06
"""Seconds the cursor rests on a run before its curves are read."""
KEPT = 64
"""Maximum number of runs whose curves stay in memory."""

_KINDS = {"own": "yours", "bundled": "bundled"}


class Preview(StripsView):
    """Shows one item at a time; runs are read by a thread, and their summary is shown meanwhile."""

    DEFAULT_CSS = """
    Preview { border-left: solid $foreground 20%; padding: 0 0 0 1; }
    Preview:focus { border-left: solid $primary; }
    """

    @dataclass
    class Loaded(Message):
        """A run was read, or could not be: then it is the reason."""

        item: Item
        run: RunModel | str

    @dataclass
    class StudyLoaded(Message):
        """The table of a study was read; a text is why it could not be."""

        item: Item
        results: Results | str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._item: Item | None = None
        self._loaded: dict[Key, tuple[Item, RunModel | str]] = {}
        self._studies: dict[Key, Results | str] = {}
        self._resting: TimerHandle | None = None

    @property
    def waits(self) -> bool:
        """True if a run will be read once the cursor has rested."""
        return self._resting is not None

    def show_item(self, item: Item | None) -> None:
        """Show another item from its top, or the same one at its scroll position."""
        same = bool(item and self._item and item.key == self._item.key)
        self._item = item
        if self._resting:
            self._resting.cancel()
            self._resting = None
        if item and item.study:
            known_study = self._studies.get(item.key)
            self.show(partial(study_strips, item.study, known_study), top=not same)
            self._resting = later(self, SETTLED, self._rested)
        elif item and item.run:
            known = self._loaded.get(item.key)
            self.show(_run(item, known[1] if known else None), top=not same)
            if not known or known[0] is not item:
                self._resting = later(self, SETTLED, self._rested)
        elif item and item.source:
            self.show(partial(item.source.strips, item), top=not same)
        else:
            self.show(_preset(item, self._files) if item else None, top=not same)

    @property
    def _files(self) -> DataFilesInBackground:
        return cast(HasShell, self.app).shell.files

    def _rested(self) -> None:
        self._resting = None
        if self._item:
            read = partial(self._read, self._item, self._files)
            self.run_worker(read, thread=True, group="preview", exclusive=True)

    def _read(self, item: Item, files: DataFilesInBackground) -> None:
        if item.study:
            self.post_message(self.StudyLoaded(item, read_table(item.study, files.waiting)))
            return
        run = read_run(item.path, files, snapshots=False, soon=True)
        if isinstance(run, RunModel) and run.sampled and item.run:  # the list has read all of it
            best = events_in([json.dumps(item.run.best)])
            run.bests.extend(event for event in best if isinstance(event, Epoch))
        self.post_message(self.Loaded(item, run))

    @on(StudyLoaded)
    def _take_study(self, message: StudyLoaded) -> None:
        message.stop()
        item = message.item
        self._studies[item.key] = message.results
        if self._item is item and item.study:
            self.show(partial(study_strips, item.study, message.results), top=False)

    @on(Loaded)
    def _take(self, message: Loaded) -> None:
        message.stop()
        item = message.item
        self._loaded.pop(item.key, None)
        self._loaded[item.key] = (item, message.run)
        while len(self._loaded) > KEPT:
            del self._loaded[next(iter(self._loaded))]
        if self._item is item:
            self.show(_run(item, message.run), top=False)


def _preset(item: Item, files: DataFiles) -> Drawing:
    if item.document is None:
        return partial(broken_strips, item.name, item.problem)
    return partial(preset_strips, Document(item.document, files=files), _KINDS.get(item.kind, ""))


def _run(item: Item, run: RunModel | str | None) -> Drawing:
    if isinstance(run, str) or not item.run:
        return partial(broken_strips, item.name, str(run))
    return partial(run_strips, item.run, run)
