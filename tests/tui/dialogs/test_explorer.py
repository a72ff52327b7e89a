"""The activation explorer: what it shows, and that enter is one edit."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.tui.bench import SIZES, Bench
from tests.tui.documents import raw
from tests.tui.recorded_events import bars, layer
from tuiml.nn.activations import activations
from tuiml.training.activation_curve import functions
from tuiml.training.events import Snapshot
from tuiml.tui.build.screen import Build
from tuiml.tui.charts.bars import glyph_lines, levels_of
from tuiml.tui.charts.functions import function_chart
from tuiml.tui.charts.palette import Look
from tuiml.tui.dialogs.explorer import ExplorerScreen
from tuiml.tui.dialogs.explorer_model import SPANS, Explorer, ladder
from tuiml.tui.model.document import Document

pytestmark = pytest.mark.usefixtures("quick")
INPUTS = bars(*[1] * 20, low=-10.0, high=10.0)
STACK = [
    {"type": "flatten"},
    {"type": "dense", "units": 8, "activation": {"name": "leaky_relu", "negative_slope": 0.2}},
    {"type": "dense", "activation": "softmax"},
]


class ExplorerBench(Bench):
    @property
    def screen(self) -> ExplorerScreen:
        assert isinstance(self.app.screen, ExplorerScreen)
        return self.app.screen

    @property
    def text(self) -> str:
        if self.screen.view.stale():
            self.screen.view.build()
        return self.screen.view.text


@asynccontextmanager
async def bench(size: tuple[int, int] = (120, 40), stack: object = STACK) -> AsyncIterator[ExplorerBench]:
    async with ExplorerBench.opened(Document(raw(layers=stack)), size=size) as on:
        on.build.select(1)
        yield on


@pytest.mark.parametrize("size", SIZES)
async def test_it_opens_on_the_layers_activation_with_its_values(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        await on.press("y")
        shown = on.text
        assert "leaky_relu   y = x if x > 0 else αx" in shown
        assert "layer 1: dense 8 leaky_relu" in shown
        assert "negative_slope 0.2" in shown
        assert "a small slope stays below 0" in shown
        assert "Maas, Hannun & Ng 2013" in shown
        assert "a number at least 0, at most 1" in shown or size[0] < 100
        assert "not known yet" in shown
        lines = shown.splitlines()
        assert len(lines) <= size[1]
        assert lines[-1].strip().startswith("enter apply   esc back")


@pytest.mark.parametrize("size", SIZES)
async def test_all_activations_of_the_registry_can_be_gone_through(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        await on.press("y")
        seen = []
        for _ in functions():
            seen.append(on.screen.model.activation.name)
            assert f"{seen[-1]}   y = " in on.text
            assert "f ──" in on.text
            assert "f′ ┄┄" in on.text
            await on.press("down")
        assert sorted(seen) == sorted(entry.name for entry in functions())
        assert on.screen.model.activation.name == seen[0]
        await on.press("up")
        assert on.screen.model.activation.name == seen[-1]


async def test_enter_takes_it_as_one_edit_and_escape_takes_nothing() -> None:
    async with bench() as on:
        before = on.app.document.raw
        await on.press("y", "down", "escape")
        assert on.app.document.raw == before
        await on.press("y", "right_square_bracket", "right_square_bracket", "enter")
        assert on.app.document.raw["layers"][1]["activation"] == {"name": "leaky_relu", "negative_slope": 0.5}
        await on.press("y", "up", "enter")
        assert on.app.document.raw["layers"][1]["activation"] == "relu"
        assert on.app.document.undo()
        assert on.app.document.undo()
        assert on.app.document.raw == before


async def test_a_value_can_be_typed_within_its_bounds() -> None:
    async with bench() as on:
        await on.press("y", "full_stop", "3")
        assert "negative_slope .3_" in on.text
        await on.press("7", "backspace", "5", "enter")
        assert on.screen.model.activation == activations["leaky_relu"](negative_slope=0.35)
        await on.press("7", "enter")
        assert "'7' is not allowed; give a number at least 0, at most 1" in on.text
        await on.press("escape")
        assert on.screen.model.activation == activations["leaky_relu"](negative_slope=0.35)
        await on.press("down", "0", "full_stop", "5", "minus", "enter", "enter")
        assert on.app.document.raw["layers"][1]["activation"] == {"name": "prelu", "init": -0.5}


async def test_the_cursor_reports_both_values_and_the_range_can_be_changed() -> None:
    async with bench() as on:
        await on.press("y", "up", "up", "up")
        assert on.screen.model.activation.name == "sigmoid"
        assert "x = 1.00  f ── .7311  f′ ┄┄ .1966" in on.text
        await on.press(*["left"] * 5)
        assert "x = 0  f ── .5000  f′ ┄┄ .2500" in on.text
        for key, span in (("minus", 8.0), ("plus", 6.0), ("plus", 4.0)):
            await on.press(key)
            assert on.screen.model.span == span
        await on.press(*["plus"] * 20, *["right"] * 100)
        assert on.screen.model.span == on.screen.model.cursor == SPANS[0]


async def test_softmax_is_left_out_with_a_word_and_other_layers_have_none_to_take() -> None:
    async with bench() as on:
        await on.press("down", "y")
        assert "softmax is not here: it is no function of one value" in on.text
        await on.press("escape")
        on.app.query_one(Build).select(0)
        before = on.app.document.raw
        await on.press("y")
        assert "enter" not in on.text
        await on.press("down", "enter")
        assert isinstance(on.app.screen, ExplorerScreen)
        assert on.app.document.raw == before


@pytest.mark.parametrize("size", SIZES)
async def test_what_goes_into_the_layer_of_a_run_is_drawn_and_judged_live(size: tuple[int, int]) -> None:
    sigmoid = [{**STACK[1], "activation": "sigmoid"}, STACK[2]]
    async with bench(size, [STACK[0], *sigmoid]) as on:
        await on.press("2", "ctrl+r")
        wide = replace(layer(), inputs=INPUTS)
        on.app.client.report(Snapshot(1, 7, (layer(), wide, layer())))
        await on.press("y")
        assert on.screen.model.span == 10, "the inputs fit in"
        assert "▲ 71.2 % of the inputs lie where |f′| < 0.05 ░   step 7" in on.text
        assert "█" in on.text
        narrow = bars(*[1] * 20, low=-1.0, high=1.0)
        on.app.client.report(Snapshot(1, 8, (layer(), replace(layer(), inputs=narrow), layer())))
        await on.press("left")
        assert "0 % of the inputs lie where |f′| < 0.05 ░   step 8" in on.text
        await on.press("down", "enter")
        assert on.app.document.raw["layers"][1]["activation"] == "tanh"
        assert on.app.model.document["layers"][1]["activation"] == "sigmoid", "the run is as it was"


async def test_in_build_what_goes_in_is_that_of_initial_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuiml.tui.process.probe_session.SOON", 0.001)
    wide = {"name": "normal", "stddev": 1.0}
    first = {**STACK[1], "units": 64, "activation": "sigmoid", "initializer": wide}
    async with bench((80, 24), [STACK[0], first, {**first, "units": 32}, STACK[2]]) as on:
        flight = on.app.query_one(Build).flight
        on.app.query_one(Build).select(2)
        await on.press("y")
        assert "not known yet" in on.text
        await on.until(lambda: flight._client and flight._client.asked)
        flight._client.answer()
        await on.until(lambda: flight.fresh)
        shown = on.text
        assert "at initial values" in shown
        share = float(shown.partition(" % of the inputs")[0].split()[-1])
        assert share > 30, "sums of 64 values of about 1/2: most of them saturate"
        await on.press("escape")
        on.app.query_one(Build).select(0)
        await on.press("y")
        assert "not known yet" in on.text, "nothing goes into an activation there"


async def test_in_train_a_layer_of_another_stack_is_only_looked_at() -> None:
    async with bench() as on:
        await on.press("2", "ctrl+r", "1", "x", "2", "y")
        before = on.app.document.raw
        await on.press("down", "enter")
        assert isinstance(on.app.screen, ExplorerScreen)
        assert on.app.document.raw == before


# -- the state, and the drawing ---------------------------------------------------------------------------


@pytest.mark.parametrize("entry", functions(), ids=lambda entry: entry.name)
def test_keys_never_leave_the_bounds_of_a_value(entry: type) -> None:
    for by in (1, -1):
        model = Explorer(entry())
        for _ in range(80):
            model.change(by)
        option = model.option
        if option:
            assert getattr(model.activation, option.name) == ladder(option)[-1 if by > 0 else 0]


def test_two_values_are_changed_one_at_a_time() -> None:
    model = Explorer(activations["rrelu"]())
    model.change(1)
    model.next_parameter()
    model.change(-1)
    assert model.activation == activations["rrelu"](lower=0.2, upper=0.3)


def test_the_cursor_moves_by_round_steps_whatever_the_range() -> None:
    model = Explorer(None)
    for span in SPANS:
        model.span, model.cursor = span, 0.0
        for _ in range(7):
            model.move(1)
        assert f"{model.cursor:.6g}" == f"{7 * model.stride:.6g}"
        mantissa = model.stride / 10 ** math.floor(math.log10(model.stride) + 1e-9)
        assert round(mantissa) in (1, 2, 5)


async def test_several_activations_stay_in_one_drawing() -> None:
    async with bench((120, 40)) as on:
        await on.press("y", "up", "up", "up")
        assert on.screen.model.activation.name == "sigmoid"
        await on.press("a", "down")
        assert on.screen.model.activation.name == "tanh"
        shown = on.text
        for words in ("1 sigmoid", "1 sigmoid′", "2 tanh", "2 tanh′", "1 f ── .7311", "2 f′ ┄┄ .42"):
            assert words in shown
        await on.press("a", "down", "a", "down")
        assert all(f"{n} {name}" in on.text for n, name in ((3, "relu"), (4, "leaky_relu")))
        await on.press("a")
        assert "4 activations fit in one drawing" in on.text
        await on.press("up", "a", "up", "a", "up", "a")
        assert on.screen.model.activation.name == "sigmoid"
        assert on.screen.model.others == ()
        assert "f ── .7311" in on.text
        assert "1 sigmoid" not in on.text


def test_names_of_curves_that_end_together_stand_in_rows_of_their_own() -> None:
    chosen = [activations[name]() for name in ("tanh", "softsign", "elu")]
    for look in (Look(colour=False), Look(unicode=False)):
        rows = [
            s.text
            for s in function_chart(activations["sigmoid"](), 6.0, 1.0, None, 100, 30, look, others=chosen)
        ]
        prime = "′" if look.unicode else "'"
        for n, name in enumerate(("tanh", "softsign", "elu", "sigmoid"), 1):
            assert sum(row.rstrip().endswith(f" {n} {name}") for row in rows) == 1
            assert sum(row.rstrip().endswith(f" {n} {name}{prime}") for row in rows) == 1
        assert all(any(f"{n}" in row[8:80] for row in rows[1:-2]) for n in (1, 2, 3, 4))


@pytest.mark.parametrize("look", [Look(), Look(unicode=False), Look(colour=False)])
@pytest.mark.parametrize("size", [(1, 1), (8, 3), (40, 12), (78, 18), (200, 45)])
def test_the_chart_fills_its_room_exactly(look: Look, size: tuple[int, int]) -> None:
    for entry in functions():
        for inputs in (None, INPUTS, bars(0, 0)):
            strips = function_chart(entry(), 6.0, 1.0, inputs, *size, look)
            assert len(strips) == size[1]
            both = function_chart(entry(), 6.0, 1.0, inputs, *size, look, others=[activations["tanh"]()] * 3)
            assert [strip.cell_length for strip in both] == [size[0]] * size[1]
            assert all(strip.cell_length == size[0] for strip in strips)
            assert look.unicode or "".join(strip.text for strip in strips).isascii()


def test_the_bars_stand_at_their_place_on_the_axis() -> None:
    inputs = bars(0, 0, 0, 1, low=-4.0, high=4.0)  # all between 2 and 4
    lines = [s.text for s in function_chart(activations["relu"](), 4.0, -3.0, inputs, 90, 30, Look())]
    full = max(lines, key=lambda line: line.count("█"))
    axis = lines[-1]
    start, end = full.index("█"), full.rindex("█")
    zero = axis.index(" 0 ") + 1
    assert start == pytest.approx((zero + len(axis)) / 2, abs=2)
    assert end == len(axis) - 1
    shade = next(line for line in lines if "░" in line)
    assert shade.rindex("░") == pytest.approx(zero, abs=1)


def test_bars_are_as_high_as_their_shares() -> None:
    import numpy as np

    assert glyph_lines(levels_of(np.array([0.0, 0.25, 0.5, 1.0]), 2, 8), " ▁▂▃▄▅▆▇█") == ["   █", " ▄██"]
    assert glyph_lines(levels_of(np.zeros(3), 2, 8), " ▁▂▃▄▅▆▇█") == ["   ", "   "]
