"""A user's file in place of a data set's name: found, checked, described, trained on."""

import json
import os
import sys
import threading

import pytest

from tests.data.own_files import flowers, idx, own, text
from tuiml.cli import main
from tuiml.data import file_report
from tuiml.data.datasets import datasets, own_files
from tuiml.data.own.reading import DataFiles, DataFilesInBackground, find
from tuiml.installation import hint
from tuiml.registry import options_of
from tuiml.spec import library, toml
from tuiml.spec.check import check
from tuiml.spec.edit import assign
from tuiml.spec.problems import SpecError
from tuiml.tui.build.sections import data_section
from tuiml.tui.model.document import Document

STACK = [{"type": "dense", "activation": "softmax"}]


def document(data, **training):
    return {
        "version": 1,
        "name": "mine",
        "data": data,
        "layers": STACK,
        "training": {"batch_size": 8, **training},
    }


def wrong(data, files=None) -> list[str]:
    return [str(problem) for problem in check(document(data), files or DataFiles())[1]]


@pytest.mark.parametrize("entry", list(own_files), ids=lambda entry: entry.name)
def test_every_kind_of_file_says_what_it_is(entry):
    assert entry.formula
    assert entry.advice
    assert entry.source
    names = [option.name for option in options_of(entry)]
    assert names[0] == "path"
    assert {"train", "validation", "normalize", "test"} <= set(names)
    for option in options_of(entry):
        assert option.help
        assert option.allowed()
        assert option.kind not in ("int", "float") or option.low is not None
    assert entry.name not in datasets


def test_a_data_set_has_a_name_or_a_path(tmp_path):
    path = str(flowers(tmp_path / "t.csv"))
    assert wrong({"path": path}) == []
    assert wrong({"path": path, "name": "digits"}) == ["data: has a 'name' and a 'path': give one of the two"]
    assert wrong({}) == ["data: has no 'name' that names a data set, and no 'path'"]
    assert wrong({"path": 3}) == ["data: the path is 3, which is no text"]
    assert wrong({"path": path, "lable": "x"}) == ["data: 'lable' is not a key here; did you mean 'label'?"]
    known = ", ".join(option.name for option in options_of(own_files["csv"]))
    assert wrong({"path": path, "width": 3}) == [f"data: 'width' is not a key here; known here: {known}"]
    assert wrong({"path": path, "label": "heigth"}) == [
        "data.label: there is no column 'heigth'; did you mean 'height'?"
    ]
    assert wrong({"path": path, "train": 80}) == ["data.train: 80 is more than the 72 examples of 't.csv'"]
    assert wrong({"path": path, "test": -1}) == [
        "data.test: -1 is not allowed; give a number at least 0, at most 0.9"
    ]


def test_the_network_is_checked_against_the_file(tmp_path):
    path = str(flowers(tmp_path / "t.csv"))
    raw = document({"path": path})
    raw["layers"] = [{"type": "dense", "units": 2, "activation": "softmax"}]
    assert (
        str(check(raw, DataFiles())[1][0])
        == "layers[0].units: 2 outputs for 3 classes; give 3, or leave units out"
    )


def test_a_relative_path_lies_beside_the_preset_then_here_then_in_tuiml_data(tmp_path, monkeypatch):
    beside, here, data = (tmp_path / name for name in ("presets", "here", "data"))
    for folder in (beside, here, data):
        folder.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("TUIML_DATA", f"{tmp_path / 'none'}{os.pathsep}{data}")
    preset = text(beside / "p.toml", toml.dumps(document({"path": "t.csv"})))
    with pytest.raises(SpecError, match=rf"there is no t.csv in {here}, .*none, {data}"):
        library.find(str(preset)).preset(DataFiles())
    for folder in (data, here, beside):
        flowers(folder / "t.csv")
        found = library.find(str(preset)).preset(DataFiles()).data
        assert found.path == str(folder / "t.csv")
    assert check(document({"path": "t.csv"}), DataFiles())[0].data.path == str(here / "t.csv")
    monkeypatch.setenv("HOME", str(here))
    assert own("~/t.csv").path == str(here / "t.csv")
    monkeypatch.chdir(tmp_path)
    assert own("here/../data/t.csv").path == str(data / "t.csv")


def test_setting_a_path_takes_the_place_of_the_name_and_the_other_way_round(tmp_path):
    raw = document({"name": "mnist", "train": 8000})
    raw = assign(raw, f"data.path={tmp_path}/t.csv")
    assert raw["data"] == {"path": f"{tmp_path}/t.csv"}
    raw = assign(assign(raw, "data.label=y"), f"data.path={tmp_path}/u.csv")
    assert raw["data"] == {"path": f"{tmp_path}/u.csv", "label": "y"}
    assert assign(raw, "data.name=digits")["data"] == {"name": "digits"}


def test_facts_are_found_once_until_the_file_changes(tmp_path, monkeypatch):
    path = flowers(tmp_path / "t.csv")
    looked = []
    files = DataFiles(lambda dataset: looked.append(dataset.path) or find(dataset))

    def own(path, **options):
        return datasets.read({"path": str(path), **options}, files)

    for _ in range(3):
        own(path, train=10)
        own(path, normalize="none")
    assert len(looked) == 1
    own(path, label="length")
    assert len(looked) == 2
    text(path, path.read_text() + "1,2,3,setosa\n")
    assert own(path).pool == 73
    os.utime(path, ns=(5, 5))
    own(path)
    assert len(looked) == 4
    broken = text(tmp_path / "u.csv", "a,b\n1\n")
    for _ in range(3):
        assert len(wrong({"path": str(broken)}, files)) == 1
    assert len(looked) == 5


def test_the_app_is_not_kept_waiting_for_a_long_file(tmp_path, monkeypatch):
    path = flowers(tmp_path / "t.csv")
    monkeypatch.setattr("tuiml.data.own.reading.QUICK", 100)
    files = DataFilesInBackground(DataFiles())
    opened = Document(document({"path": str(path)}), files=files)
    assert [str(p) for p in opened.problems] == ["data.path: reading t.csv …"]
    assert opened.data is None
    assert wrong({"path": str(path)}, files) == ["data.path: reading t.csv …"]
    (waiting,) = files.awaited()
    assert files.awaited() == []
    thread = threading.Thread(target=files.read, args=(waiting,))
    thread.start()
    thread.join()
    opened.set("name", "again")
    assert opened.problems == []
    assert opened.data is not None
    assert opened.data.classes == ("setosa", "versicolor", "virginica")
    assert file_report.inspect(path, files.waiting, label="length").usable


def test_the_form_has_the_options_of_the_kind_of_file(tmp_path):
    path = flowers(tmp_path / "t.csv")
    opened = Document(document({"path": str(path), "label": ["length", "width"]}), files=DataFiles())
    fields = {field.path: field for field in data_section(opened).fields}
    assert fields["data"].text == "csv"
    assert fields["data.path"].text == str(path)
    assert fields["data.label"].text == "['length', 'width']"
    assert fields["data.ignore"].placeholder == ""
    assert fields["data.train"].placeholder == "65"
    opened.set("data.label", "[length, height]")
    assert opened.data is not None
    assert opened.data.target_names == ("length", "height")
    opened.choose("data", "digits", datasets)
    assert opened.raw["data"] == {"name": "digits"}


# -- commands ----------------------------------------------------------------------------------------------


def test_check_explains_a_table(tmp_path, capsys):
    path = flowers(tmp_path / "flowers.csv")
    assert main(["data", "check", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == f"{path}: a table (CSV) with a header, separator comma"
    assert "90 examples, 18 of them the test part; 3 inputs each" in out
    assert "one of 3 classes (setosa: 30; versicolor: 30; virginica: 30)" in out
    assert f'[data]\npath = "{path}"\n' in out
    assert main(["data", "check", str(path), "--json", "--label", "length", "--ignore", "species"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["target"], found["shape"], found["problems"]) == ("regression", [2], [])
    assert found["table"] == {"path": str(path), "label": "length", "ignore": "species"}
    assert [column["kind"] for column in found["columns"]] == ["label", "number", "number", "left out"]
    assert found["rows"][0] == ["length", "width", "height", "species"]
    text(path, path.read_text() + "1,,3,setosa\n")
    assert main(["data", "check", str(path)]) == 2
    out, err = capsys.readouterr()
    assert "[data]" not in out
    assert "length" in out  # the first rows, to see why
    assert "row 92, column 'width' is empty" in err
    assert main(["data", "check", str(path), "--missing", "drop"]) == 0
    assert "1 row with missing values left out: 92" in capsys.readouterr().out


def test_check_reads_what_validation_does_not(tmp_path, capsys):
    values = [[1.0, 2.0], [3.0, float("nan")], [5.0, 6.0], [7.0, 8.0]]
    import numpy as np

    np.savez(tmp_path / "a.npz", x=np.array(values), y=np.array([0, 1, 0, 1]))
    assert wrong({"path": str(tmp_path / "a.npz"), "validation": 0}) == [
        "training.batch_size: 8 is more than the 3 training examples; give at most 3"
    ]
    assert main(["data", "check", str(tmp_path / "a.npz")]) == 2
    assert "value 1 of example 1 is nan" in capsys.readouterr().err


def test_a_file_is_trained_on_from_the_command_line(tmp_path, capsys):
    path = flowers(tmp_path / "flowers.csv")
    preset = text(
        tmp_path / "p.toml", toml.dumps(document({"path": "flowers.csv"}, epochs=30, learning_rate=0.2))
    )
    assert main(["train", str(preset), "--run", "one", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["train_examples"] == 65
    assert lines[-1]["test_accuracy"] > 0.9
    assert main(["train", str(preset), "--set", "data.path=none.csv"]) == 2
    assert capsys.readouterr().err.startswith("data.path: there is no none.csv in ")
    assert main(["show", str(preset)]) == 0
    assert "flowers.csv: 65 train, 7 validation, 18 test" in capsys.readouterr().out
    path.unlink()
    assert main(["resume", "one", "--set", "training.epochs=40"]) == 2


def test_choices_has_the_kinds_of_files(capsys):
    assert main(["choices", "files"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert listed == ["csv", "npz", "idx", "images"]
    assert main(["choices", "files", "csv"]) == 0
    assert "must be given" in capsys.readouterr().out


def test_idx_files_beside_each_other_are_trained_on(tmp_path, capsys):
    import numpy as np

    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    values = rng.integers(0, 100, (60, 3, 3)) + 100 * labels[:, None, None]
    (tmp_path / "my-images-idx3-ubyte").write_bytes(idx(values, 8))
    (tmp_path / "my-labels-idx1-ubyte").write_bytes(idx(labels, 8))
    raw = document({"path": str(tmp_path)}, epochs=30, learning_rate=0.2)
    raw["layers"] = [{"type": "flatten"}, *STACK]
    preset = text(tmp_path / "p.toml", toml.dumps(raw))
    assert main(["train", str(preset), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["test_accuracy"] > 0.9


def test_without_pillow_it_is_said_what_to_install(tmp_path, monkeypatch):
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"never opened")
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert wrong({"path": str(tmp_path)}) == [f"data.path: folders of images need Pillow: {hint('images')}"]
