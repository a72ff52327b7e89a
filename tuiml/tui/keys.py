"""The actions of the app.

An action is a method with the decorator :func:`action`: the bindings, the key bar, the palette and the help
screen are made from it. There is no other list of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar, get_args

from textual.binding import Binding, BindingType

Where = Literal[
    "row", "field", "pad", "build", "train", "study", "library", "list", "vary", "note", "finder", "explorer",
    "files", "opening", "dialog", "help", "jump", "any", "table",
]  # fmt: skip
"""Where an action works, in the order of the key bar: everywhere (``any``), on a screen, or in a widget or
dialog: a row to predict, a field of a form, the pad that is drawn on, a list to choose from, the values of a
study, the note, the finder of a learning rate, the explorer of activations, files and folders, the dialog
that opens things, jump mode, a table of layers."""
GROUPS = get_args(Where)
LAST = 10_000
Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Action:
    """One action; see :func:`action`."""

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    where: Where
    rank: int
    shown: bool
    priority: bool
    destructive: bool
    also: tuple[str, ...]
    method: Callable[..., Any] = field(compare=False, repr=False)

    @property
    def title(self) -> str:
        """What it does in a few words: its help up to the first stop."""
        return re.split(r"[;:]| \(", self.help)[0].rstrip(".")

    def keys_in(self, keymap: Mapping[str, str]) -> tuple[str, ...]:
        """Its keys where the user has chosen others for some actions."""
        return tuple(keymap[self.id].split(",")) if self.id in keymap else self.keys


_ACTIONS: dict[str, Action] = {}


def action(
    keys: str,
    label: str,
    help: str,
    where: Where = "any",
    id: str = "",
    value: Any = None,
    *,
    rank: int = LAST,
    shown: bool = True,
    priority: bool = False,
    destructive: bool = False,
    also: str = "",
) -> Callable[[Method], Method]:
    """Declare the method ``action_<id>`` as an action, or the call of any method with a value as one.

    Args:
        keys: Textual's names of its keys; the first is shown. Without any, only the palette offers it.
        label: one or two words for the key bar.
        help: one line for the help screen and the palette.
        where: where it works.
        id, value: the name of a call and its argument; a method may be declared for several.
        rank: among the actions of ``where``, ties in the order of definition; negative: before all others.
        shown: whether the key bar shows it while it works.
        priority: whether it is handled before the focused widget sees the key.
        destructive: whether it ends or destroys something: the palette finds it by its own words only, never
            by its help.
        also: other words for it, separated by commas, by which the palette finds it.

    Raises:
        ValueError: another class has an action of that name.
    """

    words = tuple(word.strip() for word in also.split(",") if word)
    row = (tuple(keys.split()), label, help, where, rank, shown, priority, destructive, words)
    return lambda method: _declared(method, id, value, row)


def _declared(method: Any, id: str, value: Any, row: tuple[Any, ...]) -> Any:
    """The method, or what stands for it if its call with a value is the action; ``row``: its other fields."""
    if not id:
        _register(Action(*(method.__name__.removeprefix("action_"), *row, method)), [])
        return method
    calls = method if isinstance(method, _Calls) else _Calls(method)
    _register(Action(*(id, *row, calls.add(id, value))), list(calls.ids)[-2::-1])
    return calls


def _register(new: Action, below: list[str]) -> None:
    """Add an action before those of the decorators ``below`` its own, which are called first."""
    if new.id in _ACTIONS:
        raise ValueError(f"there are two actions {new.id}")
    _ACTIONS[new.id] = new
    for id in below:
        _ACTIONS[id] = _ACTIONS.pop(id)


class _Calls:
    """A method that several actions call; its class gets a method ``action_<id>`` for each of them."""

    def __init__(self, method: Callable[[Any, Any], None]) -> None:
        self.method = method
        self.ids: dict[str, Callable[[Any], None]] = {}

    def add(self, id: str, value: Any) -> Callable[[Any], None]:
        name = self.method.__name__
        run = self.ids[id] = lambda widget: getattr(widget, name)(value)
        return run

    def __set_name__(self, owner: type, name: str) -> None:
        setattr(owner, name, self.method)
        for id, run in self.ids.items():
            setattr(owner, f"action_{id}", run)


def actions(where: Where | None = None) -> list[Action]:
    """The actions of all modules imported so far, or those of one ``where``, in the order of the key bar."""
    found = [row for row in _ACTIONS.values() if where in (None, row.where)]
    return sorted(found, key=lambda row: (row.rank >= 0 and GROUPS.index(row.where) + 1, row.rank))


def bindings(rows: list[Action]) -> list[BindingType]:
    """Textual's bindings of actions."""
    return [
        Binding(key, row.id, row.label, show=row.shown, priority=row.priority, id=row.id)
        for row in rows
        for key in row.keys
    ]


class Keyed:
    """Base of a widget whose methods are actions: it has their keys. It comes before Textual's classes."""

    BINDINGS: ClassVar[list[Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        methods = {id(value) for value in vars(cls).values()}
        own = [row for row in actions() if id(row.method) in methods]
        if own:
            cls.BINDINGS = [*vars(cls).get("BINDINGS", ()), *bindings(own)]  # before Textual merges them
        super().__init_subclass__(**options)


def find(id: str) -> Action | None:
    """The action with that id."""
    return _ACTIONS.get(id)


KEY_WORDS = {
    "question_mark": "?", "slash": "/", "full_stop": ".", "left_square_bracket": "[",
    "right_square_bracket": "]", "escape": "esc", "up": "↑", "down": "↓", "left": "←", "right": "→",
    "plus": "+", "minus": "-", "comma": ",", "delete": "del", "pageup": "pgup", "pagedown": "pgdn",
    "underscore": "_", "percent_sign": "%", "equals_sign": "=", "less_than_sign": "<",
    "greater_than_sign": ">", "tilde": "~", "number_sign": "#", "left_curly_bracket": "{",
    "right_curly_bracket": "}", "asterisk": "*",
}  # fmt: skip


def key_word(key: str) -> str:
    """A key as the screen writes it: ``^r``, ``?``, ``shift+↑``."""
    *before, last = key.split("+")
    last = KEY_WORDS.get(last, last)
    if before == ["ctrl"] and len(last) == 1 and last.isascii():
        return f"^{last}"
    return "+".join([*before, last])


def key_of(id: str, keymap: Mapping[str, str]) -> str:
    """The key of an action in a sentence, where the user may have chosen others: ``ctrl+r``, ``f``."""
    row = find(id)
    keys = row.keys_in(keymap) if row else ()
    word = key_word(keys[0]) if keys else "ctrl+p"  # the palette has every action
    return f"ctrl+{word[1:]}" if word.startswith("^") and len(word) > 1 else word


def with_keys(text: str, keymap: Mapping[str, str]) -> str:
    """A text with the key of an action for its id in braces: ``{undo} undoes it``."""
    return re.sub(r"\{([a-z_0-9]+)\}", lambda at: key_of(at[1], keymap) if find(at[1]) else at[0], text)
