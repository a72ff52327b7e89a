"""A command of the user's that is run beside the training when a run is over or ill."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tuiml import environ
from tuiml.text import plain_text

if TYPE_CHECKING:
    import subprocess

MOST_AT_ONCE = 4
"""Commands that run at a time; while there are as many, others are left out."""


class Hook:
    """Runs the command without waiting for it; its output goes nowhere.

    Args:
        command: a program and its arguments, or a line for the shell.
        failed: called once, from another thread, with what went wrong.
    """

    def __init__(self, command: str | Sequence[str], failed: Callable[[str], None]) -> None:
        self._command = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        self._shown = command if isinstance(command, str) else " ".join(command)
        self._failed = failed
        self._waiting: list[threading.Thread] = []
        self._said = False

    def run(self, variables: Mapping[str, str]) -> None:
        """Start it with these variables beside those of the environment."""
        import subprocess  # only here: commands start faster without it

        self._waiting = [thread for thread in self._waiting if thread.is_alive()]
        if len(self._waiting) >= MOST_AT_ONCE:
            self._say(f"{MOST_AT_ONCE} of them still run, so it was left out")
            return
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**environ.of_user(), **variables},
                start_new_session=True,  # ctrl+c and a closed terminal end the training, not what reports it
            )
        except (OSError, ValueError) as error:
            self._say(getattr(error, "strerror", None) or str(error))
            return
        thread = threading.Thread(target=self._wait, args=(process,), name="hook", daemon=True)
        thread.start()
        self._waiting.append(thread)

    def join(self, seconds: float) -> None:
        """Wait so long at most for those that run: what failed at once can still be said."""
        until = time.monotonic() + seconds
        for thread in self._waiting:
            thread.join(max(0.0, until - time.monotonic()))

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        if code:
            self._say(f"exit code {code}" if code > 0 else f"ended by signal {-code}")

    def _say(self, why: str) -> None:
        if not self._said:
            self._said = True
            self._failed(f"the hook failed: {plain_text(self._shown)[:60]}: {plain_text(why)}")
