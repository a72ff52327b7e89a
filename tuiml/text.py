"""Text that came from a file, made fit for a terminal."""

from __future__ import annotations

import unicodedata

REPLACEMENT = "�"


def plain_text(text: str, *, lines: bool = False) -> str:
    """``text`` without anything a terminal acts on: Unicode's category C (controls, escape sequences, bidi
    marks, surrogates) and its line separators become ``�``.

    Args:
        lines: keep line breaks, and tabs as spaces, for text that may have several lines.
    """
    if text.isprintable():
        return text
    if lines:
        return "\n".join(plain_text(line.replace("\t", " ")) for line in text.split("\n"))
    return "".join(REPLACEMENT if _acts(c) else c for c in text)


def _acts(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")
