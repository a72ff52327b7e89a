"""The sample of a data set that the app shows."""

import json

import numpy as np
import pytest

from tests.tui.documents import raw
from tuiml.data.datasets import datasets
from tuiml.data.prepare import load
from tuiml.runs.preset_prober import Prober
from tuiml.spec import check
from tuiml.training.data_sample import IMAGES, ROWS, data_sample, read


def sample_of(**data):
    return data_sample(load(datasets.read(data), 0))


@pytest.mark.parametrize("name", ["digits", "spiral", "moons", "gaussians", "sine", "friedman1"])
def test_it_comes_back_equal_through_json(name):
    found = sample_of(name=name)
    assert read(json.loads(json.dumps(found.to_json()))) == found


def test_images_show_each_class_in_turn_and_the_balance_is_of_all_examples():
    data = load(datasets.read({"name": "digits"}), 0)
    found = data_sample(data)
    assert (found.width, found.height, len(found.images)) == (8, 8, IMAGES)
    assert found.labels[:20] == (*range(10), *range(10))
    assert found.counts == tuple(np.bincount(data.train.labels).tolist())
    first = data.train.inputs[list(data.train.labels).index(0)]
    assert list(found.images[0]) == np.rint(first / 16 * 255).astype(int).tolist()
    assert found.columns == ()


def test_points_have_values_and_a_regression_has_targets():
    points = sample_of(name="moons")
    assert (len(points.columns), len(points.labels)) == (2, ROWS)
    assert all(sum(column.counts) == sum(points.counts) for column in points.columns)
    sine = sample_of(name="sine", size=500)
    assert (len(sine.columns), len(sine.targets), sine.labels, sine.counts) == (1, 1, (), ())
    assert all(sine.targets[0].low <= value <= sine.targets[0].high for value in sine.targets[0].values)


def test_what_comes_from_outside_is_checked():
    good = sample_of(name="digits").to_json()
    for wrong in ({**good, "width": 9}, {**good, "labels": [0]}, {**good, "counts": [-1]}, "no", {}):
        with pytest.raises(ValueError, match=r"fit|not"):
            read(wrong)


def test_data_that_is_not_here_has_no_sample(monkeypatch, tmp_path):
    monkeypatch.setenv("TUIML_DATA", str(tmp_path))
    monkeypatch.setenv("TUIML_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    preset, _ = check(raw(data={"name": "fashion-mnist"}))
    assert Prober().sample(preset) is None
