"""Whether the best of a study differs from the others: known p-values, and studies with a known answer."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.studies.examples import NAN, table
from tuiml.studies.conclusion import compare, conclude, corrected, incomplete_beta, moments, two_sided

TABLED = {
    1: 12.7062047,
    2: 4.3026527,
    3: 3.1824463,
    4: 2.7764451,
    10: 2.228138852,
    30: 2.042272456,
    120: 1.979930405,
}
"""Student's t that 5 % exceed, two-sided, by degrees of freedom: as in any table."""


def said(values, **options):
    return conclude(table(values, folds=options.get("folds", False)), "val_accuracy", **options)


@pytest.mark.parametrize("freedom", TABLED)
def test_the_t_distribution_has_its_tabled_values(freedom):
    assert two_sided(TABLED[freedom], freedom) == pytest.approx(0.05, abs=2e-9)


@given(st.floats(-50, 50))
def test_with_one_and_two_degrees_of_freedom_it_has_its_closed_forms(t):
    assert two_sided(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(abs(t)), abs=1e-7)
    assert two_sided(t, 2) == pytest.approx(1 - abs(t) / math.sqrt(2 + t * t), abs=1e-7)


@given(st.integers(0, 64).map(lambda n: n / 64), st.floats(0.05, 200), st.floats(0.05, 200))
def test_the_incomplete_beta_function_keeps_its_identities(x, a, b):
    assert incomplete_beta(a, 1, x) == pytest.approx(x**a, rel=1e-10, abs=1e-13)
    assert incomplete_beta(a, b, x) == pytest.approx(1 - incomplete_beta(b, a, 1 - x), abs=1e-9)
    assert 0 <= incomplete_beta(a, b, x) <= 1


def test_welchs_test_by_hand():
    """t = 2 / √(4/3 + 1/3), and Satterthwaite's degrees of freedom for variances 4 and 1: 50/17."""
    found = compare({0: 3.0, 1: 5.0, 2: 7.0}, {0: 2.0, 1: 3.0, 2: 4.0})
    assert found.p == pytest.approx(two_sided(2 / math.sqrt(5 / 3), 50 / 17))
    assert found.test == "Welch's t-test"


def test_six_shared_seeds_are_paired_by_hand():
    """Differences 1, 2, 3, 1, 2, 3: t = 2 / (√0.8 / √6), five degrees of freedom."""
    base = [10.0, 20.0, 5.0, 8.0, 30.0, 2.0]
    better = [value + 1 + index % 3 for index, value in enumerate(base)]
    found = compare(dict(enumerate(better)), dict(enumerate(base)))
    assert found.p == pytest.approx(two_sided(2 / math.sqrt(0.8 / 6), 5))
    assert found.test == "t-test paired by seed"
    other_seeds = compare(dict(enumerate(better)), dict(enumerate(base, 100)))
    assert other_seeds.test == "Welch's t-test"


def test_folds_are_paired_and_their_overlap_is_counted():
    """Nadeau & Bengio's variance: 1/k + 1/(k - 1) times that of the differences."""
    one, other = {0: 0.5, 1: 0.7, 2: 0.9}, {0: 0.4, 1: 0.55, 2: 0.7}
    found = compare(one, other, folds=True)
    assert found.p == pytest.approx(two_sided(0.15 / math.sqrt(0.0025 * (1 / 3 + 1 / 2)), 2))


def test_p_values_are_corrected_for_the_pairs_that_are_left():
    assert corrected([0.03, 0.001, 0.02]) == pytest.approx([0.06, 0.006, 0.06])
    assert corrected([0.04]) == [0.04]
    assert corrected([0.4, 0.9]) == [1.0, 1.0]


# -- studies with a known answer --------------------------------------------------------------------------

STUDIES = 400
ROOM = 3 * math.sqrt(0.05 * 0.95 / STUDIES)
"""Three standard errors of a share of 5 % in so many studies: where the level is exact, every other share is
above 5 %."""


def called_different(count, seeds, gap=0.0, shared=0.0, tied=1):
    """Of simulated studies, the share in which the best is said to be better than others.

    Args:
        gap: standard deviations by which the means of the first ``tied`` configurations are above the others.
        shared: correlation of values with the same seed, as its root.
    """
    rng = np.random.default_rng([count, seeds, round(gap * 10), round(shared * 10)])
    different = 0
    for _ in range(STUDIES):
        effect = shared * rng.standard_normal(seeds)
        own = math.sqrt(1 - shared**2) * rng.standard_normal((count, seeds))
        means = gap * (np.arange(count) < tied)
        values = 0.9 + 0.01 * (own + effect + means[:, None])
        text = said({f"v{number}": list(row) for number, row in enumerate(values)})
        different += (
            "v0 is better than" in text if gap and tied == 1 else "better than" in text.partition(";")[0]
        )
    return different / STUDIES


@pytest.mark.parametrize("seeds", [2, 3, 5, 6, 10])
@pytest.mark.parametrize("count", [2, 3, 6])
@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_equal_variants_are_called_equal_in_95_of_100_studies(count, seeds, shared):
    assert called_different(count, seeds, shared=shared) <= 0.05 + ROOM


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_of_two_equal_ones_far_above_the_rest_none_is_called_the_best(seeds):
    assert called_different(6, seeds, gap=20.0, tied=2) <= 0.05 + ROOM


@pytest.mark.parametrize(("seeds", "gap"), [(3, 8.0), (5, 5.0), (10, 3.0)])
@pytest.mark.parametrize("count", [2, 6])
def test_clearly_different_variants_are_called_different(count, seeds, gap):
    assert called_different(count, seeds, gap=gap) >= 0.95


def test_accuracies_of_few_examples_that_happen_to_be_equal_prove_nothing():
    """Of 20 examples each, with the same chance to be right: seeds often agree to the last digit."""
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(STUDIES):
        values = rng.binomial(20, 0.95, (2, 3)) / 20
        wrong += "is better than" in said({"a": list(values[0]), "b": list(values[1])})
    assert wrong / STUDIES <= 0.05 + ROOM


# -- the sentence -----------------------------------------------------------------------------------------


def test_the_sentence_names_the_best_the_next_the_test_and_n():
    text = said({"a": [0.80, 0.81, 0.82], "b": [0.90, 0.91, 0.92], "c": [0.70, 0.71, 0.72]})
    assert text == (
        "b is better than every other: 91.00 % ± 1.00 % (n = 3) against 81.00 % ± 1.00 % (n = 3) of a, "
        "the next (Welch's t-test, p < 0.001)."
    )


def test_what_cannot_be_told_apart_is_said_with_what_can():
    text = said({"a": [0.90, 0.91, 0.92], "b": [0.905, 0.91, 0.93], "c": [0.10, 0.11, 0.12]})
    assert text.startswith("b does not differ significantly from a: ")
    assert text.endswith("too few seeds to tell; it is better than c.")


def test_many_seeds_without_a_difference_are_not_too_few():
    assert "too few" not in said({"a": [0.9, 0.91] * 5, "b": [0.91, 0.9] * 5})


@pytest.mark.parametrize("values", [{"a": [0.9], "b": [0.8]}, {"a": [0.9, 0.8], "b": [0.8]}])
def test_one_seed_is_too_few(values):
    assert said(values).startswith("Too few seeds to tell whether a is better than b: ")


def test_without_any_spread_equal_ones_are_equal_and_distant_ones_are_not():
    assert "does not differ significantly from" in said({"a": [0.9] * 3, "b": [0.9] * 3})
    assert "a is better than b" in said({"a": [0.9] * 10, "b": [0.5] * 10})
    assert "too few seeds" in said({"a": [0.9] * 2, "b": [0.8] * 2})


def test_trials_that_diverged_are_counted_and_said_and_do_not_win():
    text = said({"a": [0.99, NAN, NAN], "b": [0.90, 0.91, 0.92], "c": [0.70, 0.71, 0.72]})
    assert text.startswith("b ")
    assert text.endswith("2 trials diverged: a (2 of 3).")
    assert said({"a": [NAN], "b": [NAN]}) == "Nothing to compare. 2 trials diverged: a (1 of 1), b (1 of 1)."


def test_a_study_that_is_not_over_says_so():
    assert said({"a": []}, done=False) == "Nothing to compare yet."
    assert said({"a": [0.9, 0.91], "b": []}, done=False).endswith("nothing to compare with yet.")
    assert said({"a": [0.9, 0.91], "b": [0.8, 0.81]}, done=False).startswith("So far: a ")


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.floats(0, 1) | st.just(NAN), max_size=8)))
def test_any_table_has_a_sentence_without_nan(values):
    text = said(values)
    assert text
    assert "nan" not in text.lower()


def test_mean_and_deviation_are_those_of_n_minus_1():
    assert moments([1.0, 2.0, 4.0]) == (pytest.approx(7 / 3), pytest.approx(math.sqrt(7 / 3)))
    assert all(map(math.isnan, moments([])))
