"""The keys that the user chose in the settings: ``keymap``, a table of other keys, and ``keys = "vi"``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from itertools import combinations

from textual.binding import Keymap
from textual.keys import Keys, _character_to_key

from tuiml.registry import closest, short
from tuiml.tui import dialogs
from tuiml.tui.keys import KEY_WORDS, Action, Where, actions, find, key_word

VI = {"up": "k", "down": "j", "left": "h", "right": "l"}
VI_MOVED = {"rate_type": "L"}
"""Actions whose own letter moves the cursor in vi mode, and the letter they get for it."""
TYPED: tuple[Where, ...] = ("field", "list", "vary", "note", "files", "opening")
"""Where letters are text."""
MODIFIERS = {"ctrl", "alt", "shift", "super"}
NAMES = {key.value for key in Keys}

PLACES: dict[Where, tuple[str, ...]] = {
    "any": ("layers", "form", "run", "chart", "pad", "trials", "items", "preview"),
    "build": ("layers", "form"),
    "field": ("form",),
    "table": ("layers", "run", "items", "preview", "lines"),
    "train": ("run", "chart", "pad"),
    "pad": ("pad",),
    "study": ("trials",),
    "library": ("items", "preview"),
    "help": ("lines",),
}
"""What has the focus when the actions of a place work; a dialog's work in it alone."""


def declare_all() -> None:
    """Import the dialogs, some of which are imported late, so that their actions are known."""
    for module in pkgutil.iter_modules(dialogs.__path__, f"{dialogs.__name__}."):
        importlib.import_module(module.name)


def chosen(table: Mapping[str, str], keys: str) -> tuple[Keymap, list[str]]:
    """The keys that are not the declared ones, by the id of their action, and what of the table is ignored.

    Args:
        table: keys by the id of an action, separated by commas.
        keys: ``arrows`` or ``vi``: ``h`` ``j`` ``k`` ``l`` move as the arrows do where no text is typed.
    """
    if not table and keys != "vi":
        return {}, []
    declare_all()
    keymap: Keymap = {}
    problems = []
    for id, text in table.items():
        try:
            keymap[_known(id)] = ",".join(map(_key, text.split(",")))
        except ValueError as error:
            problems.append(str(error))
    moved = {id: key for id, key in VI_MOVED.items() if keys == "vi" and id not in keymap}
    keymap |= moved
    while clash := next(_clashes(keymap, table), None):
        id, other, key = clash
        keymap.pop(id)
        problems.append(f"{id} = {short(table[id])} is ignored: {key_word(key)} is {_words(other)}")
    return keymap | (_vi(keymap, moved) if keys == "vi" else {}), problems


def in_one_line(problems: list[str]) -> str:
    """What of the table is ignored."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"settings.toml: keymap: {problems[0]}{more}" if problems else ""


def _known(id: str) -> str:
    if find(id) is None:
        near = closest(id, [action.id for action in actions()])
        hint = f"did you mean '{near}'?" if near else "docs/keys.md lists the actions"
        raise ValueError(f"{short(id)} is not an action; {hint}")
    return id


def _key(text: str) -> str:
    """A key by the name that Textual has for it."""
    *before, last = text.strip().split("+") if text.strip() != "+" else ["+"]
    known = len(last) == 1 or last in NAMES or last in KEY_WORDS
    last = _character_to_key(last) if len(last) == 1 else last
    if not known or not MODIFIERS.issuperset(before):
        raise ValueError(f"{short(text.strip())} is not a key; write for example u, f5 or ctrl+t")
    return "+".join([*before, last])


def _clashes(keymap: Mapping[str, str], table: Mapping[str, str]) -> Iterator[tuple[str, Action, str]]:
    """Actions of the table whose key another action has in the same place: their ids, the other, the key."""
    for one, other in combinations(actions(), 2):
        if (one.id in table or other.id in table) and (key := _shared(one, other, keymap)):
            first, second = (one, other) if one.id in keymap and one.id in table else (other, one)
            if first.id in keymap:
                yield first.id, second, key


def _shared(one: Action, other: Action, keymap: Mapping[str, str]) -> str:
    """A key that both actions have where one has the focus, unless they are declared so."""
    if set(PLACES.get(one.where, (one.where,))).isdisjoint(PLACES.get(other.where, (other.where,))):
        return ""
    common = set(one.keys_in(keymap)) & set(other.keys_in(keymap))
    return min(common - (set(one.keys) & set(other.keys)), default="")


def _vi(keymap: Keymap, moved: Keymap) -> Keymap:
    """Letters beside the arrows, where no text is typed and the letter is free."""
    found: Keymap = {}
    for action in actions():
        keys = action.keys_in(keymap | moved)
        letters = [VI[key] for key in keys if key in VI and VI[key] not in keys]
        wanted = ",".join([*keys, *letters])
        if action.where in TYPED or not letters or (action.id in keymap and action.id not in moved):
            continue
        trial = keymap | found | {action.id: wanted}
        others = [other for other in actions() if not set(keys) & set(other.keys_in(trial))]
        if not any(
            _shared(action, other, trial) for other in others
        ):  # one that has the arrow too goes first
            found[action.id] = wanted
    return found


def _words(action: Action) -> str:
    where = "" if action.where == "any" else f" ({action.where})"
    return f"already {action.label}{where}"
