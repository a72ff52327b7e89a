"""The studies that come with tuiml, their small and their full size, and what a file's [small] does."""

import re

import pytest

from tuiml.data.own.reading import DataFiles
from tuiml.spec import SpecError
from tuiml.studies import library
from tuiml.studies.session import find_study
from tuiml.studies.trials import grid

BUNDLED = library.bundled()


@pytest.mark.parametrize("file", BUNDLED, ids=lambda file: file.name)
def test_a_bundled_study_is_sound_at_both_sizes(file):
    text = file.path.read_text()
    for full in (False, True):
        study = file.study(DataFiles(), full=full)
        assert study.name == file.name
        assert len(study.note) > 100, "it says what to look for"
        assert 2 <= len(grid(study)) * len(study.seeds) <= 60
    for command in re.findall(r"tuiml study (\S+) --full", text):
        assert command == file.name


def test_the_studies_of_the_notes_are_there():
    names = {file.name.removeprefix("study-") for file in BUNDLED}
    assert names >= {
        *("depth", "activations", "initializers", "optimizers", "optimizers-digits"),
        *("normalization", "batch-size", "dropout"),
    }


def epochs(path, full):
    (first, *_) = grid(library.StudyFile("s", path, False).study(full=full))
    return first.document["training"]["epochs"]


def test_small_settings_join_the_others_unless_the_full_study_is_meant(tmp_path, monkeypatch):
    path = tmp_path / "s.toml"
    path.write_text(
        'version = 1\nname = "s"\npreset = "digits-quickstart"\nset = { "training.epochs" = 7 }\n'
        'small = { "training.epochs" = 2 }\n[[vary]]\npath = "training.batch_size"\nvalues = [16, 32]\n'
    )
    assert (epochs(path, False), epochs(path, True)) == (2, 7)
    assert [find_study(str(path), full=full)[1] for full in (False, True)] == ["s", "s-full"]
    path.write_text('version = 1\nname = "s"\nsmall = 3\n')
    with pytest.raises(SpecError, match="'small' is not a key here"):
        library.StudyFile("s", path, False).study()
