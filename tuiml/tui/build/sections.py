"""The sections of the form: settings of a layer, the data, the training and the preset.

They are made from the registry: an activation or an option added there appears here by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from tuiml.data.datasets import datasets
from tuiml.nn.layers import Dense, layers
from tuiml.nn.optimizers import Optimizer, optimizers
from tuiml.nn.pretraining import pretrainings
from tuiml.registry import Entry, Option, Registry, options_of, short
from tuiml.spec.preset import Preset, Training
from tuiml.text import plain_text
from tuiml.tui.model.document import Document
from tuiml.tui.model.layer_stack import output_row
from tuiml.tui.widgets.fields import FILE, NO, NUMBERS, YES, Field, Kind, Section
from tuiml.tui.widgets.picker import Pick

OWN = Pick(FILE, "CSV, NPZ, IDX, or a folder of pictures per class", "browse your files", opens=True)
LONGEST = 4000
"""Maximum number of characters of a value that are shown."""


@dataclass(frozen=True)
class Holder:
    """A table of the document whose options are shown."""

    document: Document
    path: str
    value: Any
    """The value in the document: a table, a name, nothing, or something invalid."""
    usual: Mapping[str, str] = field(default_factory=dict)
    """Values that omitted options have if not their defaults."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Choices above these options that the document leaves out, with their default entries."""
    depth: int = 0

    def at(self, name: str) -> str:
        """The path of an option."""
        return f"{self.path}.{name}" if self.path else name

    def get(self, name: str) -> Any:
        """The value of an option, ``None`` where it is left out."""
        return self.value.get(name) if isinstance(self.value, dict) else None


def sections(document: Document, index: int) -> list[Section]:
    """The whole form, with the layer at ``index`` first (if there is such a layer)."""
    found = [layer_section(document, index)] if 0 <= index < document.count else []
    settings = (data_section, training_section, pretraining_section, preset_section)
    return [*found, *(section(document) for section in settings)]


def layer_section(document: Document, index: int) -> Section:
    """Kind and options of a layer; the output layer has a unit for each class or target."""
    path = f"layers[{index}]"
    value = document.get(path)
    entry = layers.entry_of(value)
    usual = {}
    if entry is Dense and document.data and index == output_row(document):
        usual["units"] = str(document.data.outputs)
    fields = [_head(document, path, "type", layers, value, "kind of layer")]
    fields += _options(Holder(document, path, value, usual), entry)
    return replace(_section(document, f"layer {index}", path, fields), layer=index)


def data_section(document: Document) -> Section:
    """The data set and its options, with the numbers of examples that the preset leaves out."""
    value, usual = document.get("data"), {}
    if document.data:
        train, validation, _ = document.data.sizes()
        usual = {"train": f"{max(train, 0):,}", "validation": f"{max(validation, 0):,}"}
    head = _head(document, "data", "set", datasets, value, "examples to learn from")
    fields = [replace(head, picks=(*head.picks, OWN))]
    fields += _options(Holder(document, "data", value, usual), datasets.entry_of(value, document.files))
    return _section(document, "data", "data", fields)


def training_section(document: Document) -> Section:
    """Loss, optimizer, epochs and the rest; the default learning rate is the optimizer's."""
    value, usual = document.get("training"), {}
    chosen = value.get("optimizer") if isinstance(value, dict) else None
    entry = optimizers.entry_of(Training().optimizer.name if chosen is None else chosen)
    if entry and issubclass(entry, Optimizer):
        usual["learning_rate"] = f"{entry.rate:g}"
    fields = _options(Holder(document, "training", value, usual), Training)
    return _section(document, "training", "training", list(fields))


def pretraining_section(document: Document) -> Section:
    """The method and its options; none where the document has no such table."""
    value = document.get("pretraining")
    head = _head(document, "pretraining", "method", pretrainings, value, "initial values learned by layers")
    fields = [replace(head, placeholder="none")]
    fields += _options(Holder(document, "pretraining", value), pretrainings.entry_of(value))
    return _section(document, "pretraining", "pretraining", fields)


def preset_section(document: Document) -> Section:
    """Name and note, and the problems of the document as a whole."""
    holder = Holder(document, "", document.raw)
    named = [o for o in _options_of(Preset) if o.name in ("name", "note")]
    fields = [_value(holder, option) for option in named]
    fields += _unknown(holder, {o.name for o in _options_of(Preset)})
    known = {f.path for f in fields}
    elsewhere = ("layers[", "data", "training", "pretraining")
    loose = [str(p) for p in document.problems if p.path not in known and not p.path.startswith(elsewhere)]
    return Section("preset", "", tuple(fields), tuple(map(plain_text, loose)))


def _section(document: Document, title: str, path: str, fields: list[Field]) -> Section:
    known, inside = {f.path for f in fields}, (f"{path}.", f"{path}[")
    loose = [
        plain_text(p.message)
        for p in document.problems
        if p.path not in known and (p.path == path or p.path.startswith(inside))
    ]
    return Section(title, path, tuple(fields), tuple(loose))


def _options(holder: Holder, entry: type[BaseModel] | None) -> Iterator[Field]:
    """The options of an entry, those of each choice below it, and unknown keys."""
    if entry is None:
        return
    for option in _options_of(entry):
        if option.kind == "choice" and option.registry is not None:
            yield from _nested(holder, option, option.registry)
        else:
            yield _value(holder, option)
    yield from _unknown(holder, {o.name for o in _options_of(entry)} | {"name", "type", "method"})


def _nested(holder: Holder, option: Option, registry: Registry[Any]) -> Iterator[Field]:
    """A choice among an entry's options, and the options of what is chosen."""
    path, inner = holder.at(option.name), holder.get(option.name)
    default = option.default.name if isinstance(option.default, Entry) else ""
    head = _head(holder.document, path, option.name.replace("_", " "), registry, inner, option.help)
    if isinstance(inner, dict) and inner and registry.key not in inner:  # as class weights by class
        head = replace(head, text=_shown(inner))
    yield replace(head, placeholder=default, depth=holder.depth, names=holder.names)
    names = {**holder.names, path: default} if inner is None else holder.names
    below = Holder(holder.document, path, inner, names=names, depth=holder.depth + 1)
    yield from _options(below, registry.entry_of(default if inner is None else inner))


def _head(document: Document, path: str, label: str, registry: Registry[Any], value: Any, help: str) -> Field:
    """The field that names an entry."""
    entry = registry.entry_of(value)
    name = value.get(registry.key) if isinstance(value, dict) else value
    return Field(
        path=path,
        label=label,
        kind="choice",
        text=entry.name if entry else "" if name is None else _shown(name),
        help=help,
        problem=_problem(document, path),
        picks=_picks(registry),
        registry=registry,
    )


def _value(holder: Holder, option: Option) -> Field:
    """The field of an option that is not a choice of entries."""
    path, value = holder.at(option.name), holder.get(option.name)
    kind: Kind = "note" if path == "note" else _KINDS.get(option.kind, "text")
    return Field(
        path=path,
        label=option.name.replace("_", " "),
        kind=kind,
        text="" if value is None else _shown(value),
        placeholder=holder.usual.get(option.name) or _default(option),
        help=option.help or _HELP.get(path, ""),
        allowed=option.allowed() if kind in NUMBERS else "",
        problem=_problem(holder.document, path),
        depth=holder.depth,
        picks=_words(option) if kind in ("bool", "words") else (),
        names=holder.names,
        option=option if kind in NUMBERS else None,
    )


def _unknown(holder: Holder, known: set[str]) -> list[Field]:
    """Keys of the document that are not options; they are shown so that they can be removed."""
    value = holder.value
    extra = [key for key in value if key not in known] if isinstance(value, dict) else []
    return [
        Field(
            path=holder.at(plain_text(key)),
            label=plain_text(key)[:20],
            kind="unknown",
            text=_shown(value[key]),
            help="del removes it",
            problem="unknown setting",
            depth=holder.depth,
            owner=holder.path,
            key=key,
        )
        for key in extra
    ]


def _problem(document: Document, path: str) -> str | None:
    return next((plain_text(p.message) for p in document.problems if p.path == path), None)


_KINDS: dict[str, Kind] = {"int": "int", "float": "float", "bool": "bool", "words": "words"}
_HELP = {"name": "name of the preset", "note": "what to look for"}


@lru_cache(256)
def _options_of(entry: type[BaseModel]) -> tuple[Option, ...]:
    return options_of(entry)


@lru_cache(64)
def _picks(registry: Registry[Any]) -> tuple[Pick, ...]:
    return tuple(Pick(e.name, e.formula, e.advice) for e in registry)


def _words(option: Option) -> tuple[Pick, ...]:
    """The allowed words, with their meanings from the help: ``none: raw values; unit: to 0…1``."""
    if option.kind == "bool":
        return Pick(YES), Pick(NO)
    meanings = dict(part.split(": ", 1) for part in option.help.split("; ") if ": " in part)
    return tuple(Pick(word, meanings.get(word, "")) for word in option.words)


def _default(option: Option) -> str:
    if option.default is None or option.default == ():
        return ""
    if isinstance(option.default, float):
        return f"{option.default:g}"
    return _shown(option.default)


def _shown(value: Any) -> str:
    """A value of the document as the user types it, safe to show."""
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, int | float):
        return repr(value)
    return plain_text(value[:LONGEST]) if isinstance(value, str) else short(value)
