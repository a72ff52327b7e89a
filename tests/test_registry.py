"""The registry: what every entry declares, and what forms, help and messages are made from."""

from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import PydanticCustomError

from tuiml.data.datasets import datasets
from tuiml.nn import (
    activations,
    class_weights,
    initializers,
    layers,
    losses,
    optimizers,
    pretrainings,
    schedules,
)
from tuiml.registry import Choice, Entry, Registry, closest, options_of, plain, short
from tuiml.spec import Preset, Training
from tuiml.spec.stopping import stoppings

REGISTRIES = {
    "activations": activations,
    "datasets": datasets,
    "initializers": initializers,
    "layers": layers,
    "losses": losses,
    "optimizers": optimizers,
    "schedules": schedules,
    "stoppings": stoppings,
    "class_weights": class_weights,
    "pretrainings": pretrainings,
}
registries = pytest.mark.parametrize("registry", REGISTRIES.values(), ids=REGISTRIES)
entries = pytest.mark.parametrize(
    ("registry", "entry"),
    [(r, e) for r in REGISTRIES.values() for e in r],
    ids=lambda v: getattr(v, "name", ""),
)


def test_the_names_the_interface_promises():
    for registry, names in (
        (activations, "linear sigmoid tanh relu leaky_relu prelu rrelu elu celu selu gelu silu softplus"),
        (activations, "softsign softmax"),
        (initializers, "zeros ones constant normal uniform truncated_normal glorot_normal glorot_uniform"),
        (initializers, "xavier he_normal he_uniform msra lecun_normal lecun_uniform orthogonal"),
        (optimizers, "sgd adagrad adadelta rmsprop adam adamw adamax nadam"),
        (losses, "cross_entropy binary_cross_entropy mse"),
        (layers, "flatten dense conv2d max_pool2d avg_pool2d global_avg_pool dropout"),
        (layers, "activation batch_norm layer_norm"),
        (schedules, "constant step exponential cosine linear_warmup one_cycle"),
        (class_weights, "none balanced manual"),
        (stoppings, "never val_loss val_accuracy train_loss"),
    ):
        assert [name for name in names.split() if name not in registry] == []


@entries
def test_every_entry_says_what_it_is(registry, entry):
    assert entry.formula
    assert entry.advice
    for text in (entry.formula, entry.advice, entry.source):
        assert "\n" not in text
    for option in options_of(entry):
        assert option.help, option.name
        assert option.kind in ("int", "float", "bool", "text", "words", "choice", "table")
        assert option.allowed()
        if option.kind in ("int", "float"):  # a form needs both ends, and a newcomer a sane default
            assert option.low is not None, option.name
            if option.default is not None:
                assert option.low <= option.default
                assert option.high is None or option.default <= option.high


@entries
def test_every_entry_is_found_by_name_and_alias_and_read_back(registry, entry):
    made = entry()
    for word in (entry.name, *entry.aliases):
        assert word in registry
        assert registry[word] is entry
        assert registry.read(word) == made
    assert registry.read(registry.write(made)) == made
    assert registry.read(registry.table(made)) == made
    assert registry.read(made) is made
    assert registry.write(made) == entry.name  # nothing but the name where all is as usual


@entries
def test_every_bound_is_enforced(registry, entry):
    for option in options_of(entry):
        if option.kind not in ("int", "float"):
            continue
        for end, open_, beyond in ((option.low, option.low_open, -1), (option.high, option.high_open, 1)):
            if end is None:
                continue
            with pytest.raises(ValidationError):
                entry(**{option.name: type(end)(end + beyond)})
            if open_:
                with pytest.raises(ValidationError):
                    entry(**{option.name: end})
            else:
                assert getattr(entry(**{option.name: end}), option.name) == end
        for wrong in ("1", True, float("nan"), float("inf"), [1], None if not option.optional else "x"):
            with pytest.raises(ValidationError):
                entry(**{option.name: wrong})


@entries
def test_entries_are_values(registry, entry):
    made = entry()
    with pytest.raises(ValidationError):
        made.surprise = 1
    with pytest.raises(ValidationError):
        entry(surprise=1)


@registries
def test_unknown_names_get_one_line_with_a_suggestion_or_the_choices(registry):
    for name in registry.names():
        assert f"did you mean '{name}'?" in registry.complaint(name + name[-1])
        assert f"did you mean '{name}'?" in registry.complaint(name.upper())
    far = registry.complaint("qqqqqq")
    assert registry.kind in far
    assert all(name in far for name in registry.names())
    for value in (3, None, [], {"a": 1}, "x\x1b[31m\ny", "a" * 10_000):
        text = registry.complaint(value)
        assert text.isprintable()
        assert len(text) < 400
        with pytest.raises((PydanticCustomError, ValidationError)):
            registry.read(value)


def test_a_suggestion_forgives_case_dashes_and_typing():
    assert "'relu'" in activations.complaint("rellu")
    assert "'leaky_relu'" in activations.complaint("Leaky-ReLU")
    assert "'he_normal'" in initializers.complaint("he normal")
    assert closest("", ["relu"]) is None
    assert closest(3, ["relu"]) is None


def test_names_are_unique():
    registry: Registry = Registry("a thing")

    @registry.add
    class One(Entry):
        name = "one"
        aliases = ("uno",)

    for taken in ("one", "uno", ""):
        again = type("Again", (Entry,), {"name": taken, "__annotations__": {}, "__module__": __name__})
        with pytest.raises(ValueError, match="empty or taken"):
            registry.add(again)
    assert registry.names() == ["one"]
    assert len(registry) == 1


class Sample(BaseModel):
    """One field of each kind."""

    count: int = Field(3, ge=1, le=9, description="how many")
    share: float = Field(0.5, gt=0.0, lt=1.0)
    flag: bool = False
    words: Literal["a", "b"] = "a"
    maybe: int | None = Field(None, ge=0)
    text: str
    choice: Annotated[Entry, Choice(activations)] = Field(activations["relu"]())
    perhaps: Annotated[Entry, Choice(activations)] | None = None
    many: tuple[Annotated[Entry, Choice(layers)], ...] = ()
    table: Training = Field(default_factory=Training)
    constant: ClassVar[int] = 1


def test_options_are_read_from_the_fields():
    found = {option.name: option for option in options_of(Sample)}
    kinds = {name: option.kind for name, option in found.items()}
    assert kinds == {
        "count": "int",
        "share": "float",
        "flag": "bool",
        "words": "words",
        "maybe": "int",
        "text": "text",
        "choice": "choice",
        "perhaps": "choice",
        "many": "choice",
        "table": "table",
    }
    assert found["count"].help == "how many"
    assert (found["count"].low, found["count"].high, found["count"].default) == (1, 9, 3)
    assert (found["share"].low_open, found["share"].high_open) == (True, True)
    assert found["maybe"].optional
    assert not found["maybe"].required
    assert found["text"].required
    assert found["choice"].registry is activations
    assert found["perhaps"].registry is activations
    assert found["perhaps"].optional
    assert found["many"].registry is layers
    assert found["table"].model is Training
    allowed = {name: option.allowed() for name, option in found.items() if option.kind != "table"}
    assert allowed["count"] == "a whole number at least 1, at most 9"
    assert allowed["share"] == "a number above 0, below 1"
    assert allowed["flag"] == "true or false"
    assert allowed["words"] == "one of a, b"
    assert allowed["choice"] == "an activation"
    assert allowed["many"] == "a layer"


def test_a_preset_has_options_too():
    found = {option.name: option for option in options_of(Preset)}
    assert found["data"].registry is datasets
    assert found["layers"].registry is layers
    assert found["training"].model is Training
    assert {o.name for o in options_of(Training)} >= {
        "loss",
        "optimizer",
        "learning_rate",
        "batch_size",
        "seed",
    }


def test_a_preset_is_validated_without_numpy():
    import subprocess
    import sys

    code = "import sys, tuiml.spec, tuiml.nn; sys.exit('numpy' in sys.modules or 'textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_values_from_files_are_shown_short_and_plain():
    assert short("relu") == "'relu'"
    assert short(0.5) == "0.5"
    assert len(short("x" * 10_000)) < 50
    assert len(short({"a": ["x" * 100] * 100})) < 50
    assert short("a\x1b[31mb\u202ec\n").isprintable()
    assert short("weiß 漢字") == "'weiß 漢字'"
    assert "too long" in short(16**60_000)  # Python refuses to write so many digits
    nested: list = []
    for _ in range(5000):
        nested = [nested]
    assert len(short(nested)) < 50  # whether or not this Python can write it


def test_bounds_are_written_as_one_does():
    assert [plain(n) for n in (1, 1.0, 0.5, 1_000_000, 2**32, 1e-30)] == [
        "1", "1", "0.5", "1,000,000", "4,294,967,296", "1e-30",
    ]  # fmt: skip
