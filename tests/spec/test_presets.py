"""Presets: whatever is in the file, a network that trains or problems that say where and what."""

import copy
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import document
from tests.spec import random_documents
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.data.arrays import Data, Part
from tuiml.spec import Preset, SpecError, check, dumps, load, loads, network_of
from tuiml.spec import toml as spec_toml
from tuiml.spec.check import MAX_PROBLEMS, complete, outline, read_layers
from tuiml.spec.library import find, save, slug

EXAMPLES = 9


def data_for(preset):
    """A few examples of the preset's shape and classes, not the data set's own."""
    rng, features = np.random.default_rng(0), int(np.prod(preset.data.shape))
    classes = preset.data.classes
    inputs = rng.standard_normal((EXAMPLES, features)).astype(np.float32)
    usual = np.float32(0), np.float32(1), "none"
    if preset.data.target == "regression":
        few = Part(inputs, rng.standard_normal((EXAMPLES, preset.data.outputs)).astype(np.float32))
        return Data(preset.data.shape, (), few, few, few, *usual, "regression")
    few = Part(inputs, (np.arange(EXAMPLES) % len(classes)).astype(np.int32))
    return Data(preset.data.shape, classes, few, few, few, *usual)


def train_one_step(preset):
    network, data = network_of(preset), data_for(preset)
    training = preset.training
    engine = NumpyEngine(network, training.optimizer, data, training.seed, training.penalties)
    rows = np.arange(min(preset.training.batch_size, EXAMPLES))
    engine.step(rows, preset.training.rate)
    totals = engine.evaluate(data.test)
    assert totals.examples == EXAMPLES


def leads_into(path, wrong):
    """Whether a problem's path names a place of the document, or one that could be there."""
    parts = re.findall(r"([A-Za-z_][\w-]*)|\[(\d+)\]", path)
    assert "".join(f".{a}" if a else f"[{b}]" for a, b in parts).removeprefix(".") == path
    here = wrong
    for name, index in parts:
        if index:
            if not isinstance(here, list) or int(index) >= len(here):
                return False
            here = here[int(index)]
        elif isinstance(here, dict):
            if name not in here:
                return True  # what is missing, or left to its default
            here = here[name]
        else:
            return True  # an option of a choice that was given by its name alone
    return True


def check_anything(wrong):
    """Check a document, and what must hold of any outcome."""
    before = copy.deepcopy(wrong)
    preset, problems = check(wrong)
    assert (preset is None) == bool(problems)
    for problem in problems:
        line = str(problem)
        assert line.isprintable() or " " in line, repr(line)
        assert len(line.splitlines()) == 1
        assert len(line) < 600
        assert problem.message
        assert leads_into(problem.path, wrong), problem
    assert repr(wrong) == repr(before)
    return preset, problems


@given(random_documents.valid())
def test_a_preset_made_of_allowed_parts_is_valid_trains_and_reads_back_equal(made):
    preset, problems = check_anything(made)
    assert not problems
    again, problems = check(loads(dumps(preset.document())))
    assert not problems
    assert again == preset
    assert loads(dumps(made)) == made
    train_one_step(preset)


@given(random_documents.loose())
def test_allowed_parts_that_may_not_go_together(made):
    preset, _ = check_anything(made)
    if preset and network_of(preset).size * preset.training.batch_size < 1_000_000:
        train_one_step(preset)
        assert check(loads(dumps(preset.document())))[0] == preset


@given(random_documents.broken())
def test_a_broken_preset_never_raises(made):
    preset, _ = check_anything(made)
    if preset and network_of(preset).size < 1_000_000:
        train_one_step(preset)
    read_layers(made.get("layers"))


@given(random_documents.junk)
def test_anything_at_all(value):
    check_anything(value)
    for key in ("data", "layers", "training", "name", "version"):
        check_anything({**document(), key: value})


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_not_toml(text):
    refused = refusal(text)
    assert refused is None or len(refused.splitlines()) == 1


@given(st.binary(max_size=100))
def test_any_bytes(data):
    with pytest.raises(SpecError):
        loads(b"\xff" + data)


def refusal(text):
    """Why a text is no document, or ``None`` where it is one."""
    try:
        check_anything(loads(text))
    except SpecError as error:
        return str(error)
    return None


# -- what the messages say --------------------------------------------------------------------------------


def problems_of(*args, **kwargs):
    return {problem.path: problem.message for problem in check(document(*args, **kwargs))[1]}


DENSE = {"type": "dense"}
SOFTMAX = {"type": "activation", "activation": "softmax"}
LAST = {"type": "dense", "activation": "softmax"}


def test_every_problem_is_listed_at_once():
    wrong = document(
        [
            {"type": "dense", "units": 0, "activation": "rellu"},
            {"type": "dense", "units": 4, "activation": {"name": "leaky_relu", "negative_slope": 7.0}},
            {"typ": "dropout"},
            {"type": "dropuot"},
            {"type": "dense", "activation": "softmax", "initialiser": "he_normal"},
        ],
        {
            "epochs": "many",
            "learning_rate": float("nan"),
            "optimizer": {"name": "sgd", "momentun": 0.9},
            "sed": 1,
        },
        nmae="x",
    )
    wrong["data"]["noise"] = True
    found = [str(problem) for problem in check(wrong)[1]]
    assert sorted(found) == sorted(
        [
            "layers[0].units: 0 is not allowed; give a whole number at least 1, at most 1,000,000",
            "layers[0].activation: 'rellu' is not an activation; did you mean 'relu'?",
            "layers[1].activation.negative_slope: 7.0 is not allowed; give a number at least 0, at most 1",
            "layers[2]: has no 'type' that names a layer",
            "layers[3]: 'dropuot' is not a layer; did you mean 'dropout'?",
            "layers[4]: 'initialiser' is not a key here; did you mean 'initializer'?",
            "training.epochs: 'many' is not allowed; give a whole number at least 1, at most 1,000,000",
            "training.learning_rate: nan is not allowed; give a number above 0, at most 1,000",
            "training.optimizer: 'momentun' is not a key here; did you mean 'momentum'?",
            "training: 'sed' is not a key here; did you mean 'seed'?",
            "data.noise: True is not allowed; give a number at least 0, at most 10",
            "'nmae' is not a key here; did you mean 'name'?",
        ]
    )


@pytest.mark.parametrize(
    ("stack", "training", "path", "words"),
    [
        ([{"type": "dense"}, LAST], {}, "layers[0].units", "is missing; only the last layer's"),
        (
            [{"type": "dense", "units": 3, "activation": "softmax"}, LAST],
            {},
            "layers[0].activation",
            "last layer alone",
        ),
        (
            [{"type": "dense", "units": 2}, {"type": "dropout"}],
            {},
            "layers[1]",
            "the last layer must be dense with 2 units",
        ),
        ([{"type": "dense"}, {"type": "batch_norm"}], {}, "layers[0].units", "is missing"),
        (
            [{"type": "dense", "units": 2}, {"type": "batch_norm"}],
            {},
            "layers[1]",
            "dense with 2 units, or an activation after it, not batch_norm",
        ),
        ([SOFTMAX, LAST], {}, "layers[0].activation", "last layer alone"),
        ([LAST, SOFTMAX], {}, "layers[0].activation", "last layer alone"),
        (
            [DENSE, {"type": "activation"}],
            {},
            "layers[1].activation",
            "needs softmax on the last layer, not relu",
        ),
        (
            [{**DENSE, "units": 5}, SOFTMAX],
            {},
            "layers[0].units",
            "5 outputs for 2 classes; give 2, or leave",
        ),
        (
            [{**DENSE, "units": 5}, {"type": "layer_norm"}, SOFTMAX],
            {},
            "layers[2]",
            "5 outputs for 2 classes; put a dense layer with 2 units before it",
        ),
        (
            [{"type": "batch_norm"}, LAST],
            {"batch_size": 1},
            "training.batch_size",
            "batch_norm (layers[0]) needs 2 examples in a batch; a batch has 1: give 2",
        ),
        (
            [{"type": "batch_norm"}, LAST],
            {"batch_size": 59},
            "training.batch_size",
            "the last batch of 60 examples has 1: give 60",
        ),
        ([{**LAST, "units": 5}], {}, "layers[0].units", "5 outputs for 2 classes; give 2"),
        ([{**LAST, "units": 1}], {}, "layers[0].units", "1 outputs for 2 classes"),
        ([{**LAST, "activation": "tanh"}], {}, "layers[0].activation", "cross_entropy needs softmax"),
        ([LAST], {"loss": "binary_cross_entropy"}, "layers[0].activation", "needs sigmoid"),
        ([LAST], {"batch_size": 61}, "training.batch_size", "61 is more than the 60 training examples"),
        ([], {}, "layers", "needs at least one layer"),
        ([LAST] * 201, {}, "layers", "more than 200"),
        ("dense", {}, "layers", "is not a list of tables"),
        ({"type": "dense"}, {}, "layers", "is not a list of tables"),
        ([LAST], {"seed": 2**32}, "training.seed", "below 4,294,967,296"),
        ([LAST], {"learning_rate": float("inf")}, "training.learning_rate", "inf is not allowed"),
        ([LAST], {"learning_rate": 0}, "training.learning_rate", "above 0"),
        ([LAST], {"loss": 3}, "training.loss", "3 is not a loss; choose from cross_entropy"),
    ],
)
def test_what_does_not_fit_together(stack, training, path, words):
    found = (
        problems_of(stack, training)
        if stack
        else {p.path: p.message for p in check({**document(), "layers": []})[1]}
    )
    assert set(found) == {path}
    assert words in found[path]


@pytest.mark.parametrize("between", [[], [{"type": "activation", "activation": "tanh"}]])
def test_units_are_left_out_before_activations_that_end_the_stack(between):
    stack = [*between, DENSE, *between, SOFTMAX]
    preset, problems = check(document(stack))
    assert not problems
    assert network_of(preset).outputs == 2
    assert problems_of([DENSE, {"type": "dropout"}, SOFTMAX]).keys() == {"layers[0].units"}
    single = [{"type": "dense", "units": 1}, {"type": "activation", "activation": "sigmoid"}]
    assert not problems_of(single, {"loss": "binary_cross_entropy"})


def test_one_example_is_enough_where_a_picture_is_normalized():
    stack = [{"type": "batch_norm"}, {"type": "flatten"}, LAST]
    assert check({**document(stack, {"batch_size": 1}), "data": {"name": "digits"}})[0]
    lonely = {"name": "digits", "train": 1, "validation": 0}
    (problem,) = check({**document([stack[1], *stack], {"batch_size": 1}), "data": lonely})[1]
    assert str(problem).endswith("a batch has 1: give at least 2 training examples")


def test_a_misspelled_key_is_compared_with_the_keys_of_its_table():
    found = problems_of([{**LAST, "tyep": 1, "zzz": 2}])
    assert found["layers[0]"].startswith("'zzz' is not a key here; known here: type, units, activation")
    assert "did you mean 'type'" in str(check(document([{**LAST, "tyep": 1}]))[1][0])
    assert "did you mean 'noise'" in str(check({**document(), "data": {"name": "moons", "nosie": 1}})[1][0])


def test_pictures_need_a_flatten_layer():
    wrong = {**document([LAST]), "data": {"name": "digits"}}
    (problem,) = check(wrong)[1]
    assert problem.path == "layers[0]"
    assert "8×8: put a flatten layer before it" in problem.message
    assert check({**wrong, "layers": [{"type": "flatten"}, LAST]})[0]


def test_more_than_any_computer_holds_is_refused_before_it_is_asked_for():
    wide = {"type": "dense", "units": 1_000_000}
    found = problems_of([wide, wide, LAST])
    assert list(found) == ["layers[1].units"]
    assert "1,000,006,000,002" in found["layers[1].units"]
    big = {**document([wide, LAST], {"batch_size": 50_000}), "data": {"name": "spiral", "size": 100_000}}
    (problem,) = check(big)[1]
    assert problem.path == "training.batch_size"


def test_thousands_of_problems_are_cut_short_with_their_number():
    wrong = {**document(), **{f"key{i}": 1 for i in range(5000)}}
    problems = check(wrong)[1]
    assert len(problems) == MAX_PROBLEMS + 1
    assert str(problems[-1]) == "and 4,900 more problems"


def test_names_and_notes_are_plain_text():
    assert "plain text" in problems_of(name="a\x1b[31m")["name"]
    assert "plain text" in problems_of(name="a\nb")["name"]
    assert "not empty" in problems_of(name=" ")["name"]
    assert "control character" in problems_of(note="a\x00b")["note"]
    assert "too long to show" in problems_of(name=16**5000)["name"]
    assert "at most 80" in problems_of(name="x" * 81)["name"]
    kept = check(document(name="réseau nº 1 — 漢字\u3000", note="two\nlines,\ttabbed\xa0!"))[0]
    assert check(loads(dumps(kept.document())))[0] == kept


def test_what_is_left_out_has_the_usual_value():
    bare, problems = check({"version": 1, "data": "moons", "layers": [LAST]})
    assert not problems
    assert bare.training.rate == 0.01
    assert bare.training.optimizer.name == "sgd"
    adam = check({"version": 1, "data": "moons", "layers": [LAST], "training": {"optimizer": "adam"}})[0]
    assert adam.training.rate == 0.001
    assert network_of(bare).nodes[-1].output_shape == (2,)


def test_a_stack_in_the_making_shows_what_is_known():
    stack = read_layers([{"type": "dense", "units": 5}, {"type": "what"}, LAST])
    assert [layer and layer.name for layer in stack] == ["dense", None, "dense"]
    preset = check(document())[0]
    shapes, problems = outline(complete(stack, preset.data, preset.training.loss), (2,))
    assert shapes == [(5,), None, None]
    assert problems == []
    assert read_layers("nonsense") == []


# -- the file ---------------------------------------------------------------------------------------------


def test_the_example_of_the_interface_reads_as_written(tmp_path):
    text = """
version = 1
name = "mnist-relu-4x200"
note = "what to look for"

[data]
name = "mnist"          # digits, mnist, …
train = 8000
validation = 2000
normalize = "unit"

[[layers]]
type = "flatten"
[[layers]]
type = "dense"
units = 200
activation = { name = "leaky_relu", negative_slope = 0.01 }
initializer = "he_normal"
[[layers]]
type = "dense"
activation = "softmax"

[training]
loss = "cross_entropy"
optimizer = { name = "sgd", momentum = 0.9, nesterov = true }
learning_rate = 0.01
batch_size = 100
epochs = 20
seed = 0
"""
    path = tmp_path / "preset.toml"
    path.write_text(text)
    preset = load(path)
    assert preset.training.optimizer.nesterov
    assert preset.data.sizes()[:2] == (8000, 2000)
    assert network_of(preset).size == 784 * 200 + 200 + 200 * 10 + 10
    assert load(save(preset.document())) == preset
    path.write_text(text.replace('"softmax"', '"sofmax"'))
    with pytest.raises(SpecError, match=r"layers\[2\]\.activation: 'sofmax' is not an activation"):
        load(path)


def test_scalars_come_before_tables_whatever_the_order_of_the_keys():
    made = {"data": {"name": "spiral"}, "layers": [LAST, {}], "version": 1, "name": "late", "training": {}}
    assert loads(dumps(made)) == made
    for odd in (
        {"layers": []},
        {"layers": [1, {}]},
        {"layers": {"a": 1}},
        {"we ird": {'k"ey': [1, {"a": 1.5}]}},
    ):
        assert loads(dumps({"version": 1, **odd})) == {"version": 1, **odd}


def test_a_file_looks_as_one_would_write_it():
    text = dumps(check(document(name="mine"))[0].document())
    assert text.startswith('version = 1\nname = "mine"\n\n[data]\nname = "spiral"\n')
    assert '\n[[layers]]\ntype = "dense"\nunits = 6\nactivation = "tanh"\n\n[[layers]]\n' in text
    assert '\n[training]\nloss = "cross_entropy"\noptimizer = "sgd"\n' in text


HOSTILE = {
    "a dotted key of thousands of parts": "a." * 30_000 + "a = 1",
    "with blanks between": "a . " * 15_000 + "a = 1",
    "in quotes": '"a".' * 15_000 + "a = 1",
    "as a header": "[" + "a." * 30_000 + "a]",
    "in an inline table": "x = { " + "a." * 30_000 + "a = 1 }",
    "behind a string that ends in four quotes": 'x = """a"""" # \\\n' + "a." * 20_000 + 'a = 1 #"\n',
    "behind a string that ends in five": "x = '''a''''' # \\\n" + "a." * 20_000 + "a = 1 #'\n",
    "behind an escaped quote": 'x = "\\\\" # "\n' + "a." * 20_000 + 'a = 1 # "\n',
    "many keys of seven parts": "a.b.c.d.e.f.g = 1\n" * 3600,
    "different keys of seven parts": "".join(f"a{i}.b.c.d.e.f.g = 1\n" for i in range(2900)),
    "different keys of six parts": "".join(f"a{i}.b.c.d.e.f = 1\n" for i in range(3200)),
    "lists in lists": "x = " + "[" * 60_000,
    "closed lists in lists": "x = " + "[" * 400 + "]" * 400,
    "tables in tables": "x = " + "{a=" * 15_000,
    "unterminated escapes": 'x = "' + '\\"' * 32_000,
    "unterminated long escapes": 'x = """' + '\\"""' * 16_000 + "\\",
    "quotes": '"' * 65_000,
    "single quotes": "'" * 65_000,
    "blanks": "x = [1.1,1.1,1.1,1.1,1.1,1.1,1.1" + " " * 60_000,
    "comments": "#" * 65_000,
    "dots": "." * 65_000,
    "tens of thousands of digits": "x = " + "9" * 60_000,
    "hexadecimal digits": "x = 0x" + "f" * 60_000,
    "twice the same key": "x = 1\nx = 2",
    "a NUL": "x = 1\0",
    "a byte order mark": "\ufeffversion = 1",
    "thousands of tables": "version = 1\n" + "[[layers]]\n" * 5900,
    "thousands of unknown keys": "version = 1\n[training]\n" + "".join(f"a{i}=1\n" for i in range(7000)),
    "not TOML": "this is a note",
    "nothing": "",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused(text):
    """Many take minutes, or a gigabyte, with the standard library alone or behind a careless guard."""
    tracemalloc.start()
    try:
        try:
            lines = [str(problem) for problem in check(loads(text))[1]]
        except SpecError as error:
            lines = str(error).splitlines()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines
    assert all(len(line) < 600 for line in lines)
    assert peak < 50e6


def test_infinity_is_read_and_refused_where_it_stands():
    text = dumps(document()).replace("learning_rate = 0.1", "learning_rate = 1e400")
    (problem,) = check(loads(text))[1]
    assert str(problem).startswith("training.learning_rate: inf is not allowed")


def test_dots_in_notes_and_numbers_are_no_keys():
    made = document(note="see a.b.c.d.e.f.g.h.i = 1, ... and [x.y.z.a.b.c.d.e]")
    made["layers"][0]["activation"] = {"name": "elu", "alpha": 1.5}
    assert loads(dumps(made)) == made
    loads('version = 1\nnote = """a.b.c.d.e.f.g.h.i.j = 1\n[a.b.c.d.e.f.g.h]""" # a.b.c.d.e.f.g.h.i\n')


def test_the_size_limit_counts_bytes(tmp_path):
    fits = 'version = 1\nnote = "' + "é" * 30_000 + '"\n'
    assert loads(fits)["version"] == 1
    with pytest.raises(SpecError, match="more than 65,536 bytes"):
        loads(fits + "#" * 6000)
    path = tmp_path / "huge.toml"
    with path.open("wb") as file:
        file.truncate(10**10)  # a sparse file of ten gigabytes: read to the limit and no further
    with pytest.raises(SpecError, match="more than 65,536 bytes"):
        load(path)


def test_older_files_are_brought_up_step_by_step(monkeypatch):
    def first(made):
        made = dict(made)
        return {**made, "layers": made.pop("stack")}

    def second(made):
        return {**made, "training": {"epochs": made["epochs"]}}

    monkeypatch.setattr(spec_toml, "VERSION", 3)
    monkeypatch.setattr(spec_toml, "MIGRATIONS", {1: first, 2: second})
    found = loads("version = 1\nepochs = 4\nstack = []\n")
    assert found["version"] == 3
    assert found["layers"] == []
    assert found["training"] == {"epochs": 4}
    assert loads("version = 3\n") == {"version": 3}
    with pytest.raises(SpecError, match="version: 4 is newer than this tuiml reads \\(3\\); update it"):
        loads("version = 4\n")


@pytest.mark.parametrize(
    "line", ["", 'version = "1"', "version = true", "version = 0", "version = -1", "version = 1.0"]
)
def test_a_file_without_a_proper_version_says_what_to_write(line):
    with pytest.raises(SpecError, match="write version = 1"):
        loads(line)


def test_own_presets_are_found_by_name_and_path(tmp_path):
    preset = check(document(name="My First / Net!"))[0]
    path = save(preset.document())
    assert path.name == "My-First-Net.toml"
    assert find("My-First-Net").preset() == preset
    assert find(str(path)).preset() == preset
    with pytest.raises(SpecError, match="did you mean 'My-First-Net'"):
        find("my-first-nett")
    for word in ("no/such.toml", "~nobody-here/x.toml", "a\0b.toml", "", "\x1b[31m"):
        with pytest.raises(SpecError) as caught:
            find(word)
        assert str(caught.value).isprintable()
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SpecError):
        find(str(tmp_path / "folder.toml"))


@given(st.text(max_size=100))
def test_any_name_is_a_file_name(name):
    word = slug(name)
    assert word
    assert not set(word) & set('/\\\0:*?"<>|\n')
    assert not word.startswith((".", "-"))
    assert len(f"{word}.toml".encode()) <= 255


def test_equal_presets_are_equal_values():
    one, other = (check(document())[0] for _ in range(2))
    assert one == other
    assert isinstance(one, Preset)
    assert check(document(training={"seed": 1}))[0] != one


def test_a_byte_order_mark_is_passed_over():
    text = 'version = 1\nname = "x"\n'
    assert loads(b"\xef\xbb\xbf" + text.encode()) == loads(text) == loads("\ufeff" + text)


def test_the_six_presets_of_initial_values_differ_in_nothing_else():
    wanted = ["classic", "std1", "std001", "lecun", "glorot", "he"]
    found = {word: find(f"init-5x100-{word}").preset() for word in wanted}
    for preset in found.values():
        assert preset.data == found["he"].data
        assert preset.data.shape == (100,)
        hidden = preset.layers[:5]
        assert [layer.units for layer in hidden] == [100] * 5


def test_the_presets_of_the_notes_are_what_they_are_called():
    dropout, alone, sigmoid = (
        find(name).preset() for name in ("mnist-dropout", "fashion-softmax-only", "fashion-sigmoid-100")
    )
    assert "dropout" in [layer.name for layer in dropout.layers]
    assert dropout.data.name == "mnist"
    assert [layer.name for layer in alone.layers if layer.name != "flatten"] == ["dense"]
    assert alone.layers[-1].activation.name == "softmax"
    first, last = (layer for layer in sigmoid.layers if layer.name == "dense")
    assert (first.units, first.activation.name, last.activation.name) == (100, "sigmoid", "softmax")
    assert alone.data.name == sigmoid.data.name == "fashion-mnist"
    stack, adam = (find(f"mnist-sigmoid-10{end}").preset() for end in ("", "-adam"))
    assert [len([n for n in p.layers if n.name == "dense"]) for p in (stack, adam)] == [10, 10]
    assert adam.training.optimizer.name == "adam"
    assert stack.note
    assert adam.note
