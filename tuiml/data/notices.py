"""Warnings about data before the first step; training goes on all the same.

Importable without numpy; what looks at arrays imports it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuiml.data.errors import DataError
from tuiml.formatting import percent

if TYPE_CHECKING:
    from tuiml.data.arrays import Data, PoolAndTest
    from tuiml.data.base import Dataset

Found = tuple[str, str]
"""What it is about, in words that begin with ``data``; and one line."""

NAMED = 6
"""Columns or classes that a line names."""
LOPSIDED = 0.9
"""Fraction of one class above which always predicting it looks like learning."""
MANY_TIMES = 50
"""Examples of the largest class for one of the smallest, from which on that is said."""
RARE = 10
"""Examples of a class up to which the parts are said to be stratified."""
LARGE = 100.0
"""An input of this size makes the first layer's outputs as large, where nothing normalizes."""
_COMPARED = 50_000_000
_COMPARED_EXAMPLES = 200_000
"""Values and examples up to which the test part is compared with the training part."""
_BLOCK = 1 << 20


def refuse_unsound(dataset: Dataset, examples: PoolAndTest) -> None:
    """Refuse inputs that are not finite; a value that is missing (NaN) may be, where it is filled.

    Raises:
        DataError: with the place of the first one, and how many there are.
    """
    import numpy as np

    for name, part in zip(("", "test "), examples, strict=True):
        if part.inputs.dtype == np.uint8:
            continue
        step = max(1, _BLOCK // max(1, part.inputs.shape[1]))
        count, first = 0, ""
        for start in range(0, len(part), step):
            rows = part.inputs[start : start + step]
            wrong = np.isinf(rows) if dataset.fills else ~np.isfinite(rows)
            if wrong.any():
                row, column = np.argwhere(wrong)[0]
                count += int(wrong.sum())
                first = first or f"value {column} of {name}example {start + row} is {rows[row, column]}"
        if count:
            raise DataError(f"'{dataset.title}': {first} ({count:,} such values): correct them")


def fingerprint(examples: PoolAndTest) -> str:
    """SHA-256 of all examples and labels as they were read."""
    import numpy as np

    digest = hashlib.sha256()
    for part in examples:
        kind = (
            part.inputs.dtype if part.inputs.dtype == np.uint8 else np.dtype(np.float32)
        )  # as 0.2 read them
        digest.update(repr((part.inputs.shape, kind.str, part.labels.dtype.str)).encode())
        step = max(1, _BLOCK // max(1, part.inputs.shape[1]))
        for start in range(0, len(part), step):
            digest.update(np.ascontiguousarray(part.inputs[start : start + step], kind).view(np.uint8).data)
        digest.update(np.ascontiguousarray(part.labels).view(np.uint8).data)
    return digest.hexdigest()


def notices(dataset: Dataset, data: Data) -> tuple[Found, ...]:
    """Everything odd about the three parts of a run."""
    notes = getattr(dataset, "facts", None)
    found = [("data file", text) for text in (notes.notes if notes else ())]
    found += [("data validation", _validation(data)), ("data test", _test(data))]
    if data.target == "classes":
        found += [("data classes", text) for text in _classes(dataset, data)]
    else:
        found.append(("data target", _target(data)))
    found += [("data columns", _constant(dataset, data)), ("data range", _range(dataset, data))]
    if dataset.kind == "own":
        found.append(("data twice", _twice(data)))
    numbered: dict[str, int] = {}
    said = []
    for about, text in found:
        if text:
            numbered[about] = numbered.get(about, 0) + 1
            said.append((about if numbered[about] == 1 else f"{about} {numbered[about]}", text))
    return tuple(said)


def _validation(data: Data) -> str:
    if len(data.validation):
        return ""
    return "there are no validation examples: nothing shows whether it learns more than the training examples"


def _test(data: Data) -> str:
    return "" if len(data.test) else "there are no test examples: the run ends without a test loss"


def _target(data: Data) -> str:
    """A target that does not vary, or the numbers of it that do not."""
    labels = data.train.labels
    if len(labels) < 2:
        return ""
    same = (labels.min(axis=0) == labels.max(axis=0)).reshape(-1).tolist()
    if all(same):
        same_target = "the target is the same in every training example"
        return f"{same_target}: there is nothing to learn, and R² is not defined"
    some = [f"output {at + 1}" for at, constant in enumerate(same) if constant]
    return f"the same in every training example, so there is nothing to learn: {_few(some)}" if some else ""


def _classes(dataset: Dataset, data: Data) -> list[str]:
    """What is odd about the classes of the training part."""
    import numpy as np

    counts = np.bincount(data.train.labels.astype(np.intp), minlength=len(data.classes)).tolist()
    there = [name for name, count in zip(data.classes, counts, strict=True) if count]
    if len(there) == 1:
        return [f"all training examples are of one class, '{there[0]}': there is nothing to tell apart"]
    found = []
    if len(data.train) < len(data.classes):
        found.append(f"there are {len(data.train)} training examples for {len(data.classes)} classes")
    missing = [name for name, count in zip(data.classes, counts, strict=True) if not count]
    if missing:
        found.append(f"no training example is of class {_few(missing)}")
    found += [text for text in (imbalance(data.classes, counts),) if text]
    return found + (_rare(data) if dataset.kind == "own" else [])


def _rare(data: Data) -> list[str]:
    """Whether a class is in every part, where one is rare."""
    import numpy as np

    parts = {"training": data.train, "validation": data.validation, "test": data.test}
    counts = {
        name: np.bincount(part.labels.astype(np.intp), minlength=len(data.classes))
        for name, part in parts.items()
        if len(part)
    }
    found = []
    for name in ("validation", "test"):
        here = counts.get(name, counts["training"])
        gone = np.flatnonzero((here == 0) & (counts["training"] > 0))
        if len(gone):
            some = _few([data.classes[i] for i in gone[: NAMED + 1]], len(gone))
            found.append(f"no {name} example is of class {some}")
    total = np.sum(list(counts.values()), axis=0)
    least = int(np.argmin(total))
    if not found and total[least] <= RARE and counts["training"].min() and len(counts) > 1:
        text = f"'{data.classes[least]}' has only {total[least]:,} examples"
        found.append(f"{text}: each part has some (stratified where chance would have left it out)")
    return found


def imbalance(classes: Sequence[str], counts: Sequence[int]) -> str:
    """A line where one class has far more examples than another; else empty."""
    known = [(count, name) for name, count in zip(classes, counts, strict=False) if count]
    if len(known) < 2:
        return ""
    (least, rare), (most, frequent), total = min(known), max(known), sum(counts)
    if most < LOPSIDED * total and most < MANY_TIMES * least:
        return ""
    text = f"the classes are far from equal: {most:,} examples of '{frequent}', {least:,} of '{rare}'"
    return f"{text}; to guess '{frequent}' always is right in {percent(most / total, 0)} of them"


def _constant(dataset: Dataset, data: Data) -> str:
    """Columns that never vary; of images, whose margins may, only where all are so."""
    import numpy as np

    inputs = data.train.inputs
    if len(inputs) < 2 or not inputs.size:
        return ""
    same = np.flatnonzero(inputs.min(axis=0) == inputs.max(axis=0))
    if len(same) == inputs.shape[1]:
        return "every training example is the same: there is nothing to tell apart"
    if not len(same) or len(data.shape) > 1:
        return ""
    names = dataset.feature_names
    some = _few([names[i] if names else str(i + 1) for i in same[: NAMED + 1]], len(same))
    return f"the same in every training example, so they tell nothing: {some}"


def _range(dataset: Dataset, data: Data) -> str:
    """Inputs that are large, where nothing normalizes them."""
    if dataset.kind != "own" or data.normalize != "none" or not data.train.inputs.size:
        return ""
    largest = max(abs(float(data.train.inputs.max())), abs(float(data.train.inputs.min())))
    if largest <= LARGE:
        return ""
    return f"the inputs go up to {largest:,.6g} and are not normalized: normalize = 'standard' helps training"


def _twice(data: Data) -> str:
    """Test examples that are training examples, too."""
    values, examples = data.train.inputs.size + data.test.inputs.size, len(data.train) + len(data.test)
    if values > _COMPARED or examples > _COMPARED_EXAMPLES:
        return ""
    known = {row.tobytes() for row in data.train.inputs}
    count = sum(row.tobytes() in known for row in data.test.inputs)
    if not count:
        return ""
    return f"{count:,} of the {len(data.test):,} test examples have the same inputs as a training example"


def _few(names: Sequence[str], total: int | None = None) -> str:
    count = len(names) if total is None else total
    return ", ".join(names[:NAMED]) + (f", … ({count} in all)" if count > NAMED else "")
