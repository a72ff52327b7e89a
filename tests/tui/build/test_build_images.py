"""A convolutional network made by keys alone: forms, shapes and problems follow from the layers."""

from typing import Any

import pytest

from tests.tui.bench import build_bench as bench
from tests.tui.build.test_build import SIZES
from tuiml.nn.layers import layers
from tuiml.registry import options_of

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("size", SIZES)
async def test_a_convolutional_network_by_keys(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        await on.press("a", *"conv2d", "enter")
        fresh: dict[str, Any] = {"filters": 16, "activation": "relu", "initializer": "he_normal"}
        assert on.layers[1] == {"type": "conv2d", **fresh}
        assert "conv2d needs an image (channels×height×width), not 64" in str(on.app.document.problems[0])
        await on.press("K")
        assert on.app.document.problems == []
        await on.press("enter", "9", "down", "5", "down", "down", "right", "escape")
        assert on.layers[0] == {
            "type": "conv2d", **fresh, "filters": 9, "kernel_size": 5, "padding": "same"
        }  # fmt: skip
        await on.press("a", *"max_pool", "enter")
        assert [row.output_shape for row in on.app.document.rows()[:3]] == [(9, 8, 8), (9, 4, 4), (144,)]
        assert "layer 1: output 9×4×4 · 0 parameters" in on.app.query_one("#facts").text
        if size[0] > 100:
            assert "9×8×8" in on.build.table.render_line(1).text
        await on.press("enter")
        while on.at != "layers[1].pool_size":  # the form goes on at the field it was left at
            await on.press("up")
        await on.press("9", "escape")
        (problem,) = on.app.document.problems
        assert str(problem).startswith("layers[1].pool_size: 9 is more than the image's 8×8; give at most 8")
        await on.press("e")
        assert on.at == "layers[1].pool_size"


@pytest.mark.parametrize("kind", [entry.name for entry in layers if entry.images])
async def test_the_form_has_every_option(kind: str) -> None:
    async with bench(layers=[{"type": kind}, {"type": "flatten"}, {"type": "dense", "units": 10}]) as on:
        found = {field.path for section in on.build.form.model.sections for field in section.fields}
        assert {f"layers[0].{option.name}" for option in options_of(layers[kind])} <= found
