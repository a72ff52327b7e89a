"""Data sets: what they declare, how their parts are drawn, how values are normalized."""

import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from tuiml import files
from tuiml.data import DataError, idx
from tuiml.data.arrays import Part, PoolAndTest
from tuiml.data.datasets import Digits, Gaussians, Mnist, Spiral, datasets
from tuiml.data.generated_points import Seeded
from tuiml.data.prepare import draw, load, normalization, read
from tuiml.registry import options_of

GENERATED = [e for e in datasets if e.kind == "generated" and e().target == "classes"]
FUNCTIONS = [e for e in datasets if e.kind == "generated" and e().target == "regression"]
names = pytest.mark.parametrize("entry", GENERATED, ids=lambda entry: entry.name)


class Counting(Seeded):
    """Example i holds i in every feature: the values show which example went where."""

    name = "counting"
    kind = "bundled"

    shape = property(lambda self: (3,))
    classes = property(lambda self: ("even", "odd"))
    pool = property(lambda self: 100)
    test_examples = property(lambda self: 10)

    def generate(self, seed):
        both = self.part(range(110))
        return PoolAndTest(both[:100], both[100:])

    @staticmethod
    def part(numbers):
        numbers = np.array(numbers)
        inputs = np.repeat(numbers[:, None], 3, axis=1).astype(np.uint8)
        return Part(inputs, (numbers % 2).astype(np.uint8))


def members(part):
    return set(part.inputs[:, 0].tolist())


def test_declarations_need_no_numpy():
    code = "import sys, tuiml.data.datasets, tuiml.data.catalog; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_names_of_the_interface():
    expected = ["digits", "mnist", "fashion-mnist", "spiral", "moons", "circles", "xor", "gaussians"]
    expected += ["sine", "hills", "friedman1"]
    assert datasets.names() == expected


@pytest.mark.parametrize("entry", list(datasets), ids=lambda entry: entry.name)
def test_every_data_set_says_what_a_form_needs(entry):
    assert entry.formula
    assert entry.advice
    assert all(option.help for option in options_of(entry))
    dataset = entry()
    assert dataset.problems() == []
    train, validation, test = dataset.sizes()
    assert train > validation > 0 < test
    if dataset.target == "classes":
        assert len(set(dataset.classes)) == len(dataset.classes) == dataset.outputs >= 2
    else:
        assert dataset.classes == ()
        assert dataset.outputs >= 1
    assert datasets.read(datasets.write(dataset)) == dataset


def test_a_preset_table_is_read_strictly():
    assert datasets.read({"name": "mnist", "train": 8000, "validation": 2000}).sizes() == (8000, 2000, 10_000)
    for wrong in ({"train": 0}, {"train": "8"}, {"validation": -1}, {"normalize": "l2"}, {"noise": 1.0}):
        with pytest.raises(ValidationError):
            datasets.read({"name": "mnist", **wrong})


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, (90, 10, 10)),
        ({"train": 50}, (50, 10, 10)),
        ({"train": 95}, (95, 5, 10)),
        ({"train": 100}, (100, 0, 10)),
        ({"validation": 0}, (100, 0, 10)),
        ({"validation": 99}, (1, 99, 10)),
        ({"train": 1, "validation": 2}, (1, 2, 10)),
    ],
)
def test_sizes(options, sizes):
    dataset = Counting(**options)
    assert dataset.sizes() == sizes
    assert dataset.problems() == []
    data = load(dataset, 0)
    assert (len(data.train), len(data.validation), len(data.test)) == sizes


@pytest.mark.parametrize(
    ("options", "field", "figures"),
    [
        ({"train": 101}, "train", ["101", "100"]),
        ({"validation": 100}, "validation", ["100"]),
        ({"train": 60, "validation": 41}, "validation", ["60", "41", "100"]),
    ],
)
def test_sizes_that_do_not_fit_are_named_before_loading(options, field, figures):
    dataset = Counting(**options)
    ((where, message),) = dataset.problems()
    assert where == field
    assert all(figure in message for figure in figures)
    with pytest.raises(DataError, match=f"data.{field}"):
        load(dataset, 0)


@pytest.mark.parametrize("options", [{}, {"train": 20, "validation": 10}, {"train": 60, "validation": 40}])
def test_parts_are_disjoint_draws_and_keep_their_labels(options):
    data = load(Counting(**options), 3)
    assert not members(data.train) & members(data.validation)
    assert members(data.test) == set(range(100, 110))
    for part in (data.train, data.validation, data.test):
        assert len(members(part)) == len(part)
        assert np.array_equal(part.inputs[:, 0] % 2, part.labels)
        assert np.array_equal(part.inputs[:, 0], part.inputs[:, 2])
        assert part.inputs.flags.c_contiguous
        assert not part.inputs.flags.writeable


def test_the_draw_follows_the_seed_and_the_validation_part_outlives_a_change_of_train():
    some = load(Counting(train=20, validation=10), 3)
    assert members(some.train) == members(load(Counting(train=20, validation=10), 3).train)
    assert members(some.train) != members(load(Counting(train=20, validation=10), 4).train)
    more = load(Counting(train=80, validation=10), 3)
    assert members(more.validation) == members(some.validation)
    assert members(more.train) > members(some.train)


def test_most_of_a_pool_is_not_copied():
    whole = read(Counting(), 0)
    assert np.shares_memory(draw(Counting(), whole, 0).train.inputs, whole.pool.inputs)


def test_labels_without_a_class_or_an_example_are_refused():
    whole = read(Counting(), 0)
    whole.pool.labels[7] = 9
    with pytest.raises(DataError, match=r"example 7 has label 9, labels go from 0 to 1"):
        draw(Counting(), whole, 0)
    short = PoolAndTest(Part(whole.pool.inputs, whole.pool.labels[:-1]), whole.test)
    with pytest.raises(DataError, match="100 examples but 99 labels"):
        draw(Counting(), short, 0)


def apply(inputs, normalize, top=None):
    shift, scale = normalization(inputs, normalize, top)
    assert shift.dtype == scale.dtype == np.float32
    return (inputs.astype(np.float32) - shift) * scale


def test_unit_uses_the_declared_top_and_else_the_range_of_each_feature():
    images = np.array([[0, 51, 255]], np.uint8)
    assert apply(images, "unit", 255.0).tolist() == [[0.0, pytest.approx(0.2), 1.0]]
    points = np.array([[-2, 10, 5], [2, 30, 5], [0, 20, 5]], np.float32)
    assert apply(points, "unit").tolist() == [[0, 0, 0], [1, 1, 0], [0.5, 0.5, 0]]


def test_none_leaves_raw_values():
    images = np.array([[0, 51, 255]], np.uint8)
    assert apply(images, "none", 255.0).tolist() == [[0, 51, 255]]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_standard_gives_mean_0_and_variance_1_and_0_for_what_never_varies(dtype):
    rng = np.random.default_rng(0)
    # More rows than a block, so that the statistics are put together from several.
    inputs = (rng.uniform(0, 200, (5000, 400)) + np.arange(400) / 10).astype(dtype)
    inputs[:, 7] = 0
    inputs[:, 8] = dtype(0.1) if dtype is np.float32 else 3
    result = apply(inputs, "standard")
    assert not result[:, 7:9].any()
    rest = np.delete(result, [7, 8], axis=1).astype(np.float64)
    assert np.abs(rest.mean(axis=0)).max() < 1e-4
    assert np.abs(rest.var(axis=0) - 1).max() < 1e-4


def test_a_spread_below_float32_gives_0_not_infinity():
    inputs = np.array([[0], [1e-42]], np.float32)
    for normalize in ("unit", "standard"):
        assert np.isfinite(apply(inputs, normalize)).all()


def test_statistics_come_from_the_training_part_alone():
    data = load(Counting(train=50, normalize="standard"), 1)
    assert data.batch(data.train, slice(None)).mean() == pytest.approx(0, abs=1e-6)
    assert data.batch(data.test, slice(None)).mean() > 1
    assert data.batch(data.train, [4, 2]).shape == (2, 3)
    assert data.batch(data.train, 4).dtype == np.float32


@pytest.mark.parametrize("entry", GENERATED + FUNCTIONS, ids=lambda entry: entry.name)
def test_a_seed_and_options_give_the_same_points(entry):
    first, again, other = load(entry(), 5), load(entry(), 5), load(entry(), 6)
    assert np.array_equal(first.train.inputs, again.train.inputs)
    assert np.array_equal(first.test.labels, again.test.labels)
    assert not np.array_equal(first.test.inputs, other.test.inputs)


@names
def test_generated_points_are_balanced_about_unit_scale_and_all_different(entry):
    dataset = entry(size=1200, validation=0)
    data = load(dataset, 0)
    assert data.train.inputs.dtype == np.float32
    assert data.train.inputs.shape == (1200, *dataset.shape)
    assert len(data.test) == 300
    assert len(np.unique(np.concatenate([data.train.inputs, data.test.inputs]), axis=0)) == 1500
    counts = np.bincount(data.train.labels, minlength=len(dataset.classes))
    assert counts.max() - counts.min() <= 1
    assert 0.9 < np.quantile(np.abs(data.train.inputs), 0.99) < 1.6


@names
def test_noise_moves_the_points_by_its_standard_deviation(entry):
    still = load(entry(noise=0.0, size=4000), 0)
    moved = load(entry(noise=0.2, size=4000), 0)
    assert np.array_equal(still.train.labels, moved.train.labels)
    assert np.std(moved.train.inputs - still.train.inputs) == pytest.approx(0.2, rel=0.05)


def test_spiral_points_lie_on_their_arm():
    data = load(Spiral(arms=3, turns=2.0, noise=0.0), 0)
    x, y = data.train.inputs.astype(np.float64).T
    r = np.hypot(x, y)
    arm = (np.arctan2(y, x) / (2 * np.pi) - 2.0 * r) * 3 - data.train.labels
    assert np.abs((arm + 1.5) % 3 - 1.5).max() < 1e-4
    assert r.min() >= 0.0999
    assert r.max() <= 1.0001
    assert len(data.classes) == 3


def test_moons_circles_and_xor_without_noise():
    moons = load(datasets["moons"](noise=0.0), 0).train
    x, y = (moons.inputs.astype(np.float64) * 1.5 + [0.5, 0.25]).T
    centre = np.where(moons.labels == 0, 0.0, 1.0)
    assert np.hypot(x - centre, y - centre / 2) == pytest.approx(1, abs=1e-5)
    circles = load(datasets["circles"](noise=0.0, inner=0.25), 0).train
    assert np.hypot(*circles.inputs.T) == pytest.approx(np.where(circles.labels == 0, 1, 0.25), abs=1e-5)
    xor = load(datasets["xor"](noise=0.0), 0).train
    assert np.array_equal((xor.inputs[:, 0] > 0) ^ (xor.inputs[:, 1] > 0), xor.labels.astype(bool))
    assert (xor.inputs > 0).mean(axis=0) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("clouds", "features"), [(3, 2), (4, 50), (20, 5)])
def test_cloud_centres_lie_at_the_separation_and_apart(clouds, features):
    data = load(Gaussians(clouds=clouds, features=features, noise=0.0, separation=2.0), 0)
    centres = np.unique(data.train.inputs, axis=0)
    assert len(centres) == clouds
    assert np.linalg.norm(centres, axis=1) == pytest.approx(2, rel=1e-5)
    if features > clouds:
        assert centres @ centres.T == pytest.approx(4 * np.eye(clouds), abs=1e-5)


def test_gaussians_serve_the_experiment_on_initial_values():
    data = load(Gaussians(features=100, size=1000, noise=1.0), 0)
    assert data.train.inputs.std() == pytest.approx(1, abs=0.02)
    assert data.train.inputs.mean() == pytest.approx(0, abs=0.02)


def test_gaussians_too_large_for_memory_are_refused_unloaded():
    ((field, message),) = Gaussians(features=10_000, size=1_000_000).problems()
    assert field == "size"
    assert "12500000000" in message


def test_digits_are_all_there_with_a_fixed_test_part():
    digits = Digits(validation=0)
    first, second = load(digits, 0), load(digits, 1)
    assert len(first.train) == 1500
    assert len(first.test) == 297
    assert np.array_equal(first.test.inputs, second.test.inputs)
    images = idx.read(files.asset("data", "digits", "digits-images-idx3-ubyte.gz"))
    assert np.array_equal(first.test.inputs.reshape(-1, 8, 8), images[5:1782:6])
    both = np.concatenate([first.train.labels, first.test.labels])
    # The counts UCI gives for this file.
    assert np.bincount(both).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    unit = first.batch(first.train, slice(None))
    assert first.train.inputs.dtype == np.uint8
    assert (unit.min(), unit.max()) == (0, 1)
    assert np.bincount(first.test.labels).min() >= 20


def test_digits_look_like_digits():
    """A nearest class mean, learned on the pool, classifies most test images: labels and rows match."""
    data = load(Digits(validation=0), 0)
    x, y = data.batch(data.train, slice(None)), data.train.labels
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
    distance = ((data.batch(data.test, slice(None))[:, None] - means) ** 2).sum(axis=2)
    assert (distance.argmin(axis=1) == data.test.labels).mean() > 0.85


def test_mnist_is_declared_without_its_files():
    mnist = Mnist(train=8000, validation=2000)
    assert (mnist.shape, mnist.pool, mnist.test_examples) == ((28, 28), 60_000, 10_000)
    assert Mnist(train=60_001).problems()[0][0] == "train"
    assert datasets["fashion-mnist"]().classes[9] == "Ankle boot"


# -- numbers ----------------------------------------------------------------------------------------------

functions = pytest.mark.parametrize("entry", FUNCTIONS, ids=lambda entry: entry.name)


@functions
def test_numbers_are_a_function_of_the_inputs_and_noise_of_the_size_asked_for(entry):
    still = load(entry(noise=0.0, size=4000, normalize_target="none"), 0)
    moved = load(entry(noise=0.2, size=4000, normalize_target="none"), 0)
    assert still.target == "regression"
    assert still.train.labels.dtype == np.float32
    assert still.train.labels.shape == (len(still.train), entry().outputs)
    assert np.array_equal(still.train.inputs, moved.train.inputs)
    assert np.std(moved.train.labels - still.train.labels) == pytest.approx(0.2, rel=0.05)
    expected = entry(noise=0.0).function(still.test.inputs.astype(np.float64))
    assert still.test.labels[:, 0] == pytest.approx(expected, abs=1e-5)


def test_the_functions_by_hand():
    assert datasets["sine"](waves=2.0).function(np.array([[0.125], [-0.125]])) == pytest.approx([1, -1])
    assert datasets["hills"]().function(np.array([[0.5, 0.0], [0.5, 1.0]])) == pytest.approx([1, -1])
    ones = np.ones((1, 10)) * [[0.5, 1, 0.5, 1, 1, 9, 9, 9, 9, 9]]
    assert datasets["friedman1"]().function(ones) == pytest.approx([10 + 0 + 10 + 5])


@functions
def test_a_normalized_target_has_mean_0_and_variance_1_in_the_training_part_and_can_be_restored(
    entry,
):
    plain = load(entry(normalize_target="none"), 2)
    data = load(entry(normalize_target="standard"), 2)
    assert data.train.labels.mean() == pytest.approx(0, abs=1e-5)
    assert data.train.labels.var() == pytest.approx(1, abs=1e-4)
    for part, raw in (
        (data.train, plain.train),
        (data.validation, plain.validation),
        (data.test, plain.test),
    ):
        assert data.original(part.labels) == pytest.approx(raw.labels, rel=1e-5, abs=1e-5)
        assert not part.labels.flags.writeable
    assert np.array_equal(plain.original(plain.test.labels), plain.test.labels)


class Constant(Counting):
    """Its target is the number 7, and counts."""

    name = "constant"
    target = property(lambda self: "regression")
    classes = property(lambda self: ())
    outputs = property(lambda self: 2)

    def target_scaling(self):
        return "standard"

    @staticmethod
    def part(numbers):
        numbers = np.array(numbers)
        inputs = np.repeat(numbers[:, None], 3, axis=1).astype(np.uint8)
        return Part(inputs, np.stack([np.full(len(numbers), 7.0), numbers], axis=1).astype(np.float32))


def test_a_number_that_never_varies_keeps_its_unit_and_others_are_refused_where_they_are_no_numbers():
    data = load(Constant(), 0)
    assert not data.train.labels[:, 0].any()
    assert data.original(data.test.labels)[:, 0] == pytest.approx(7)
    assert np.array_equal(data.train.inputs[:, 0], np.rint(data.original(data.train.labels)[:, 1]))
    whole = read(Constant(), 0)
    whole.test.labels[3, 1] = np.nan
    with pytest.raises(DataError, match="target of example 3 is not a finite number"):
        draw(Constant(), whole, 0)
    whole = read(Constant(), 0)
    with pytest.raises(DataError, match="not 2 float32 numbers an example"):
        draw(Constant(), PoolAndTest(Part(whole.pool.inputs, whole.pool.labels[:, :1]), whole.test), 0)
