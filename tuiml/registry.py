"""How a choice declares itself: one class is one entry, its fields are its hyper-parameters.

An activation, initializer, layer, loss, optimizer or data set is a small frozen pydantic model
registered under the name a preset uses. Everything else follows from the class: validation reads its
fields, the forms and ``tuiml show`` read their types, bounds, defaults and help, the tests loop over the
registry. So there is one place to add a thing.

    @activations.add
    class LeakyReLU(Activation):
        name = "leaky_relu"
        formula = "max(x, αx)"
        negative_slope: float = Field(0.01, ge=0, le=1, description="slope for x < 0")
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import annotated_types
from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, PydanticUndefined, core_schema

from tuiml.text import plain_text


class Entry(BaseModel):
    """One choice with the values of its hyper-parameters: plain, frozen, validated data."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, validate_default=False
    )

    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    formula: ClassVar[str] = ""
    """One line in plain characters, shown beside the choice."""
    advice: ClassVar[str] = ""
    """One line: when to use it."""
    source: ClassVar[str] = ""
    """Paper and equation the formula is from."""
    rank: ClassVar[int] = 0
    """Place among the choices: the lowest comes first; equal ones stay in the order of their declaration."""


E = TypeVar("E", bound=Entry)


class Registry(Generic[E]):
    """The entries of one kind, by their rank and then in the order in which they were declared.

    Args:
        kind: what an entry is called in a message, with its article: ``"an activation"``.
        key: the preset's key that names the entry (``name``; ``type`` for layers).
    """

    def __init__(self, kind: str, key: str = "name") -> None:
        self.kind = kind
        self.key = key
        self._entries: dict[str, type[E]] = {}
        self._aliases: dict[str, str] = {}
        self.other = ""
        """A key that a table may have in place of the name: an entry of :attr:`others` is then meant."""
        self.others: Registry[Any] | None = None
        self._read_other: Callable[[dict[str, Any], Any], E] | None = None
        self._find_other: Callable[[dict[str, Any], Any], type[E]] | None = None

    def add(self, entry: type[E]) -> type[E]:
        """Class decorator: register ``entry`` under its name and aliases.

        Raises:
            ValueError: the name or an alias is taken.
        """
        for word in (entry.name, *entry.aliases):
            if not word or word in self._entries or word in self._aliases:
                raise ValueError(f"{self.kind}: the name {word!r} is empty or taken")
        entries = sorted([*self._entries.values(), entry], key=lambda one: one.rank)
        self._entries = {one.name: one for one in entries}
        self._aliases.update(dict.fromkeys(entry.aliases, entry.name))
        return entry

    def also(
        self,
        key: str,
        others: Registry[Any],
        read: Callable[[dict[str, Any], Any], E],
        find: Callable[[dict[str, Any], Any], type[E]],
    ) -> None:
        """A table may have ``key`` in place of a name: it is then one of ``others``.

        Args:
            read: the entry of such a table; like ``find`` it gets the context of :meth:`read`.
            find: the entry's type, whatever its options are.
        """
        self.other, self.others, self._read_other, self._find_other = key, others, read, find

    def __iter__(self) -> Iterator[type[E]]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._aliases

    def __getitem__(self, name: str) -> type[E]:
        return self._entries[self._aliases.get(name, name)]

    def names(self) -> list[str]:
        return list(self._entries)

    def complaint(self, name: object) -> str:
        """What is wrong with ``name``, with the nearest known name: one line."""
        text = f"{short(name)} is not {self.kind}"
        near = closest(name, [*self._entries, *self._aliases])
        if near:
            return f"{text}; did you mean '{near}'?"
        return f"{text}; choose from {', '.join(self._entries)}"

    def read(self, value: object, context: Any = None) -> E:
        """The entry that ``value`` asks for: an entry, a name, or a table with a name and options.

        Args:
            context: pydantic's, for the entries of another registry (:meth:`also`).

        Raises:
            PydanticCustomError, pydantic.ValidationError: unknown name, or its options are wrong.
        """
        if isinstance(value, Entry) and (type(value) in self._entries.values() or self._is_other(value)):
            return typing.cast(E, value)
        options: dict[str, Any] = {}
        name: object = value
        if isinstance(value, dict):
            options = dict(value)
            if self._read_other is not None and self.other in options:
                if self.key in options:
                    text = f"has a '{self.key}' and a '{self.other}': give one of the two"
                    raise PydanticCustomError("no_name", "{text}", {"text": text})
                return self._read_other(options, context)
            if self.key not in options:
                text = f"has no '{self.key}' that names {self.kind}"
                text += f", and no '{self.other}'" if self.other else ""
                raise PydanticCustomError("no_name", "{text}", {"text": text})
            name = options.pop(self.key)
        if not isinstance(name, str) or name not in self:
            raise PydanticCustomError("choice", "{text}", {"text": self.complaint(name)})
        return self[name].model_validate(options)

    def _is_other(self, entry: Entry) -> bool:
        return self.others is not None and type(entry) in self.others._entries.values()

    def entry_of(self, value: object, context: Any = None) -> type[E] | None:
        """The type of entry that a document's value asks for, whatever its options; ``None``: of none."""
        if isinstance(value, dict) and self._find_other is not None and self.other in value:
            try:
                return self._find_other(value, context)
            except PydanticCustomError:
                return None
        name = value.get(self.key) if isinstance(value, dict) else value
        return self[name] if isinstance(name, str) and name in self else None

    def write(self, entry: E) -> Any:
        """The shortest TOML value that :meth:`read` turns back into ``entry``."""
        table = self.table(entry)
        return table[self.key] if list(table) == [self.key] else table

    def table(self, entry: E) -> dict[str, Any]:
        """``entry`` as a table: its name first, then the options that differ from their defaults."""
        other = self._is_other(entry)
        table: dict[str, Any] = {self.other: getattr(entry, self.other)} if other else {self.key: entry.name}
        for option in options_of(type(entry)):
            if option.name in table:
                continue
            value = getattr(entry, option.name)
            if option.required or value != option.default:
                table[option.name] = option.registry.write(value) if option.registry else _listed(value)
        return table


def _listed(value: Any) -> Any:
    """A value as TOML has it: one of a list alone, a list, or a table."""
    if not isinstance(value, tuple):
        return value
    if value and all(isinstance(pair, tuple) for pair in value):
        return dict(value)
    return value[0] if len(value) == 1 else list(value)


class Choice:
    """Annotation of a field that holds a registry's entry: ``Annotated[Activation, Choice(activations)]``."""

    def __init__(self, registry: Registry[Any]) -> None:
        self.registry = registry

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        # Looked up when a value is read, not when the class is made: entries may be added later.
        return core_schema.with_info_plain_validator_function(
            lambda value, info: self.registry.read(value, info.context),
            serialization=core_schema.plain_serializer_function_ser_schema(self.registry.write),
        )


@dataclass(frozen=True)
class Option:
    """One hyper-parameter as forms, help and validation messages see it."""

    name: str
    kind: str
    """``int``, ``float``, ``bool``, ``text``, ``words`` (a list), ``choice`` (a registry) or ``table``."""
    default: Any
    required: bool
    optional: bool
    """May be left out altogether (its value is then ``None``)."""
    help: str
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    words: tuple[str, ...] = ()
    registry: Registry[Any] | None = None
    """Of a choice, or of a list of choices."""
    model: type[BaseModel] | None = None
    """Of a table with options of its own."""

    def allowed(self) -> str:
        """What values are allowed, in words: ``a number above 0, at most 1``."""
        if self.registry:
            return self.registry.kind
        if self.words:
            return "one of " + ", ".join(map(str, self.words))
        word = {"int": "a whole number", "float": "a number", "bool": "true or false", "text": "text"}
        bounds = []
        if self.low is not None:
            bounds.append(f"{'above' if self.low_open else 'at least'} {plain(self.low)}")
        if self.high is not None:
            bounds.append(f"{'below' if self.high_open else 'at most'} {plain(self.high)}")
        return " ".join(filter(None, [word[self.kind], ", ".join(bounds)]))


def options_of(entry: type[BaseModel]) -> tuple[Option, ...]:
    """The hyper-parameters of an entry (or of any settings model), in the order declared; what must be given
    comes first."""
    if entry not in _OPTIONS:  # a study asks a thousand times
        found = (_option(name, field) for name, field in entry.model_fields.items())
        _OPTIONS[entry] = tuple(sorted(found, key=lambda option: not option.required))
    return _OPTIONS[entry]


_OPTIONS: dict[type[BaseModel], tuple[Option, ...]] = {}


def _option(name: str, field: FieldInfo) -> Option:
    annotation, optional = _unwrap(field.annotation)
    extra: dict[str, Any] = {}
    marks = list(field.metadata)
    if typing.get_origin(annotation) is typing.Annotated:  # of a choice that may be left out
        annotation, *inner = typing.get_args(annotation)
        marks += inner
    if typing.get_origin(annotation) is tuple:  # a list of choices, or of tables
        each = typing.get_args(annotation)[0]
        marks += getattr(each, "__metadata__", ())
        annotation = each if isinstance(each, type) and issubclass(each, BaseModel) else annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        extra["model"] = annotation
    for mark in marks:
        if isinstance(mark, Choice):
            extra |= {"registry": mark.registry, "model": None}
        elif isinstance(mark, annotated_types.Ge):
            extra["low"] = mark.ge
        elif isinstance(mark, annotated_types.Gt):
            extra |= {"low": mark.gt, "low_open": True}
        elif isinstance(mark, annotated_types.Le):
            extra["high"] = mark.le
        elif isinstance(mark, annotated_types.Lt):
            extra |= {"high": mark.lt, "high_open": True}
    if typing.get_origin(annotation) is typing.Literal:
        extra["words"] = typing.get_args(annotation)
    kinds: dict[Any, str] = {int: "int", float: "float", bool: "bool", str: "text"}
    kind = kinds.get(annotation, "text")
    for of_kind, key in (("table", "model"), ("words", "words"), ("choice", "registry")):
        kind = of_kind if extra.get(key) else kind
    default = field.get_default(call_default_factory=True, validated_data={})
    return Option(
        name=name,
        kind=kind,
        default=None if default is PydanticUndefined else default,
        required=field.is_required(),
        optional=optional,
        help=field.description or "",
        **extra,
    )


def _unwrap(annotation: Any) -> tuple[Any, bool]:
    """``X | None`` is ``(X, True)``; anything else ``(annotation, False)``."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        if len(inner) == 1:
            return inner[0], True
    return annotation, False


def closest(word: object, known: typing.Iterable[str]) -> str | None:
    """The known word nearest to ``word``, or ``None`` when none is near."""
    if not isinstance(word, str):
        return None
    by_folded = {_fold(k): k for k in known}
    near = difflib.get_close_matches(_fold(word[:64]), by_folded, n=1, cutoff=0.6)
    return by_folded[near[0]] if near else None


def _fold(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")


def plain(number: float) -> str:
    """A bound as one writes it: ``1,000,000``, ``0.5``."""
    return f"{int(number):,}" if float(number).is_integer() else f"{number:g}"


def short(value: object, limit: int = 40) -> str:
    """``repr`` of a value from a file, cut to ``limit`` characters and free of control characters."""
    try:
        text = repr(value[: limit + 1] if isinstance(value, str) else value)
    except (ValueError, RecursionError):  # thousands of digits, hundreds of lists in one another
        return "a value too long to show"
    text = plain_text(text)
    return text if len(text) <= limit + 2 else text[:limit] + "…"


def value_text(value: Any) -> str:
    """A value as one reads it: ``relu``, ``1e-5``, ``sgd (momentum 0.9)``; one line, at most 60 long."""
    if value is None or isinstance(value, bool):
        text = "left out" if value is None else "true" if value else "false"
    elif isinstance(value, float):
        text = f"{value:g}" if value == float(f"{value:g}") else repr(value)
        text = text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    elif isinstance(value, dict):
        options = ", ".join(f"{k} {value_text(v)}" for k, v in value.items() if k not in ("name", "type"))
        text = str(value.get("name", value.get("type", ""))) + (f" ({options})" if options else "")
    elif isinstance(value, list | tuple):
        text = ", ".join(map(value_text, value))
    else:
        text = str(value) if isinstance(value, str | int) else short(value)
    return text if len(text := plain_text(text)) <= 60 else f"{text[:59]}…"
