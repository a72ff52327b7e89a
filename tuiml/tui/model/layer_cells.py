"""The columns of the layer table on Train: statistics of each layer, with marks if something is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from rich.style import Style

from tuiml.formatting import compact, percent, scientific
from tuiml.nn.activations import Activation
from tuiml.nn.layers import dimensions
from tuiml.nn.network import Network
from tuiml.training import bounds
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.training.statistics import NEVER
from tuiml.tui.charts.bars import mini, zero_bin
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look, layer_colour
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.model.module_tree import Tree

MINI = 10
NAMES = 30
"""Cells of the name of a module at most, with what shows how deep it is in the tree."""
DEEPEST = 12
"""Modules in modules that are still indented."""
Cell: TypeAlias = "str | tuple[str, Style]"
Row: TypeAlias = Mapping[str, Cell]


class Column(NamedTuple):
    """A column of at least ``width`` cells and, if its cells need it, ``most``.

    If the table is too narrow, the column with the highest ``keep`` is left out first; 0 never is. What is
    left over is shared out by ``grow``.
    """

    key: str
    title: str
    width: int
    align: Literal["left", "right"] = "left"
    keep: int = 0
    grow: int = 0
    most: int = 0


COLUMNS = (
    Column("number", "#", 2, "right", most=5),
    Column("layer", "layer", 17, grow=1),
    Column("out", "out", 5, "right", keep=7, most=10),
    Column("parameters", "params", 7, "right", keep=8),
    Column("mean", "mean", 5, "right", keep=6),
    Column("std", "std", 5, "right", keep=5),
    Column("idle", "sat/dead", 10, "right", keep=2),
    Column("gradient", "‖g‖", 7, "right", keep=1),
    Column("update", "Δw/w", 5, "right", keep=3, most=6),
    Column("norm", "‖w‖", 5, "right", keep=9),
    Column("histogram", "histogram", MINI, keep=4),
)
ASCII_TITLES = {"gradient": "|g|", "update": "dw/w", "norm": "|w|"}


def columns(look: Look, modules: bool = False) -> tuple[Column, ...]:
    """The columns for what the terminal can show; ``modules``: with room for the names of modules."""
    titles = {} if look.unicode else ASCII_TITLES
    most = {"layer": NAMES} if modules else {}
    return tuple(c._replace(title=titles.get(c.key, c.title), most=most.get(c.key, c.most)) for c in COLUMNS)


def layer_cells(row: LayerRow, look: Look) -> dict[str, Cell]:
    """The cells that do not change while the network is trained."""
    missing = look.glyphs.missing
    return {
        "number": (str(row.index), look.style(QUIET)),
        "layer": row.title,
        "out": dimensions(row.output_shape) if row.output_shape else missing,
        "parameters": compact(row.parameters, missing=missing) if row.parameters != 0 else "",
    }


def tree_cells(tree: Tree, look: Look) -> list[dict[str, Cell]]:
    """Those of the rows of a tree that are shown, indented, with a sign where one folds."""
    found = []
    for index in tree.visible:
        row = tree.row(index)
        cells = layer_cells(row, look)
        if tree.branches:
            signs = ("▾ ", "▸ ") if look.unicode else ("- ", "+ ")
            sign = signs[index in tree.folded] if row.contains else "  "
            cells["layer"] = f"{'  ' * min(row.depth, DEEPEST)}{sign}{row.title}"
        if row.contains and not row.output_shape:
            cells["out"] = ""
        found.append(cells)
    return found


def statistics_cells(
    index: int,
    found: LayerStatistics | None,
    last_norm: float,
    has_activation: bool,
    look: Look,
    *,
    finished: bool = False,
) -> dict[str, Cell]:
    """The cells of layer ``index``; without marks if the network has learned its data: small gradients and
    saturated outputs are then signs of success.

    Args:
        last_norm: the gradient norm that its own is compared with, :func:`~tuiml.training.bounds.last_norm`.
    """
    if found is None:
        return dict.fromkeys(("mean", "std", "idle", "gradient", "update", "norm", "histogram"), "")
    return {
        "mean": number(found.mean),
        "std": number(found.std),
        "idle": _idle(found, has_activation, look, finished),
        "gradient": _gradient(found.gradient_norm, last_norm, look, finished),
        "update": _update(found.update_ratio, look, finished),
        "norm": number(found.weight_norm),
        "histogram": _histogram(index, found, look),
    }


def number(value: float) -> str:
    """A number in at most five cells, six with a sign; empty for NaN."""
    if math.isnan(value):
        return ""
    text = compact(value, 2)
    return text if len(text) <= 5 else scientific(value, 0)


def idle_fraction(found: LayerStatistics) -> tuple[float, str, bool]:
    """The fraction of a layer that passes no gradient, its name, and whether it is too large."""
    if not math.isnan(found.saturated):
        return found.saturated, "sat", found.saturated > bounds.SATURATED
    if not math.isnan(found.dead):
        return found.dead, "dead", found.dead > bounds.DEAD
    return found.zeros, "zero", False


def _idle(found: LayerStatistics, has_activation: bool, look: Look, finished: bool) -> Cell:
    fraction, word, trouble = idle_fraction(found)
    if math.isnan(fraction) or (word == "zero" and not has_activation):
        return ""
    text = f"{percent(fraction, 0).replace(' ', '')} {word}"
    if trouble and not finished:
        return f"{look.glyphs.up}{text}", look.style(TROUBLE)
    return text, look.style(QUIET)


def _gradient(norm: float, last: float, look: Look, finished: bool) -> Cell:
    high = norm > bounds.HUGE or norm > bounds.EXPLODED * last
    low = norm < bounds.VANISHED * last or norm == 0
    text = "" if math.isnan(norm) else number(norm)
    return text if finished else _flagged(text, look, high=high, low=low)


def _update(ratio: float, look: Look, finished: bool) -> Cell:
    if math.isnan(ratio):
        return ""
    least = "-∞" if look.unicode else "-inf"
    text = least if ratio <= NEVER else f"{ratio:.1f}"
    if finished:
        return text
    return _flagged(text, look, high=ratio > bounds.UPDATE_HIGH, low=ratio < bounds.UPDATE_LOW)


def _flagged(text: str, look: Look, *, high: bool, low: bool) -> Cell:
    sign = look.glyphs.up if high else look.glyphs.down
    return (f"{sign}{text}", look.style(TROUBLE)) if high or low else text


def _histogram(index: int, found: LayerStatistics, look: Look) -> Cell:
    part = found.activations
    if part is None:
        return ""
    zero = zero_bin(part.low, part.high, len(part.counts))
    style: Style = look.style(layer_colour(index))
    return mini(part.counts, MINI, zero=zero, look=look), style


def activations_of(network: Network | None) -> list[Activation | None]:
    """The activation of each layer, ``None`` where it has none."""
    nodes = network.nodes if network else ()
    return [getattr(node.layer, node.layer.activation_field or "", None) for node in nodes]
