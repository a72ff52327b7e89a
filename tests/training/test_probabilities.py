"""Outputs as probabilities: within 0 and 1, and the predicted class is that of the highest output."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tuiml.training.inspections.network import probabilities

OUTPUTS = arrays(
    np.float32, st.tuples(st.integers(2, 5), st.integers(1, 6)), elements=st.floats(-3, 3, width=32)
)


@given(OUTPUTS)
def test_the_highest_output_is_the_most_probable_class(outputs: np.ndarray) -> None:
    found = probabilities(outputs)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(found.argmax(axis=0), outputs.argmax(axis=0))
    np.testing.assert_allclose(found, np.clip(outputs, 0, 1), atol=1.1e-7)


def test_one_output_is_the_probability_of_the_second_class() -> None:
    np.testing.assert_allclose(probabilities(np.array([[0.25, 1.5]])), [[0.75, 0.0], [0.25, 1.0]])
