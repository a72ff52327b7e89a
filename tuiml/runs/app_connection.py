"""The connection between the app and the training process: framed JSON over a socket.

A frame is its length as four bytes, the highest first, and a JSON object in UTF-8. Nothing is pickled.
"""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from tuiml.training.events import kind_of

MOST = 16 * 1024 * 1024
"""Bytes of a frame at most."""
INTERVAL = 0.05
"""Seconds between two bundles of events, at least."""
CALM = 0.3
"""Seconds between two bundles that report nothing but progress: the app draws that no more often, and each
bundle costs processor time that a training thread may be waiting for."""
ANSWERING = 1.0
"""Seconds after an order of the app in which no bundle is held back: the answer may be in it."""
BUNDLE = 2000
"""Events in a bundle at most."""
WAITING = 5000
"""Events that wait for an app that does not read; of more, every other one that may be dropped is."""

Message = dict[str, Any]


def pack(message: Message) -> bytes:
    """A message as a frame.

    Raises:
        ValueError: it is too large, or holds a number that is not finite.
    """
    data = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
    if len(data) > MOST:
        raise ValueError(f"a message of {len(data):,} bytes is more than the {MOST:,} of a frame")
    return len(data).to_bytes(4, "big") + data


class Unpacker:
    """Turns bytes as they arrive into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that ``data`` completes.

        Raises:
            ValueError: a frame is too large or is not a JSON object; the connection cannot be used any more.
        """
        self._buffer += data
        found, start = [], 0
        while len(self._buffer) - start >= 4:
            size = int.from_bytes(self._buffer[start : start + 4], "big")
            if size > MOST:
                raise ValueError(f"a frame of {size:,} bytes is more than {MOST:,}")
            end = start + 4 + size
            if len(self._buffer) < end:
                break
            found.append(_message(bytes(self._buffer[start + 4 : end])))
            start = end
        del self._buffer[:start]
        return found


def _message(data: bytes) -> Message:
    try:
        message = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError("a frame is not JSON") from None
    if not isinstance(message, dict):
        raise ValueError("a frame is not a JSON object")
    return message


class Sender:
    """Sends messages from a thread of its own, so that training never waits for the app.

    Events go in bundles, at most twenty a second; only five where they are progress and nobody presses a key.
    Of snapshots only the newest waits: an app that falls behind gets fewer of them.

    Args:
        calm: seconds between two bundles of progress.
        clock: seconds, never going back.
    """

    def __init__(
        self,
        line: socket.socket,
        calm: Callable[[], float] = lambda: CALM,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line, self._calm, self._clock = line, calm, clock
        self._waiting: list[Message] = []
        self._urgent = False
        """True if something else than progress waits."""
        self._sent_at = self._ordered_at = -math.inf
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._last: Message | None = None
        self.broken = False
        """True if the other end is gone."""
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def send(self, event: Message) -> None:
        """Queue an event; returns at once."""
        if self.broken:
            return
        with self._changed:
            kind = kind_of(event.get("event"))
            if kind is not None and kind.replaced:
                self._waiting = [e for e in self._waiting if e.get("event") not in kind.names]
            self._waiting.append(event)
            if len(self._waiting) > WAITING:
                self._waiting = thin(self._waiting)
            self._urgent |= kind is None or kind.changes_keys
            if self._urgent or len(self._waiting) == 1:
                self._changed.notify()

    def hurry(self) -> None:
        """Hold nothing back for a while: the app has sent an order."""
        with self._changed:
            self._ordered_at = self._clock()
            self._changed.notify()

    def close(self, timeout: float | None = None, last: Message | None = None) -> bool:
        """Send what waits and then ``last``, and stop; True if ``timeout`` seconds were enough."""
        self._last = last
        self._closed.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive() and not self.broken

    def _run(self) -> None:
        try:
            while events := self._take():
                self._line.sendall(pack({"events": events}))
                self._closed.wait(INTERVAL)
            if self._last is not None:
                self._line.sendall(pack(self._last))
        except OSError:
            self.broken = True

    def _take(self) -> list[Message]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed.is_set())
            while (held := self._held()) > 0:
                self._changed.wait(held)
            events, self._waiting = self._waiting[:BUNDLE], self._waiting[BUNDLE:]
            self._urgent, self._sent_at = bool(self._waiting), self._clock()
            return events

    def _held(self) -> float:
        """Seconds for which what waits is held back."""
        now = self._clock()
        if self._urgent or self._closed.is_set() or now < self._ordered_at + ANSWERING:
            return 0.0
        return self._sent_at + self._calm() - now


def thin(events: list[Message]) -> list[Message]:
    """The events without every other one that may be dropped, in their order."""
    found, keep = [], False
    for event in events:
        kind = kind_of(event.get("event"))
        if kind is not None and kind.droppable and not kind.replaced:
            keep = not keep
            if not keep:
                continue
        found.append(event)
    return found
