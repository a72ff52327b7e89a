"""The parts of a user's file have every class that has enough examples; chance is kept where it does well."""

import numpy as np
import pytest

from tests.data.own_files import own
from tuiml.data.own.split import stratified
from tuiml.data.prepare import load


def order_of(count, seed=0):
    return np.random.default_rng(seed).permutation(count)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("counts", [(95, 5), (97, 3), (50, 50), (90, 4, 4, 2), (99, 1), (60, 3, 3, 3, 3, 1)])
def test_each_class_is_in_the_part_and_in_the_rest(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    order = stratified(order_of(len(labels), seed), labels, 20, leave=2)
    assert sorted(order.tolist()) == list(range(len(labels)))
    part = np.bincount(labels[order[:20]], minlength=len(counts))
    for size, mine in zip(counts, part, strict=True):
        if size == 1:
            assert mine == 0
        else:
            assert 1 <= mine <= max(1, size - 2)


def test_a_draw_that_does_well_is_kept_and_one_that_loses_a_class_is_not():
    labels = np.arange(1000) % 4
    order = order_of(1000)
    assert stratified(order, labels, 200) is order
    uneven = np.argsort(labels, kind="stable")
    assert np.bincount(labels[stratified(uneven, labels, 200)[:200]]).tolist() == [50] * 4
    assert stratified(order, labels, 0) is order


def test_a_part_with_no_room_for_every_class_leaves_each_class_to_the_rest():
    labels = np.repeat(np.arange(10), 2)
    for seed in range(20):
        order = stratified(order_of(20, seed), labels, 4)
        assert set(labels[order[4:]].tolist()) == set(range(10))


@pytest.mark.parametrize("seed", range(10))
def test_a_rare_class_is_in_all_three_parts_and_it_is_said(tmp_path, seed):
    y = np.zeros(100, np.uint8)
    y[np.random.default_rng(seed).choice(100, 5, replace=False)] = 1
    np.savez(tmp_path / "a.npz", x=np.arange(200, dtype=np.float32).reshape(100, 2), y=y)
    data = load(own(tmp_path / "a.npz"), seed)
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [72, 8, 20]
    assert all(1 in part.labels for part in parts)
    (said,) = [text for _, text in data.notices if "stratified" in text]
    assert said.startswith("'1' has only 5 examples: each part has some")
    fewer = load(own(tmp_path / "a.npz", train=30, validation=8), seed)
    assert fewer.validation.inputs.tolist() == data.validation.inputs.tolist()


def test_a_class_that_a_part_lacks_is_said(tmp_path):
    y = np.repeat(np.arange(3), (40, 40, 1))
    np.savez(tmp_path / "a.npz", x=np.arange(162, dtype=np.float32).reshape(81, 2), y=y)
    data = load(own(tmp_path / "a.npz"), 0)
    assert 2 in data.train.labels
    said = [text for _, text in data.notices]
    assert {"no validation example is of class 2", "no test example is of class 2"} <= set(said)
