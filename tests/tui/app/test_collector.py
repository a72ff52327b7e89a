"""Memory over many dialogs: what was closed is let go of."""

import gc

import pytest
from textual.strip import Strip

from tests.tui.bench import Bench


@pytest.mark.usefixtures("quick")
async def test_dialogs_that_were_closed_leave_nothing_behind():
    async with Bench.opened() as on:

        async def lines_after(count: int) -> int:
            for _ in range(count):
                await on.press("ctrl+p", "escape", "question_mark", "escape")
            on.app.collector.collect()
            gc.collect()
            return sum(isinstance(thing, Strip) for thing in gc.get_objects())

        before = await lines_after(3)
        assert await lines_after(10) < before + 100  # one palette draws more lines than that
        on.app.leave(0)
