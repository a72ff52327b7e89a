"""Errors of data."""

from __future__ import annotations


class DataError(Exception):
    """Data that is missing, damaged or not what it is called; the message is one line, safe to show."""

    def __init__(self, message: str) -> None:
        # Paths and numbers from files are in here: a control character must not reach the terminal.
        super().__init__("".join(c if c.isprintable() else "�" for c in message))
