"""Dataclasses to and from JSON's types, by their annotations; what comes from a file or a socket is checked.

Annotate the fields with the types below. Numbers that are not finite are ``None`` in JSON, bytes are base64.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")
LARGEST = 2**53
"""The largest integer that survives JSON everywhere."""
MOST_TEXT = 100_000
MOST_ITEMS = 100_000


class _NoneIsNaN:
    """A finite number of at most ``largest``, or ``missing``, which is ``None`` in JSON."""

    def __init__(self, largest: float | None = None, missing: float = math.nan) -> None:
        self.largest, self.missing = largest, missing

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        low = None if self.largest is None else -self.largest
        number = core_schema.float_schema(strict=True, allow_inf_nan=False, ge=low, le=self.largest)
        none = core_schema.no_info_after_validator_function(lambda _: self.missing, core_schema.none_schema())
        to_json = core_schema.plain_serializer_function_ser_schema(lambda v: v if math.isfinite(v) else None)
        return core_schema.union_schema([number, none], mode="left_to_right", serialization=to_json)


def _from_base64(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError("not base64")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None


def _bounded(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) > LARGEST):
        raise ValueError("not a number, a text or a table")
    return value


Count = Annotated[int, Field(strict=True, ge=0, le=LARGEST)]
Number = Annotated[float, _NoneIsNaN()]
"""NaN where there is none."""
Bounded = Annotated[float, _NoneIsNaN(1e300)]
"""The same, small enough to be drawn."""
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e300, le=1e300)]
Optional = Annotated[float, _NoneIsNaN(missing=-math.inf), Field(exclude_if=math.isnan)]
"""Left out of JSON where it is NaN; minus infinity, a number that is not defined, is ``None``."""
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True, max_length=MOST_TEXT)]
Texts = Annotated[tuple[Text, ...], Field(max_length=MOST_ITEMS)]
Value = Annotated[Any, AfterValidator(_bounded)]
"""Whatever JSON holds, but ``true`` and ``false``."""
Bytes = Annotated[
    bytes, BeforeValidator(_from_base64), PlainSerializer(lambda v: base64.b64encode(v).decode())
]
"""Bound their number with ``Field(max_length=…)``."""


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def read(kind: type[T], value: Any) -> T:
    """An instance of a dataclass from JSON's types; keys that it does not have are passed over.

    Raises:
        ValueError: ``value`` is no object, or a field is missing, of the wrong type or too large.
    """
    if not isinstance(value, dict):
        raise ValueError("not an object")
    try:
        found: T = _adapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"not a {kind.__name__}: {where}: {first['msg']}") from None
    return found


def plain(value: Any) -> dict[str, Any]:
    """A dataclass instance as JSON's types."""
    found: dict[str, Any] = _adapter(type(value)).dump_python(value)
    return found
