"""The use of the machine in the top bar: where there is room, if it is wanted and can be measured."""

from __future__ import annotations

import ctypes
import re
import sys
from typing import Any

import pytest

from tests.tui.bench import Bench
from tests.tui.documents import raw
from tuiml.tui.app import resources
from tuiml.tui.app.bars import TopBar
from tuiml.tui.app.resources import Resources
from tuiml.tui.model.document import Document
from tuiml.tui.model.preferences import Preferences

BUSY = (30, 87)


class Library:
    """NVIDIA's library on a machine with two GPUs, the second one without a reading if ``broken``."""

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken

    def nvmlInit_v2(self) -> int:
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = len(BUSY)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, device: Any) -> int:
        device._obj.value = index.value + 1
        return 0

    def nvmlDeviceGetUtilizationRates(self, device: Any, used: Any) -> int:
        used._obj.gpu = BUSY[device.value - 1]
        return 3 if self.broken and device.value == 2 else 0


@pytest.mark.parametrize(
    ("library", "gpu"), [(None, ""), (Library(), "  gpu  87%"), (Library(True), "  gpu  30%")]
)
def test_it_measures_what_there_is(library: Any, gpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> Any:
        assert name == resources.NVML
        if library is None:
            raise OSError("no such library")
        return library

    monkeypatch.setattr(ctypes, "CDLL", load)
    text = Resources().text()
    assert re.fullmatch(r"cpu [\d ]{3}%  mem [\d ]{3}%" + gpu, text)
    assert all(0 <= int(number) <= 100 for number in re.findall(r"\d+", text))


@pytest.mark.parametrize(("width", "there"), [(120, True), (60, False)])
async def test_the_top_bar_shows_it_where_there_is_room(width: int, there: bool) -> None:
    async with Bench.opened(Document(raw()), size=(width, 24)) as on:
        bar = on.app.query_one(TopBar)
        bar.show_used("cpu 43%  mem 61%  gpu 87%")
        assert bar.text.endswith("cpu 43%  mem 61%  gpu 87%") == there
        assert on.app.document.name in bar.text
        on.app.say("saved")
        assert bar.text.endswith("saved")


async def test_it_is_measured_every_second() -> None:
    async with Bench.opened(Document(raw())) as on:
        on.app.query_one(TopBar).watch_machine()
        await on.until(lambda: on.app.query_one(TopBar)._used)


@pytest.mark.parametrize("wanted", [True, False])
async def test_without_psutil_or_if_it_is_not_wanted_nothing_is_shown(
    wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Bench.opened(Document(raw()), preferences=Preferences(resources=wanted)) as on:
        monkeypatch.setitem(sys.modules, "psutil", None)
        timers = len(on.app.query_one(TopBar)._timers)
        on.app.query_one(TopBar).watch_machine()
        assert len(on.app.workers) == wanted or not wanted
        await on.app.workers.wait_for_complete()
        assert len(on.app.query_one(TopBar)._timers) == timers
        assert not on.app._exception
