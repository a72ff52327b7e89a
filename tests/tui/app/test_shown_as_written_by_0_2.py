"""Runs and settings that tuiml 0.2 wrote, as the app shows them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from textual.pilot import Pilot

from tests.tui.app.test_session import app as in_terminal
from tests.tui.bench import screen_text, until
from tests.written_by_0_2 import IN_APP, RUNS, copy_to
from tuiml.tui.app.app import TuimlApp


@pytest.fixture(autouse=True)
def home(own_folders: Path) -> Path:
    return copy_to(own_folders)


class Shown:
    """An app on a screen, and what can be read there."""

    def __init__(self, pilot: Pilot[int]) -> None:
        self.pilot = pilot

    async def wait(self, *words: str) -> None:
        """Wait until all of these are on the screen."""
        await until(lambda: all(word in screen_text(self.pilot.app) for word in words), self.pilot)


@asynccontextmanager
async def opened(run: Path) -> AsyncIterator[Shown]:
    """The app on a past run; nothing is trained, so the processes beside it are left out."""
    engine = MagicMock(active=False, paused=False)
    app = TuimlApp(run=run, client_factory=lambda _: engine, probe_client_factory=MagicMock())
    async with app.run_test(size=(200, 60)) as pilot:
        yield Shown(pilot)


SHOWN = {  # how it ended, figures, titles of charts, and rows of the layer table from the newest snapshot
    "digits-tiny": (
        "completed epoch 2/2 step 86",
        "test accuracy 14.5 % test loss 2.29 best epoch 2",
        "loss train ── 2.292 validation ┄┄ 2.291",
        "accuracy train ── 15.8 % validation ┄┄ 16.7 %",
        "0 flatten 64 .31 .38",
        "1 dense 3 relu 3 195 .16 .26 0% dead .08 -2.8 2.4",
        "3 dense 10 softmax 10 50 .10 5e-3 0% zero .02 -3.3 2.2",
    ),
    "diverged": (
        "diverged epoch 2/5 step 8",
        "the loss was not finite at step 9 (epoch 2, learning rate 50); kept the weights of step 8",
        "loss train ── 1.62e27 validation ┄┄ 1.62e27",
        "0 dense 4 relu 4 8 .19 .27 0% dead .64 1.6",
    ),
    "killed": (
        "interrupted epoch 4/6 step 32",
        "interrupted at epoch 4 of 6, step 32",
        "loss train ── .6995 validation ┄┄ .6865",
        "1 dense 2 softmax 2 10 .50 .07 0% zero .12 2.1",
    ),
    "layers": (
        "completed epoch 2/2 step 20",
        "test accuracy 9.8 % test loss 2.31 best epoch 1",
        "accuracy train ── 10.0 % validation ┄┄ 9.0 %",
        "0 conv2d 2 prelu 2×6×6 22 .02 .16 0% zero ▼3e-5 -3.5 1.0",
        "1 batch_norm 2×6×6 4 -2e-5 1.0 ▼3e-6 ▲-1.1 1.4",
        "7 layer_norm 2 4 .02 .99 .02 ▲-0.7 1.4",
        "9 dropout 5 2e-3 .18",
    ),
    "lengthened": (
        "completed epoch 4/4 step 32",
        "test accuracy 65.0 % test loss .638 best epoch 1",
        "0 dense 4 tanh 4 12 -.03 .36 0% sat .15 1.8",
    ),
    "own-data": (
        "completed epoch 2/2 step 4",
        "test accuracy 41.7 % test loss 1.25 best epoch 2",
        "the same in every training example, so they tell nothing: useless",
        "0 dense 4 tanh · · -.01 .57 <1% sat .98 2.3",  # its file is not there: who knows the columns?
    ),
    "rbm": (
        "completed epoch 2/2 step 20",
        "test accuracy 10.4 % test loss 2.33 best epoch 2",
        "1 dense 4 sigmoid 4 260 .91 .05 2% sat 1e-2 5.2",
    ),
    "rbm-cut": ("stopped epoch 1/2 step 0", "2 dense 3 sigmoid 3 15 .30 .17 0% sat .05 1.7"),
    "regression": (
        "epoch 7/60 step 119",
        "test R² .7334 test loss .137 best epoch 4",
        "no better val_loss for 3 epochs; weights of epoch 4",
        "R² train ── .7376 validation ┄┄ .4393",
        "0 dense 5 tanh 5 55 -.02 .68 8% sat .65 2.6",
    ),
    "steered": (
        "completed epoch 6/6 step 48",
        "test accuracy 65.0 % test loss .651 best epoch 1",
        "loss train ── .6323 validation ┄┄ .7140",
        "0 dense 4 tanh 4 12 .03 .44 0% sat .12 -2.0 1.9",
        "1 dense 2 softmax 2 10 .50 .17 0% zero .04 -2.4 2.1",
    ),
    "stopped": (
        "stopped epoch 3/10 step 24",
        "test accuracy 65.0 % test loss .647 best epoch 2",
        "0 dense 4 tanh 4 12 -2e-5 .36 0% sat .31 1.8",
    ),
    IN_APP: (
        "completed epoch 4/4 step 19",
        "test accuracy 95.0 % test loss .382 best epoch 4",
        "1 dense 3 relu 3 15 .19 .23 0% dead .08 -2.1 2.3",
    ),
}


@pytest.mark.parametrize("name", SHOWN)
async def test_a_run_shows_its_figures_curves_and_layers(name: str, home: Path) -> None:
    assert set(SHOWN) == RUNS
    async with opened(home / "runs" / name) as shown:
        await shown.wait(*SHOWN[name])


MARKS = {
    "steered": ("▲lr 0.05", "▲back 3"),
    "lengthened": ("▲best", "▲4 epochs"),
    IN_APP: ("▲lr 0.2", "▲back 2", "▲batch 10", "▲best"),
}


@pytest.mark.parametrize("name", MARKS)
async def test_what_was_changed_by_hand_is_marked_on_the_curves(name: str, home: Path) -> None:
    async with opened(home / "runs" / name) as shown:
        await shown.wait("completed")
        await shown.pilot.press("z")  # one chart on the whole place: there is room for every mark
        await shown.wait(*MARKS[name])


async def test_what_was_taken_back_is_still_drawn_beside_what_stayed(home: Path) -> None:
    async with opened(home / "runs" / "steered") as shown:
        await shown.wait("completed")
        await shown.pilot.press("z")
        await shown.wait("loss left ·· .6432 train ── .6323 validation ┄┄ .7140")


EARLIER = {  # keys back; the step, and a row of the layer table then
    "steered": (3, 16, "0 dense 4 tanh 4 12 -.03 .36 0% sat"),
    IN_APP: (2, 4, "1 dense 3 relu 3 15"),
    "digits-tiny": (1, 0, "1 dense 3 relu 3 195 .31 .41 0% dead .28 2.4"),
    "lengthened": (1, 0, "0 dense 4 tanh 4 12 -2e-5 .36 0% sat .31 1.8"),
}


@pytest.mark.parametrize("name", EARLIER)
async def test_earlier_snapshots_are_looked_back_at(name: str, home: Path) -> None:
    back, step, row = EARLIER[name]
    async with opened(home / "runs" / name) as shown:
        await shown.wait(*SHOWN[name])
        await shown.pilot.press(*["left"] * back)
        await shown.wait(f"step {step} epoch", row)


def test_the_app_opens_where_it_was_left_with_every_unsaved_edit(home: Path) -> None:
    with in_terminal(home) as t:
        t.wait("gaussians ●")
        # Train, with the run, the chosen charts, the selected layer, its quantity and the kind of axis
        for words in (
            "test accuracy 95.0 %",
            "loss, log",
            "gradients of each layer",
            "as of step 6 · 1 dense 3 relu",
        ):
            t.wait(words)
        t.wait("▸▌  1  dense 3 relu")
        t.press("1")
        t.wait("e 2 problems")  # the last layer was removed
        t.press("u")  # the unsaved edit is a step that can be taken back
        t.wait("▌   1  dense")
        t.press("U")
        t.wait("e 2 problems")
        for name, rows in (("never saved", 3), ("small", 4), ("spiral-playground", 4)):
            t.press("ctrl+p")
            t.wait("type to find")
            t.press(f"open {name}")
            t.wait(f"▸   Open {name}")
            t.press("enter")
            t.wait(f"{name} ●")
            t.press("1")
            t.wait(f"▌   {rows - 1}  dense")
        t.press("ctrl+q")
        assert t.wait_exit() == 0


def test_files_that_were_taken_lately_are_offered_first(home: Path) -> None:
    with in_terminal(home) as t:
        t.wait("gaussians ●")
        t.press("1")
        t.wait("e 2 problems")
        t.press("o")
        t.wait(lambda text: 0 < text.find("plants.csv") < text.find("arrays.npz"))
        t.press("escape", "ctrl+q")
        assert t.wait_exit() == 0
