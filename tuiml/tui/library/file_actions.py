"""The Library's changes on disk: duplicate, rename, tag, delete and bring back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tuiml.runs import library as runs
from tuiml.runs import tags, trash
from tuiml.runs.errors import RunError
from tuiml.runs.folder_names import fitting
from tuiml.runs.trash import Deleted
from tuiml.spec import SpecError
from tuiml.tui.keys import action, key_of
from tuiml.tui.model import past_run, preset_files, study_files
from tuiml.tui.model.catalog import Item, Key
from tuiml.tui.model.document import Document
from tuiml.tui.model.library_view import LibraryView
from tuiml.tui.model.study_items import StudySummary
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.widgets.dialogs import NameDialog

LONGEST = 80
"""Characters of a preset's name."""


class Changes:
    """Changes presets and runs."""

    def __init__(
        self,
        screen: AppScreen,
        view: LibraryView,
        selected: Callable[[], Item | None],
        changed: Callable[[Key | None], None],
    ) -> None:
        self._screen, self._view, self._selected, self._changed = screen, view, selected, changed
        self._deleted: list[tuple[Deleted, Key]] = []

    @property
    def _app(self) -> Shell:
        return self._screen.shell

    @action("d", "duplicate", "Make a copy of it among your presets.", "library", rank=80, also="copy, clone")
    def action_item_duplicate(self) -> None:
        item = self._selected()
        if item:
            self.attempt(lambda: self._changed(("preset", str(preset_files.duplicate(item)))))

    @action("r", "rename", "Rename your preset, the run or the study.", "library", rank=90)
    def action_item_rename(self) -> None:
        item = self._selected()
        if item is None:
            return
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
            if not model.watched:
                self._app.client.inspect_run(str(path))
            self._app.current_run.follow(str(path))
        self._changed(("run", str(path)))

    @action(
        "x delete",
        "delete",
        "Delete your preset, the study, or the run or the marked ones; u undoes it.",
        "library",
        rank=100,
        destructive=True,
        also="erase, trash",
    )
    def action_item_delete(self) -> None:
        items = self._view.chosen(self._selected())
        item = items[0]

        def change() -> None:
            if item.study:
                deleted = study_files.delete(item.study)
                self._study_moved(item.study, None)
            elif item.run:
                deleted = runs.delete(*(one.path for one in items))
            else:
                deleted = trash.put([item.path])
                document = self._open(item)
                if document is self._app.document:  # what is on the screen is now nowhere else
                    document.path = None
                    document.mark_saved({})
                    self._keep(document)
            self._deleted.append((deleted, item.key))
            what = item.name if len(items) == 1 else f"{len(items)} runs"
            where = f"{deleted.folder.parent.name}/{deleted.folder.name}"
            key = key_of("item_undelete", self._app.keymap)
            self._app.say(f"{what} deleted; {key} undoes it ({trash.DAYS} days in {where})")
            self._changed(None)

        self.attempt(change)

    @property
    def may_undo(self) -> bool:
        """True if something was deleted in this session and not put back."""
        return bool(self._deleted)

    @action("u", "undo delete", "Bring back what was deleted last.", "library", rank=105)
    def action_item_undelete(self) -> None:

        def change() -> None:
            deleted, key = self._deleted[-1]
            deleted.restore()
            self._deleted.pop()
            names = ", ".join(old.name for old, _ in deleted.moves[:3])
            self._app.say(f"{names} restored")
            self._changed(key)

        self.attempt(change)

    @action("number_sign", "tags", "Give the run, or the marked ones, tags.", "library", rank=95)
    def action_item_tag(self) -> None:
        items = self._view.chosen(self._selected())
        one = items[0] if len(items) == 1 else None
        title = f"Tags of {one.name}" if one else f"Tags for {len(items)} runs"
        before = " ".join(one.run.tags) if one and one.run else ""

        def write(text: str) -> None:
            for item in items:
                kept = () if one or not item.run else item.run.tags
                tags.write_tags(item.path, [*kept, *text.split()])
            self._changed(items[0].key)

        dialog = TagsDialog(title, before, verb="tag")
        self._app.push_screen(
            dialog, lambda text: self.attempt(lambda: write(text)) if text is not None else None
        )

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


class TagsDialog(NameDialog):
    """Asks for tags, separated by spaces; none at all is an answer."""

    def problem(self, name: str) -> str | None:
        """Why the tags are not allowed, or ``None``."""
        if not name.isprintable():
            return "holds a control character; write plain text"
        return f"at most {tags.MOST} tags" if len(name.split()) > tags.MOST else None
