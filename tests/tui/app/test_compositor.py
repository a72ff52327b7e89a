"""Partial updates of the screen: what is written is the same as Textual itself would write."""

import random
from functools import partial

import pytest
from textual import _compositor as textual
from textual.geometry import Region

from tests import helpers
from tests.tui.bench import Bench
from tests.tui.recorded_events import FLAT, batch, epoch, layer, start
from tuiml.training.events import Snapshot
from tuiml.tui.model.document import Document


async def trained(on):
    await on.press("ctrl+r")
    layers = (FLAT, layer(), layer())
    await on.report(start(), batch(1, 5, 2.0), epoch(1, 10, 1.0, 2.0), Snapshot(1, 10, layers))


def any_region(choose, width, height):
    x, y = choose.randrange(width), choose.randrange(height)
    return Region(x, y, choose.randint(1, width - x), choose.randint(1, height - y))


@pytest.mark.parametrize(("key", "width", "height"), [(1, 120, 40), (2, 120, 40), (2, 80, 24), (3, 120, 40)])
async def test_a_partial_update_writes_what_textual_would_write(key, width, height):
    choose = random.Random(0)
    async with Bench.opened(Document(helpers.document()), size=(width, height)) as on:
        await trained(on)
        await on.press(str(key))
        compositor, console = on.app.screen._compositor, on.app.console
        for _ in range(50):
            changed = {any_region(choose, width, height) for _ in range(choose.randint(1, 4))}
            compositor._dirty_regions = set(changed)
            ours = compositor.render_partial_update().render_segments(console)
            compositor._dirty_regions = set(changed)
            theirs = textual.Compositor.render_partial_update(compositor).render_segments(console)
            assert ours == theirs


async def test_a_partial_update_of_one_line_of_a_chart_renders_that_line_only():
    async with Bench.opened(Document(helpers.document())) as on:
        await trained(on)
        view = on.train.charts.slots[0].view
        rendered = []

        def note(widget, render, crop):
            rendered.append((widget, crop.height))
            return render(crop)

        for widget in on.app.screen.walk_children():
            widget.render_lines = partial(note, widget, widget.render_lines)
        compositor = on.app.screen._compositor
        region, _ = compositor.visible_widgets[view]
        compositor._dirty_regions = {Region(region.x, region.y + 3, region.width, 1)}
        assert compositor.render_partial_update()
        assert rendered == [(view, 1)]
