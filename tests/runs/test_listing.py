"""Lists of runs: their columns and order, the filter, tags, the trash, and names by their beginnings."""

import json
import os
import time
from pathlib import Path

import pytest

from tests.tui import files_on_disk
from tuiml.cli import main
from tuiml.runs import columns, library, listing, tags, trash
from tuiml.runs.errors import RunError
from tuiml.runs.filtering import Filter, as_number, subject
from tuiml.runs.folder import PRESET, runs_folder
from tuiml.spec import dumps
from tuiml.spec.library import find, read

Capture = pytest.CaptureFixture[str]


def run(name: str, *, of: str = "digits-quickstart", **settings: object) -> Path:
    """A run whose preset differs from a bundled one in its training settings."""
    path = files_on_disk.run(name, of=of)
    document = find(of).document()
    document["training"] |= settings
    (path / PRESET).write_text(dumps(document))
    return path


def names(text: str) -> set[str]:
    wanted = Filter(text)
    return {one.name for one in listing.list_runs() if wanted.passes(subject(one))}


# -- names -------------------------------------------------------------------------------------------------


def test_the_beginning_of_a_name_is_enough(capsys: Capture) -> None:
    for name in ("digits-1", "digits-10", "spiral-20260101"):
        files_on_disk.run(name)
    assert library.find("spi").name == "spiral-20260101"
    assert library.find("SPI").name == "spiral-20260101"
    assert library.find("digits-1").name == "digits-1", "a whole name goes before a beginning"
    with pytest.raises(RunError, match="2 runs begin with 'digits': digits-1, digits-10"):
        library.find("digits")
    for command in (["resume", "digits"], ["replay", "digits"], ["compare", "digits", "spi"], ["digits"]):
        assert main(command) == 2
        out, err = capsys.readouterr()
        assert "digits-1, digits-10" in err
        assert (out, err.count("\n")) == ("", 1)
    assert main(["compare", "spi", "digits-10"]) == 0


# -- what a list shows -------------------------------------------------------------------------------------


def test_a_run_says_what_differs_from_the_preset_it_is_named_after() -> None:
    run("a", optimizer="rmsprop", learning_rate=0.0015)
    files_on_disk.preset("mine")
    mine = runs_folder() / "b"
    files_on_disk.run("b")
    (mine / PRESET).write_text(dumps(read(files_on_disk.preset("mine")) | {"name": "mine"}))
    found = {one.name: one for one in listing.list_runs()}
    assert (found["a"].differs, found["a"].origin) == (("rmsprop", "lr .0015"), "bundled")
    assert (found["b"].differs, found["b"].origin) == ((), "own")


def test_runs_are_sorted_by_any_column_and_those_without_a_value_come_last() -> None:
    for name, epochs in (("a", 3), ("b", 1), ("c", 0)):
        files_on_disk.run(name, epochs=epochs)
    found = listing.list_runs()

    def order(word: str) -> str:
        return "".join(one.name for one in columns.ordered(found, *columns.column(word)))

    assert (order("val"), order("-val")) == ("abc", "bac")
    assert (order("loss"), order("-loss")) == ("abc", "bac")
    assert (order("name"), order("-name")) == ("abc", "cba")
    with pytest.raises(RunError, match="there is no column 'lss'; did you mean 'loss'"):
        columns.column("lss")


def test_columns_are_left_out_from_the_right() -> None:
    widths = [60, 30, 6, 8, 6, 5, 11, 6, 18]
    every = [one.id for one in columns.COLUMNS]
    for room in range(24, 200):
        for by in columns.COLUMNS:
            shown = columns.laid_out(widths, room, by, 22)
            ids = [one.id for one, _ in shown]
            assert sum(width for _, width in shown) + 2 * (len(shown) - 1) <= room
            assert by.id in ids or ids == ["name"] or by.id == "differs"
            assert ids == sorted(ids, key=every.index)
    assert columns.laid_out(widths, 77, columns.WHEN, 22) == [
        (columns.COLUMNS[i], cells) for i, cells in enumerate((22, 19, 6, 8, 6))
    ] + [(columns.WHEN, 6)], "the name is cut before a column is left out, and gets what is left"
    assert columns.laid_out(widths, 190, columns.WHEN, 22)[0][1] == 60


def test_many_runs_are_listed_from_what_was_read_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(listing.FEW + 1):
        files_on_disk.run(f"run-{number}", day=1 + number % 28)
    before = listing.list_runs()
    read = []
    real = listing.summary
    monkeypatch.setattr(listing, "summary", lambda path, lines: read.append(path) or real(path, lines))
    assert listing.list_runs() == before
    assert read == []
    changed = runs_folder() / "run-7"
    with (changed / "metrics.jsonl").open("a") as file:
        file.write('{"event": "end", "reason": "stopped"}\n')
    tags.write_tags(runs_folder() / "run-8", ["best"])
    found = {one.name: one for one in listing.list_runs()}
    assert set(read) == {changed, runs_folder() / "run-8"}
    assert found["run-7"].reason == "stopped"
    assert found["run-8"].tags == ("best",)


@pytest.mark.parametrize("text", ["", "[", "[1]", '{"version": 1, "runs": {"run-1": [[[1, 2]], 3]}}'])
def test_a_damaged_index_is_read_again_from_the_runs(text: str) -> None:
    for number in range(listing.FEW):
        files_on_disk.run(f"run-{number}")
    before = listing.list_runs()
    assert listing.index_path().exists()
    listing.index_path().write_text(text)
    assert listing.list_runs() == before


def test_an_index_that_somebody_has_changed_shows_no_control_characters() -> None:
    for number in range(listing.FEW):
        files_on_disk.run(f"run-{number}")
    listing.list_runs()
    saved = json.loads(listing.index_path().read_text())
    for _, values in saved["runs"].values():
        values |= {"reason": "\x1b[31m", "preset": "\x1b]0;x\x07", "tags": ["\x1b[2J"], "last": 7}
    saved["runs"] = {"../../etc": saved["runs"]["run-1"], **saved["runs"]}
    listing.index_path().write_text(json.dumps(saved))
    for one in listing.list_runs():
        assert (one.reason + one.preset + "".join(one.tags)).isprintable()
        assert one.path.parent == runs_folder()


# -- the filter --------------------------------------------------------------------------------------------


def test_the_filter_finds_words_settings_figures_and_tags() -> None:
    run("slow", learning_rate=0.0015, optimizer="adam")
    run("fast", learning_rate=0.5, optimizer={"name": "sgd", "momentum": 0.9})
    run("deep", of="mnist-sigmoid-10", optimizer="adam", learning_rate=0.02)
    tags.write_tags(runs_folder() / "fast", ["best", "#for-the-talk"])
    assert names("adam lr<.01") == {"slow"}
    assert names("lr>=1/50") == {"fast", "deep"}
    assert names("layers>5") == {"deep"}
    assert names("-adam") == {"fast"}
    assert names("momentum=.9") == {"fast"}
    assert names("training.learning_rate=1.5e-3") == {"slow"}
    assert names("optimizer:ada") == names("optimizer=adam") == {"slow", "deep"}
    assert names("optimizer=ada") == set()
    assert names("optimizer!=adam") == {"fast"}
    assert names("tag:best") == names("#best") == {"fast"}
    assert names("-tag:best") == {"slow", "deep"}
    assert names("val>60%") == {"slow", "fast", "deep"}
    assert names("val>0.9") == set()
    assert names("activation=sigmoid state=completed") == {"deep"}
    assert names("adam lr<") == {"slow", "deep"}, "what is being typed does not hide everything"


def test_a_learning_rate_that_was_left_out_is_that_of_the_optimizer() -> None:
    path = run("a", optimizer="adam")
    document = read(path / PRESET)
    del document["training"]["learning_rate"]
    (path / PRESET).write_text(dumps(document))
    assert names("lr=.001") == {"a"}


def test_a_setting_that_is_not_known_is_said() -> None:
    run("a")
    subjects = [subject(one) for one in listing.list_runs()]
    assert Filter("learning_rte<1").trouble(subjects) == (
        "unknown setting 'learning_rte'; did you mean 'learning_rate'?"
    )
    assert Filter("lr<fast").trouble(subjects) == "'fast' is not a number: learning_rate<0.1"
    assert Filter("adam lr<1 -tag:x val>.5").trouble(subjects) == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (".01", 0.01),
        ("1e-3", 0.001),
        ("1/4", 0.25),
        ("90%", 0.9),
        ("20k", 20000),
        ("2**8", 256),
        ("5min", 300),
        ("1/0", None),
        ("x", None),
    ],
)
def test_numbers_in_a_filter(text: str, value: float | None) -> None:
    assert as_number(text) == value


def test_the_command_line_filters_and_sorts_within_80_columns(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for number, rate in enumerate((0.5, 0.0015, 0.25)):
        run(f"digits-quickstart-2026042{number}-101112", learning_rate=rate, optimizer="sgd")
    assert main(["runs", "lr>.1", "--sort", "name"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0][-8] for line in out.splitlines()[1:]] == ["0", "2"]
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "lr .5" in out
    assert err == "2 of 3 runs\n"
    assert main(["runs", "--json", "tag:none"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["runs", "foo>3"]) == 2
    assert capsys.readouterr().err == "tuiml: unknown setting 'foo'\n"


# -- tags and the trash ------------------------------------------------------------------------------------


def test_tags_are_words_whatever_is_in_their_file() -> None:
    path = files_on_disk.run("a")
    tags.write_tags(path, ["best", "#best", "two words", "\x1b[31mred", ""])
    assert tags.read_tags(path)[:2] == ("best", "two-words")
    assert "".join(tags.read_tags(path)).isprintable()
    (path / tags.TAGS).write_bytes(b"\xff\xfe\x00\n" + b"x" * 100_000)
    assert all(len(tag) <= tags.LONGEST and tag.isprintable() for tag in tags.read_tags(path))
    tags.write_tags(path, [])
    assert not (path / tags.TAGS).exists()
    (path / tags.TAGS).symlink_to("/dev/zero")
    assert tags.read_tags(path) == ()


def test_what_was_deleted_is_put_back_as_it_was() -> None:
    first, second = files_on_disk.run("first"), files_on_disk.run("second", day=2)
    deleted = library.delete(first, second)
    assert library.names() == []
    deleted.restore()
    assert sorted(library.names()) == ["first", "second"]
    deleted = library.delete(first)
    files_on_disk.run("first")
    with pytest.raises(RunError, match="there is a 'first' again"):
        deleted.restore()
    assert sorted(library.names()) == ["first", "second"]


def test_nothing_is_deleted_if_one_of_the_runs_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = files_on_disk.run("first"), files_on_disk.run("second")
    monkeypatch.setattr("tuiml.runs.library.is_held", lambda path: path == second)
    with pytest.raises(RunError, match="going on"):
        library.delete(first, second)
    assert sorted(library.names()) == ["first", "second"]


def test_the_trash_is_emptied_of_what_is_old_and_of_nothing_else() -> None:
    files_on_disk.run("first")
    folder = runs_folder() / trash.TRASH
    folder.mkdir()
    now = time.time_ns()
    old, young = now - (trash.DAYS + 1) * 24 * 3600 * 10**9, now - 3600 * 10**9
    for name in (f"{old}-old", f"{young}-young", "12-mine", "notes"):
        (folder / name).mkdir()
    library.delete(runs_folder() / "first")
    assert {name.partition("-")[2] or name for name in os.listdir(folder)} == {
        "young",
        "mine",
        "notes",
        "first",
    }


def test_a_trash_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    files_on_disk.run("first")
    outside = tmp_path / "outside"
    outside.mkdir()
    (runs_folder() / trash.TRASH).symlink_to(outside)
    with pytest.raises(RunError, match="link"):
        library.delete(runs_folder() / "first")
    assert library.names() == ["first"]
    assert list(outside.iterdir()) == []
