"""The parts of a program about data: constants, preprocessing, targets, reading a file."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy

from tuiml.data.own.cells import PLAIN
from tuiml.data.own.entries import Table
from tuiml.data.own.table_plan import Plan, missing_of
from tuiml.export.exported_run import Trained
from tuiml.export.text import function, inside, lines, listed, literal

Array = Any
CONSTANTS = "preprocessing."
"""How the names of arrays begin that are no weights."""


def shape_text(shape: tuple[int, ...]) -> str:
    """The shape of some examples: ``n, 28, 28``."""
    return ", ".join(["n", *map(str, shape)])


def readable_table(trained: Trained) -> Plan | None:
    """How a table of the run's columns is read; ``None`` where Python's ``csv`` and ``float`` cannot."""
    if not isinstance(trained.dataset, Table):
        return None
    plan: Plan = trained.dataset.facts.how
    layout = plan.layout
    styles = [*(feature.style for feature in plan.features), *plan.label_styles]
    unusual = layout.comment or layout.skip or layout.quote != '"' or len(layout.separator) != 1
    return None if unusual or any(style != PLAIN for style in styles) else plan


def constants(trained: Trained) -> list[str]:
    """The classes or the scaling of the targets, and the columns of a table."""
    data, found = trained.data, []
    if trained.classes:
        found.append(listed("CLASSES", list(trained.classes)))
    else:
        found += [
            "# The network was trained on (target - TARGET_SHIFT) * TARGET_SCALE.",
            f"TARGET_SHIFT = np.array({_floats(data.target_shift)}, np.float32)",
            f"TARGET_SCALE = np.array({_floats(data.target_scale)}, np.float32)",
        ]
    plan = readable_table(trained)
    if plan is None:
        return found
    names = plan.layout.names
    labels = [names[index] for index in plan.labels]
    if any(feature.values for feature in plan.features):
        found.append("# Columns of the table; one with texts becomes an input for each of them.")
        found.append(listed("COLUMNS", {names[f.index]: list(f.values) for f in plan.features}))
    else:
        found.append(listed("COLUMNS", [names[feature.index] for feature in plan.features]))
    return [*found, f"LABEL = {literal(labels[0])}" if trained.classes else listed("TARGETS", labels)]


def _floats(values: Array) -> str:
    """float32 values in the fewest digits that give them back."""
    return literal([float(str(value)) for value in np.asarray(values, np.float32).reshape(-1)])


def arrays(trained: Trained) -> dict[str, Array]:
    """The constants of the preprocessing that are one for each input; they lie beside the weights."""
    data, found = trained.data, {}
    if data.raw_exponents.any():
        found["raw_factor"] = np.ldexp(1.0, data.raw_exponents)
    if data.raw_shift.any():
        found["raw_shift"] = data.raw_shift
    if trained.dataset.fills:
        found["mean"] = data.train.inputs.mean(axis=0, dtype=np.float64).astype(np.float32)
    if np.ndim(data.scale):
        found["shift"], found["scale"] = np.asarray(data.shift), np.asarray(data.scale)
    return {CONSTANTS + name: array for name, array in found.items()}


def weights_file(arrays: Mapping[str, Array], about: dict[str, str]) -> bytes:
    """A safetensors file of some arrays, with texts about them."""
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return safetensors.numpy.save(plain, metadata=about)


def examples(trained: Trained) -> bytes:
    """The test part as a NumPy file with raw inputs ``x`` and labels ``y``, as :func:`read_data` reads it."""
    data, part = trained.data, trained.data.test
    x = part.inputs if part.inputs.dtype == np.uint8 else data.raw(part.inputs)
    out = io.BytesIO()
    y = part.labels if trained.classes else data.original(part.labels)
    np.savez_compressed(out, x=x.reshape(len(x), *data.shape), y=y)
    return out.getvalue()


def preprocess(trained: Trained, channels_last: bool) -> str:
    """``preprocess(x)``: from raw inputs to those of the network, as NumPy arrays."""
    data = trained.data
    shape = (1, *data.shape) if len(data.shape) == 2 else data.shape
    stored = [name.removeprefix(CONSTANTS) for name in arrays(trained)]
    says = {"none": "unchanged", "unit": "from 0 to 1", "standard": "mean 0 and variance 1"}[data.normalize]
    exact = not {"raw_factor", "raw_shift"}.isdisjoint(stored)
    read = (f'{name} = file.get_tensor("{CONSTANTS}{name}")' for name in stored)
    return function(
        "preprocess(x)",
        f"Raw inputs ({shape_text(data.shape)}) as the network takes them: {says}.",
        ['with safe_open(WEIGHTS, "numpy") as file:', *inside(*read)] if stored else "",
        f"x = np.asarray(x, np.float{64 if exact else 32}).reshape(-1, {math.prod(shape)})",
        "x = x * raw_factor" if "raw_factor" in stored else "",
        "x = x - raw_shift" if "raw_shift" in stored else "",
        "x = x.astype(np.float32)" if exact else "",
        "x = np.where(np.isnan(x), mean, x)  # missing values" if "mean" in stored else "",
        "x = (x - shift) * scale" if "scale" in stored else _by_one_number(data.shift, data.scale),
        _returned(shape, channels_last),
    )


def _by_one_number(shift: Array, scale: Array) -> str:
    """The statement that scales every input alike; empty: nothing is to be done."""
    if not shift and scale == 1:
        return ""
    moved = f"(x - np.float32({float(shift)!r}))" if shift else "x"
    whole = round(1 / float(scale)) if scale else 0
    exact = bool(whole) and np.float32(1 / whole) == scale
    return f"x = {moved} * np.float32({f'1 / {whole}' if exact else repr(float(str(scale)))})"


def _returned(shape: tuple[int, ...], channels_last: bool) -> str:
    if len(shape) != 3:
        return "return x"
    turned = f"x.reshape(-1, {', '.join(map(str, shape))})"
    if not channels_last:
        return f"return {turned}"
    if shape[0] == 1:
        return f"return x.reshape(-1, {shape[1]}, {shape[2]}, 1)"
    return f"return {turned}.transpose(0, 2, 3, 1)  # channels last"


def targets(trained: Trained, by_label: bool) -> str:
    """``as_targets(y)``: labels, or numbers in their own units, as the loss takes them."""
    if not trained.classes:
        return function(
            "as_targets(y)",
            "Targets (n, outputs), in their own units, as the loss takes them.",
            "y = np.asarray(y, np.float32).reshape(len(y), -1)",
            "return (y - TARGET_SHIFT) * TARGET_SCALE",
        )
    if by_label:
        how = "np.asarray(y, np.int64)"
    elif trained.one_output:
        how = "np.asarray(y, np.float32)[:, None]"
    else:
        how = "np.eye(len(CLASSES), dtype=np.float32)[np.asarray(y)]"
    return function("as_targets(y)", "Labels (n,) as the loss takes them.", f"return {how}")


def read_data(trained: Trained) -> str:
    """``read_data(path)``: raw inputs and labels from a file."""
    read = ["with np.load(path) as arrays:", *inside('return arrays["x"], arrays["y"]')]
    plan = readable_table(trained)
    if plan is None:
        return function("read_data(path)", "The arrays x and y of a NumPy file.", read)
    layout, dataset = plan.layout, trained.dataset
    options = "" if layout.header else f", {literal(list(layout.names))}"
    options += "" if layout.separator == "," else f", delimiter={literal(layout.separator)}"
    encoding = "utf-8-sig" if layout.encoding.lower() in ("utf-8", "utf-8-sig") else layout.encoding
    number = function_of = ""
    if dataset.fills and isinstance(dataset, Table):
        gone = sorted(missing_of(dataset))
        number = function(
            "number(cell)",
            "A cell's number; NaN where it is missing.",
            f"missing = {literal(gone)}",
            'return float("nan") if cell.strip().lower() in missing else float(cell)',
        )
    function_of = "number" if number else "float"
    body = function(
        "read_data(path)",
        "Raw inputs and labels of a CSV file, or the arrays x and y of a NumPy file.",
        ['if str(path).endswith(".npz"):', *inside(read)],
        f'with open(path, newline="", encoding={literal(encoding)}) as file:',
        inside(f"rows = list(csv.DictReader(file{options}))"),
        _inputs(plan, function_of),
        _labels(trained, plan),
        "return np.array(x), np.array(y)",
    )
    return f"{number}\n\n\n{body}" if number else body


def _inputs(plan: Plan, number: str) -> list[str]:
    if not any(feature.values for feature in plan.features):
        return [f"x = [[{number}(row[name]) for name in COLUMNS] for row in rows]"]
    return lines(
        "x = [[] for row in rows]",
        "for name, values in COLUMNS.items():",
        inside(
            "for inputs, row in zip(x, rows, strict=True):",
            inside(
                "cell = row[name].strip()",
                f"inputs += [float(cell == value) for value in values] if values else [{number}(cell)]",
            ),
        ),
    )


def _labels(trained: Trained, plan: Plan) -> list[str]:
    if not trained.classes:
        return ["y = [[float(row[name]) for name in TARGETS] for row in rows]"]
    if plan.classes == {text: at for at, text in enumerate(trained.classes)}:
        return ["y = [CLASSES.index(row[LABEL].strip()) for row in rows]"]
    return [listed("places", plan.classes), "y = [places[row[LABEL].strip()] for row in rows]"]
