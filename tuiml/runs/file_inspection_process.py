"""The process that reads the user's files beside the screen.

It is started with ``python -m tuiml.runs.file_inspection_process FD``.

A file may be made to harm its reader, so this process has limits of memory and time; the screen's
has none, and reads only files that can be read at once. Orders and answers go as with the prober's.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
import time
from typing import Any

from tuiml.data.own import facts, reading
from tuiml.data.own.entries import own_files
from tuiml.text import plain_text

MEMORY = 1_000_000_000
"""Bytes. The most that a sound file was seen to need: 450 MB, for 20 million labels or a million pictures.
Linux holds to it; macOS does not, and what a file announces is limited there by its reader alone."""
DEADLINE = 120
"""Seconds. The largest table that is read, 100 million values, takes about 45."""
NICENESS = 5
"""The screen goes first, but one waits for this."""


def main(arguments: list[str]) -> int:
    """Answer the app on the socket ``arguments[0]`` (a descriptor) until it hangs up."""
    from tuiml.runs.probe_process import serve  # here: the app imports this module for its limits

    with contextlib.suppress(OSError, ValueError):  # a lower limit is in force
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    return serve(int(arguments[0]), answer_to, NICENESS)


def answer_to(order: dict[str, Any]) -> dict[str, Any]:
    """What there is to say of the file in an order; before, how far it is read."""
    options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in order["options"].items()}
    dataset = own_files[order["format"]].model_construct(**options)
    tell, due = order.get("tell"), 0.0

    def progress(name: str, done: int, total: int) -> None:
        nonlocal due
        if tell and time.monotonic() >= due:
            due = time.monotonic() + 0.2
            tell({"done": done, "total": total})

    signal.alarm(DEADLINE + 1)  # ends this process even if the app died, and whatever a library is at
    try:
        found = reading.find(dataset, progress) if tell else reading.find(dataset)
        if isinstance(found, facts.Unknown):
            text = f"{dataset.title} needs more than {MEMORY // 10**6:,} MB to be read"
            found = facts.Unknown("path", text)
    except Exception as error:  # whatever a file does to a reader, the next file is read
        found = facts.Unknown("path", plain_text(f"{dataset.title} cannot be read: {error!r}"[:300]))
    signal.alarm(0)
    return facts.to_json(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
