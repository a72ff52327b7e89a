"""Studies made to harm whoever opens them, and random ones: refused in lines that are safe to print."""

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spec.hostile_presets import BIDI, ESCAPES, MARKUP
from tests.studies.examples import document
from tuiml.spec import dumps
from tuiml.spec.check import MAX_PROBLEMS
from tuiml.spec.problems import SpecError
from tuiml.spec.toml import MAX_BYTES
from tuiml.studies import library, trials
from tuiml.studies.check import check

HEAD = 'version = 1\nname = "x"\npreset = "digits-quickstart"\n'
K = 1024
TEXTS = {
    "too large": "#" * (MAX_BYTES + 1),
    "lists in lists": HEAD + "x = " + "[" * 30_000 + "]" * 30_000,
    "tables in tables": HEAD + "x = " + "{a=" * 15_000 + "1" + "}" * 15_000,
    "a dotted key": HEAD + "a." * 30_000 + "a = 1",
    "a value that nests": HEAD + "[[vary]]\npath = 'x'\nvalues = [" + "[" * 90 + "]" * 90 + "]",
    "a long number": HEAD + "seeds = [" + "9" * 5000 + "]",
    "many seeds": HEAD + "seeds = [" + ", ".join(map(str, range(5000))) + "]",
    "many variants": HEAD + "".join(f'[[variant]]\nname = "{i}"\n' for i in range(1500)),
    "an endless path": HEAD + f'[[vary]]\npath = "{"a." * (20 * K)}a"\nvalues = [1]',
    "an endless word": HEAD + f'[[vary]]\npath = "layers[*].activation"\nvalues = ["{"a" * (50 * K)}"]',
    "an endless preset": f'version = 1\npreset = "{"a" * (50 * K)}"',
    "bytes": b"\xff\xfe" + b"\0" * 100,
    "escapes": f'version = 1\nname = "{ESCAPES}"\npreset = "{ESCAPES}"\n[set]\n"{ESCAPES}" = "{ESCAPES}"',
    "escapes in paths": HEAD + f'[[vary]]\npath = "{ESCAPES}"\nvalues = ["{ESCAPES}"]',
    "escapes in a key": HEAD + f'"{ESCAPES}" = 1\n[[vary]]\n"{BIDI}" = 2',
    "bidi marks": HEAD + f'[[variant]]\nname = "{BIDI}"',
    "a device": 'version = 1\npreset = "/dev/zero"',
    "a folder": 'version = 1\npreset = "./"',
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_file_is_refused_in_lines_that_are_safe_to_print(name, tmp_path):
    file, text = tmp_path / "study.toml", TEXTS[name]
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    began = time.process_time()
    with pytest.raises(SpecError) as caught:
        library.StudyFile("study", file, False).study()
    assert time.process_time() - began < 5
    for problem in caught.value.problems:
        assert str(problem).isprintable()
        assert len(str(problem)) < 700


def test_texts_are_taken_literally():
    found, wrong = check(document(name=MARKUP, variant=[{"name": MARKUP}], vary=None))
    assert wrong == []
    (one,) = trials.grid(found)
    assert one.name == MARKUP
    folder = trials.trials_of(found, one)[0].folder
    assert set(folder) <= set(string.ascii_letters + string.digits + "-_.")


def test_a_name_made_to_leave_the_folder_stays_in_it():
    found, wrong = check(document(variant=[{"name": "../../etc/passwd"}], vary=None))
    assert wrong == []
    folder = trials.trials_of(found, trials.grid(found)[0])[0].folder
    assert "/" not in folder
    assert not folder.startswith(".")


SCALARS = st.one_of(
    st.none().map(lambda _: 0),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=20),
)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = (
    "version",
    "name",
    "note",
    "preset",
    "set",
    "seeds",
    "folds",
    "vary",
    "variant",
    "tune",
    "search",
    "reference",
)
PATHS = st.sampled_from(
    ["layers[*].activation", "training.l1", "data.name", "data", "layers", "x", "layers[9].units"]
)
VARY = st.fixed_dictionaries(
    {"path": PATHS | st.text(max_size=9)},
    optional={
        "values": st.lists(ANY, max_size=3),
        "low": ANY,
        "high": ANY,
        "scale": st.sampled_from(["log", "linear", "x"]),
        "integer": st.booleans(),
    },
)
SEARCH = st.fixed_dictionaries(
    {"method": st.sampled_from(["grid", "random", "halving", "x"]), "trials": st.integers(0, 6)},
    optional={"metric": ANY, "first_epochs": ANY, "factor": ANY},
)


@given(st.dictionaries(st.sampled_from(KEYS), ANY, max_size=4) | ANY)
def test_anything_is_checked_without_an_error_of_ours(made):
    found, wrong = check({**document(), **made} if isinstance(made, dict) else made)
    assert (found is None) == bool(wrong)
    assert all(str(problem).isprintable() for problem in wrong)


@given(st.lists(VARY, max_size=3), SEARCH, st.integers(2, 4) | st.none())
def test_whatever_is_varied_a_study_that_passes_has_its_trials(some, search, folds):
    made = document(vary=some, search=search, seeds=None if folds else [3, 4], folds=folds)
    found, wrong = check(made)
    assert (found is None) == bool(wrong)
    if found is None:
        assert all(str(problem).isprintable() for problem in wrong)
        return
    known = trials.drawn(found)
    names = [trial.folder for one in known for trial in trials.trials_of(found, one)]
    assert len(set(names)) == len(names)
    assert dumps(found.document())


def test_ten_thousand_combinations_that_fail_are_told_in_bounded_lines_and_time():
    batches = {"path": "training.batch_size", "values": list(range(60, 160))}
    parts = {"path": "data.train", "values": list(range(40, 140))}
    began = time.process_time()
    found, wrong = check(document(vary=[batches, parts], seeds=[0]))
    assert time.process_time() - began < 10
    assert found is None
    assert len(wrong) == MAX_PROBLEMS + 1
