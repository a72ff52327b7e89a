"""k-fold cross-validation: one fold of the pool is the validation part, and each example is in one fold."""

import numpy as np
import pytest

from tuiml.data.datasets import datasets
from tuiml.data.own.reading import DataFiles
from tuiml.data.own.split import fold_first
from tuiml.data.prepare import load
from tuiml.spec import check

DRAWN = [name for name in datasets.names() if datasets[name].kind in ("bundled", "generated")]


def dataset(name, **options):
    return datasets.read({"name": name, **options})


def rows(part):
    return sorted(map(bytes, part.inputs.reshape(len(part), -1)))


@pytest.mark.parametrize("name", DRAWN)
def test_the_folds_are_disjoint_cover_the_pool_and_are_the_same_for_the_same_seed(name):
    size = {} if name == "digits" else {"size": 203}
    data = [load(dataset(name, folds=5, fold=fold, normalize="none", **size), 3) for fold in range(5)]
    held = [rows(one.validation) for one in data]
    pool = sorted(rows(data[0].train) + held[0])
    assert sorted(row for some in held for row in some) == pool
    for one, mine in zip(data, held, strict=True):
        assert sorted(rows(one.train) + mine) == pool
        assert len(one.train) + len(mine) == len(pool)
    again = load(dataset(name, folds=5, fold=2, normalize="none", **size), 3)
    assert np.array_equal(again.validation.inputs, data[2].validation.inputs)
    assert np.array_equal(again.train.inputs, data[2].train.inputs)
    other = load(dataset(name, folds=5, fold=2, normalize="none", **size), 4)
    assert not np.array_equal(other.validation.inputs, data[2].validation.inputs)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("folds", [2, 3, 7])
def test_the_sizes_are_those_that_the_declaration_says(name, folds):
    for fold in range(folds):
        declared = dataset(name, folds=folds, fold=fold)
        assert declared.problems() == []
        data = load(declared, 0)
        assert declared.sizes() == (len(data.train), len(data.validation), len(data.test))


def test_each_class_is_spread_over_the_folds_by_hand():
    """Drawn in the order 5 0 3 1 4 2 6, class 0 is 0 3 1 and class 1 is 5 4 2 6; dealt into two."""
    order, labels = np.array([5, 0, 3, 1, 4, 2, 6]), np.array([0, 0, 1, 0, 1, 1, 1])
    assert list(fold_first(order, labels, 2, 0)[:4]) == [0, 1, 4, 6]
    assert list(fold_first(order, labels, 2, 1)) == [3, 5, 2, 0, 1, 4, 6]
    assert list(fold_first(order, None, 3, 1)) == [0, 4, 5, 3, 1, 2, 6]


def test_the_classes_of_a_data_set_are_spread_evenly():
    counts = [
        np.bincount(load(dataset("digits", folds=10, fold=fold), 1).validation.labels) for fold in range(10)
    ]
    assert (np.ptp(counts, axis=0) <= 1).all()


def test_a_smaller_training_part_is_drawn_from_the_other_folds():
    whole, some = (
        load(dataset("digits", folds=5, normalize="none", **more), 0) for more in ({}, {"train": 50})
    )
    assert len(some.train) == 50
    assert np.array_equal(some.validation.inputs, whole.validation.inputs)
    assert np.array_equal(some.train.inputs, whole.train.inputs[:50])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"fold": 1}, "data.fold: is one of several: give folds, the number of them"),
        ({"folds": 3, "fold": 3}, "data.fold: 3 is not one of 3 folds, which count from 0"),
        ({"folds": 3, "validation": 100}, "data.validation: is a fold where folds are given"),
        ({"folds": 1}, "data.folds: 1 is not allowed; give a whole number at least 2, at most 100"),
        ({"folds": 3, "train": 1400}, "data.train: 1400 for training and 500 for validation are more than"),
        (
            {"folds": 100, "size": 20, "name": "moons"},
            "data.folds: 100 are more than the 20 examples of 'moons'",
        ),
    ],
)
def test_folds_that_cannot_be_are_refused(options, told):
    made = {
        "version": 1,
        "data": {"name": "digits", **options},
        "layers": [{"type": "flatten"}, {"type": "dense", "activation": "softmax"}],
        "training": {"batch_size": 1},
    }
    _, problems = check(made)
    assert len(problems) == 1
    assert str(problems[0]).startswith(told)


def test_a_file_with_a_validation_part_of_its_own_is_folded_as_a_whole(tmp_path):
    rng = np.random.default_rng(0)
    parts = {"train": 20, "val": 10, "test": 5}
    arrays = {}
    for part, count in parts.items():
        arrays |= {f"x_{part}": rng.random((count, 3)), f"y_{part}": np.arange(count) % 2}
    np.savez(tmp_path / "own.npz", **arrays)
    table = {"path": str(tmp_path / "own.npz"), "folds": 3, "normalize": "none"}
    found = [datasets.read({**table, "fold": fold}, DataFiles()) for fold in range(3)]
    assert [one.sizes() for one in found] == [(20, 10, 5)] * 3
    held = [rows(load(one, 0).validation) for one in found]
    assert len({row for some in held for row in some}) == 30
