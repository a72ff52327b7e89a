"""The Library's changes on disk: duplicate, rename and, after a question, delete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tuiml.formatting import bytes_text
from tuiml.runs import library as runs
from tuiml.runs.errors import RunError
from tuiml.runs.folder import fitting
from tuiml.spec import SpecError
from tuiml.tui.model import past_run, preset_files, study_files
from tuiml.tui.model.catalog import Item, Key
from tuiml.tui.model.document import Document
from tuiml.tui.model.study_items import StudySummary
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.widgets.dialogs import ConfirmDialog, NameDialog

LONGEST = 80
"""Characters of a preset's name."""


class Changes:
    """Changes presets and runs."""

    def __init__(self, screen: AppScreen, changed: Callable[[Key | None], None]) -> None:
        self._screen, self._changed = screen, changed

    @property
    def _app(self) -> Shell:
        return self._screen.shell

    def duplicate(self, item: Item) -> None:
        """Copy a preset, or that of a run, to the user's presets."""
        self.attempt(lambda: self._changed(("preset", str(preset_files.duplicate(item)))))

    def rename(self, item: Item) -> None:
        """Ask for another name, then rename."""
        kind = "study" if item.study else "run" if item.run else "preset"
        name = _title(item) if kind == "preset" else item.name
        dialog = NameDialog(
            f"Rename the {kind}", name, verb="rename", check=lambda word: _refusal(item, kind, word)
        )
        self._app.push_screen(dialog, lambda word: self._renamed(item, word) if word else None)

    def _renamed(self, item: Item, name: str) -> None:
        def change() -> None:
            if item.study:
                path = study_files.rename(item.study, name)
                self._study_moved(item.study, path)
                self._changed(("study", str(path)))
                return
            if item.run:
                self._rename_run(item, name)
                return
            path = preset_files.rename_preset(item, name)
            document = self._open(item)
            if document:
                saved = document.saved_raw | {"name": name}
                document.set("name", name)
                document.path = path
                document.mark_saved(saved)
                self._keep(document)
            self._changed(("preset", str(path)))

        self.attempt(change)

    def _study_moved(self, study: StudySummary, path: Path | None) -> None:
        """Show the study that is on the screen from its new place, or no more."""
        if self._app.study.model.path == study.path:
            self._app.study.moved(path)

    def _rename_run(self, item: Item, name: str) -> None:
        path = runs.rename(item.path, name)
        model = self._app.model
        if not model.alive and model.name == item.name:  # it is the one on the screen
            past_run.at(model, path)
            self._app.client.inspect_run(str(path))
            self._app.current_run.follow(str(path))
        self._changed(("run", str(path)))

    def delete(self, item: Item) -> None:
        """Ask, then delete it."""
        if item.study:
            runs_there = f"its {item.study.runs} runs, {bytes_text(_bytes(item.path))}, leave"
            what, detail = "study", f"Its file and {runs_there} the disk for good."
        elif item.run:
            what, detail = (
                "run",
                f"Its curves and weights, {bytes_text(_bytes(item.path))}, leave the disk for good.",
            )
        else:
            what, detail = "preset", "Its file leaves the disk for good."
        dialog = ConfirmDialog(f"Delete the {what} {item.name}?", detail)
        self._app.push_screen(dialog, lambda yes: self._deleted(item) if yes else None)

    def _deleted(self, item: Item) -> None:
        def change() -> None:
            if item.study:
                study_files.delete(item.study)
                self._study_moved(item.study, None)
            elif item.run:
                runs.delete(item.path)
            else:
                item.path.unlink(missing_ok=True)
                document = self._open(item)
                if document is self._app.document:  # what is on the screen is now nowhere else
                    document.path = None
                    document.mark_saved({})
                    self._keep(document)
            self._changed(None)

        self.attempt(change)

    def _open(self, item: Item) -> Document | None:
        """The open document or the draft of the item's file."""
        document = self._app.document
        if document.path == item.path:
            return document
        fresh = Document(item.document or {}, path=item.path, files=self._app.files)
        found = self._app.drafts.take(fresh)
        return None if found is fresh else found

    def _keep(self, document: Document) -> None:
        if document is self._app.document:
            self._app.document_edited()
        else:
            self._app.drafts.put_away(document)

    def attempt(self, change: Callable[[], None]) -> None:
        """Make a change; show an error in one line."""
        try:
            change()
        except (RunError, SpecError, ValueError) as error:
            self._app.complain(str(error).replace("\n", "; "))
        except OSError as error:
            self._app.complain(f"{error.filename or 'the disk'}: {error.strerror or error}")


def _title(item: Item) -> str:
    name = item.document.get("name") if item.document else None
    return name if isinstance(name, str) and name.strip() else item.name


def _refusal(item: Item, kind: str, name: str) -> str | None:
    if len(name) > LONGEST:
        return f"at most {LONGEST} characters"
    if item.run or item.study:
        target = item.path.with_name(fitting(name))
        there = target != item.path and target.exists()
    else:
        there = preset_files.name_taken(item.path, name)
    return f"there is a {kind} of that name" if there else None


def _bytes(folder: Path) -> int:
    try:
        return sum(path.lstat().st_size for path in folder.rglob("*"))
    except OSError:
        return 0
