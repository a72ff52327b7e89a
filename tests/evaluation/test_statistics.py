"""The figures of an evaluation: small cases by hand, scikit-learn and SciPy, and what always holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuiml.evaluation.calibration import calibration
from tuiml.evaluation.classification import auc, classification
from tuiml.evaluation.comparison import (
    accuracy_difference,
    mean_difference,
    regression_differences,
)
from tuiml.evaluation.intervals import bootstrap, mean, paired_difference, wilson
from tuiml.evaluation.mcnemar import mcnemar, sign_test
from tuiml.evaluation.regression import regression

Array = np.ndarray[Any, Any]
NAMES = ("a", "b", "c")
OUTPUTS = np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6], [0.45, 0.35, 0.2]])
LABELS = np.array([0, 0, 1, 2, 2])


def figures(outputs: Array, labels: Array) -> Any:
    losses = -np.log(np.maximum(outputs[np.arange(len(labels)), labels], 1e-12))
    return classification(outputs, labels, losses, [str(k) for k in range(outputs.shape[1])])


@st.composite
def examples(draw: st.DrawFn) -> tuple[Array, Array]:
    """Outputs that are probabilities, often equal ones, and labels."""
    n, classes = draw(st.integers(1, 40)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    raw = rng.integers(0, 5, (n, classes)) + 0.01
    return raw / raw.sum(axis=1, keepdims=True), rng.integers(classes, size=n)


# -- by hand ----------------------------------------------------------------------------------------------


def test_wilson_by_hand() -> None:
    """7 of 10, and the two ends."""
    found = wilson(7, 10)
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.396778, 0.892209), abs=1e-6)
    none, every = wilson(0, 20), wilson(20, 20)
    assert (none.low, none.high) == pytest.approx((0.0, 0.161125), abs=1e-6)
    assert (every.low, every.high) == pytest.approx((0.838875, 1.0), abs=1e-6)
    assert math.isnan(wilson(0, 0).value)


def test_the_figures_of_five_examples_by_hand() -> None:
    found = figures(OUTPUTS, LABELS)
    assert found.confusion == ((1, 1, 0), (0, 1, 0), (1, 0, 1))
    assert found.accuracy.value == pytest.approx(0.6)
    assert [(one.precision, one.recall, one.f1, one.support) for one in found.classes] == [
        (0.5, 0.5, 0.5, 2),
        (0.5, 1.0, pytest.approx(2 / 3), 1),
        (1.0, 0.5, pytest.approx(2 / 3), 2),
    ]
    assert found.macro.recall == pytest.approx(2 / 3)
    assert found.weighted.precision == pytest.approx((2 * 0.5 + 0.5 + 2 * 1.0) / 5)
    assert (found.baseline.name, found.baseline.accuracy) == ("0", 0.4)
    assert (found.baseline.mcnemar.only_first, found.baseline.mcnemar.only_second) == (2, 1)
    assert not found.baseline.is_beaten
    assert [one.auc for one in found.classes] == [pytest.approx(5 / 6), 1.0, pytest.approx(5.5 / 6)]
    assert found.top == ()  # of three classes, three highest tell nothing


def test_calibration_by_hand() -> None:
    found = calibration(OUTPUTS, LABELS, bins=5)
    filled = [(round(one.high, 1), one.examples, one.accuracy.value) for one in found.bins if one.examples]
    assert filled == [(0.6, 4, 0.5), (0.8, 1, 1.0)]
    assert found.ece == pytest.approx((4 * (2.15 / 4 - 0.5) + (1 - 0.7)) / 5)
    by_hand = [0.09 + 0.04 + 0.01, 0.36 + 0.25 + 0.01, 0.04 + 0.16 + 0.04, 0.01 + 0.09 + 0.16]
    by_hand.append(0.45**2 + 0.35**2 + 0.64)
    assert found.brier == pytest.approx(sum(by_hand) / 5)
    assert found.overconfidence == pytest.approx((0.7 + 0.5 + 0.6 + 0.6 + 0.45) / 5 - 0.6)


def test_a_confidence_at_the_edge_belongs_to_the_bin_below() -> None:
    """Guo et al. 2017: a bin is (low, high]; a probability of 1 is in the last one."""
    outputs = np.array([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75]])
    found = calibration(outputs, np.array([0, 1, 1]), bins=4)
    assert [one.examples for one in found.bins] == [0, 1, 1, 1]
    assert found.ece == pytest.approx((0.5 + 0.25 + 0) / 3)


def test_top_k_counts_equal_outputs_in_the_order_of_the_classes() -> None:
    outputs = np.array([[0.2] * 5, [0.2] * 5, [0.5, 0.2, 0.1, 0.1, 0.1]])
    found = figures(outputs, np.array([0, 3, 2]))
    assert found.accuracy.value == pytest.approx(1 / 3)
    assert dict(found.top)[3].value == pytest.approx(2 / 3)


def test_regression_by_hand() -> None:
    targets = np.array([[1.0], [2.0], [3.0], [6.0]])
    predictions = np.array([[1.0], [3.0], [3.0], [4.0]])
    found = regression(predictions, targets, np.zeros(4), ["y"], np.ones(1)).targets[0]
    assert found.mae.value == pytest.approx(0.75)
    assert found.rmse.value == pytest.approx(math.sqrt(5 / 4))
    assert found.r2.value == pytest.approx(1 - 5 / 14)
    assert found.bias.value == pytest.approx(-0.25)


def test_targets_that_do_not_vary_have_no_r2() -> None:
    found = regression(np.array([[1.0], [2.0]]), np.ones((2, 1)), np.zeros(2), ["y"], np.ones(1))
    assert math.isnan(found.r2.value)
    assert found.targets[0].mae.value == pytest.approx(0.5)


def test_the_sign_test_by_hand() -> None:
    """10 heads and 2 tails: 2 · (1 + 12 + 66) / 4096."""
    assert sign_test(10, 2) == pytest.approx(158 / 4096)
    assert sign_test(0, 0) == 1
    assert sign_test(5, 5) == 1
    assert sign_test(0, 6) == pytest.approx(2 / 64)
    assert sign_test(60_000, 59_000) == pytest.approx(0.0037798696, rel=1e-7)  # SciPy's binomtest
    first, second = np.array([True, True, False, True]), np.array([True, False, True, False])
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (2, 1)


def test_the_ends_of_a_paired_difference_are_where_the_score_test_begins_to_refuse_it() -> None:
    """Tango 1998: the variance is that at the most likely fractions with this difference, here by search."""
    b, c, n = 12, 2, 50
    found = paired_difference(b, c, n)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.06111, 0.34471), abs=1e-5)
    for end, z in ((found.low, 1.959964), (found.high, -1.959964)):
        q = np.linspace(1e-9, (1 - end) / 2, 400_001)[:-1]
        likely = q[(b * np.log(q + end) + c * np.log(q) + (n - b - c) * np.log(1 - 2 * q - end)).argmax()]
        variance = n * (2 * likely + end - end * end)
        assert (b - c - n * end) / math.sqrt(variance) == pytest.approx(z, abs=1e-3)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40))
@settings(deadline=None)
def test_a_difference_in_accuracy_and_its_interval(a: int, b: int, both: int) -> None:
    first = np.repeat([True, False, True], [a, b, both])
    second = np.repeat([False, True, True], [a, b, both])
    one, other = accuracy_difference(first, second), accuracy_difference(second, first)
    found = one.interval
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((-other.interval.high, -other.interval.low), abs=1e-9)
    assert found.value == pytest.approx((a - b) / (a + b + both))
    assert one.more_than_chance == (mcnemar(first, second).p < 0.05)
    assert found.excludes_zero or not one.more_than_chance  # the exact test is the stricter one


def test_the_bootstrap_of_a_mean_is_near_the_normal_interval_and_seeded() -> None:
    values = np.random.default_rng(3).normal(2, 1, 400)
    found = mean(values)
    half = 1.959964 * values.std(ddof=1) / 20
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.02)
    assert mean(values) == found


def test_many_examples_are_resampled_in_groups() -> None:
    values = np.random.default_rng(4).exponential(1, 100_000)
    found = mean(values)
    half = 1.959964 * values.std() / math.sqrt(len(values))
    assert (found.low, found.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=half / 5
    )


def test_a_paired_difference_is_told_that_two_intervals_hide() -> None:
    """Two networks whose losses go up and down together: the difference is small, and sure."""
    rng = np.random.default_rng(5)
    shared = rng.exponential(1, 300)
    first, second = shared + 0.05 + rng.normal(0, 0.02, 300), shared
    assert mean(first).low < mean(second).high
    assert mean_difference("loss", first, second).interval.excludes_zero
    targets = rng.normal(0, 1, (300, 1))
    near = targets + rng.normal(0, 0.1, (300, 1))
    found = {one.name: one.interval for one in regression_differences(near, near, targets, ["y"])}
    assert all(one.value == 0 and not one.excludes_zero for one in found.values())
    far = targets + rng.normal(0, 0.3, (300, 1))
    found = {one.name: one.interval for one in regression_differences(near, far, targets, ["y"])}
    assert found["R²"].low > 0
    assert found["MAE"].high < 0
    assert found["RMSE"].high < 0


# -- what always holds ------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0.5, 0.999))
def test_wilson_is_within_0_and_1_and_contains_the_fraction(a: int, b: int, level: float) -> None:
    if not a + b:
        return
    found = wilson(a, a + b, level)
    assert 0 <= found.low <= found.value <= found.high <= 1
    other = wilson(b, a + b, level)
    assert other.low == pytest.approx(1 - found.high, abs=1e-9)  # it treats hits and misses alike


@given(examples(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_examples_changes_no_figure(found: tuple[Array, Array], random: Any) -> None:
    outputs, labels = found
    order = list(range(len(labels)))
    random.shuffle(order)
    one, other = figures(outputs, labels), figures(outputs[order], labels[order])
    assert one.confusion == other.confusion
    assert one.accuracy == other.accuracy
    assert one.classes == other.classes or repr(one.classes) == repr(other.classes)  # NaN is no NaN
    assert one.calibration.ece == pytest.approx(other.calibration.ece)
    assert one.calibration.brier == pytest.approx(other.calibration.brier)
    assert one.loss.value == pytest.approx(other.loss.value)


@given(examples())
@settings(max_examples=40, deadline=None)
def test_figures_are_fractions_and_agree(found: tuple[Array, Array]) -> None:
    outputs, labels = found
    one = figures(outputs, labels)
    assert np.sum(one.confusion) == len(labels) == sum(c.support for c in one.classes)
    assert one.weighted.recall == pytest.approx(one.accuracy.value)  # the same thing by definition
    fractions = [value for c in (*one.classes, one.macro) for value in (c.precision, c.recall, c.f1, c.auc)]
    assert all(0 <= value <= 1 for value in fractions if not math.isnan(value))
    assert all(one.accuracy.value <= top.value <= 1 for _, top in one.top)
    assert 0 <= one.calibration.ece <= 1
    assert 0 <= one.calibration.brier <= 2
    assert sum(b.examples for b in one.calibration.bins) == len(labels)
    assert abs(one.calibration.overconfidence) <= one.calibration.ece + 1e-9
    assert one.loss.low <= one.loss.value <= one.loss.high or len(labels) == 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_a_bootstrap_interval_contains_the_figure_and_is_within_the_data(values: list[float], k: int) -> None:
    columns = np.tile(np.array(values)[:, None], (1, k))
    for found in bootstrap(columns, lambda means: means, resamples=200):
        assert found.value == pytest.approx(np.mean(values), abs=1e-6)
        if len(values) > 1:
            slack = 1e-9 * (1 + max(map(abs, values)))
            assert min(values) - slack <= found.low <= found.value <= found.high <= max(values) + slack


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_sign_test_takes_both_sides_alike(a: int, b: int) -> None:
    assert 0 < sign_test(a, b) == sign_test(b, a) <= 1
    exact = min(1.0, 2 * sum(math.comb(a + b, k) for k in range(min(a, b) + 1)) / 2 ** (a + b))
    assert sign_test(a, b) == pytest.approx(exact, rel=1e-9)


# -- others' figures --------------------------------------------------------------------------------------


def many(seed: int, classes: int = 6, n: int = 500) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes - 1, size=n)  # of the last class there is none
    raw = np.exp(rng.normal(0, 1, (n, classes)) + 1.5 * np.eye(classes)[labels])
    return raw / raw.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("seed", range(3))
def test_classes_as_scikit_learn_has_them(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    outputs, labels = many(seed)
    predicted, found = outputs.argmax(axis=1), figures(outputs, labels)
    every = list(range(6))
    np.testing.assert_array_equal(found.confusion, metrics.confusion_matrix(labels, predicted, labels=every))
    wanted = metrics.precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0)
    own = [[getattr(c, name) for c in found.classes] for name in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(np.nan_to_num(own), wanted, atol=1e-12)
    for average, one in (("macro", found.macro), ("weighted", found.weighted)):
        wanted = metrics.precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
        assert (one.precision, one.recall, one.f1) == pytest.approx(wanted[:3])
    for k, top in found.top:
        assert top.value == pytest.approx(metrics.top_k_accuracy_score(labels, outputs, k=k, labels=every))
    for k, one in enumerate(found.classes[:5]):
        assert one.auc == pytest.approx(metrics.roc_auc_score(labels == k, outputs[:, k]))
    assert found.loss.value == pytest.approx(metrics.log_loss(labels, outputs, labels=every))
    wanted = metrics.brier_score_loss(labels, outputs, labels=every, scale_by_half=False)
    assert found.calibration.brier == pytest.approx(wanted)


def test_reliability_bins_as_scikit_learn_has_them() -> None:
    curves = pytest.importorskip("sklearn.calibration")
    outputs, labels = many(7, classes=2, n=2000)
    labels = np.random.default_rng(8).integers(2, size=2000)
    found = calibration(outputs, labels)
    correct, confidence = outputs.argmax(axis=1) == labels, outputs.max(axis=1)
    wanted = curves.calibration_curve(correct, confidence, n_bins=10)
    bins = [one for one in found.bins if one.examples]
    np.testing.assert_allclose([one.accuracy.value for one in bins], wanted[0])
    np.testing.assert_allclose([one.confidence for one in bins], wanted[1])


def test_equal_scores_count_half() -> None:
    assert auc(np.array([0.5, 0.5, 0.5]), np.array([True, False, False])) == 0.5
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(9)
    scores, positive = rng.integers(0, 4, 200), rng.integers(2, size=200) == 1
    assert auc(scores, positive) == pytest.approx(metrics.roc_auc_score(positive, scores))


def test_numbers_as_scikit_learn_has_them() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(10)
    targets = rng.normal([1000, -3], [50, 0.1], (300, 2))
    predictions = targets + rng.normal(0, [20, 0.05], (300, 2))
    scale = 1 / targets.std(axis=0)
    found = regression(predictions, targets, np.zeros(300), ["p", "q"], scale)
    for k, one in enumerate(found.targets):
        y, guess = targets[:, k], predictions[:, k]
        assert one.r2.value == pytest.approx(metrics.r2_score(y, guess))
        assert one.mae.value == pytest.approx(metrics.mean_absolute_error(y, guess))
        assert one.rmse.value == pytest.approx(metrics.root_mean_squared_error(y, guess))
    wanted = metrics.r2_score(targets * scale, predictions * scale, multioutput="variance_weighted")
    assert found.r2.value == pytest.approx(wanted)


def test_intervals_as_scipy_has_them() -> None:
    stats = pytest.importorskip("scipy.stats")
    exact = stats.binomtest(37, 50).proportion_ci(method="wilson")
    assert (wilson(37, 50).low, wilson(37, 50).high) == pytest.approx((exact.low, exact.high))
    assert sign_test(13, 29) == pytest.approx(stats.binomtest(13, 42).pvalue)
    values = np.random.default_rng(11).exponential(1, 60)

    def ends(found: Any) -> tuple[float, float]:
        return found.low, found.high

    wanted = stats.bootstrap((values,), np.mean, n_resamples=20_000, rng=np.random.default_rng(0))
    own = bootstrap(values[:, None], lambda means: means, resamples=20_000)[0]
    assert ends(own) == pytest.approx(ends(wanted.confidence_interval), abs=0.012)
    squares = np.column_stack([values, values**2])

    def deviation(means: Array) -> Array:
        return np.sqrt(means[..., 1:] - means[..., :1] ** 2)

    wanted = stats.bootstrap((values,), np.std, n_resamples=20_000, rng=np.random.default_rng(0))
    own = bootstrap(squares, deviation, resamples=20_000)[0]
    assert ends(own) == pytest.approx(ends(wanted.confidence_interval), abs=0.03)
