"""A run with long metrics: it is drawn from a sample of them at once, and from all once they are read."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tui.bench import Bench, until
from tests.tui.files_on_disk import run
from tests.tui.library.opened import library
from tuiml.runs import sample
from tuiml.runs import tail as tail_module
from tuiml.runs.tail import Tail
from tuiml.tui.model import past_run
from tuiml.tui.model.catalog import run_item
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.process import follower

pytestmark = pytest.mark.usefixtures("quick")
EPOCHS = 400


@pytest.fixture
def long(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that is taken for a long one."""
    monkeypatch.setattr(sample, "LARGE", 10_000)
    monkeypatch.setattr(sample, "ENDS", 4000)
    monkeypatch.setattr(sample, "PLACES", 20)
    return run("long", epochs=EPOCHS)


def same(model: RunModel, other: RunModel) -> bool:
    curves = [(model.loss, other.loss), (model.accuracy, other.accuracy)]
    series = [
        (getattr(a, name), getattr(b, name)) for a, b in curves for name in ("raw", "train", "validation")
    ]
    drawn = all(np.array_equal(a.points(), b.points()) for a, b in series)
    return drawn and (model.epochs, model.best, model.end) == (other.epochs, other.best, other.end)


async def test_a_long_run_is_shown_at_once_and_then_exactly(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, reads = threading.Event(), follower.load_run

    def read(*given: Any, **more: Any) -> RunModel:
        shown.wait(60)
        return reads(*given, **more)

    monkeypatch.setattr(follower, "load_run", read)
    whole, short = past_run.load_run(long), run("short", epochs=3)
    async with Bench.opened(run=long) as on:
        await until(lambda: on.model.name == "long", on.pilot)
        some = on.model
        assert some.sampled
        assert "a sample of its metrics" in some.notices["lines"]
        assert (some.status, some.epoch, some.epochs[-1]) == ("completed", EPOCHS, whole.epochs[-1])
        assert 20 < len(some.loss.raw) < 200
        on.train.comparing.compare_runs([long, short])
        await on.until(lambda: on.train.selection.others)
        shown.set()
        await until(lambda: on.model is not some, on.pilot)
        assert not on.model.sampled
        assert same(on.model, whole)
        assert "lines" not in on.model.notices
        assert [other.name for other in on.train.selection.others] == ["short"], "it is still compared"


async def test_a_long_run_that_was_left_is_read_no_further(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks, go_on = [threading.Event(), threading.Event()], threading.Event()
    read, short = Tail.read, run("short", epochs=3)

    def slowly(tail: Tail) -> list[bytes]:
        if tail.path != long:
            return read(tail)
        blocks.pop(0).set()
        go_on.wait(60)
        return read(tail)

    first = blocks[0]
    monkeypatch.setattr(tail_module, "MOST", 5000)
    monkeypatch.setattr(Tail, "read", slowly)
    async with Bench.opened(run=long) as on:
        await until(first.is_set, on.pilot)
        thread = next(one for one in threading.enumerate() if one.name == "follower")
        on.app.go.to_preset(run_item(short))
        await until(lambda: on.model.name == "short", on.pilot)
        go_on.set()
        await until(lambda: not thread.is_alive(), on.pilot)
        assert len(blocks) == 1, "of the rest of the file nothing was read"


async def test_the_preview_of_a_long_run_has_the_figures_of_all_of_it(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = past_run.load_run(long)
    assert whole.best
    async with library() as keys:
        await keys.select("long")
        text = keys.library.preview.text
        assert "the curves are drawn from a sample of its metrics" in text
        assert f"best, epoch {whole.best.epoch}" in text
        assert "loss  train" in text


async def test_a_long_run_is_compared_by_a_sample_which_is_said(long: Path) -> None:
    short, other = run("short", epochs=3), run("other", epochs=2)
    async with Bench.opened(run=short, size=(80, 24)) as on:
        await until(lambda: on.model.name == "short", on.pilot)
        on.train.comparing.compare_runs([short, long])
        await on.until(lambda: on.train.selection.others)
        (beside,) = on.train.selection.others
        assert 20 < len(beside.loss.raw) < 200
        assert beside.end == past_run.load_run(long).end
        await on.until(lambda: "long (from a sample)" in on.train.status.text)
        on.train.comparing.compare_runs([short, long, other])
        await on.until(lambda: "beside 2 runs (some from a sample)" in on.train.status.text)
        on.train.comparing.compare_runs([short, other])
        await on.until(lambda: len(on.train.selection.others) == 1)
        assert "sample" not in on.train.status.text
