"""The actions of the app.

An action is a method with the decorator :func:`action`: the bindings, the key bar, the palette and the help
screen are made from it. There is no other list of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar, get_args

from textual.binding import Binding, BindingType

Where = Literal[
    "field",
    "pad",
    "build",
    "train",
    "library",
    "list",
    "note",
    "finder",
    "explorer",
    "files",
    "opening",
    "dialog",
    "help",
    "any",
    "table",
]
"""Where an action works, in the order of the key bar: everywhere (``any``), on a screen, or in a widget or
dialog: a field of a form, the pad that is drawn on, a list to choose from, the note, the finder of a learning
rate, the explorer of activations, files and folders, the dialog that opens things, a table of layers."""
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
    method: Callable[..., Any] = field(compare=False, repr=False)


_ACTIONS: dict[str, Action] = {}


def action(
    keys: str,
    label: str,
    help: str,
    where: Where = "any",
    *,
    rank: int = LAST,
    shown: bool = True,
    priority: bool = False,
    destructive: bool = False,
) -> Callable[[Method], Method]:
    """Declare the method ``action_<id>`` as an action.

    Args:
        keys: Textual's names of its keys with spaces between them; the first is shown. With none, the
            palette alone offers it.
        label: one or two words for the key bar.
        help: one line for the help screen and the palette.
        where: where it works.
        rank: its rank among the actions of ``where``; equal ones stand in the order of their definition.
            A negative one comes before all others.
        shown: whether the key bar shows it while it works.
        priority: whether it is handled before the focused widget sees the key.
        destructive: whether it destroys something: the palette finds it by its name only.

    Raises:
        ValueError: another class has an action of that name.
    """

    def declare(method: Method) -> Method:
        id = method.__name__.removeprefix("action_")
        if id in _ACTIONS:
            raise ValueError(f"there are two actions {id}")
        _ACTIONS[id] = Action(
            id, tuple(keys.split()), label, help, where, rank, shown, priority, destructive, method
        )
        return method

    return declare


def actions(where: Where | None = None) -> list[Action]:
    """The actions of all modules imported so far, or those of one ``where``, in the order of the key bar."""
    found = [row for row in _ACTIONS.values() if where in (None, row.where)]
    return sorted(found, key=lambda row: (row.rank >= 0 and GROUPS.index(row.where) + 1, row.rank))


def bindings(rows: list[Action]) -> list[BindingType]:
    """Textual's bindings of actions."""
    return [
        Binding(key, row.id, row.label, show=row.shown, priority=row.priority)
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
