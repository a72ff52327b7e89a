"""What is odd about data is said before the first step; what cannot be trained on is refused."""

import json

import numpy as np
import pytest

from tests.data.own_files import flowers, own, text
from tuiml.cli import main
from tuiml.data import DataError, file_report, notices
from tuiml.data.arrays import Part, PoolAndTest
from tuiml.data.datasets import Dataset, datasets
from tuiml.data.own.reading import DataFiles
from tuiml.data.prepare import draw, load
from tuiml.runs import session
from tuiml.spec.check import check
from tuiml.training.events import Epoch, Notice, Start

STACK = [{"type": "dense", "units": 4, "activation": "relu"}, {"type": "dense", "activation": "softmax"}]


class Given(Dataset):
    """Examples that are given, as a data set."""

    name = "given"
    kind = "own"

    @property
    def shape(self):
        return (3,)

    @property
    def classes(self):
        return ("a", "b", "c")

    @property
    def pool(self):
        return 40

    @property
    def test_examples(self):
        return 10


def whole(labels=None, inputs=None):
    rng = np.random.default_rng(0)
    x = rng.random((50, 3)).astype(np.float32) if inputs is None else inputs
    y = np.arange(50) % 3 if labels is None else labels
    return PoolAndTest(Part(x[:40], y[:40].astype(np.int32)), Part(x[40:], y[40:].astype(np.int32)))


def notices_of(found, **options):
    return dict(draw(Given(**options), found, 0).notices)


def test_nothing_is_said_of_data_as_it_should_be():
    assert notices_of(whole()) == {}
    for name in ("digits", "spiral", "moons", "gaussians"):
        assert load(datasets[name](), 0).notices == ()


def test_labels_out_of_range_and_numbers_that_are_not_finite_are_refused():
    for wrong in (3, -1):
        with pytest.raises(DataError, match=rf"example 7 has label {wrong}, labels go from 0 to 2"):
            notices_of(whole(np.where(np.arange(50) == 7, wrong, 0)))
    inputs = whole().pool.inputs.copy()
    for wrong in (np.nan, np.inf):
        x = np.concatenate([inputs, inputs[:10]])
        x[45, 2] = x[48, 0] = wrong
        with pytest.raises(DataError, match=rf"value 2 of test example 5 is {wrong} \(2 such values\)"):
            notices_of(whole(inputs=x))


def test_one_class_missing_classes_and_unequal_ones():
    assert "are of one class, 'b': there is nothing" in notices_of(whole(np.ones(50)))["data classes"]
    labels = np.arange(50) % 2
    assert notices_of(whole(labels))["data classes"] == "no training example is of class c"
    labels = np.zeros(50)
    labels[[1, 2]] = 1, 2
    found = notices_of(whole(labels), validation=0)
    assert found["data classes"] == (
        "the classes are far from equal: 38 examples of 'a', 1 of 'b'; "
        "to guess 'a' always is right in 95 % of them"
    )
    assert "2 training examples for 3 classes" in notices_of(whole(), train=2, validation=30)["data classes"]


def test_empty_parts_constant_columns_large_inputs_and_examples_that_are_there_twice():
    assert "there are no validation examples" in notices_of(whole(), validation=0)["data validation"]
    x = whole().pool.inputs
    x = np.concatenate([x, x[:10]])
    x[:, 1] = 5
    found = notices_of(whole(inputs=x))
    assert found["data columns"] == "the same in every training example, so they tell nothing: 2"
    assert found["data twice"].endswith("of the 10 test examples have the same inputs as a training example")
    assert (
        "every training example is the same"
        in notices_of(whole(inputs=np.ones((50, 3), np.float32)))["data columns"]
    )
    x = whole().pool.inputs * 1000
    found = notices_of(whole(inputs=np.concatenate([x, x[:10]])), normalize="none")
    assert found["data range"].startswith("the inputs go up to 99")


def test_the_fingerprint_is_of_every_value():
    one, two = whole(), whole()
    assert notices.fingerprint(one) == notices.fingerprint(two)
    two.test.inputs[9, 2] += 1
    assert notices.fingerprint(one) != notices.fingerprint(two)
    assert len(draw(Given(), one, 0).fingerprint) == 64
    assert load(datasets["digits"](), 0).fingerprint == ""


def preset_of(path, **options):
    training = {"batch_size": 10, "epochs": 2}
    data = {"path": str(path), **options}
    preset, problems = check({"version": 1, "data": data, "layers": STACK, "training": training}, DataFiles())
    assert problems == []
    return preset


def test_a_run_says_it_before_the_first_step_and_records_it(tmp_path):
    path = text(tmp_path / "t.csv", "a,b,y\n" + "".join(f"{i},7,{'uv'[i % 2]}\n" for i in range(60)))
    events = list(session.run(preset_of(path, validation=0), name="one"))
    kinds = [type(event) for event in events]
    notices = [event for event in events if isinstance(event, Notice)]
    assert {event.about for event in notices} == {"data file", "data validation", "data columns"}
    assert "so they tell nothing: b" in next(e.text for e in notices if e.about == "data columns")
    assert kinds.index(Start) < kinds.index(Notice) < kinds.index(Epoch)
    start = next(event for event in events if isinstance(event, Start))
    folder = tmp_path.__class__(start.path)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines[0]["data"] == start.data != ""
    assert [line["about"] for line in lines if line["event"] == "notice"] == [e.about for e in notices]
    assert f'path = "{path}"' in (folder / "preset.toml").read_text()


def started(name, epochs) -> Start:
    """The start of a run that goes on, and no more of it."""
    events = session.resume(name, [f"training.epochs={epochs}"])
    found = next(event for event in events if isinstance(event, Start))
    events.close()
    return found


def test_a_run_goes_on_over_changed_data_and_says_so(tmp_path):
    path = flowers(tmp_path / "t.csv", 60)
    list(session.run(preset_of(path), name="one"))
    assert started("one", 3).note == ""
    text(path, path.read_text().replace("setosa", "sylvatica"))
    assert started("one", 4).note == ""  # the values are the same: names of classes are no part of them
    lines = path.read_text().splitlines()
    lines[3] = "9,9,9," + lines[3].rpartition(",")[2]
    text(path, "\n".join(lines))
    assert "its data, or how it is read and scaled, is not what it was" in started("one", 5).note
    path.unlink()
    assert main(["resume", "one"]) == 2


def test_validation_finds_numbers_only_where_they_are_wanted(tmp_path):
    path = text(tmp_path / "t.csv", "a,y\n" + "".join(f"{i},{i * 0.5}\n" for i in range(40)))
    data = load(own(path), 0)
    assert data.target == "regression"
    ((about, said),) = data.notices
    assert about == "data file"
    assert "taken for a regression" in said
    assert np.allclose(data.original(data.test.labels)[:, 0], data.test.inputs[:, 0] * 0.5, atol=1e-4)
    assert file_report.inspect(path, deep=True).warnings == (said,)


@pytest.mark.parametrize(("rare", "said"), [(10, False), (9, True)])
def test_a_class_with_less_than_a_tenth_of_the_largest_is_said_with_the_setting(tmp_path, capsys, rare, said):
    rows = [f"{i},{i % 7},{'rare' if i < rare else 'usual'}" for i in range(rare + 100)]
    path = text(tmp_path / "classes.csv", "a,b,kind\n" + "\n".join(rows) + "\n")
    assert main(["data", "check", str(path)]) == 0
    out = capsys.readouterr().out
    assert f"target: one of 2 classes (rare: {rare}; usual: 100)" in out
    line = f"smallest class has {rare} examples, less than a tenth of the largest's 100: class_weight ="
    assert (line in out) is said
    assert any("class_weight" in warning for warning in file_report.inspect(path).warnings) is said
