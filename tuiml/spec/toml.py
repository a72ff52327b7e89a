"""Reading and writing preset files: TOML, at most 64 KiB, any version since the first."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import Any

import tomli_w

from tuiml.registry import short
from tuiml.spec.preset import VERSION
from tuiml.spec.problems import Problem, SpecError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 6

_STRING_OR_COMMENT = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)
_DOTTED = re.compile(r"[^.\s=\[\]{},]*(?:\s*\.\s*[^.\s=\[\]{},]*)*")

Document = dict[str, Any]
MIGRATIONS: dict[int, Callable[[Document], Document]] = {}
"""From a version to the next: a function from document to document. Version 1 is the first."""


def loads(text: str | bytes) -> Document:
    """Parse a preset file and bring it to today's version; nothing is validated yet.

    Raises:
        SpecError: too large, not UTF-8, not TOML, or of a version this tuiml does not know.
    """
    data = text.encode() if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise _refused(f"is {len(data):,} bytes; a preset has at most {MAX_BYTES:,}")
    try:
        document = tomllib.loads(_shallow(data.decode()))
    except UnicodeDecodeError as error:
        raise _refused(f"is not UTF-8 text (byte {error.start})") from None
    except RecursionError:
        raise _refused("nests tables or lists too deep") from None
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise _refused(f"is not TOML: {_first_line(error)}") from None
    return migrate(document)


def dumps(document: Document) -> str:
    """A document as TOML that :func:`loads` reads back equal: one ``[[layers]]`` a layer, choices inline."""
    lines: list[str] = []
    for key, value in document.items():
        if key == "layers" and isinstance(value, list) and all(isinstance(v, dict) for v in value):
            for layer in value:
                lines += ["", "[[layers]]", *_pairs(layer)]
        elif isinstance(value, dict):
            lines += ["", f"[{_key(key)}]", *_pairs(value)]
        else:
            lines += _pairs({key: value})
    return "\n".join(lines) + "\n"


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
        document = MIGRATIONS[step](document)
    return document


def _shallow(text: str) -> str:
    # tomllib takes time and memory quadratic in the parts of a dotted key; no preset has more than a few.
    bare = _STRING_OR_COMMENT.sub(lambda m: "" if m.group().startswith("#") else "s", text)
    for line in bare.splitlines():
        if line.count(".") > MAX_DEPTH and any(
            m.group().count(".") > MAX_DEPTH for m in _DOTTED.finditer(line)
        ):
            raise _refused(f"has a dotted key of more than {MAX_DEPTH} parts")
    return text


def _first_line(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "".join(c if c.isprintable() else "�" for c in text[:200])


def _refused(message: str) -> SpecError:
    return SpecError([Problem("", f"the file {message}")])
