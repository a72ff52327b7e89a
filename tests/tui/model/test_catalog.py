"""The Library's list and previews without a screen: what is read, found, shown and changed."""

import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.tui import files_on_disk
from tuiml.spec import check
from tuiml.spec.library import bundled, own, read
from tuiml.tui.charts.palette import Look
from tuiml.tui.library.preview import broken_strips, preset_strips, run_strips, wrap
from tuiml.tui.model import catalog, item_rows, past_run, preset_files
from tuiml.tui.model.catalog import Catalog, Item
from tuiml.tui.model.document import Document

NOW = datetime(2024, 5, 20, 12, 0)


@pytest.fixture(autouse=True)
def home(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """``TUIML_HOME``; times are those of Greenwich."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield own_folders
    monkeypatch.undo()
    time.tzset()


def named(name: str) -> Item:
    return next(item for item in Catalog().read() if item.name == name)


def newest(source: Catalog) -> Item:
    return next(item for item in source.read() if item.run)


def texts(strips) -> list[str]:
    return [strip.text.rstrip() for strip in strips]


def test_own_then_bundled_presets_then_runs_from_the_newest_on():
    files_on_disk.preset("mine")
    files_on_disk.run("older", day=1)
    files_on_disk.run("newer", day=2)
    found = Catalog().read()
    assert [item.name for item in found if item.kind == "own"] == ["mine"]
    assert [item.name for item in found if item.kind == "bundled"] == [p.name for p in bundled()]
    assert [item.name for item in found if item.kind == "run"] == ["newer", "older"]
    assert [item.kind for item in found] == sorted(
        (item.kind for item in found), key=["own", "bundled", "study", "run", "lesson"].index
    )


def test_what_cannot_be_read_is_listed_with_its_problem(home: Path):
    (home / "presets").mkdir()
    (home / "presets" / "torn.toml").write_text("layers = [")
    files_on_disk.preset("wrong", layers=[{"type": "dense", "activation": "rellu"}])
    (home / "runs" / "empty").mkdir(parents=True)
    cut = files_on_disk.run("cut")
    (cut / "preset.toml").unlink()
    assert "not TOML" in named("torn").problem
    assert named("torn").document is None
    assert "rellu" in named("wrong").problem
    assert named("wrong").document
    assert named("empty").problem
    assert "preset.toml" in named("cut").problem
    shown = {row.name: row for row in item_rows.rows(Catalog().read(), NOW, {}) if row.key}
    assert shown["torn"].asides == ("unreadable",)
    assert shown["wrong"].asides == ("has problems",)
    assert all(shown[name].trouble for name in ("torn", "wrong", "empty", "cut"))


def test_a_second_reading_keeps_what_did_not_change_and_sees_what_did():
    mine, other = files_on_disk.preset("mine"), files_on_disk.preset("other")
    run = files_on_disk.run("first", reason=None)
    source = Catalog()
    before = {item.path: item for item in source.read()}
    other.write_text(other.read_text().replace('name = "other"', 'name = "more"'))
    os.utime(other, ns=(1, 1))
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"event": "end", "reason": "stopped"}\n')
    after = {item.path: item for item in source.read()}
    assert after[mine] is before[mine]
    assert after[other].document["name"] == "more"
    assert before[run].run.reason == "interrupted"
    assert after[run].run.reason == "stopped"


def test_a_run_that_goes_on_is_looked_at_again(monkeypatch: pytest.MonkeyPatch):
    path = files_on_disk.run("first", reason=None)
    monkeypatch.setattr("tuiml.runs.library.is_held", lambda _path: True)
    source = Catalog()
    assert newest(source).run.reason == "running"
    monkeypatch.setattr("tuiml.runs.library.is_held", lambda _path: False)
    item = newest(source)
    assert (item.path, item.run.reason) == (path, "interrupted")


def test_every_word_must_be_found_and_names_come_before_notes():
    files_on_disk.run("swift", of="mnist-relu-3")
    found = Catalog().read()
    adam = [item.name for item in item_rows.matching(found, "FASHION adam")]
    assert adam[0] == "fashion-dense-100-adam"
    assert all(name.startswith("fashion") for name in adam if "study" not in name)
    relu = [item.name for item in item_rows.matching(found, "relu") if item.kind == "bundled"]
    in_name = ["relu" in name for name in relu]
    assert in_name == sorted(in_name, reverse=True)
    assert not all(in_name)  # the notes were looked through
    runs = [item for item in found if item.kind == "run"]
    assert [item.name for item in item_rows.matching(runs, "run mnist-relu")] == ["swift"]
    assert item_rows.matching(found, "no such thing") == []


def test_the_cursor_goes_to_what_is_most_likely_meant():
    files_on_disk.preset("aside", note="like mnist-relu-3")
    found = Catalog().read()
    for typed, meant in (("mnist-relu-3", "mnist-relu-3"), ("relu-10", "mnist-relu-10"), ("like", "aside")):
        kind, path = item_rows.best(item_rows.matching(found, typed), typed)
        assert (kind, Path(path).stem) == ("preset", meant)
    assert item_rows.best([], "x") is None


def test_runs_report_figure_and_time_and_leave_their_stamp_out():
    files_on_disk.run("digits-20240501-100000", accuracy=0.941)
    files_on_disk.run("digits-20240502-100000-2", reason="diverged", day=2)
    files_on_disk.run("cut", reason=None, day=20)
    rows = [row for row in item_rows.rows(Catalog().read(), NOW, {}) if row.key and row.key[0] == "run"]
    assert [row.name for row in rows] == ["cut", "digits-2", "digits"]
    assert rows[0].asides[-1] == "interrupted"
    assert rows[1].asides[-1] == "diverged"
    assert rows[2].asides[-1] == "94.1 %"
    assert rows[2].asides[1] == "May 1  94.1 %"


@pytest.mark.parametrize(
    ("then", "forms"),
    [
        (datetime(2024, 5, 20, 9, 5, 7), ("09:05:07", "09:05")),
        (datetime(2024, 1, 3, 9, 5), ("Jan 3 09:05", "Jan 3")),
        (datetime(2023, 12, 31, 23, 59), ("2023-12-31 23:59", "2023-12-31")),
    ],
)
def test_moments(then: datetime, forms: tuple[str, ...]):
    assert item_rows.dates(then.timestamp(), NOW) == forms


def test_moment_of_nonsense_is_empty():
    assert item_rows.dates(1e30, NOW) == ("",)


def test_a_duplicate_is_an_own_preset_with_a_name_of_its_own():
    source = named("mnist-relu-3")
    first, second = preset_files.duplicate(source), preset_files.duplicate(source)
    assert [read(path)["name"] for path in (first, second)] == ["mnist-relu-3 copy", "mnist-relu-3 copy 2"]
    assert {p.path for p in own()} == {first, second}
    assert read(first) == source.document | {"name": "mnist-relu-3 copy"}
    run = files_on_disk.run("first", of="spiral-playground")
    copied = preset_files.duplicate(catalog.run_item(run))
    assert read(copied)["name"] == "spiral-playground copy"


def test_renaming_moves_the_file_and_the_name_in_it():
    files_on_disk.preset("mine")
    files_on_disk.preset("taken")
    item = named("mine")
    assert preset_files.name_taken(item.path, "taken")
    assert not preset_files.name_taken(item.path, "mine")
    path = preset_files.rename_preset(item, "Better one!")
    assert path.name == "Better-one.toml"
    assert read(path)["name"] == "Better one!"
    assert not item.path.exists()


def test_renaming_within_the_same_file_keeps_it():
    item = catalog.preset_item(files_on_disk.preset("a b"), "own")
    path = preset_files.rename_preset(item, "a-b")
    assert path == item.path
    assert read(path)["name"] == "a-b"


def test_a_file_that_is_not_toml_is_renamed_as_it_is(home: Path):
    (home / "presets").mkdir()
    (home / "presets" / "torn.toml").write_text("layers = [")
    path = preset_files.rename_preset(named("torn"), "rest")
    assert path.read_text() == "layers = ["
    assert not (home / "presets" / "torn.toml").exists()


def test_the_new_preset_trains():
    preset, problems = check(preset_files.NEW)
    assert (problems, preset is not None) == ([], True)


# -- previews ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 7, 24, 41, 73, 140])
@pytest.mark.parametrize("unicode", [True, False])
def test_previews_are_as_wide_as_asked_whatever_is_in_them(width: int, unicode: bool):
    look = Look(unicode=unicode)
    hostile = files_on_disk.preset(
        "wild", note=f"{files_on_disk.HOSTILE} 漢字漢字漢字 " + "x" * 300, layers=[{"type": "?"}, 3]
    )
    run = catalog.run_item(files_on_disk.run("first", reason="diverged"))
    pages = [
        preset_strips(Document(named("mnist-sigmoid-10").document), "bundled", width, 20, look),
        preset_strips(Document(read(hostile)), "yours", width, 20, look),
        preset_strips(Document({}), "yours", width, 20, look),
        run_strips(run.run, None, width, 20, look),
        run_strips(run.run, past_run.load_run(run.path), width, 20, look),
        broken_strips(files_on_disk.HOSTILE, "x\ny", width, 20, look),
    ]
    for strips in pages:
        assert {strip.cell_length for strip in strips} == {width}
        assert all(strip.text.isprintable() and (unicode or strip.text.isascii()) for strip in strips)


def test_a_preset_shows_its_layers_data_training_and_problems():
    lines = texts(
        preset_strips(Document(named("fashion-dense-100-momentum").document), "bundled", 74, 40, Look())
    )
    assert lines[0].split() == ["fashion-dense-100-momentum", "bundled"]
    row = next(line for line in lines if "dense 100 relu" in line)
    assert row.split()[-3:] == ["glorot_uniform", "100", "78,500"]
    assert any(line.strip() == "79,510" for line in lines)
    page = "\n".join(lines)
    assert "28×28 inputs, 10 classes, normalized: unit" in page
    assert "48,000 train, 12,000 validation, 10,000 test examples" in page
    assert "sgd, momentum 0.9, lr 0.01" in page
    raw = named("mnist-relu-3").document
    raw = raw | {"layers": [*raw["layers"][:1], {"type": "dense", "units": 5, "activation": "rellu"}]}
    page = "\n".join(texts(preset_strips(Document(raw), "yours", 74, 40, Look())))
    assert "▲ layers[1].activation: 'rellu' is not an activation; did you mean 'relu'?" in page


def test_a_run_shows_its_end_its_figures_and_its_curves():
    item = catalog.run_item(files_on_disk.run("first", accuracy=0.941))
    lines = texts(run_strips(item.run, past_run.load_run(item.path), 60, 40, Look()))
    assert lines[0].split() == ["first", "completed"]
    assert lines[1] == "digits-quickstart, 2024-05-01 10:00, numpy, 2 threads"
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.endswith("%")}
    assert rows["train"] == ["1.667", "50.0", "%"]
    assert rows["validation"] == ["1.767", "70.0", "%"]
    assert rows["best,"] == ["epoch", "2", "1.100", "60.0", "%"]
    assert rows["test"] == [".2500", "94.1", "%"]
    assert rows["95"] == ["%", "interval", "90.6", "to", "96.1", "%"]  # Wilson's, of 279 of 297 examples
    assert [line.split()[0] for line in lines if "train ──" in line] == ["loss", "accuracy"]
    assert any("1,797" in line for line in lines)  # the preset's note


def test_a_run_that_diverged_says_why_and_one_without_epochs_says_so():
    item = catalog.run_item(files_on_disk.run("first", reason="diverged"))
    page = texts(run_strips(item.run, past_run.load_run(item.path), 60, 40, Look()))
    assert page[0].split() == ["first", "diverged"]
    assert "the loss is not a number" in page
    item = catalog.run_item(files_on_disk.run("none", epochs=0))
    page = texts(run_strips(item.run, past_run.load_run(item.path), 60, 40, Look()))
    assert not any(line.startswith("train ") for line in page)


def test_a_run_has_the_name_of_its_folder_however_it_was_called_when_it_was_trained():
    path = files_on_disk.run("first")
    model = past_run.load_run(path.rename(path.with_name("better")))
    assert (model.name, model.end.path) == ("better", str(path.with_name("better")))


def test_curves_stand_side_by_side_where_there_is_room():
    item = catalog.run_item(files_on_disk.run("first"))
    model = past_run.load_run(item.path)
    for width, together in ((60, False), (140, True)):
        lines = texts(run_strips(item.run, model, width, 40, Look()))
        assert any(line.startswith("loss ") and "accuracy " in line for line in lines) == together


def test_a_run_is_read_with_its_pictures_or_without(home: Path):
    path = files_on_disk.run("first")
    picture = '{"event": "picture", "epoch": 1, "step": 4, "layers": []}\n'
    lines = (path / "metrics.jsonl").read_text().splitlines(keepends=True)
    (path / "metrics.jsonl").write_text(
        "".join([*lines[:2], picture, "\udcff{\n".encode("utf-8", "replace").decode(), *lines[2:]])
    )
    assert past_run.load_run(path).snapshot.step == 4
    assert past_run.load_run(path, snapshots=False).snapshot is None
    assert past_run.load_run(path).status == "completed"


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("one\n\ntwo", 9, ["one", "", "two"]),
        ("abcdefgh ij", 3, ["abc", "def", "gh", "ij"]),
        ("漢字漢字", 3, ["漢", "字", "漢", "字"]),
    ],
)
def test_wrapping(text: str, width: int, lines: list[str]):
    assert [line.rstrip() for line in wrap(text, width, Look())] == lines
