"""The pace keys, and the card of next experiments once a run is over."""

import pytest

from tests.tui.bench import Bench
from tests.tui.recorded_events import FLAT, batch, layer
from tests.tui.train.test_diagnosis import stack
from tuiml.training.events import Snapshot
from tuiml.tui.model.document import Document

pytestmark = pytest.mark.usefixtures("quick")


async def over(on):
    """The run on the screen has ended."""
    await on.report(batch(1, 4, 1.2), Snapshot(1, 4, (FLAT, layer(0.5), layer(0.5), layer(0.1))))
    on.client.end("completed")
    await on.until(lambda: on.model.status == "completed")
    await on.drawn()


@pytest.mark.parametrize(("key", "number"), [("5", 0), ("6", 1), ("7", 2)])
async def test_a_key_of_the_card_trains_that_experiment_beside_the_former_run(key, number):
    async with Bench.opened(Document(stack()), keys=("2", "ctrl+r")) as on:
        await over(on)
        card = on.train.next
        found = card.experiments
        assert len(found) == 3
        for one in found:
            assert one.remedy.words in card.view.text
        before = on.app.document.raw
        await on.press(key)
        assert on.client.asked[-1] == ("start", found[number].remedy.apply(before))
        assert len(on.train.selection.others) == 1
        await on.press("1", "u")
        assert on.app.document.raw == before


async def test_the_card_is_hidden_and_shown_and_goes_with_an_edit():
    async with Bench.opened(Document(stack()), keys=("2", "ctrl+r")) as on:
        await over(on)
        card = on.train.next
        assert card.view.display
        await on.press("0")
        assert not card.view.display
        started = on.client.asked.count("start")
        await on.press("5")
        assert on.client.asked.count("start") == started, "what is hidden has no keys"
        await on.press("0")
        assert card.view.display
        await on.press("1", "v", "2")
        assert not card.view.display, "the preset in Build is another one now"


async def test_braces_set_the_pace_of_a_run():
    async with Bench.opened(Document(stack()), keys=("2", "ctrl+r")) as on:
        assert on.app.pace.of(on.app.document) is None
        await on.press("left_curly_bracket")
        slow = on.client.pace
        assert slow is not None
        assert "} faster" in on.train.status.text
        await on.press("left_curly_bracket")
        assert on.client.pace < slow
        while on.client.pace is not None:
            await on.press("right_curly_bracket")
        assert "faster)" not in on.train.status.text
