"""Calls that are made after a while, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message_pump import MessagePump


def later(owner: MessagePump, seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
    """Call a function after some seconds, in turn with the messages of ``owner``.

    ``set_timer`` of Textual never makes the call if the process is held up for as long just as the timer
    begins: of calls after a millisecond, on a busy machine, one in some ten thousand.
    """
    return asyncio.get_running_loop().call_later(seconds, owner.call_next, call)
