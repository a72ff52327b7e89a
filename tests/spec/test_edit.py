"""Changing a preset by dotted paths, as ``--set`` and the app do."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import document
from tuiml.spec import SpecError, check
from tuiml.spec.edit import assign, put

STACK = [
    {"type": "flatten"},
    {"type": "dense", "units": 6, "activation": "tanh"},
    {"type": "dropout", "rate": 0.2},
    {"type": "dense", "activation": "softmax"},
]


def base(**rest):
    return document(STACK, {"optimizer": "sgd"}, **rest)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("training.learning_rate=0.01", 0.01),
        ("training.learning_rate = 0.01 ", 0.01),
        ("training.epochs=5", 5),
        ("training.epochs=1_000", 1000),
        ("training.optimizer=adam", "adam"),
        ('training.optimizer={ name = "sgd", momentum = 0.9 }', {"name": "sgd", "momentum": 0.9}),
        ("layers.1.activation=relu", "relu"),
        ("layers[1].activation=relu", "relu"),
        ("layers[1].bias=false", False),
        ("data.train=40", 40),
        ("name=two words", "two words"),
        ('name="quoted"', "quoted"),
        ("note=a=b", "a=b"),
        ('note="a=b"', "a=b"),
        ("note=", ""),
        ("note=line\nline", "line\nline"),
        ("note=0.5 of it", "0.5 of it"),
        ("note=[", "["),
    ],
)
def test_a_value_is_set_where_the_path_leads(setting, expected):
    before = base()
    kept = copy.deepcopy(before)
    after = assign(before, setting)
    assert before == kept  # undo holds the old document
    found = after
    for part in setting.partition("=")[0].strip().replace("[", ".").replace("]", "").split("."):
        found = found[int(part) if isinstance(found, list) else part]
    assert found == expected
    assert type(found) is type(expected)


def test_the_preset_trains_with_the_new_values():
    found, problems = check(assign(assign(base(), "training.learning_rate=0.5"), "layers.1.activation=elu"))
    assert not problems
    assert found.training.learning_rate == 0.5
    assert found.layers[1].activation.name == "elu"


def test_a_star_reaches_every_layer_that_has_the_key_and_no_other():
    after = assign(base(), "layers[*].initializer=he_normal")
    assert [layer.get("initializer") for layer in after["layers"]] == [None, "he_normal", None, "he_normal"]
    assert assign(base(), "layers.*.initializer=he_normal") == after
    assert assign(base(), "layers[*].rate=0.1")["layers"][2]["rate"] == 0.1


def test_layers_set_by_a_star_are_apart_afterwards():
    shared = assign(base(), 'layers[*].initializer={ name = "normal" }')
    after = assign(shared, "layers[1].initializer.stddev=0.5")
    assert after["layers"][1]["initializer"] == {"name": "normal", "stddev": 0.5}
    assert after["layers"][3]["initializer"] == {"name": "normal"}


def test_an_option_joins_a_choice_that_was_a_name():
    after = assign(base(), "training.optimizer.momentum=0.9")
    assert after["training"]["optimizer"] == {"name": "sgd", "momentum": 0.9}
    after = assign(document(["dense"]), "layers[0].activation=softmax")
    assert after["layers"] == [{"type": "dense", "activation": "softmax"}]
    assert assign({"data": "spiral"}, "data.noise=0.2")["data"] == {"name": "spiral", "noise": 0.2}


def test_a_section_that_is_left_out_comes_into_being():
    short = {key: value for key, value in base().items() if key != "training"}
    assert assign(short, "training.epochs=3")["training"] == {"epochs": 3}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("training.epochs", "not PATH=VALUE"),
        ("=3", "not PATH=VALUE"),
        ("", "not PATH=VALUE"),
        ("training..epochs=3", "not a path"),
        ("training.epochs!=3", "not a path"),
        ("layers[1=3", "not a path"),
        ("traning.epochs=3", "did you mean 'training'"),
        ("layers[9].units=3", "there is no layer 9; they count from 0 to 3"),
        ("layers[-1].units=3", "not a path"),
        ("layers.first.units=3", "there is no layer first"),
        ("layers[*].initializr=zeros", "did you mean 'initializer'"),
        ("layers[" + "9" * 5000 + "].units=3", "there is no layer 999999999"),
        ("version.major=1", "there is no 'version' to set"),
        ("training.epochs.x=1", "there is no 'epochs' to set"),
        ("\x1b[31m=1", "not a path"),
    ],
)
def test_a_path_that_leads_nowhere_is_one_line(setting, words):
    with pytest.raises(SpecError) as caught:
        assign(base(), setting)
    (problem,) = caught.value.problems
    assert problem.path == "--set"
    assert words in problem.message
    assert str(problem).isprintable()
    assert len(str(problem)) < 200


@pytest.mark.parametrize("stack", [[], [3], [None], {"a": 1}, "dense"])
def test_stacks_that_are_not_stacks(stack):
    for path in ("layers[0].units=3", "layers[*].units=3"):
        with pytest.raises(SpecError):
            assign({"version": 1, "layers": stack}, path)


def test_a_layer_of_no_known_type_has_no_keys():
    for kind in ([], "conv", 3):
        with pytest.raises(SpecError, match="no layer has the key"):
            assign({"version": 1, "layers": [{"type": kind}]}, "layers[*].units=3")


paths = st.lists(
    st.sampled_from(
        [
            "training",
            "layers",
            "data",
            "name",
            ".",
            "[",
            "]",
            "*",
            "0",
            "1",
            "units",
            "x",
            "-",
            " ",
            "=",
            "é",
            "optimizer",
        ]
    ),
    max_size=8,
).map("".join)


@given(paths, st.text(max_size=12))
def test_any_setting_is_applied_or_refused(path, value):
    try:
        after = assign(base(), f"{path}={value}")
    except SpecError as error:
        lines = str(error).splitlines()
    else:
        lines = [str(problem) for problem in check(after)[1]] or ["nothing wrong"]
    assert all(lines)
    assert all("\n" not in line for line in lines)


@pytest.mark.parametrize(
    ("last", "found"),
    [
        ([{"type": "dense", "activation": "softmax"}], ["relu", "softmax"]),
        ([{"type": "dense"}, {"type": "activation", "activation": "softmax"}], ["relu", None, "softmax"]),
        ([{"type": "dense", "activation": "linear"}, {"type": "flatten"}], ["relu", "relu", None]),
    ],
)
def test_the_activation_of_every_layer_leaves_that_of_the_output_layer(last, found):
    """Which belongs to the loss: softmax to the cross-entropy."""
    stack = {"layers": [{"type": "dense", "units": 4, "activation": "tanh"}, *last]}
    changed = put(stack, "layers[*].activation", "relu")
    assert [layer.get("activation") for layer in changed["layers"]] == found
    assert put({"layers": last[:1]}, "layers[*].activation", "relu")["layers"][0]["activation"] == "relu"
