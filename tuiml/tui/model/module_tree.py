"""The modules of a watched model as rows of the layer table: a tree that folds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.runs.watched import Module, WatchedModel
from tuiml.text import plain_text
from tuiml.training import bounds
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.model.snapshots import PastSnapshot

LONGEST = 60
"""Characters of a name or a type that are shown."""
SHOWN = 48
"""Rows that a model is unfolded to at first: as deep as leaves no more than these."""


def module_rows(model: WatchedModel) -> list[LayerRow]:
    """Each module, with how deep it is in the tree and how many it contains."""
    modules = model.modules
    contains, inside, above = [0] * len(modules), list[int](), list[tuple[str, int]]()
    for index, module in enumerate(modules):
        while inside and not module.name.startswith(f"{modules[inside[-1]].name}."):
            parent = inside.pop()
            contains[parent] = index - parent - 1
        above.append((modules[inside[-1]].name if inside else "", len(inside)))
        inside.append(index)
    for parent in inside:
        contains[parent] = len(modules) - parent - 1
    return [_row(at, module, *above[at], contains[at]) for at, module in enumerate(modules)]


def _row(index: int, module: Module, above: str, depth: int, contains: int) -> LayerRow:
    """A row of a module in the one of the name ``above``."""
    name = module.name[len(above) + 1 :] if above else module.name
    words = [_word(module.type)]
    if module.activation and module.kind == "weighted":
        words.append(_word(module.activation))
    if module.trainable < module.parameters:
        words.append("frozen" if not module.trainable else "partly frozen")
    if module.shared_with:
        words.append(f"= {_word(module.shared_with)}")
    return LayerRow(
        index=index,
        type=_word(module.type),
        title=" ".join(filter(None, (_word(name), *words))),
        units="",
        activation=_word(module.activation),
        initializer="",
        output_shape=module.output_shape or None,
        parameters=0 if module.shared_with else module.parameters,
        buffer_size=0,
        problem=None,
        depth=depth,
        contains=contains,
        full_title=" ".join(filter(None, (_word(module.name[-LONGEST:]), *words))),
    )


def _word(text: str) -> str:
    return " ".join(plain_text(text[:LONGEST]).split())


class Tree:
    """Which rows of a table are shown: those of which no module that contains them is folded.

    The layers of a preset are a tree without branches.
    """

    def __init__(self, rows: Sequence[LayerRow] = ()) -> None:
        self.rows = rows
        self._sums = [0, *accumulate(row.parameters or 0 for row in rows)]
        """Parameters of all rows before each."""
        self.folded = self._at_first()
        """The rows of the modules that are folded."""
        self.visible: list[int] = []
        """The index of each row that is shown."""
        self._show()

    def _at_first(self) -> set[int]:
        """The modules to be folded: so many that :data:`SHOWN` rows are seen at most, or the outermost."""
        if len(self.rows) <= SHOWN:
            return set()
        depths = np.bincount([row.depth for row in self.rows])
        deepest = max(0, int((np.cumsum(depths) <= SHOWN).sum()) - 1)
        return {row.index for row in self.rows if row.contains and row.depth >= deepest}

    def _show(self) -> None:
        self.visible, at = [], 0
        while at < len(self.rows):
            self.visible.append(at)
            at += 1 + (self.rows[at].contains if at in self.folded else 0)

    @property
    def branches(self) -> bool:
        """True if there is something to fold."""
        return any(row.contains for row in self.rows)

    def renewed(self, rows: Sequence[LayerRow]) -> Tree:
        """The tree of a model of which more became known, folded as before."""
        tree = Tree(rows)
        if [row.contains > 0 for row in rows[: len(self.rows)]] == [row.contains > 0 for row in self.rows]:
            tree.folded = self.folded | {at for at in tree.folded if at >= len(self.rows)}
            tree._show()
        return tree

    def place(self, index: int) -> int:
        """The row that shows a module: its own, or that of the folded one that contains it."""
        return max(0, int(np.searchsorted(self.visible, index, side="right")) - 1)

    def parent(self, index: int) -> int | None:
        """The module that contains one."""
        depth = self.rows[index].depth
        return next((at for at in range(index - 1, -1, -1) if self.rows[at].depth < depth), None)

    def toggle(self, index: int) -> int:
        """Fold a module or unfold it; one that contains none folds the one around it. Returns that one."""
        at = index if self.rows[index].contains else self.parent(index)
        if at is None:
            return index
        self.folded ^= {at}
        self._show()
        return at

    def toggle_all(self) -> None:
        """Unfold all, or fold all if none is folded."""
        containers = {row.index for row in self.rows if row.contains}
        self.folded = set() if self.folded else containers
        self._show()

    def reveal(self, index: int) -> None:
        """Unfold what contains a module."""
        at = self.parent(index)
        while at is not None:
            self.folded.discard(at)
            at = self.parent(at)
        self._show()

    def within(self, index: int) -> slice:
        """The rows in a folded module, its own included; else its own alone."""
        return slice(index, index + 1 + (self.rows[index].contains if index in self.folded else 0))

    def row(self, index: int) -> LayerRow:
        """A row; of a module that contains others with the parameters of them all."""
        found = self.rows[index]
        if not found.contains:
            return found
        return replace(found, parameters=self._sums[index + 1 + found.contains] - self._sums[index])


def folded_figures(snapshot: PastSnapshot, part: slice, last_norm: float) -> dict[str, Any]:
    """The figures of a folded module: of all in it the norm of the weights together, the largest fractions,
    and the gradient norm that is most in trouble; without any, the largest."""
    figures = {name: _known(snapshot.figures(name)[part]) for name in _FOLDED}
    norms = figures["gradient_norm"]
    highest, lowest = max(norms, default=math.nan), min(norms, default=math.nan)
    high = highest > bounds.HUGE or highest > bounds.EXPLODED * last_norm
    low = lowest < bounds.VANISHED * last_norm or lowest == 0
    return {
        "gradient_norm": lowest if low and not high else highest,
        "weight_norm": math.hypot(*figures["weight_norm"]) if figures["weight_norm"] else math.nan,
        **{name: max(figures[name], default=math.nan) for name in ("saturated", "dead")},
    }


_FOLDED = ("gradient_norm", "weight_norm", "saturated", "dead")


def _known(values: NDArray[np.float64]) -> list[float]:
    found: list[float] = values[np.isfinite(values)].tolist()
    return found
