"""The preset being edited: a document that may be invalid, its problems, undo and redo.

Paths are those of problems: ``name``, ``layers[2].activation.negative_slope``, ``training.optimizer``.
Knows no widgets.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tuiml.data.base import Dataset
from tuiml.data.datasets import datasets
from tuiml.data.own.entries import DataFiles
from tuiml.registry import Registry
from tuiml.spec import check
from tuiml.spec.edit import put, split
from tuiml.spec.preset import Preset
from tuiml.spec.problems import Problem
from tuiml.text import plain_text
from tuiml.tui.model import document_paths
from tuiml.tui.model.history import History
from tuiml.tui.model.layer_rows import LayerRow, layer_rows
from tuiml.tui.model.marks import EMPTY, Marks

Raw = dict[str, Any]


class Document:
    """A preset with its history. Every edit makes a new ``raw``; none changes one in place."""

    def __init__(
        self, raw: Raw, *, path: Path | None = None, origin: str = "", files: DataFiles | None = None
    ) -> None:
        self.raw: Raw = raw
        self.files = files
        """Finds what a file of the user's holds, if the data is one."""
        self.path = path
        """The user's own file, ``None`` for a bundled or a new preset."""
        self.origin = origin
        """The bundled preset it came from."""
        self.saved_raw: Raw = raw
        """The document as it was opened or last saved."""
        self.marks: Marks = EMPTY
        """The settings that a study varies."""
        self.history: History[tuple[Raw, Marks]] = History()
        self._open: str | None = None  # path whose next edit belongs to the last undo step
        self._base: Raw = raw  # as it was before that step
        self.preset: Preset | None = None
        self.problems: list[Problem] = []
        self.check()

    @property
    def name(self) -> str:
        """The preset's name, safe to show."""
        name = self.raw.get("name", "untitled")
        return plain_text(name) if isinstance(name, str) else "untitled"

    @property
    def dirty(self) -> bool:
        """True if it differs from what was opened or last saved."""
        return self.raw != self.saved_raw

    @property
    def _stack(self) -> list[Any]:
        stack = self.raw.get("layers")
        return stack if isinstance(stack, list) else []

    @property
    def count(self) -> int:
        """Number of layers."""
        return len(self._stack)

    def get(self, path: str) -> Any:
        """The value at a path, or ``None``.

        An option of a choice that is only a name (``activation = "relu"``) has no value of its own.
        """
        return document_paths.follow(self.raw, split(path))

    @property
    def data(self) -> Dataset | None:
        """The data set with its options, ``None`` while it cannot be read."""
        try:
            found = datasets.read(self.raw.get("data"), self.files)
        except ValueError:
            return None
        return found if found.known else None

    def rows(self) -> list[LayerRow]:
        """Every layer, with its output shape and parameters if they are known."""
        return layer_rows(self._stack, self.data, self.problems)

    def set(self, path: str, value: Any, names: Mapping[str, str] | None = None) -> None:
        """Set the value at a path without checking it; consecutive edits of one path are one undo step.

        Args:
            names: default entries of choices along the path, by path: they are written too where the
                document leaves them out, since an option needs its choice beside it.
        """

        def change(raw: Raw) -> None:
            document_paths.name(raw, names or {})
            document_paths.put(raw, split(path), value)

        self._edit(path, change)

    def unset(self, path: str) -> None:
        """Remove the value at a path, which resets it to its default."""
        self._edit(path, lambda raw: document_paths.drop(raw, split(path)))

    def remove_key(self, owner: str, key: str) -> None:
        """Remove a key, which may hold any characters, from the table at path ``owner``."""
        self._edit(None, lambda raw: document_paths.drop(raw, [*split(owner), key]))

    def choose(
        self, path: str, name: str, registry: Registry[Any], names: Mapping[str, str] | None = None
    ) -> None:
        """Set an entry of a registry at a path and keep the options that both entries have.

        Trying several entries in a row is one undo step, and returning to an entry restores its options.
        """

        def change(raw: Raw) -> None:
            before = document_paths.follow(self._base, split(path))
            document_paths.name(raw, names or {})
            document_paths.put(raw, split(path), document_paths.chosen(before, name, registry, path))

        self._edit(path, change)

    def add(self, after: int, layer: Raw) -> None:
        """Insert a layer below row ``after`` (−1: at the top)."""
        self._change_stack(lambda stack: stack.insert(after + 1, copy.deepcopy(layer)))

    def duplicate(self, index: int) -> None:
        """Insert a copy of a layer below it, if there is such a layer."""
        if 0 <= index < self.count:
            self._change_stack(lambda stack: stack.insert(index + 1, copy.deepcopy(stack[index])))

    def remove(self, index: int) -> None:
        """Remove a layer, if there is such a layer."""
        if 0 <= index < self.count:
            self._change_stack(lambda stack: stack.pop(index))

    def move(self, index: int, by: int) -> bool:
        """Move a layer up (−1) or down (+1); False if there is no room."""
        to = index + by
        if not (0 <= index < self.count and 0 <= to < self.count):
            return False
        self._change_stack(lambda stack: stack.insert(to, stack.pop(index)))
        return True

    def replace(self, raw: Raw) -> None:
        """Replace the whole document, as one edit."""

        def change(target: Raw) -> None:
            target.clear()
            target.update(copy.deepcopy(raw))

        self._edit(None, change)

    def apply(self, edits: Sequence[tuple[str, Any]]) -> None:
        """Set values at several paths, as one edit.

        Raises:
            SpecError: a path does not exist; then nothing is changed.
        """
        raw = self.raw
        for path, value in edits:
            raw = put(raw, path, value)
        self.replace(raw)

    def find_in(self, files: DataFiles) -> None:
        """From now on use these ``files`` to find what a file of the user's holds."""
        if files is not self.files:
            self.files = files
            self.check()

    def check(self) -> None:
        """Check it again: what is known of a file that it names may have changed."""
        self.preset, self.problems = check(self.raw, self.files)

    def seal(self) -> None:
        """End the undo step: the next edit begins another, even on the same path."""
        self._open = None

    def undo(self) -> bool:
        """Undo the last step; False if there is none."""
        return self._go_to(self.history.undo((self.raw, self.marks)))

    def redo(self) -> bool:
        """Redo the step that was undone last; False if there is none."""
        return self._go_to(self.history.redo((self.raw, self.marks)))

    def _go_to(self, state: tuple[Raw, Marks] | None) -> bool:
        self.seal()
        if state is None:
            return False
        self.raw, self.marks = state
        self.check()
        return True

    def saved(self, path: Path) -> None:
        """Note that it was saved at ``path``."""
        self.path, self.origin = path, ""
        self.mark_saved(self.raw)

    def name_at_first(self, name: str) -> None:
        """Give it another name as it is opened: no edit."""
        clean, self.raw = not self.dirty, self.raw | {"name": name}
        if clean:
            self.saved_raw = self.raw
        self.check()

    def mark_saved(self, raw: Raw) -> None:
        """Note that the file holds ``raw``."""
        self.saved_raw = raw
        self.seal()

    def _change_stack(self, change: Callable[[list[Any]], object]) -> None:
        def apply(raw: Raw) -> None:
            if not isinstance(raw.get("layers"), list):
                raw["layers"] = []
            change(raw["layers"])

        places: list[Any] = list(range(self.count))
        change(places)
        marks = self.marks.moved(lambda old: places.index(old) if old in places else None)
        self._edit(None, apply, marks)

    def mark(self, marks: Marks) -> None:
        """Mark other settings as varied; one step to undo."""
        self.seal()
        if marks != self.marks:
            self.history.remember((self.raw, self.marks))
            self.marks = marks

    def _edit(self, path: str | None, change: Callable[[Raw], object], marks: Marks | None = None) -> None:
        joins = path is not None and path == self._open
        if not joins:
            self._base = self.raw
        raw = copy.deepcopy(self.raw)
        change(raw)
        self._open = path
        if raw == self.raw:
            return
        marks = (self.marks if marks is None else marks).fitting(raw)
        before = self.raw, self.marks
        if not joins:
            self.history.remember(before)
        elif not self.history.join(before, (raw, marks)):
            self._open = None
        self.raw, self.marks = raw, marks
        self.check()
