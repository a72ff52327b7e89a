"""The test part of a user's file: drawn once and for all, so every run is tested on the same examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tuiml.data.arrays import Labels, Part, Whole
    from tuiml.data.own.entries import Own

    Order = NDArray[np.intp]

_SEED = 0x7E57


def test_count(examples: int, share: float) -> int:
    """How many of the examples are the test part: at least one where any share is asked for."""
    return min(max(round(examples * share), 1), examples - 1) if share > 0 and examples > 1 else 0


def stratified(order: Order, labels: Labels, count: int, leave: int = 1) -> Order:
    """An order of examples whose first ``count``, a part, have each class in its share (stratified).

    The order is kept where chance did well: where each class of two or more examples is in the part, with as
    many left to the rest as wanted, and a class of one is in the rest. So earlier draws stay as they were.

    Args:
        order: of the examples, drawn.
        labels: (n,), the class of each example.
        count: examples of the part; it may have no room for each class.
        leave: examples that a class leaves to the rest, if it has more than that.
    """
    import numpy as np

    mine = labels[order]
    sizes = np.bincount(mine)
    there = np.bincount(mine[:count], minlength=len(sizes))
    least = (sizes > 1).astype(int)
    most = np.where(sizes > 1, np.maximum(sizes - leave, 1), 0)
    wanted = sizes * count / max(len(order), 1)
    if count < least.sum():
        least[:] = 0
    if count > most.sum() or ((there >= least) & (there <= most)).all():
        return order
    share = np.clip(np.rint(wanted), least, most).astype(int)
    while share.sum() != count:  # rounding: the class with most room gives or takes one
        step = 1 if share.sum() < count else -1
        share[int(np.argmax(most - share if step > 0 else share - least))] += step
    rank = np.empty(len(order), int)  # of an example among those of its class, in the order
    for label in np.flatnonzero(sizes):
        rank[mine == label] = np.arange(sizes[label])
    first = rank < share[mine]
    return np.concatenate([order[first], order[~first]])


def fold_first(order: Order, labels: Labels | None, folds: int, fold: int) -> Order:
    """The order with the examples of one fold first. The folds are disjoint and cover all examples; their
    sizes, and where there are ``labels`` the examples of each class in them, differ by one at most.

    Args:
        labels: (n,), the class of each example; ``None`` in regression.
    """
    import numpy as np

    dealt = order if labels is None else order[np.argsort(labels[order], kind="stable")]
    held = dealt[fold::folds]  # dealt like cards, one class after the other
    return np.concatenate([held, order[~np.isin(order, held)]])


def joined(parts: dict[str, Part]) -> Part | Whole:
    """The parts that a file has as one: the validation part at the end of the pool."""
    import numpy as np

    from tuiml.data.arrays import Part, Whole

    kinds = {part.inputs.dtype for part in parts.values()}
    kind = np.dtype("f8" if np.dtype("f8") in kinds else "f4") if len(kinds) > 1 else kinds.pop()
    for name, part in parts.items():
        parts[name] = Part(part.inputs.astype(kind, copy=False), part.labels)
    pool = parts["training"]
    if "validation" in parts:
        last = parts.pop("validation")
        inputs = np.concatenate([pool.inputs, last.inputs])
        pool = Part(inputs, np.concatenate([pool.labels, last.labels]))
    return Whole(pool, parts["test"]) if "test" in parts else pool


def said(counts: dict[str, tuple[str, int]]) -> tuple[str, ...]:
    """A line about the parts that a file has: the name and the examples of each; none where it has one."""
    if len(counts) < 2:
        return ()
    told = [f"{name} is the {role} part ({count:,} examples)" for role, (name, count) in counts.items()]
    drawn = "" if "test" in counts else "; the test part is drawn from the training part (test)"
    return (", ".join(told) + drawn,)


def held_first(order: Order, held: int, count: int) -> Order:
    """The order with ``count`` of the pool's last ``held`` examples, its validation part, first."""
    import numpy as np

    last = order >= len(order) - held
    validation = order[last]
    return np.concatenate([validation[:count], order[~last], validation[count:]])


def whole(dataset: Own, found: Part | Whole) -> Whole:
    """The pool and the test part: those of the file, or drawn from its examples in their order.

    The arrays are used up: examples are moved where they lie.
    """
    import numpy as np

    from tuiml.data.arrays import Part, Whole, reorder

    if isinstance(found, Whole):
        return found
    total, test = len(found), dataset.test_examples
    count = total - dataset.facts.validation  # the validation part stays whole, and last
    order = np.random.Generator(np.random.PCG64(_SEED)).permutation(count)
    if dataset.target == "classes":
        order = stratified(order, found.labels, test, leave=2)  # one for each other part
    order = np.concatenate([np.sort(order[test:]), np.arange(count, total), np.sort(order[:test])])
    inputs, labels = reorder(found.inputs, order), found.labels[order]
    pool = total - test
    return Whole(Part(inputs[:pool], labels[:pool]), Part(inputs[pool:], labels[pool:]))
