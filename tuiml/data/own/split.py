"""The test part of a user's file: drawn once and for all, so every run is tested on the same examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuiml.data.arrays import Part, Whole
    from tuiml.data.own.entries import Own

_SEED = 0x7E57


def test_count(examples: int, share: float) -> int:
    """How many of the examples are the test part: at least one where any share is asked for."""
    return min(max(round(examples * share), 1), examples - 1) if share > 0 and examples > 1 else 0


def whole(dataset: Own, found: Part | Whole) -> Whole:
    """The pool and the test part: those of the file, or drawn from its examples in their order.

    The arrays are used up: examples are moved where they lie.
    """
    import numpy as np

    from tuiml.data.arrays import Part, Whole, reorder

    if isinstance(found, Whole):
        return found
    count, test = len(found), dataset.test_examples
    order = np.random.Generator(np.random.PCG64(_SEED)).permutation(count)
    order = np.concatenate([np.sort(order[test:]), np.sort(order[:test])])
    inputs, labels = reorder(found.inputs, order), found.labels[order]
    pool = count - test
    return Whole(Part(inputs[:pool], labels[:pool]), Part(inputs[pool:], labels[pool:]))
