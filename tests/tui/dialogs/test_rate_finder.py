"""The learning-rate finder on the screen: what it draws, takes and leaves."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from tests.tui.bench import SIZES, Bench
from tests.tui.documents import raw
from tuiml.spec.problems import Problem
from tuiml.training.events import Event, RateFound, RateTried
from tuiml.training.rate_finder import Ramp
from tuiml.tui.app.bars import KeyBar, TopBar
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.rates import powers, rate_chart
from tuiml.tui.dialogs.rate_finder import RateScreen
from tuiml.tui.model.document import Document
from tuiml.tui.process.child import TrainingEvents, TrainingProblems, TrainingProcessEnded

pytestmark = pytest.mark.usefixtures("quick")
NAN = float("nan")


def tried(count: int = 120) -> list[Event]:
    """A loss that falls from the rate 1e-3 on and explodes at last."""
    ramp = Ramp()
    loss = [2.3 - max(0, i - 75) * 0.03 if i < 110 else 1.3 + (i - 110) * 0.5 for i in range(count)]
    return [RateTried(i + 1, 150, ramp.rate(i), loss[i], loss[i]) for i in range(count)]


FOUND = RateFound(0.0123, 120, 150, "where the loss falls most steeply")
NONE = RateFound(NAN, 150, 150, "no rate: the loss never fell by much (from 2.3 to 2.3)")


class RateBench(Bench):
    @property
    def text(self) -> str:
        screen = self.app.screen
        assert isinstance(screen, RateScreen)
        for view in (screen.plot, screen._keys):
            if view.stale():
                view.build()
        return f"{screen.plot.text}\n{screen._keys.text}"

    async def report(self, *events: Event) -> None:
        assert self.client.finding
        self.client.finding(TrainingEvents(list(events)))
        await self.drawn()


def bench(size: tuple[int, int] = (120, 40), **changes: object) -> AbstractAsyncContextManager[RateBench]:
    return RateBench.opened(Document(raw(**changes)), size=size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", ["1", "2"])
async def test_r_looks_for_a_rate_and_enter_takes_it_as_one_edit(size: tuple[int, int], place: str) -> None:
    async with bench(size) as on:
        before = on.app.document.raw
        await on.pilot.press(place, "r")
        assert ("find_rate", before) in on.client.asked
        assert "getting ready" in on.text
        await on.report(*tried(60))
        assert "trying" in on.text
        assert "60 of 150" in on.text
        await on.pilot.press("enter")
        assert isinstance(on.app.screen, RateScreen), "there is nothing to take yet"
        await on.report(*tried()[60:], FOUND)
        shown = on.text
        assert "suggested: 0.0123, where the loss falls most steeply" in shown
        assert "▲0.012" in shown
        assert "10⁻⁵" in shown
        assert "the preset has" in shown
        assert "enter apply" in shown
        await on.pilot.press("enter")
        assert on.app.document.raw["training"]["learning_rate"] == 0.0123
        assert "0.0123 applied" in on.app.query_one(TopBar).text or size[0] < 100
        assert on.client.finding is None
        assert on.app.document.undo()
        assert on.app.document.raw == before
        assert not on.app.document.history.can_undo


async def test_escape_leaves_everything_as_it_is_and_stops_the_search() -> None:
    async with bench() as on:
        before = on.app.document.raw
        await on.pilot.press("r")
        await on.report(*tried(10))
        await on.pilot.press("escape")
        assert on.client.asked[-1] == "stop_finding"
        assert on.app.document.raw == before
        assert not on.app.document.history.can_undo
        await on.pilot.press("r")
        await on.report(*tried(), FOUND)
        await on.pilot.press("escape")
        assert on.app.document.raw == before
        assert on.app.model.status == "empty", "the run on the screen heard nothing of it"


async def test_without_a_suggestion_there_is_nothing_to_take() -> None:
    async with bench() as on:
        await on.pilot.press("r")
        await on.report(*tried(110), NONE)
        assert "never fell by much" in on.text
        await on.pilot.press("enter")
        assert isinstance(on.app.screen, RateScreen)
        assert "enter" not in on.text


async def test_while_a_run_is_on_it_says_so() -> None:
    async with bench() as on:
        await on.pilot.press("ctrl+r", "r")
        assert "rate_find" not in on.app.query_one(KeyBar).shown
        await on.pilot.press("1", "r")
        assert "a run is on" in on.app.query_one(TopBar).text
        assert not isinstance(on.app.screen, RateScreen)
        assert not any(ask[0] == "find_rate" for ask in on.client.asked)


async def test_a_preset_that_is_wrong_is_gone_to() -> None:
    async with bench(training={"epochs": 0}) as on:
        await on.pilot.press("r")
        assert any("no rate to be found: training, epochs" in n.message for n in on.app._notifications)
        assert not isinstance(on.app.screen, RateScreen)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (TrainingProblems([Problem("data", "mnist is not here [/b]")]), "data: mnist is not here [/b]"),
        (TrainingProcessEnded("the training process was killed by signal 9"), "killed by signal 9"),
    ],
)
async def test_what_goes_wrong_is_reported_there(
    message: TrainingProcessEnded | TrainingProblems, words: str
) -> None:
    async with bench((80, 24)) as on:
        await on.pilot.press("r")
        assert on.client.finding
        on.client.finding(message)
        await on.pilot.pause()
        assert words in on.text
        await on.pilot.press("escape")
        assert on.app.model.status == "empty"


async def test_a_rate_that_no_preset_could_have_cannot_be_taken() -> None:
    async with bench() as on:
        await on.pilot.press("r")
        await on.report(*tried(), RateFound(1e9, 120, 150, ""))
        await on.pilot.press("enter")
        assert isinstance(on.app.screen, RateScreen)


# -- the chart ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", [Look(), Look(unicode=False), Look(colour=False)])
@pytest.mark.parametrize("size", [(1, 1), (8, 3), (40, 10), (78, 18), (200, 45)])
def test_the_chart_fills_its_room_exactly(look: Look, size: tuple[int, int]) -> None:
    for events, found in (([], None), (tried(1), None), (tried(), FOUND), (tried(), NONE)):
        strips = rate_chart(events, found, (1e-7, 10.0), *size, look)
        assert len(strips) == size[1]
        assert all(strip.cell_length == size[0] for strip in strips)
        assert look.unicode or "".join(strip.text for strip in strips).isascii()


def test_the_axis_is_in_powers_of_ten() -> None:
    assert powers(-7, 1, 9, Look()) == [
        *((float(n), f"10{'⁻'}{'⁰¹²³⁴⁵⁶⁷'[-n]}") for n in range(-7, 0)),
        (0.0, "1"),
        (1.0, "10"),
    ]
    assert [label for _, label in powers(-7, 1, 5, Look(unicode=False))] == [
        "1e-7",
        "1e-5",
        "1e-3",
        "1e-1",
        "10",
    ]


def test_what_explodes_does_not_flatten_what_fell() -> None:
    events = tried(112)
    events.append(RateTried(113, 150, 0.9, 1e9, 1e9))
    lines = [s.text for s in rate_chart(events, None, (1e-7, 10.0), 80, 20, Look())]
    curve = [row for row, line in enumerate(lines) if any("⠀" < c <= "⣿" for c in line)]
    assert max(curve) - min(curve) > 10
