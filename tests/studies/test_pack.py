"""Run folders as bytes: what comes from another machine is checked, and written whole or not at all."""

import hashlib
import json

import pytest

from tests.studies.running import PRESET, run, study, trained
from tuiml.runs.folder import studies_folder
from tuiml.spec import check
from tuiml.spec.library import read
from tuiml.studies.pack import MOST_FILES, PackError, pack, unpack


def files(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def packed(listed, contents=b""):
    header = json.dumps({"version": 1, "files": listed}).encode()
    return len(header).to_bytes(4, "big") + header + contents


def entry(name, content):
    return [name, len(content), hashlib.sha256(content).hexdigest()]


TOML = b'version = 1\nname = "x"\n'
DOCUMENT = {"version": 1, "name": "y"}


def test_a_run_folder_comes_back_equal_and_replaces_what_was_there(tmp_path):
    name = trained(run(study()))[0]
    source, target = studies_folder() / "tiny" / name, tmp_path / "parent" / name
    (source / "left-by-somebody.txt").write_text("no file of a run")
    data, document = pack(source), read(source / "preset.toml")
    unpack(data, target, document)
    (target / "checkpoint-1.safetensors").write_text("older")
    unpack(data, target, document)
    expected = files(source)
    del expected["left-by-somebody.txt"]
    assert files(target) == expected
    assert [path.name for path in target.parent.iterdir()] == [name]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xff\xff\xff",
        packed([]),
        packed({"preset.toml": 1}),
        packed([entry("preset.toml", TOML)], TOML + b"more"),
        packed([entry("preset.toml", TOML)], TOML[:-1]),
        packed([["preset.toml", len(TOML), "0" * 64]], TOML),
        packed([["preset.toml", -1, ""]], TOML),
        packed([entry("preset.toml", TOML), entry("../x", b"a")], TOML + b"a"),
        packed([entry("preset.toml", TOML), entry("/etc/x", b"a")], TOML + b"a"),
        packed([entry("preset.toml", TOML), entry("x.py", b"a")], TOML + b"a"),
        packed([entry("preset.toml", TOML), entry("preset.toml", b"a")], TOML + b"a"),
        packed([entry("metrics.jsonl", b"a")], b"a"),
        packed([entry("preset.toml", b"x = ")], b"x = "),
        packed([entry("preset.toml", b"version = 2\n")], b"version = 2\n"),
        packed([entry("preset.toml", TOML), *([["initial.safetensors", 0, ""]] * MOST_FILES)], TOML),
    ],
)
def test_bytes_that_are_no_such_run_folder_write_nothing(tmp_path, data):
    with pytest.raises(PackError):
        unpack(data, tmp_path / "trial", DOCUMENT)
    assert list(tmp_path.iterdir()) == []


def test_it_is_another_preset_if_anything_but_its_name_differs(tmp_path):
    preset, _ = check(PRESET)
    other, _ = check({**PRESET, "training": {**PRESET["training"], "epochs": 5}})
    name = trained(run(study()))[0]
    data = pack(studies_folder() / "tiny" / name)
    unpack(data, tmp_path / name, {**preset.document(), "name": "z", "note": "x"})
    with pytest.raises(PackError, match="another preset"):
        unpack(data, tmp_path / name, other.document())
