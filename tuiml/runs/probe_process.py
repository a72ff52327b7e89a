"""The process that probes presets for the app: ``python -m tuiml.runs.probe_process FD``.

It receives presets over a socket and answers each with the result of a probe. A preset that arrives while
another one waits replaces it. When the other end closes, it ends at once.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from tuiml.runs import threads
from tuiml.runs.app_connection import Message, Unpacker, pack
from tuiml.runs.training_process import failure, message_of

NICENESS = 15
"""The screen and training have priority."""


def main(arguments: list[str]) -> int:
    """Answer the app on the socket ``arguments[0]`` (a descriptor) until it closes."""
    return serve(int(arguments[0]), answer_to, NICENESS)


def serve(descriptor: int, answer: Callable[[Message], Message], niceness: int) -> int:
    """Answer the app at the other end of a socket until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's ctrl+c is for the app
    threads.limit(1)
    os.nice(niceness)
    with socket.socket(fileno=descriptor) as line:
        Answerer(line, answer).work()
    return 0


class Answerer:
    """Answers the app at the other end of ``line``; orders get ``tell``, which sends what is known before."""

    def __init__(
        self,
        line: socket.socket,
        answer: Callable[[Message], Message],
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._line = line
        self._answer = answer
        self._leave = leave
        self._order: Message | None = None
        self._over = False
        self._changed = threading.Condition()

    def work(self) -> None:
        """Answer the newest order until the app closes."""
        threading.Thread(target=self._listen, name="listener", daemon=True).start()
        while (order := self._next()) is not None:
            answer = self._answer(order | {"tell": self._tell}) | {"number": order.get("number")}
            try:
                self._tell(answer)
            except OSError:
                return

    def _tell(self, message: Message) -> None:
        self._line.sendall(pack(message))

    def _next(self) -> Message | None:
        with self._changed:
            self._changed.wait_for(lambda: self._order is not None or self._over)
            order, self._order = self._order, None
            return None if self._over else order

    def _listen(self) -> None:
        unpacker = Unpacker()
        try:
            while data := self._line.recv(65536):
                for message in unpacker.feed(data):
                    with self._changed:
                        self._order = message
                        self._changed.notify()
        except (OSError, ValueError):
            pass
        self._leave(0)  # perhaps in the middle of a large network, which nobody waits for


@functools.cache
def _prober() -> Any:
    from tuiml.runs.preset_prober import Prober

    return Prober()


def answer_to(order: Message) -> Message:
    """The answer to an order: a probe of the preset, with a sample of its data if asked for; or problems."""
    from tuiml.data.own.reading import DataFiles
    from tuiml.spec import SpecError, check

    try:
        preset, problems = check(order.get("document"), DataFiles())
        if preset is None:
            raise SpecError(problems)
        answer: Message = _prober().probe(preset)[1].to_json()
        sample = _prober().sample(preset) if order.get("sample") else None
        return answer | {"sample": sample.to_json()} if sample else answer
    except MemoryError:
        return failure("there is not enough free memory for the network")
    except Exception as error:
        return message_of(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
