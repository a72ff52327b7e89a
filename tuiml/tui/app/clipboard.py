"""Text for the clipboard. The terminal sets it (OSC 52), also over ssh."""

from __future__ import annotations

from typing import cast

from textual.app import App
from textual.dom import DOMNode

from tuiml.spec import dumps
from tuiml.text import plain_text
from tuiml.tui.keys import key_of
from tuiml.tui.model import commands
from tuiml.tui.model.status import OWN_LOOP
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.widgets.layer_table import LayerTable


def copy_preset(app: App[int]) -> None:
    """The preset that is edited, as TOML."""
    shell = cast(Shell, app)
    try:
        text = dumps(shell.document.raw)
    except (TypeError, ValueError) as error:
        shell.complain(f"not copied: TOML cannot hold the preset: {error}")
    else:
        copy(app, text, f"the preset {shell.document.name}, {len(text.splitlines())} lines")


def copy_command(app: App[int]) -> None:
    """The command line that repeats the run on Train; elsewhere the one that trains the preset."""
    shell = cast(Shell, app)
    if shell.screen_name == "train" and shell.model.watched:
        shell.say(OWN_LOOP)
        return
    if shell.screen_name == "train" and shell.model.path:
        text = commands.of_run(shell.model.path)
    else:
        text = commands.of_preset(shell.document)
    if text:
        copy(app, text, text)
    else:
        key = key_of("save", shell.keymap)
        shell.complain(f"save the preset first ({key}): no command line can describe it")


def copy_layers(app: App[int], screen: DOMNode) -> None:
    """The layer table of a screen, its columns separated by tabs."""
    table = screen.query(LayerTable).first()
    text = "".join("\t".join(line) + "\n" for line in table.texts())
    copy(app, text, f"the layer table, {table.row_count} rows")


def copy(app: App[int], text: str, what: str) -> None:
    """Give the terminal a text for its clipboard, and say what it is."""
    app.copy_to_clipboard(text)
    app.notify(plain_text(what), title="Copied", markup=False)
