"""The figures of an evaluation as text of at most 80 columns, or as wide as the terminal is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from tuiml.cli.output import cells, cut, print_table, room, say, say_wrapped
from tuiml.evaluation.answers import Evaluated
from tuiml.evaluation.calibration import Calibration
from tuiml.evaluation.classification import ClassFigures, Classification
from tuiml.evaluation.comparison import Difference
from tuiml.evaluation.intervals import LEVEL, RESAMPLES, SEED, Interval
from tuiml.evaluation.regression import Regression
from tuiml.evaluation.report import Comparison, Figures
from tuiml.formatting import NONE, accuracy_text, count_text, figure
from tuiml.formatting import loss as loss_text
from tuiml.text import plain_text

WIDTH = 80
MOST_CLASSES, MOST_PAIRS = 30, 15
"""Classes, or targets, and pairs of classes that are listed."""
LEAST_NAME = 3
LONGEST_NAME, SHORT_NAME = 16, 12
METHODS = f"bootstrap (BCa, {RESAMPLES:,} resamples, seed {SEED})"
PERCENT = f"{100 * LEVEL:g} %"


def print_figures(found: Evaluated, figures: Figures) -> None:
    """Print what was evaluated, and all figures."""
    say_wrapped(found.checkpoint, 2)
    if isinstance(figures, Regression):
        say(f"{found.examples}: {count_text(figures.examples)} examples")
        say()
        _print_regression(found, figures)
        return
    classes = count_text(len(figures.classes))
    say(f"{found.examples}: {count_text(figures.examples)} examples, {classes} classes")
    say()
    _print_classification(found, figures)


def _print_classification(found: Evaluated, figures: Classification) -> None:
    rows = [_fraction_row("accuracy", figures.accuracy)]
    rows += [_fraction_row(f"in the top {k}", interval) for k, interval in figures.top]
    rows.append(_row(f"loss ({found.loss.name})", figures.loss))
    print_table(("", "value", f"{PERCENT} interval"), rows, right=("value",))
    baseline = figures.baseline
    text = f"always predicting '{plain_text(baseline.name)}' is right in {accuracy_text(baseline.accuracy)}"
    no_better = "" if baseline.is_beaten else ": the network is not better than that by more than chance"
    say_wrapped(text + no_better, 2)
    if found.unseen:
        hits = round(figures.accuracy.value * figures.examples)
        text = accuracy_text(hits / (figures.examples + found.unseen))
        some = count_text(found.unseen)
        say_wrapped(f"with the {some} examples of classes that training never had: accuracy {text}", 2)
    say_wrapped(f"intervals: Wilson's for fractions; {METHODS} for the loss", 2)
    _print_classes(figures)
    _print_confusion(figures)
    if figures.calibration is None:
        say_wrapped("\nno calibration: the outputs are no probabilities (they do not sum to 1)")
    else:
        _print_calibration(figures.calibration)


def _fraction_row(name: str, interval: Interval) -> list[str]:
    ends = [accuracy_text(end) for end in (interval.low, interval.high)]
    return [name, accuracy_text(interval.value), " to ".join(ends)]


def _row(name: str, interval: Interval, write: Callable[[float], str] = loss_text) -> list[str]:
    low, high = (write(end) for end in (interval.low, interval.high))
    return [name, write(interval.value), f"{low} to {high}" if not math.isnan(interval.low) else NONE]


def _print_classes(figures: Classification) -> None:
    """Precision and its like, of all classes, or of those that are predicted worst."""
    shown = figures.classes
    say()
    if len(shown) > MOST_CLASSES:
        there = [one for one in shown if one.support]
        shown = tuple(sorted(there, key=lambda one: (one.f1, one.name))[:MOST_CLASSES])
        say_wrapped(f"the {len(shown)} classes with the lowest F1 (--json has all):")
    averages = [figures.macro, figures.weighted]
    header = ("class", "precision", "recall", "F1", "AUC", "examples")
    print_table(header, [_class_row(one) for one in (*shown, *averages)], right=header[1:])


def _class_row(one: ClassFigures) -> list[str]:
    values = (one.precision, one.recall, one.f1, one.auc)
    return [
        one.name,
        *(NONE if math.isnan(value) else f"{value:.4f}" for value in values),
        count_text(one.support),
    ]


def _print_confusion(figures: Classification) -> None:
    """The matrix where a line has room for it, else the pairs of classes that are confused most."""
    names = [plain_text(one.name) for one in figures.classes]
    width = _width_of_a_class(names, figures.confusion)
    say()
    if width:
        whole = all(cells(name) <= width for name in names)
        say(f"confusion matrix: true ↓ predicted →{'' if whole else ' (names cut)'}")
        header = [cut(name, width) for name in names]
        rows = [
            [cut(name, LONGEST_NAME), *(str(count) if count else "." for count in counts)]
            for name, counts in zip(names, figures.confusion, strict=True)
        ]
        print_table(["", *header], rows, right=header)
        return
    pairs = [
        (count, true, predicted)
        for true, counts in enumerate(figures.confusion)
        for predicted, count in enumerate(counts)
        if count and true != predicted
    ]
    if not pairs:
        say("no class is taken for another")
        return
    pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
    rest = f" (of {count_text(len(pairs))}; --json has the matrix)" if len(pairs) > MOST_PAIRS else ""
    say_wrapped(f"the classes that are confused most{rest}:")
    rows = [
        [names[true], names[predicted], str(count), accuracy_text(count / figures.classes[true].support)]
        for count, true, predicted in pairs[:MOST_PAIRS]
    ]
    print_table(
        ("true ↓", "predicted →", "examples", "of the true class"),
        rows,
        right=("examples", "of the true class"),
    )


def _width_of_a_class(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> int:
    """Cells of a column of the matrix; 0 where a line has no room for all of them."""
    first = min(LONGEST_NAME, max(map(cells, names)))
    space = ((room() or WIDTH) - first) // len(names) - 2
    longest = max(map(cells, names))
    digits = max(len(str(count)) for counts in confusion for count in counts)
    return min(space, longest) if space >= max(digits, min(LEAST_NAME, longest)) else 0


def _print_calibration(found: Calibration) -> None:
    say()
    summary = [
        [f"expected calibration error ({len(found.bins)} bins)", accuracy_text(found.ece)],
        ["mean confidence - accuracy", f"{_points(found.overconfidence)} points"],
        ["Brier score (0 to 2)", loss_text(found.brier)],
    ]
    print_table(("calibration", "value"), summary, right=("value",))
    say()
    rows = [
        [
            f"{100 * one.low:.0f} to {100 * one.high:.0f} %",
            count_text(one.examples),
            accuracy_text(one.confidence),
            accuracy_text(one.accuracy.value),
            " to ".join(accuracy_text(end) for end in (one.accuracy.low, one.accuracy.high)),
        ]
        for one in found.bins
        if one.examples
    ]
    header = ("confidence", "examples", "mean confidence", "accuracy", f"{PERCENT} interval")
    print_table(header, rows, right=header[1:4])


def _print_regression(found: Evaluated, figures: Regression) -> None:
    rows = [_row(f"loss ({found.loss.name})", figures.loss)]
    if len(figures.targets) > 1:
        rows.append(_row("R² of all targets", figures.r2))
    for one in figures.targets[:MOST_CLASSES]:
        before = f"{plain_text(one.name)}: " if len(figures.targets) > 1 else ""
        rows.append(_row(f"{before}R²", one.r2))
        words = ("mean absolute error", "root mean squared error", "mean error")
        rows += [
            _row(before + word, value, figure)
            for word, value in zip(words, (one.mae, one.rmse, one.bias), strict=True)
        ]
    print_table(("", "value", f"{PERCENT} interval"), rows, right=("value",))
    if len(figures.targets) > MOST_CLASSES:
        say_wrapped(
            f"the first {MOST_CLASSES} of {count_text(len(figures.targets))} targets (--json has all)"
        )
    say_wrapped("errors are in the units of the data; a mean error above 0 predicts too much", 2)
    say_wrapped(f"intervals: {METHODS}", 2)


# -- two runs ---------------------------------------------------------------------------------------------


def print_comparison(first: Evaluated, second: Evaluated, found: Comparison) -> None:
    """Print the figures of both, their differences, and whether these are more than chance."""
    say()
    names = [plain_text(one.run) for one in (first, second)]
    say_wrapped(f"{names[0]} against {names[1]}, {second.checkpoint.partition(', ')[2]}", 2)
    say(f"on the same {count_text(found.examples)} examples")
    say()
    header = ["", *(cut(name, SHORT_NAME) for name in names), "difference", f"{PERCENT} interval"]
    print_table(header, [_difference_row(one) for one in found.differences], right=header[1:3])
    if any(one.more_than_chance for one in found.differences):
        say("* more than chance")
    if found.mcnemar is not None:
        counts = [count_text(n) for n in (found.mcnemar.only_first, found.mcnemar.only_second)]
        say_wrapped(f"right only with {names[0]}: {counts[0]}; only with {names[1]}: {counts[1]}", 2)
    for text in found.notes:
        say_wrapped(text, 2)
    other = "Tango's for the accuracy; " if found.mcnemar is not None else ""
    say_wrapped(f"intervals: {other}paired {METHODS}", 2)
    say_wrapped(_verdict(names, found), 2)


def _difference_row(one: Difference) -> list[str]:
    points, units = one.name == "accuracy", one.name.endswith(("MAE", "RMSE"))
    plain = accuracy_text if points else figure if units else loss_text
    signed = _points if points else partial(_signed, write=figure if units else loss_text)
    value, low, high = (signed(v) for v in (one.interval.value, one.interval.low, one.interval.high))
    ends = NONE if math.isnan(one.interval.low) else f"{low} to {high}"
    unit = " points" * points + " *" * one.more_than_chance
    return [one.name, plain(one.first), plain(one.second), value + unit, ends]


def _points(value: float) -> str:
    return f"{100 * value:+.2f}"


def _signed(value: float, write: Callable[[float], str]) -> str:
    return f"{'+' if value > 0 else ''}{write(value)}"


def _verdict(names: Sequence[str], found: Comparison) -> str:
    """One sentence."""
    if found.mcnemar is None:
        parts = [one for one in found.differences if one.name.endswith("R²") and one.more_than_chance]
        said = [
            f"{names[one.interval.value < 0]} is better by more than chance in {one.name}" for one in parts
        ]
        return "; ".join(said) or "the difference is not more than chance in R²"
    better = found.mcnemar.only_first > found.mcnemar.only_second
    p = found.mcnemar.p
    test = f"McNemar's exact test: p {f'= {p:.4f}' if p >= 0.0001 else '< 0.0001'}"
    if not found.mcnemar.sure:
        return f"the difference is not more than chance ({test})"
    return f"{names[0] if better else names[1]} is better by more than chance ({test})"
