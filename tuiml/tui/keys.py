"""Every key of the app, once: bindings, the key bar, the palette and the help screen all read this table.

A row names a method ``action_<id>``: of the app for ``any``, of the place for ``build``, ``train`` and
``library``, of the widget or screen for the others: ``table`` (of layers), ``pad`` (to draw on), ``field``
(of a form), ``list`` (to choose from), ``note``, ``finder`` (of a learning rate), ``explorer`` (of
activations), ``files`` (to look through), ``opening`` (the open dialog), ``help``, ``dialog``. The key bar
shows what works now, in this order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from textual.binding import Binding

Where = Literal[
    "any",
    "build",
    "train",
    "library",
    "table",
    "pad",
    "field",
    "list",
    "note",
    "finder",
    "explorer",
    "files",
    "opening",
    "help",
    "dialog",
]


@dataclass(frozen=True)
class Action:
    """What a key does."""

    id: str
    keys: tuple[str, ...]
    """Textual's names; the first is the one shown. May be empty: then the palette alone offers it."""
    label: str
    """One or two words for the key bar."""
    help: str
    """One line for the help screen and the palette."""
    place: Where = "any"
    shown: bool = True
    """In the key bar, while it works."""
    priority: bool = False
    """Taken before the focused widget sees the key."""


hidden = partial(Action, shown=False)

ACTIONS: tuple[Action, ...] = (
    Action("toggle_run", ("ctrl+r",), "start", "Start the training, pause it, go on.", priority=True),
    Action("choose", ("enter",), "open", "Build: edit the layer. Train: look into the layer.", "table"),
    # -- a form --------------------------------------------------------------------------------------------
    Action("open_field", ("enter",), "choose", "Open the choices, switch, or go to the next field.", "field"),
    Action("leave_field", ("escape",), "back", "Close the choices; back to the layer table.", "field"),
    hidden("value_next", ("right",), "next choice", "The next choice.", "field"),
    Action("value_back", ("left",), "change", "The choice before.", "field"),
    hidden("toggle_value", ("space",), "choices", "Open the choices, or switch.", "field"),
    Action("reset_value", ("delete", "backspace"), "default", "Leave the setting out: its default.", "field"),
    hidden("layer_back", ("ctrl+up", "alt+up"), "layer above", "Same field, layer above.", "field"),
    Action("layer_next", ("ctrl+down", "alt+down"), "other layer", "Same field, layer below.", "field"),
    hidden("field_up", ("up",), "up", "The field above, or the choice above.", "field"),
    hidden("field_down", ("down",), "down", "The field below, or the choice below.", "field"),
    hidden("tab_up", ("shift+tab",), "up", "The field above; before the first, the table.", "field"),
    hidden("tab_down", ("tab",), "down", "The field below; after the last, the table.", "field"),
    hidden("section_back", ("pageup",), "section up", "To the section above.", "field"),
    hidden("section_next", ("pagedown",), "section down", "To the next section.", "field"),
    # -- a picture that is drawn ---------------------------------------------------------------------------
    Action("pen_toggle", ("space",), "pen", "Pen down: moving draws; and up again.", "pad"),
    Action("pad_clear", ("x",), "clear", "Take all ink away.", "pad"),
    Action("pen_next", ("b",), "pen size", "A fine, a soft, a broad pen.", "pad"),
    Action("pen_erase", ("e",), "erase", "The pen takes ink away, and brings it again.", "pad"),
    Action("pad_centre", ("m",), "centre", "Put the picture's middle of mass in the middle.", "pad"),
    hidden("pen_up", ("up", "k"), "up", "Move the pen up.", "pad"),
    hidden("pen_down", ("down", "j"), "down", "Move the pen down.", "pad"),
    hidden("pen_left", ("left", "h"), "left", "Move the pen to the left.", "pad"),
    hidden("pen_right", ("right", "l"), "right", "Move the pen to the right.", "pad"),
    hidden("draw_up", ("shift+up", "K"), "draw up", "Draw upwards.", "pad"),
    hidden("draw_down", ("shift+down", "J"), "draw down", "Draw downwards.", "pad"),
    hidden("draw_left", ("shift+left", "H"), "draw left", "Draw to the left.", "pad"),
    hidden("draw_right", ("shift+right", "L"), "draw right", "Draw to the right.", "pad"),
    # -- build ---------------------------------------------------------------------------------------------
    Action("next_problem", ("e",), "what is wrong", "To the next thing that is wrong.", "build"),
    Action("add_layer", ("a",), "add", "Add a layer below the selected one.", "build"),
    Action("remove", ("x", "delete"), "remove", "Remove the selected layer.", "build"),
    Action("duplicate", ("d",), "duplicate", "Duplicate the selected layer.", "build"),
    Action("undo", ("u", "ctrl+underscore"), "undo", "Take back the last edit.", "build"),
    Action("redo", ("U", "ctrl+y"), "redo", "Do again what was taken back.", "build"),
    Action(
        "try_remedy", ("f",), "try it", "Do what is advised against what is wrong; u takes it back.", "build"
    ),
    Action(
        "next_initializer",
        ("i",),
        "initial",
        "The next initializer of all hidden layers; of the output layer alone, on it.",
        "build",
    ),
    hidden("last_initializer", ("I",), "initial back", "The initializer before, likewise.", "build"),
    Action("next_activation", ("v",), "activation", "The next activation of all hidden layers.", "build"),
    hidden("last_activation", ("V",), "activation back", "The activation before, likewise.", "build"),
    Action("edit_training", ("t",), "training", "To the training: optimizer, rate, epochs.", "build"),
    Action("find_rate", ("r",), "find rate", "Find a learning rate: a short ramp, nothing kept.", "build"),
    Action("explore", ("y",), "explore f", "Explore activations: f, its slope, what goes in.", "build"),
    Action("open_data", ("o",), "your data", "Open a file of yours as the data.", "build"),
    Action("edit_data", ("D",), "data", "To the data settings: set, sizes, normalization.", "build"),
    Action("edit_name", ("n",), "name", "To the preset's name and note.", "build"),
    hidden("form_first", ("tab",), "form", "To the first field of the form.", "build"),
    hidden("form_last", ("shift+tab",), "form", "To the last field of the form.", "build"),
    hidden("move_up", ("K", "shift+up"), "move up", "Move the selected layer up.", "build"),
    Action("move_down", ("J", "shift+down"), "move", "Move the selected layer down.", "build"),
    # -- train ---------------------------------------------------------------------------------------------
    Action(
        "apply_remedy", ("f",), "try it", "Do to the preset what is advised; ctrl+r trains it anew.", "train"
    ),
    Action("go_on", ("g",), "go on", "Go on with a run that is not trained, from its checkpoint.", "train"),
    Action("step", ("full_stop",), "one batch", "Train one batch, then halt.", "train"),
    Action("go_back", ("b",), "go back", "Back to the moment looked at, or to one of a list.", "train"),
    Action("stop", ("s",), "stop", "End the run after the batch in hand; it is saved.", "train"),
    Action("change_settings", ("O",), "change", "Optimizer, rate, batch size of the run on.", "train"),
    Action("earlier", ("left",), "earlier", "Layers as they were a picture before.", "train"),
    Action("later", ("right",), "later", "A picture later; after the newest, as they are now.", "train"),
    hidden("much_earlier", ("shift+left",), "earlier", "Ten pictures before.", "train"),
    hidden("much_later", ("shift+right",), "later", "Ten pictures later.", "train"),
    Action("now", ("end",), "now", "Layers as they are now (in the table: esc).", "train"),
    Action("next_kind", ("v",), "view", "Activations, inputs, gradients, weights, biases.", "train"),
    hidden("kind_before", ("V",), "view before", "The quantity before.", "train"),
    Action("next_chart", ("c",), "next chart", "The next chart, here or at the right above.", "train"),
    hidden("last_chart", ("C",), "chart before", "The chart before.", "train"),
    Action("pick_chart", ("p",), "charts", "Choose a chart from the list of all.", "train"),
    Action("enlarge", ("z",), "enlarge", "One chart on the whole place, and back.", "train"),
    Action("compare", ("equals_sign",), "compare", "Draw another run beside this one, and back.", "train"),
    Action("rate_down", ("left_square_bracket",), "rate ÷", "Learn slower: the next 1, 2, 5 · 10ⁿ.", "train"),
    Action("rate_up", ("right_square_bracket",), "rate ×", "Learn faster: the next 1, 2, 5 · 10ⁿ.", "train"),
    Action("rate_type", ("l",), "rate", "Type a learning rate for the run that is on.", "train"),
    Action("rate_find", ("r",), "find rate", "Find a learning rate, while no run is on.", "train"),
    Action("explore_layer", ("y",), "explore f", "Explore the activation of the layer.", "train"),
    Action("log_loss", ("o",), "log", "Loss on a logarithmic axis, and back.", "train"),
    Action("draw", ("d",), "draw", "Draw a picture and see what the network takes it for.", "train"),
    Action("one_unit", ("u",), "one unit", "One unit or example large, and all of them again.", "train"),
    Action("confusion_shares", ("percent_sign",), "shares", "Confusions as counts or as shares.", "train"),
    Action("tiles_on", ("greater_than_sign",), "more", "The next units, or examples.", "train"),
    hidden("tiles_back", ("less_than_sign",), "back", "The units, or examples, before.", "train"),
    Action("depth_lines", ("i",), "lines", "The gradient landscape as lines, and back.", "train"),
    hidden("leave", ("escape",), "back", "Back to the layer table.", "train"),
    hidden("layer_above", ("up", "k"), "up", "Select the layer above.", "train"),
    hidden("layer_below", ("down", "j"), "down", "Select the layer below.", "train"),
    # -- library -------------------------------------------------------------------------------------------
    Action("item_open", ("enter",), "open", "Open: a preset in Build, a run in Train.", "library"),
    Action("item_go_on", ("g",), "go on", "Go on with the run, from its newest checkpoint.", "library"),
    Action("item_preset", ("p",), "its preset", "Open the preset of the selected run in Build.", "library"),
    Action("item_preview", ("space",), "preview", "The preview, and back (narrow screens).", "library"),
    Action("item_filter", ("slash",), "filter", "Show only what has the words you type.", "library"),
    Action("item_all", ("escape",), "show all", "Leave the filter; show everything again.", "library"),
    Action("item_new", ("n",), "new", "Start a new preset: the least that trains.", "library"),
    Action("item_duplicate", ("d",), "duplicate", "Make a preset of your own from it.", "library"),
    Action("item_rename", ("r",), "rename", "Rename the preset of yours, or the run.", "library"),
    Action("item_delete", ("x", "delete"), "delete", "Delete the preset of yours, or the run.", "library"),
    hidden("item_section_before", ("left",), "section up", "To the section before.", "library"),
    hidden("item_section_after", ("right",), "section down", "To the next section.", "library"),
    # -- a list to choose from -----------------------------------------------------------------------------
    Action("pick", ("enter",), "choose", "Take the one under the cursor.", "list"),
    Action("no_pick", ("escape",), "cancel", "Take none.", "list"),
    hidden("pick_up", ("up", "shift+tab"), "up", "The one above; typing narrows the list.", "list"),
    hidden("pick_down", ("down", "tab"), "down", "The one below.", "list"),
    hidden("pick_page_up", ("pageup",), "page up", "Ten up.", "list"),
    hidden("pick_page_down", ("pagedown",), "page down", "Ten down.", "list"),
    # -- the note ------------------------------------------------------------------------------------------
    Action("note_done", ("escape",), "done", "Keep the note as it is written.", "note"),
    # -- the learning-rate finder --------------------------------------------------------------------------
    Action("take_rate", ("enter",), "take it", "Take the suggested learning rate.", "finder"),
    Action("leave_finder", ("escape", "q"), "back", "Stop, and leave everything as it is.", "finder"),
    # -- the activation explorer ---------------------------------------------------------------------------
    Action("take_activation", ("enter",), "take it", "Take the activation for the layer.", "explorer"),
    Action("leave_explorer", ("escape", "q"), "back", "Leave everything as it is.", "explorer"),
    hidden("activation_back", ("up", "k"), "before", "The activation before.", "explorer"),
    hidden("activation_next", ("down", "j"), "next", "The next activation.", "explorer"),
    hidden("x_left", ("left", "h"), "left", "Look at a smaller x.", "explorer"),
    hidden("x_right", ("right", "l"), "right", "Look at a greater x.", "explorer"),
    hidden("narrower", ("plus",), "narrower", "A narrower range of x.", "explorer"),
    hidden("wider", ("minus",), "wider", "A wider range of x; the sign of a value being typed.", "explorer"),
    hidden(
        "value_down", ("left_square_bracket",), "less", "The parameter smaller; digits type it.", "explorer"
    ),
    hidden(
        "value_up", ("right_square_bracket",), "more", "The parameter greater; digits type it.", "explorer"
    ),
    hidden("parameter_next", ("tab",), "other", "The other parameter, where there are two.", "explorer"),
    # -- files and folders ---------------------------------------------------------------------------------
    Action("take_file", ("enter",), "take it", "Into the folder, or take the file as data.", "files"),
    Action("leave_files", ("escape",), "back", "Empty the field, or leave everything as it is.", "files"),
    hidden("folder_up", ("ctrl+u",), "up", "To the folder above; also backspace.", "files"),
    hidden("flip", ("tab",), "preview", "The preview alone, and back.", "files"),
    hidden("browse", ("tab",), "files", "Look through folders for a file of yours.", "opening"),
    # -- a dialog ------------------------------------------------------------------------------------------
    Action("cancel", ("escape",), "cancel", "Leave the dialog; nothing is done.", "dialog"),
    Action("answer_yes", ("y",), "yes", "Do what the dialog asks about.", "dialog"),
    Action("answer_no", ("n",), "no", "Do nothing.", "dialog"),
    hidden("other_before", ("left", "up", "h", "k"), "before", "The other answer.", "dialog"),
    hidden("other_after", ("right", "down", "l", "j"), "after", "The other answer.", "dialog"),
    # -- the help screen -----------------------------------------------------------------------------------
    Action("close_help", ("escape", "q", "question_mark", "f1"), "close", "Close the help.", "help"),
    # -- any -----------------------------------------------------------------------------------------------
    Action(
        "save", ("ctrl+s",), "save", "Save the preset; a bundled or new one asks for a name.", priority=True
    ),
    Action("save_as", (), "save as", "Save the preset under another name."),
    Action("revert", (), "discard", "Discard unsaved changes; undo brings them back."),
    Action("open", ("ctrl+o",), "open", "Open a preset or a run.", priority=True),
    hidden("place_build", ("1",), "build", "Go to Build: the layers and their settings."),
    hidden("place_train", ("2",), "train", "Go to Train: the run, live."),
    hidden("place_library", ("3",), "library", "Go to Library: presets and past runs."),
    Action("help", ("question_mark", "f1"), "help", "Show all keys."),
    Action("command_palette", ("ctrl+p",), "palette", "Find an action by its name.", priority=True),
    Action("toggle_dark", (), "light", "Colours for a light or a dark background."),
    hidden("suspend_process", ("ctrl+z",), "suspend", "Suspend; fg in the shell goes on.", priority=True),
    Action("quit", ("ctrl+q",), "quit", "Quit; everything is as it was at the next start.", priority=True),
    # -- a layer table -------------------------------------------------------------------------------------
    hidden("cursor_up", ("up", "k"), "up", "Select the layer above.", "table"),
    hidden("cursor_down", ("down", "j"), "down", "Select the layer below.", "table"),
    hidden("cursor_first", ("home",), "first", "Select the first layer.", "table"),
    hidden("cursor_last", ("end",), "last", "Select the last layer.", "table"),
    hidden("page_up", ("pageup",), "page up", "A page up.", "table"),
    hidden("page_down", ("pagedown",), "page down", "A page down.", "table"),
)


def actions(place: Where) -> Iterator[Action]:
    """The rows of one place, in order."""
    return (action for action in ACTIONS if action.place == place)


def bindings(place: Where) -> list[Binding]:
    """Textual's bindings of one place's rows."""
    return [
        Binding(key, action.id, action.label, show=action.shown, priority=action.priority)
        for action in actions(place)
        for key in action.keys
    ]


def find(id: str) -> Action:
    """The row with that id.

    Raises:
        KeyError: there is none.
    """
    for action in ACTIONS:
        if action.id == id:
            return action
    raise KeyError(id)


_KEY_WORDS = {
    "question_mark": "?", "slash": "/", "full_stop": ".", "left_square_bracket": "[",
    "right_square_bracket": "]", "escape": "esc", "up": "↑", "down": "↓", "left": "←", "right": "→",
    "plus": "+", "minus": "-", "comma": ",", "delete": "del", "pageup": "pgup", "pagedown": "pgdn",
    "underscore": "_", "percent_sign": "%", "equals_sign": "=", "less_than_sign": "<",
    "greater_than_sign": ">",
}  # fmt: skip


def key_word(key: str) -> str:
    """A key as the screen writes it: ``^r``, ``?``, ``shift+↑``."""
    *before, last = key.split("+")
    last = _KEY_WORDS.get(last, last)
    if before == ["ctrl"] and len(last) == 1 and last.isascii():
        return f"^{last}"
    return "+".join([*before, last])
