"""Which occasions of a run are told, in which words, and whose hook is run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui import recorded_events as recorded
from tests.tui.documents import raw
from tuiml.notify.notifier import Notifier, Wanted
from tuiml.training.events import Snapshot
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.run_notices import RunNotices, title_of

Told = list[tuple[str, str, bool]]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def notices(told: Told) -> RunNotices:
    class Recorder(Notifier):
        def tell(self, occasion: str, run: str, path: str, message: str, *, hook: bool = True) -> None:
            assert (run, path) == ("a-run", "/runs/a-run")
            told.append((occasion, message, hook))

    return RunNotices(Recorder(Wanted(["bell"]), None, pytest.fail))


def fed(notices: RunNotices, run: RunModel, *events: Any, own: bool = True) -> None:
    notices.update(run, run.feed(events), own=own)


def test_an_end_is_told_with_its_result(notices: RunNotices, told: Told) -> None:
    run = RunModel()
    run.begin(raw())
    fed(notices, run, recorded.start(), recorded.batch(1, 5, 1.0))
    assert told == []
    fed(notices, run, recorded.end("early_stopped", "no better epoch"))
    text = "a-run: early stopped, no better epoch, test accuracy 90.00 %"
    assert told == [("early_stopped", text, True)]


def test_a_run_that_another_process_trains_rings_but_leaves_the_hook_to_it(
    notices: RunNotices, told: Told
) -> None:
    run = RunModel()
    run.load([], raw(), name="a-run", writer="process 7")
    fed(notices, run, recorded.start(), recorded.end("diverged", "not finite"), own=False)
    assert told == [("diverged", "a-run: diverged, not finite, test accuracy 90.00 %", False)]


def test_dead_units_are_told_once_a_run_and_again_of_another(notices: RunNotices, told: Told) -> None:
    dead = recorded.layer(0.0, std=0.0, zeros=1.0, dead=1.0, saturated=0.0, gradient_norm=0.0)
    layers = (recorded.FLAT, dead, recorded.layer())
    for _ in range(2):
        run = RunModel()
        run.begin(raw())
        for step in (5, 6):
            notices._diagnosis._at = -1.0  # as half a second later
            fed(notices, run, recorded.start(), Snapshot(1, step, layers))
        kinds = [message.split(": ")[1] for _, message, _ in told]
        assert "dead units" in kinds
        assert len(kinds) == len(set(kinds))
        told.clear()
        notices.update(RunModel(), {"start"})  # another run was begun


def test_the_title_says_how_far_it_is_and_how_good() -> None:
    run = RunModel()
    assert title_of(run) == "tuiml"
    run.begin(raw())
    assert title_of(run) == "tuiml small loading"
    run.feed([recorded.start(), recorded.batch(2, 18, 1.0)])
    assert title_of(run) == "tuiml a-run 45 % 50.0 %"
    run.feed([recorded.epoch(2, 20, 1.0, 0.9)])
    assert title_of(run) == "tuiml a-run 50 % 40.0 %", "validation, where there is some"
    run.feed([recorded.end()])
    assert title_of(run) == "tuiml a-run completed 40.0 %"
