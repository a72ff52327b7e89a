"""The round numbers that keys step to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuiml.nn.layers import layers
from tuiml.nn.optimizers import optimizers
from tuiml.registry import Option, options_of
from tuiml.spec.preset import Training
from tuiml.tui.model.stepping import step


def option(name: str, entry: type = Training) -> Option:
    return next(o for o in options_of(entry) if o.name == name)


UNITS = option("units", layers["dense"])
RATE, BATCH, SEED, L2 = (option(name) for name in ("learning_rate", "batch_size", "seed", "l2"))
MOMENTUM = option("momentum", optimizers["sgd"])


@pytest.mark.parametrize(
    ("setting", "value", "above", "below"),
    [
        (RATE, 0.01, 0.02, 0.005), (RATE, 0.003, 0.005, 0.002), (RATE, 1000.0, None, 500.0),
        (L2, 0.0, 1e-6, None), (L2, 1e-6, 2e-6, 0.0), (UNITS, 64, 70, 60), (UNITS, 100, 110, 90),
        (UNITS, 256, 300, 250), (UNITS, 9, 10, 8), (UNITS, 1, 2, None), (BATCH, 100, 128, 64),
        (BATCH, 32, 64, 16), (BATCH, 1, 2, None), (SEED, 0, 1, None), (SEED, 41, 42, 40),
        (MOMENTUM, 0.9, 0.95, 0.85), (MOMENTUM, 0.0, 0.001, None), (MOMENTUM, 0.95, 0.98, 0.9),
    ],
)  # fmt: skip
def test_steps_are_round_numbers_within_the_bounds(
    setting: Option, value: float, above: float | None, below: float | None
) -> None:
    assert (step(setting, value, 1), step(setting, value, -1)) == (above, below)


@given(st.sampled_from([RATE, BATCH, UNITS, L2, MOMENTUM]), st.integers(1, 100_000), st.booleans())
def test_stepping_goes_on_to_the_bound(setting: Option, start: int, up: bool) -> None:
    value = start if setting.kind == "int" else start / 100_001
    way = 1 if up else -1
    for _ in range(5):
        found = step(setting, value, way)
        if found is None:
            return
        assert (found - value) * way > 0
        assert isinstance(found, int) is (setting.kind == "int")
        value = found
