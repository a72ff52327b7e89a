"""Random presets, made from the registries: a new entry or option is drawn as soon as it is declared."""

import math

from hypothesis import strategies as st

from tuiml.data.datasets import datasets
from tuiml.nn import activations, layers, losses, pretrainings
from tuiml.registry import options_of
from tuiml.spec import Preset, Training
from tuiml.spec.stopping import stoppings

text = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=20).filter(str.strip)


def names(registry):
    return st.sampled_from([word for entry in registry for word in (entry.name, *entry.aliases)])


def options(draw, model, skip=()):
    """Some of a model's options, each with a value it allows by itself."""
    return {o.name: draw(values(o)) for o in options_of(model) if o.name not in skip and draw(st.booleans())}


def values(option):
    """What an option allows; numbers of everyday size mostly, its bounds sometimes."""
    if option.registry:
        return choices(option.registry)
    if option.words:
        return st.sampled_from(option.words)
    if option.kind == "bool":
        return st.booleans()
    if option.kind == "int":
        low, high = option.low, min(option.high or 2**31, option.low + 20)
        return st.one_of(st.integers(low, high), st.just(option.low))
    if option.kind == "float":
        low = option.low if option.low is not None else -1e3
        high = option.high if option.high is not None else 1e3
        ends = {"exclude_min": option.low_open, "exclude_max": option.high_open}
        return st.one_of(st.floats(low, high, **ends), st.floats(low, min(high, low + 1.0), **ends))
    return text


@st.composite
def choices(draw, registry):
    """A name, or a table with options."""
    name = draw(names(registry))
    table = options(draw, registry[name])
    return {registry.key: name, **table} if table or draw(st.booleans()) else name


@st.composite
def valid(draw):
    """A document that describes a preset, whatever is drawn."""
    data = datasets[draw(names(datasets))]
    table = {
        "name": data.name,
        **options(draw, data, skip=("size", "train", "validation", "folds", "fold", "features", "path")),
    }
    known = {o.name for o in options_of(data)}
    if "size" in known:
        table["size"] = draw(st.integers(20, 60))
    if "features" in known:
        low = next(o.low for o in options_of(data) if o.name == "features")
        table["features"] = draw(st.integers(low, low + 4))
    pool = data(**table_options(table)).pool
    if draw(st.booleans()):
        table["folds"] = draw(st.integers(2, min(pool, 100)))
        table["fold"] = draw(st.integers(0, table["folds"] - 1))
        table["train"] = draw(st.integers(1, min(pool - -(-pool // table["folds"]), 30)))
    else:
        table["train"] = draw(st.integers(1, min(pool, 30)))
        table["validation"] = draw(st.integers(0, min(pool - table["train"], 10)))
    made = data(**table_options(table))
    classes, numbers = made.outputs, made.target == "regression"

    loss = losses[draw(names(losses).filter(lambda word: not (numbers and losses[word].activation)))]
    hidden = [f.name for f in activations if not f.output_only]
    stack = draw(before_flatten(made.shape, hidden))
    lonely = table["train"] == 1  # one example has no mean that is not itself
    kinds = names(layers).filter(
        lambda kind: not layers[kind].images and not (lonely and layers[kind].mixes_examples)
    )
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(kinds)
        known = {o.name for o in options_of(layers[kind])}
        layer = {"type": kind, **options(draw, layers[kind], skip=("units", "activation"))}
        if "units" in known:
            layer["units"] = draw(st.integers(1, 8))
        if "activation" in known:
            layer["activation"] = draw(table_of(activations, hidden))
        stack.append(layer)
    pretrained = {}
    if draw(st.booleans()):
        table["normalize"] = draw(st.sampled_from(["unit", "standard"]))
        hidden_units = {"type": "dense", "units": draw(st.integers(1, 8)), "activation": "sigmoid"}
        stack = [{"type": "flatten"}, hidden_units, *([{"type": "dropout"}] if draw(st.booleans()) else [])]
        method = draw(names(pretrainings))
        drawn = options(draw, pretrainings[method], skip=("epochs", "batch_size"))
        pretrained = {"pretraining": {"method": method, **drawn, "epochs": 1, "batch_size": 1}}
    last = {"type": "dense", **options(draw, layers["dense"], skip=("units", "activation"))}
    function = loss.activation or draw(table_of(activations, hidden if numbers else activations.names()))
    if draw(st.booleans()):
        named = function if isinstance(function, str) else function["name"]
        one = classes == 2 and not numbers and activations[named].name != "softmax" and draw(st.booleans())
        last["units"] = 1 if one else classes
    alone = draw(st.booleans())
    stack += [last, {"type": "activation", "activation": function}] if alone else []
    stack += [] if alone else [{**last, "activation": function}]

    training = options(draw, Training, skip=("loss", "batch_size", "epochs", "early_stopping"))
    if draw(st.booleans()):
        rules = [
            r
            for r in stoppings.names()
            if "folds" in table or table["validation"] or not r.startswith("val_")
        ]
        rules = [r for r in rules if not (numbers and r.endswith("accuracy"))]
        training["early_stopping"] = draw(table_of(stoppings, rules))
    batch = draw(st.integers(1, table["train"]))
    mixed = any(layers[layer["type"]].mixes_examples for layer in stack)
    if mixed and min(batch, table["train"] % batch or batch) == 1:
        batch = table["train"]
    training |= {"loss": loss.name, "batch_size": batch}
    return {
        "version": 1,
        **options(draw, Preset, skip=("version", "data", "layers", "pretraining", "training")),
        "data": table,
        "layers": stack,
        **pretrained,
        "training": training,
    }


@st.composite
def before_flatten(draw, shape, hidden):
    """Layers for pictures, as long as what is left of one fits into them; then a flat row of numbers."""
    stack = []
    kinds = st.sampled_from([entry.name for entry in layers if entry.images])
    for _ in range(draw(st.integers(0, 3)) if len(shape) > 1 else 0):
        kind = draw(kinds)
        layer = {"type": kind, **options(draw, layers[kind], skip=("filters", "activation"))}
        if "filters" in {o.name for o in options_of(layers[kind])}:
            layer["filters"] = draw(st.integers(1, 4))
            layer["activation"] = draw(table_of(activations, hidden))
        try:
            after = layers.read(layer).output_shape(shape)
        except ValueError:
            continue
        stack.append(layer)
        shape = after
    return [*stack, {"type": "flatten"}]


def table_options(table):
    return {key: value for key, value in table.items() if key != "name"}


@st.composite
def table_of(draw, registry, allowed):
    name = draw(st.sampled_from(allowed))
    table = options(draw, registry[name])
    return {"name": name, **table} if table else name


@st.composite
def loose(draw):
    """A document whose parts are each allowed, but may not go together."""
    found = {"version": 1}
    for key, strategy in {
        "name": text,
        "note": text,
        "data": choices(datasets),
        "layers": st.lists(choices(layers), max_size=5),
        "pretraining": choices(pretrainings),
        "training": st.builds(dict),
    }.items():
        if draw(st.integers(0, 9)):
            found[key] = draw(strategy)
    if "training" in found:
        found["training"] = options(draw, Training)
    return found


junk = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([0, -1, 2**31, 2**63, 10**400]),
        st.floats(),
        st.sampled_from([math.nan, math.inf, -math.inf, 1e308, 5e-324, -0.0]),
        st.text(max_size=8),
        st.sampled_from(["relu", "dense", "sgd", "x" * 5000, "\x1b[2J", "a\nb", "\ud800", "[/]", "‮", ""]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def broken(draw):
    """A document with a few of its parts removed, misspelled or replaced by something else."""
    found = draw(st.one_of(valid(), loose()))
    for _ in range(draw(st.integers(1, 4))):
        holder = draw(st.sampled_from(holders(found)))
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        action = draw(st.sampled_from(["replace", "remove", "add", "misspell"]))
        if action == "add" or not keys:
            if isinstance(holder, dict):
                holder[
                    draw(st.one_of(st.text(max_size=6), st.sampled_from(["units", "name", "type", "rate"])))
                ] = draw(junk)
            else:
                holder.append(draw(junk))
            continue
        key = draw(st.sampled_from(keys))
        if action == "replace":
            holder[key] = draw(junk)
        elif action == "remove":
            del holder[key]
        elif isinstance(holder, dict):
            holder[key[1:] + "x"] = holder.pop(key)
        elif isinstance(holder[key], str):
            holder[key] += "x"
    return found


def holders(value):
    """Every table and list in a document, itself included."""
    found = [value] if isinstance(value, dict | list) else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found + [holder for one in inner for holder in holders(one)]
