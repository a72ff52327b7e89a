"""Opens the activation explorer for a layer, and applies its answer."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tuiml.nn.activations import Activation, activations
from tuiml.nn.layers import layers
from tuiml.registry import options_of
from tuiml.tui.keys import key_of
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.model.module_tree import module_rows

if TYPE_CHECKING:
    from tuiml.tui.dialogs.explorer_model import Inputs
    from tuiml.tui.model.document import Document
    from tuiml.tui.process.probe_session import PreFlight
    from tuiml.tui.shell.protocol import Shell

UNKNOWN = "the inputs of the layer are not known yet"


def in_build(app: Shell, index: int, flight: PreFlight) -> None:
    """Explore for a layer of the preset being edited; ``flight`` knows its initial values."""
    _open(app, app.document, index, partial(_inputs_in_build, index, flight))


def in_train(app: Shell, index: int) -> None:
    """Explore for a layer of the run on the screen, or of the preset being edited before the first one."""
    from tuiml.tui.model.document import Document

    model = app.model
    shown = app.document if model.status == "empty" else Document(model.document, files=app.files)
    rows = module_rows(model.watched) if model.watched else None
    _open(app, shown, index, partial(_inputs_of_run, app, index), rows)


def _open(
    app: Shell, shown: Document, index: int, inputs: Any, modules: Sequence[LayerRow] | None = None
) -> None:
    """Open the screen for a layer of ``shown``, or for one of the ``modules`` of a watched run."""
    from tuiml.tui.dialogs.explorer import ExplorerScreen  # late: its charts are not needed at the start

    if modules is not None:
        name = modules[index].activation if index < len(modules) else ""
        known = activations[name]() if name in activations else None
        app.push_screen(ExplorerScreen(known, _called(modules, index), index, inputs, False))
        return
    rows = shown.rows()
    field = activation_field(app.document, index)
    takes = field is not None and (shown is app.document or kinds(shown) == kinds(app.document))
    start = activation_of(shown, index)
    app.push_screen(
        ExplorerScreen(start, _called(rows, index), index, inputs, takes), partial(_take, app, index, field)
    )


def _called(rows: Sequence[LayerRow], index: int) -> str:
    """A layer in words."""
    return f"layer {index}: {rows[index].full_title or rows[index].title}" if index < len(rows) else ""


def _take(app: Shell, index: int, field: str | None, chosen: Activation | None) -> None:
    """Make an activation the layer's, as one edit."""
    if chosen is None or field is None:
        return
    app.document.seal()
    app.document.set(f"layers[{index}].{field}", activations.write(chosen))
    app.document.seal()
    app.document_edited()
    app.say(f"layer {index}: {chosen.name}; {key_of('undo', app.keymap)} in Build undoes it")


def activation_field(document: Document, index: int) -> str | None:
    """The key of a layer's activation, ``None`` where it has none."""
    return getattr(layers.entry_of(document.get(f"layers[{index}]")), "activation_field", None)


def activation_of(document: Document, index: int) -> Activation | None:
    """The activation that a layer has, ``None`` where it has none or a wrong one."""
    field, kind = activation_field(document, index), layers.entry_of(document.get(f"layers[{index}]"))
    if field is None or kind is None:
        return None
    value = document.get(f"layers[{index}].{field}")
    if value is None:
        value = next(option.default for option in options_of(kind) if option.name == field)
    with contextlib.suppress(ValueError):
        return activations.read(value)
    return None


def kinds(document: Document) -> list[Any]:
    """The kind of each layer."""
    return [layers.entry_of(document.get(f"layers[{index}]")) for index in range(document.count)]


def _inputs_of_run(app: Shell, index: int) -> Inputs:
    from tuiml.tui.dialogs.explorer_model import Inputs

    found = app.model.statistics(index)
    if found is None or found.inputs is None or app.model.snapshot is None:
        return Inputs(None, UNKNOWN)
    return Inputs(found.inputs, f"step {app.model.snapshot.step:,}")


def _inputs_in_build(index: int, flight: PreFlight) -> Inputs:
    """At the initial values, if the probe has finished."""
    from tuiml.tui.dialogs.explorer_model import Inputs

    found = flight.found if flight.fresh else None
    layers = found.snapshot.layers if found else ()
    if index >= len(layers) or layers[index].inputs is None:
        return Inputs(None, UNKNOWN)
    return Inputs(layers[index].inputs, "at initial values")
