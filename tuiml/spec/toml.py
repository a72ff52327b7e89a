"""Reading and writing presets and studies: TOML, at most 64 KiB, any version since the first."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import Any

import tomli_w

from tuiml.registry import short
from tuiml.spec.preset import VERSION
from tuiml.spec.problems import Problem, SpecError
from tuiml.text import plain_text

MAX_BYTES = 64 * 1024
MAX_DEPTH = 6
MAX_ENTRIES = 500
"""Of a list or a table; a preset has at most 200 layers."""
TOO_BIG = "holds a whole number of more than 64 bits"

# Possessive, and each closing quote optional: what was scanned is consumed, so the time is linear. An
# unterminated string ends tomllib's reading as well.
_STRING_OR_COMMENT = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5})?'
    r"|'''(?:[^']|'(?!''))*+(?:'{3,5})?"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)
_BETWEEN_KEYS = re.compile(r"[=\[\]{},\n]")

Document = dict[str, Any]
MIGRATIONS: dict[int, Callable[[Document], Document]] = {}
"""From a version to the next: a function from document to document. Version 1 is the first."""


def loads(text: str | bytes) -> Document:
    """Parse a file and bring it to today's version; nothing is validated yet.

    Raises:
        SpecError: too large, not UTF-8, not TOML, or of a version this tuiml does not know.
    """
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise _refused(f"has more than {MAX_BYTES:,} bytes, the most that are read")
    try:
        return migrate(parse(data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise _refused(f"is not UTF-8 text (byte {error.start})") from None
    except ParseError as error:
        raise _refused(str(error)) from None


class ParseError(ValueError):
    """A text is not TOML, or is TOML made to exhaust whoever reads it: one line."""


def parse(text: str) -> Document:
    """Parse TOML from anywhere, in time linear in its length.

    Raises:
        ParseError: it is not TOML, nests deeper than a preset, or holds a list or a number too long.
    """
    try:
        document = tomllib.loads(_shallow(text))
        _bounded(document)
    except ParseError:
        raise
    except RecursionError:
        raise ParseError("nests tables or lists too deep") from None
    except tomllib.TOMLDecodeError as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ParseError(f"is not TOML: {plain_text(text[:200])}") from None
    except ValueError:  # Python reads no more than some thousand digits
        raise ParseError(TOO_BIG) from None
    return document


def dumps(document: Document) -> str:
    """A document as TOML that :func:`loads` reads back equal: one ``[[layers]]`` a layer, choices inline."""
    plain: list[str] = []  # first: after a table's header they would be the table's
    tables: list[str] = []
    for key, value in document.items():
        if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            for table in value:
                tables += ["", f"[[{_key(key)}]]", *_pairs(table)]
        elif isinstance(value, dict):
            tables += ["", f"[{_key(key)}]", *_pairs(value)]
        else:
            plain += _pairs({key: value})
    return "\n".join(plain + tables).lstrip("\n") + "\n"


def _pairs(table: Document) -> list[str]:
    return [f"{_key(key)} = {_inline(value)}" for key, value in table.items()]


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(value)) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return tomli_w.dumps({"v": value}).removeprefix("v = ").rstrip("\n")


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def migrate(document: Document) -> Document:
    """The document in today's version.

    Raises:
        SpecError: its version is missing, not a whole number, or newer than this tuiml's.
    """
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        text = "is missing" if version is None else f"{short(version)} is not a version"
        raise SpecError([Problem("version", f"{text}; write version = {VERSION}")])
    if version > VERSION:
        raise SpecError(
            [Problem("version", f"{version} is newer than this tuiml reads ({VERSION}); update it")]
        )
    for step in range(version, VERSION):
        document = {**MIGRATIONS[step](document), "version": step + 1}
    return document


def _shallow(text: str) -> str:
    # tomllib takes time and memory quadratic in the parts of a dotted key; no preset has more than a few.
    bare = _STRING_OR_COMMENT.sub(lambda m: "" if m.group().startswith("#") else "s", text)
    if any(key.count(".") >= MAX_DEPTH for key in _BETWEEN_KEYS.split(bare)):
        raise ParseError(f"has a dotted key of more than {MAX_DEPTH} parts")
    return text


def _bounded(value: Any, depth: int = 0) -> None:
    # Deep nests end in RecursionError wherever they are copied or shown, huge numbers where they are written.
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ParseError(TOO_BIG)
    if isinstance(value, dict | list) and len(value) > MAX_ENTRIES:
        raise ParseError(f"has a {'table' if isinstance(value, dict) else 'list'} of {len(value):,} entries")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _bounded(inner, depth + 1)


def _refused(message: str) -> SpecError:
    return SpecError([Problem("", f"the file {message}")])
