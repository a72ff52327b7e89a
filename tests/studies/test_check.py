"""A study's file is held to what a preset is held to: everything wrong is said at once, where it is."""

import copy

import pytest

from tests.studies.examples import RATE, document, preset, problems, regression, study
from tuiml.spec import dumps, loads
from tuiml.spec.check import MAX_PROBLEMS
from tuiml.studies import methods, trials
from tuiml.studies.check import check, count_text
from tuiml.studies.study import MAX_TRIALS

VALUES = {"path": "training.batch_size", "values": [8, 16]}
DRAWN = {"method": "random", "trials": 5}
VARIANTS = [{"name": "one"}, {"name": "two", "set": {"training.epochs": 2}}]


def vary(*some):
    return {"vary": list(some)}


WRONG = {
    # the study's own keys
    "an unknown key": ({"seed": [1]}, "'seed' is not a key here; did you mean 'seeds'?"),
    "an unknown key of a setting": (vary({**VALUES, "vals": [1]}), "vary[0]: 'vals' is not a key here"),
    "no path": (vary({"values": [1]}), "vary[0].path: is missing"),
    "a text for a list": ({"vary": "relu"}, "vary: 'relu' is not a list of tables"),
    "a name of two lines": ({"name": "a\nb"}, "name: must be one line of plain text, not empty"),
    "another version": ({"version": 2}, "version: 2 is not allowed"),
    "a seed below 0": ({"seeds": [0, -1]}, "seeds[1]: -1 is not allowed"),
    "no seed": ({"seeds": []}, "seeds: "),
    "a seed twice": ({"seeds": [0, 1, 0]}, "seeds: 0 is there 2 times; give each seed once"),
    "one fold": ({"seeds": None, "folds": 1}, "folds: 1 is not allowed"),
    "folds and seeds": ({"folds": 5}, "folds: is given beside seeds; give one of the two"),
    # the settings that are varied
    "nothing to vary over": (vary({"path": "training.epochs"}), "vary[0]: has neither values nor a range"),
    "values and a range": (
        {**vary({**RATE, "values": [1.0]}), "search": DRAWN},
        "vary[0]: has values and a range; give one of the two",
    ),
    "half a range": (
        {**vary({**RATE, "high": None} | {"path": "training.l1"}), "search": DRAWN},
        "vary[0].high: is missing: a range has low and high",
    ),
    "an upside-down range": (
        {**vary({**RATE, "low": 2.0}), "search": DRAWN},
        "vary[0].high: 1 is not above low, 2",
    ),
    "the logarithm of 0": (
        {**vary({**RATE, "low": 0.0}), "search": DRAWN},
        "vary[0].low: 0 is not allowed on a log scale",
    ),
    "a whole number and a half": (
        {**vary({"path": "training.epochs", "low": 1.5, "high": 3.0, "integer": True}), "search": DRAWN},
        "vary[0].low: a range of whole numbers begins and ends with one",
    ),
    "a range in a grid": (vary(RATE), "vary[0]: has a range, which grid cannot search"),
    "a value twice": (vary({**VALUES, "values": [8, 16, 8]}), "vary[0].values[2]: 8 is values[0] again"),
    "a setting twice": (vary(VALUES, VALUES), "vary[1].path: training.batch_size is varied by vary[0]"),
    "a path that leads nowhere": (
        vary({"path": "layers[*].activaton", "values": ["relu"]}),
        "vary[0].path: no layer has the key; did you mean 'activation'?",
    ),
    "no path at all": (vary({"path": "a b", "values": [1]}), "vary[0].path: 'a b' is not a path"),
    "the seed is varied": (vary({"path": "training.seed", "values": [1]}), "vary[0].path: the seeds of a"),
    "the seed is set": ({"set": {"training.seed": 1}}, "set.'training.seed': the seeds of a study are"),
    "a fold is set": ({"set": {"data.fold": 1}}, "set.'data.fold': the folds of a study are its own"),
    # what it makes of presets
    "an unknown value": (
        vary({"path": "layers[*].activation", "values": ["tanh", "rleu"]}),
        "vary[0].values[1]: 'rleu' is not an activation; did you mean 'relu'?",
    ),
    "a value out of bounds": (vary({**VALUES, "values": [8, 0]}), "vary[0].values[1]: 0 is not allowed"),
    "a table as a value": (
        vary({"path": "training.optimizer", "values": ["sgd", {"name": "sgd", "momentum": 2.0}]}),
        "vary[0].values[1]: momentum: 2.0 is not allowed",
    ),
    "an end of a range": (
        {**vary({**RATE, "high": 5000.0}), "search": DRAWN},
        "vary[0].high: 5000.0 is not allowed",
    ),
    "a value spelled in two ways": (
        vary({"path": "training.optimizer", "values": ["sgd", "adam", {"name": "sgd"}]}),
        "vary[0].values[2]: trains the same as vary[0].values[0]: leave one of the two out",
    ),
    "two variants alike": (
        {"variant": [{"name": "a"}, {"name": "b", "set": {"training.l1": 0.0}}], **vary()},
        "variant[1]: trains the same as variant[0]",
    ),
    "values that do not go together": (
        vary({**VALUES, "values": [16, 64]}, {"path": "data.train", "values": [30, 70]}),
        "vary[0].values[1] with vary[1].values[0]: training.batch_size: 64 is more than the 30",
    ),
    "an unknown preset": (
        {"preset": "digits-quikstart"},
        "preset: there is no preset 'digits-quikstart'; did you mean 'digits-quickstart'?",
    ),
    "no preset": ({"preset": None}, "preset: is missing"),
    "a preset of another kind": ({"preset": 3}, "preset: 3 is no preset's name, nor its tables"),
    "a broken preset": ({"preset": preset(epochs=0)}, "preset: training.epochs: 0 is not allowed"),
    "a setting for all": ({"set": {"training.epochs": -1}}, "set.'training.epochs': training.epochs: -1"),
    "a setting that leads nowhere": ({"set": {"trainin.epochs": 1}}, "set.'trainin.epochs': there is no"),
    # variants
    "a variant's preset": (
        {"variant": [{"name": "a", "preset": "mnist-relu"}]},
        "variant[0].preset: there is no preset 'mnist-relu'; did you mean 'mnist-relu-3'?",
    ),
    "a variant twice": ({"variant": [{"name": "a"}, {"name": "a"}]}, "variant[1].name: 'a' is the name of"),
    "a variant's setting": (
        {"variant": [{"name": "a"}, {"name": "b", "set": {"training.epochs": 0}}]},
        "variant[1].set.'training.epochs': training.epochs: 0 is not allowed",
    ),
    "a variant's setting that is varied": (
        {**vary(VALUES), "variant": [{"name": "a", "set": {"training.batch_size": 4}}]},
        "variant[0].set.'training.batch_size': is varied as well",
    ),
    "a value that one variant lacks": (
        {"variant": [{"name": "a"}, {"name": "b", "preset": regression()}], **vary()},
        "search.metric: val_accuracy is for classification, and sine is a regression",
    ),
    # the search
    "an unknown method": (
        {"search": {"method": "rnadom"}},
        "search.method: 'rnadom' is not a method of search; did you mean 'random'?",
    ),
    "the test part": ({"search": {"metric": "test_accuracy"}}, "search.metric: 'test_accuracy' is not"),
    "a metric without examples": (
        {"set": {"data.validation": 0}, "search": {"metric": "val_loss"}},
        "search.metric: val_loss needs validation examples",
    ),
    "R² of classes": ({"search": {"metric": "val_r2"}}, "search.metric: val_r2 is for regression, and"),
    "accuracy of a regression": (
        {"preset": regression(), **vary(VALUES), "search": {"metric": "val_accuracy"}},
        "search.metric: val_accuracy is for classification, and sine is a regression",
    ),
    "losses of different kinds": (
        vary({"path": "training.loss", "values": ["cross_entropy", "mse"]})
        | {"search": {"metric": "val_loss"}},
        "search.metric: val_loss of different losses cannot be compared",
    ),
    "halving of unequal lengths": (
        {**vary({"path": "training.epochs", "values": [3, 9]}), "search": {"method": "halving"}},
        "search.method: halving compares after equal epochs",
    ),
    "the rate is tuned and varied": (
        {**vary({"path": "training.learning_rate", "values": [0.1]}), "tune": "training.learning_rate"},
        "tune: training.learning_rate is given by vary[0].path as well",
    ),
    "another setting is tuned": ({"tune": "training.l1"}, "tune: 'training.l1' cannot be tuned"),
    "tuning and halving": (
        {"tune": "training.learning_rate", "search": {"method": "halving"}},
        "tune: cannot be used with halving",
    ),
    # references
    "a reference to nothing": (
        {"reference": [{"set": {"layers[*].activation": "selu"}, "test_accuracy": 0.9, "source": "n"}]},
        "reference[0]: matches no configuration",
    ),
    "a reference to several": (
        {**vary(VALUES, RATE | {"low": None, "high": None, "values": [0.1, 0.2]}),
         "reference": [{"set": {"training.batch_size": 8}, "test_accuracy": 0.9, "source": "n"}]},
        "reference[0]: matches 2 configurations; say which",
    ),
    "a reference without a figure": (
        {"reference": [{"set": {"layers[*].activation": "relu"}, "source": "n"}]},
        "reference[0]: has no figure",
    ),
    "a reference to an unknown variant": (
        {"variant": VARIANTS, **vary(), "reference": [{"variant": "tow", "test_loss": 1.0, "source": "n"}]},
        "reference[0].variant: 'tow' is not a variant; did you mean 'two'?",
    ),
}  # fmt: skip


def without_none(changes):
    """TOML has no null: a key of None in an inner table is one that is left out."""
    if isinstance(changes, dict):
        return {key: without_none(value) for key, value in changes.items() if value is not None}
    return [without_none(value) for value in changes] if isinstance(changes, list) else changes


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_where_it_is(name):
    changes, told = WRONG[name]
    found = problems(**{key: without_none(value) for key, value in changes.items()})
    assert any(line.startswith(told) for line in found), found
    assert len(found) <= 2, found


def test_everything_wrong_is_said_at_once_in_the_order_of_the_study():
    found = problems(
        vary=[{"path": "layers[*].activation", "values": ["a", "b"]}, {**VALUES, "values": [0, 8]}]
    )
    assert [line.partition(":")[0] for line in found] == [
        f"vary[{i}].values[{j}]" for i, j in ((0, 0), (0, 1), (1, 0))
    ]


def test_a_hundred_problems_are_enough():
    found = problems(vary=[{"path": "layers[*].activation", "values": [f"none{i}" for i in range(400)]}])
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == "and 300 more problems"


def test_the_number_of_runs_is_bounded_and_said_before_any_is_made():
    wide = [{"path": f"layers[{i}].units", "values": list(range(1, 1001))} for i in range(20)]
    assert problems(vary=wide[:3], seeds=[0, 1, 2]) == [
        f"vary: 1,000,000,000 configurations × 3 seeds = 3,000,000,000 runs; at most {MAX_TRIALS:,}"
    ]
    assert f"at most {MAX_TRIALS:,}" in problems(vary=wide)[0]
    many = {"method": "random", "trials": 5000}
    assert (
        "5,000 configurations × 3 seeds = 15,000 runs"
        in problems(vary=[RATE], seeds=[0, 1, 2], search=many)[0]
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "3 configurations × 2 seeds = 6 runs"),
        ({"seeds": None, "folds": 5}, "3 configurations × 5 folds = 15 runs"),
        ({"vary": None, "seeds": [7]}, "1 configuration × 1 seed = 1 run"),
        ({"vary": [RATE], "search": DRAWN}, "5 configurations × 2 seeds = 10 runs"),
        ({"search": DRAWN}, "3 configurations × 2 seeds = 6 runs"),
        ({"variant": VARIANTS}, "6 configurations × 2 seeds = 12 runs"),
    ],
)
def test_the_number_of_runs_of_a_sound_study(changes, text):
    found = study(**changes)
    assert count_text(found) == text
    known = methods.known(found)
    assert sum(len(trials.trials_of(found, one)) for one in known) == int(text.split()[-2].replace(",", ""))


@pytest.mark.parametrize(
    ("changes", "metric"),
    [
        ({}, "val_accuracy"),
        ({"preset": regression(), "vary": [VALUES]}, "val_r2"),
        ({"set": {"data.validation": 0}}, "train_loss"),
        ({"seeds": None, "folds": 3}, "val_accuracy"),
        ({"search": {"metric": "val_loss"}}, "val_loss"),
    ],
)
def test_the_metric_that_suits_the_data_is_filled_in(changes, metric):
    assert study(**changes).search.metric == metric


def test_a_study_with_everything_reads_back_equal():
    found = study(
        note="two\nlines",
        set={"training.epochs": 3},
        variant=[{"name": "a"}, {"name": "b", "preset": "digits-quickstart", "set": {"training.l2": 0.1}}],
        vary=[VALUES, {"path": "training.optimizer", "values": ["sgd", {"name": "sgd", "momentum": 0.9}]}],
        reference=[
            {"variant": "a", "test_accuracy": 0.9, "source": "n", "reason": "raw",
             "set": {"training.batch_size": 8, "training.optimizer": "sgd"}}
        ],
    )  # fmt: skip
    again, wrong = check(loads(dumps(found.document())))
    assert wrong == []
    assert again == found


def test_a_document_is_not_changed_by_its_check():
    made = document(set={"training.epochs": 3})
    before = copy.deepcopy(made)
    check(made)
    assert made == before


def test_every_fold_is_checked():
    """41 points in two folds: batches of 20 leave a last batch of one in the smaller training part alone."""
    normed = preset(batch_size=20)
    normed["layers"].insert(1, {"type": "batch_norm"})
    normed["data"]["size"] = 41
    found = problems(preset=normed, seeds=None, folds=2)
    assert len(found) == 1
    assert "needs 2 examples in a batch" in found[0]
