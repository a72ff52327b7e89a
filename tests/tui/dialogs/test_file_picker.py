"""The file picker: folders, previews, the target column, and what of the preset follows."""

import json
import os
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from textual.events import Paste

from tests.tui.bench import Bench
from tests.tui.chart_views.test_inspection_views import assert_harmless
from tests.tui.documents import raw
from tuiml.data.datasets import datasets
from tuiml.data.file_report import inspect as inspect_file
from tuiml.data.own.reading import DataFiles
from tuiml.spec import check
from tuiml.tui.charts.palette import Look
from tuiml.tui.dialogs import folders
from tuiml.tui.dialogs.data_preview import report_strips
from tuiml.tui.dialogs.file_picker import FilePicker
from tuiml.tui.library.open_dialog import OpenDialog
from tuiml.tui.model.document import Document
from tuiml.tui.model.new_data import adopt

pytestmark = pytest.mark.usefixtures("quick")
SIZES = [(80, 24), (120, 40)]
LOOKS = [Look(), Look(colour=False), Look(unicode=False), Look(colour=False, unicode=False)]
HOSTILE = "x\x1b[31m\u202e[@click=app.quit]no.csv"
posix = pytest.mark.skipif(os.name != "posix", reason="names and modes of POSIX")


@pytest.fixture
def shelf(tmp_path):
    """A folder with a table of classes, one of numbers, one that cannot be used, and other things."""
    rng = np.random.default_rng(0)
    lines = [f"{rng.normal():.3f},{rng.normal():.3f},{'abc'[i % 3]}" for i in range(60)]
    (tmp_path / "flowers.csv").write_text("\n".join(["long,wide,kind", *lines]))
    lines = [f"{i},{rng.normal():.3f},{3e5 + 1000 * i + rng.normal():.1f}" for i in range(60)]
    (tmp_path / "houses.csv").write_text("\n".join(["area,age,price", *lines]))
    (tmp_path / "broken.csv").write_text("a,b\n1,2\n1\n")
    (tmp_path / "notes.md").write_text("hello")
    (tmp_path / ".hidden.csv").write_text("a\n1\n")
    (tmp_path / "inner" / "deep").mkdir(parents=True)
    np.savez(tmp_path / "inner" / "arrays.npz", x=rng.normal(size=(40, 4)), y=np.arange(40) % 2)
    return tmp_path


# -- folders -----------------------------------------------------------------------------------------------


def test_a_folder_lists_folders_then_data_then_the_rest_and_nothing_hidden(shelf):
    found = folders.listing(shelf)
    assert [e.name for e in found.entries] == ["inner", "broken.csv", "flowers.csv", "houses.csv", "notes.md"]
    assert [e.known for e in found.entries] == [False, True, True, True, False]
    assert found.entries[1].size == (shelf / "broken.csv").stat().st_size
    assert (found.problem, found.more) == ("", False)
    assert [e.name for e in folders.matching(found.entries, "CSV o")] == [
        "broken.csv", "flowers.csv", "houses.csv",
    ]  # fmt: skip


@posix
def test_hostile_names_broken_links_and_pipes(shelf):
    (shelf / HOSTILE).write_text("a\n1\n")
    (shelf / "gone.csv").symlink_to(shelf / "nowhere")
    (shelf / "round").symlink_to(shelf)
    os.mkfifo(shelf / "pipe.csv")
    found = folders.listing(shelf)
    names = [e.name for e in found.entries]
    assert "gone.csv" not in names
    assert "pipe.csv" not in names
    assert "round" in names
    assert_harmless("".join(names))
    assert next(e for e in found.entries if "click" in e.name).path.exists()


def test_a_folder_that_may_not_be_read_says_so(shelf, monkeypatch):
    def forbidden(path):
        raise PermissionError(13, "Permission denied")  # as root one may read everything

    monkeypatch.setattr(os, "scandir", forbidden)
    found = folders.listing(shelf)
    assert found.problem.endswith("cannot be read: Permission denied")
    assert found.entries == ()


def test_what_is_no_folder_or_is_gone_says_so(shelf):
    for path in (shelf / "nowhere", shelf / "flowers.csv", Path("/\0")):
        found = folders.listing(path)
        assert found.problem
        assert found.entries == ()
        assert found.problem.isprintable()


def test_a_huge_folder_is_listed_in_part_and_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MOST", 300)
    for i in range(400):
        (tmp_path / f"{i:05}.csv").touch()
    found = folders.listing(tmp_path)
    assert len(found.entries) == 300
    assert found.more


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("/a/b.csv", "/a/b.csv"),
        ("  '/a/my file.csv' ", "/a/my file.csv"),
        ("/a/my\\ file.csv", "/a/my file.csv"),
        ("file:///a/my%20file.csv", "/a/my file.csv"),
        ("/a/../b/./c.csv", "/b/c.csv"),
        ("~/x", str(Path("~/x").expanduser())),
        ("flowers", None),
        ("", None),
        ("/a\0b", None),
    ],
)
@posix
def test_what_a_terminal_pastes_for_a_file_dropped_on_it(typed, expected):
    assert folders.as_path(typed) == (None if expected is None else Path(expected))


def test_files_taken_are_remembered_the_newest_first_whatever_the_file_holds(own_folders):
    for i in range(folders.RECENT + 3):
        folders.remember(own_folders / f"{i}.csv")
    folders.remember(own_folders / "5.csv")
    found = [path.name for path in folders.recent()]
    assert found[:2] == ["5.csv", f"{folders.RECENT + 2}.csv"]
    assert len(found) == len(set(found)) == folders.RECENT
    assert folders.places()[0].path not in (own_folders / "5.csv",)  # it is not there
    for broken in ("", "{}", '[1, null, "a", "/x\\u0000"]', "[" * 10_000):
        (own_folders / "recent-files.json").write_text(broken)
        assert folders.recent() == []
    folders.remember(own_folders / "a.csv")
    assert json.loads((own_folders / "recent-files.json").read_text()) == [str(own_folders / "a.csv")]


# -- what follows ------------------------------------------------------------------------------------------


def adopted(path, **changes):
    table = inspect_file(str(path)).table
    assert table is not None
    document, words = adopt(raw(**changes), table, datasets.read(table, DataFiles()))
    preset, problems = check(document, DataFiles())
    assert preset is not None, problems
    return document, words, preset


def test_numbers_switch_loss_outputs_and_early_stopping(shelf):
    training = {"loss": {"name": "cross_entropy", "label_smoothing": 0.1}, "early_stopping": "val_accuracy"}
    document, words, preset = adopted(shelf / "houses.csv", training=training)
    assert preset.training.loss.name == "mse"
    assert document["training"]["early_stopping"] == "val_loss"
    assert "activation" not in document["layers"][-1]
    assert words == "houses.csv: a number, loss mse, linear outputs, early stopping by val_loss"


def test_classes_switch_back_and_units_that_were_given_follow(shelf):
    layers = [{"type": "dense", "units": 4, "activation": "tanh"}, {"type": "dense", "units": 1}]
    document, words, preset = adopted(shelf / "flowers.csv", layers=layers, training={"loss": "huber"})
    assert preset.training.loss.name == "cross_entropy"
    assert document["layers"][-1] == {"type": "dense", "activation": "softmax"}
    assert words == "flowers.csv: 3 classes, loss cross_entropy with softmax"
    sigmoid = [{"type": "dense", "units": 1, "activation": "sigmoid"}]
    binary = {"loss": "binary_cross_entropy"}
    _, words, preset = adopted(shelf / "inner" / "arrays.npz", layers=sigmoid, training=binary)
    assert preset.layers[0].units == 1  # two classes on one output, as before
    assert "loss" not in words
    _, _, preset = adopted(shelf / "flowers.csv", layers=sigmoid, training=binary)
    assert preset.training.loss.name == "cross_entropy"


def test_what_fits_is_left_and_a_batch_is_never_larger_than_the_data(shelf):
    before = raw(training={"batch_size": 1000, "epochs": 7})
    document, words, preset = adopted(shelf / "flowers.csv", training=before["training"])
    assert document["layers"] == before["layers"]
    assert preset.training.batch_size == preset.data.sizes()[0]
    assert words.endswith(f"batches of {preset.training.batch_size}")
    assert preset.training.epochs == 7


def test_documents_that_are_wrong_stay_as_wrong_as_they_were(shelf):
    table = inspect_file(str(shelf / "flowers.csv")).table
    for changes in ({"layers": []}, {"layers": "x"}, {"layers": [3]}, {"training": 7}, {"layers": [{}]},
                    {"training": {"loss": "nonsense", "batch_size": "x", "early_stopping": 3}}):  # fmt: skip
        document, _ = adopt(raw(**changes), table, datasets.read(table, DataFiles()))
        assert document["data"] == table


# -- the preview -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("width", [1, 8, 40, 76, 140])
def test_previews_never_leave_their_width_and_are_harmless(shelf, width, look):
    (shelf / "hostile.csv").write_text(
        '"[@click=app.quit]a",b\x1b[31m\u202e,c\n1,"\x1b]0;x\x07",k\n2,y,l\n' * 3
    )
    for name in ("flowers.csv", "houses.csv", "broken.csv", "hostile.csv", "notes.md", "nowhere"):
        strips = report_strips(inspect_file(str(shelf / name)), HOSTILE, width, 30, look)
        assert {strip.cell_length for strip in strips} == {width}
        assert_harmless("\n".join(strip.text for strip in strips), look)


def test_a_preview_says_what_counts(shelf):
    words = "\n".join(
        s.text for s in report_strips(inspect_file(str(shelf / "flowers.csv")), "f", 90, 40, Look())
    )
    for expected in ("60 examples", "3 classes: a 20, b 20, c 20", "long", "kind"):
        assert expected in words
    words = "\n".join(
        s.text for s in report_strips(inspect_file(str(shelf / "broken.csv")), "f", 90, 40, Look())
    )
    assert "cannot be used" in words
    assert "▲" in words


# -- on the screen -----------------------------------------------------------------------------------------


class PickerBench(Bench):
    @property
    def picker(self):
        assert isinstance(self.app.screen, FilePicker)
        return self.app.screen

    @property
    def listed(self):
        return [row.name for row in self.picker.names.rows if row.key is not None]

    @property
    def preview(self):
        return self.picker.view.text

    async def paste(self, text):
        self.picker.words.post_message(Paste(text))
        await self.drawn()

    async def at(self, name, text):
        """The cursor is on a file and its preview says this."""
        await self.until(lambda: str(self.picker.names.key).endswith(name) and text in self.preview)


@asynccontextmanager
async def opened(start, size=(120, 40), key="o", **changes):
    async with PickerBench.opened(Document(raw(**changes)), size=size, keys=(key,)) as on:
        await on.until(lambda: isinstance(on.app.screen, FilePicker) and on.picker._listing is not None)
        if start is not None:
            await on.paste(f"{start}/")
            await on.until(lambda: on.picker._listing.folder == Path(start))
        yield on


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("look", [Look(), Look(colour=False, unicode=False)])
async def test_a_file_becomes_the_data_as_one_edit_that_undo_takes_back(shelf, size, look):
    async with opened(shelf, size) as on:
        on.app.look = look
        before = on.app.document.raw
        await on.press(*"houses")
        assert on.listed == ["houses.csv"]
        await on.at("houses.csv", "regression: price")
        assert_harmless(on.preview, look)
        await on.press("enter")
        assert on.app.screen_name == "build"
        preset = on.app.document.preset
        assert preset is not None, on.app.document.problems
        assert preset.data.path == str(shelf / "houses.csv")
        assert preset.training.loss.name == "mse"
        await on.press("u")
        assert on.app.document.raw == before
        assert not on.app.document.history.can_undo


async def test_it_begins_at_a_file_of_the_current_folder_or_at_the_one_used_last(shelf, monkeypatch):
    monkeypatch.chdir(shelf)
    async with opened(None) as on:
        await on.at("broken.csv", "")
        assert on.picker._folder == shelf
    folders.remember(shelf / "houses.csv")
    monkeypatch.chdir("/")
    async with opened(None) as on:
        await on.at("houses.csv", "")
        assert on.picker._folder == shelf


async def test_another_column_is_told_by_the_arrows(shelf):
    async with opened(shelf / "") as on:
        await on.paste(str(shelf / "flowers.csv"))  # as a terminal does for a file dropped on it
        await on.at("flowers.csv", "3 classes")
        assert on.picker.words.value == ""
        await on.press("left")
        await on.at("flowers.csv", "regression: wide")
        await on.press("right")
        await on.at("flowers.csv", "3 classes")
        await on.press("right")
        await on.at("flowers.csv", "regression: long")
        await on.press("enter")
        preset = on.app.document.preset
        assert preset is not None, on.app.document.problems
        assert on.app.document.raw["data"]["label"] == "long"
        assert preset.data.target_names == ("long",)


async def test_going_about_folders_by_keys(shelf):
    async with opened(shelf, (80, 24)) as on:
        assert "inner/" in on.listed
        assert ".hidden.csv" not in on.listed
        await on.press("i", "n", "n", "e", "r", "enter")
        await on.until(lambda: on.picker._listing.folder == shelf / "inner")
        assert "arrays.npz" in on.listed
        await on.at("deep", "") if str(on.picker.names.key).endswith("deep") else None
        await on.press("backspace")
        await on.until(lambda: on.picker._listing.folder == shelf)
        assert str(on.picker.names.key).endswith("inner")  # where one was
        await on.press("right")
        await on.until(lambda: on.picker._listing.folder == shelf / "inner")
        await on.press("tab")
        assert not on.picker.names.display
        await on.press("tab", "escape")
        assert isinstance(on.app.screen, type(on.app.screen_stack[0]))
        assert not on.app.document.history.can_undo


async def test_what_cannot_be_used_says_why_and_changes_nothing(shelf):
    async with opened(shelf) as on:
        await on.press(*"broken")
        await on.at("broken.csv", "cannot be used")
        await on.press("enter")
        assert "cannot" in on.preview
        assert str(on.picker.query_one(".said").content).strip()
        assert isinstance(on.app.screen, FilePicker)
        await on.press("escape", "escape")
        assert not on.app.document.history.can_undo


async def test_a_table_with_gaps_and_words_is_used_without_leaving_the_picker(shelf):
    rows = [f"{i},{3 * i},{'ab'[i % 2]}" for i in range(40)]
    (shelf / "gaps.csv").write_text("\n".join(["long,wide,kind", *rows, "7,twelve,b", ",3,a"]))
    async with opened(shelf, (80, 24)) as on:
        await on.press(*"gaps")
        await on.at("gaps.csv", "cannot be used")
        await on.press("enter")
        assert [pick.name for pick in on.app.screen.picker.picks] == [
            "leave these rows out", "fill them with the mean", "leave out wide",
        ]  # fmt: skip
        await on.press("down", "down", "enter")
        await on.at("gaps.csv", "column 'long' is empty")
        await on.press("enter", "enter")
        await on.at("gaps.csv", "41 examples")
        await on.press("enter")
        data = on.app.document.raw["data"]
        assert (data["missing"], data["ignore"]) == ("drop", "wide")
        assert on.app.document.preset is not None, on.app.document.problems


async def test_a_folder_and_a_file_that_disappear(shelf):
    async with opened(shelf) as on:
        (shelf / "inner" / "arrays.npz").unlink()
        (shelf / "inner" / "deep").rmdir()
        (shelf / "inner").rmdir()
        await on.press(*"inner", "enter")
        await on.until(lambda: "cannot be read" in str(on.picker.query_one(".said").content))
        assert on.picker._listing.folder == shelf  # still there
        await on.press("escape", *"flowers")
        await on.at("flowers.csv", "3 classes")
        (shelf / "flowers.csv").unlink()
        await on.press("enter")
        assert not on.app.document.history.can_undo
        await on.press("ctrl+p")  # the app goes on


@posix
async def test_hostile_names_are_shown_literally(shelf):
    (shelf / HOSTILE).write_text("a,b\n1,x\n2,y\n3,x\n")
    (shelf / "[bold]folder[").mkdir()
    async with opened(shelf, (80, 24)) as on:
        assert any("[@click=app.quit]" in name for name in on.listed)
        assert "[bold]folder[/" in on.listed
        await on.press(*"click")
        await on.until(lambda: bool(on.preview))
        assert_harmless(on.preview)
        for y in range(24):
            assert_harmless("".join(s.text for s in on.app.screen._compositor.render_strips()[y]))


async def test_five_thousand_files_are_listed_and_narrowed_while_keys_are_heeded(tmp_path):
    for i in range(5000):
        (tmp_path / f"file-{i:04}.csv").touch()
    async with opened(tmp_path) as on:
        await on.until(lambda: len(on.listed) >= 5000)
        await on.press(*"4321")
        assert on.listed == ["file-4321.csv"]
        await on.at("4321.csv", "cannot be used")


async def test_a_long_inspection_holds_up_no_key_and_an_earlier_one_is_cancelled(shelf, monkeypatch):
    asked, free = [], threading.Event()

    def slow(path, files, **options):
        asked.append(Path(path).name)
        if "houses" in path:
            assert free.wait(60)
        return inspect_file(path, files, **options)

    monkeypatch.setattr("tuiml.tui.dialogs.file_inspector.inspect", slow)
    async with opened(shelf) as on:
        try:
            await on.press(*"houses", "enter")  # taken as soon as it is known …
            await on.until(lambda: "houses.csv" in asked)
            await on.press("escape", *"flowers")  # … unless one goes on
            assert on.listed == ["flowers.csv"]
            assert "inspecting" in on.preview
            on.app.file_reader._read_on(12_000_000, 195_000_000)
            await on.until(lambda: "inspecting … 12 of 195 MB" in on.preview)
        finally:
            free.set()
        await on.at("flowers.csv", "3 classes")
        assert isinstance(on.app.screen, FilePicker)
        assert asked[-1] == "flowers.csv"


async def test_the_field_and_the_open_dialog_lead_here_and_presets_can_be_picked(shelf, own_folders):
    (shelf / "mine.toml").write_text('version = 1\nname = "mine"\n[data]\nname = "moons"\n'
                                     '[[layers]]\ntype = "dense"\n'
                                     'activation = "softmax"\n')  # fmt: skip
    async with PickerBench.opened(Document(raw()), keys=("D", "enter", *"yours", "enter")) as on:
        app = on.app
        await on.until(lambda: isinstance(app.screen, FilePicker))
        await on.press("escape", "escape", "ctrl+o")
        assert isinstance(app.screen, OpenDialog)
        await on.press("tab")
        await on.until(lambda: isinstance(app.screen, FilePicker) and on.picker._listing is not None)
        await on.paste(str(shelf / "mine.toml"))
        await on.at("mine.toml", "moons")
        await on.press("enter")
        await on.until(lambda: app.document.name == "mine")
        assert app.document.path == shelf / "mine.toml"
        await on.press("ctrl+o")
        app.screen.query_one("#open-words").value = str(shelf / "flowers.csv")
        await on.press("enter")
        await on.until(lambda: isinstance(app.screen, FilePicker))
        await on.at("flowers.csv", "3 classes")


async def test_going_through_data_sets_by_the_arrows_opens_nothing():
    async with Bench.opened(Document(raw()), keys=("D",)) as on:
        names, app = set(), on.app
        for _ in range(len(datasets) + 1):
            await on.press("right")
            assert len(app.screen_stack) == 1
            names.add(app.document.get("data.name"))
        assert names == set(datasets.names())


async def test_the_mouse_picks_too(shelf):
    async with opened(shelf) as on:
        row = on.listed.index("flowers.csv")
        await on.pilot.click(on.picker.names, offset=(5, row))
        await on.at("flowers.csv", "3 classes")
        await on.pilot.click(on.picker.names, offset=(5, row), times=2)
        await on.until(lambda: not isinstance(on.app.screen, FilePicker))
        assert on.app.document.raw["data"]["path"] == str(shelf / "flowers.csv")


async def test_a_file_of_no_known_kind_is_inspected_only_when_asked_for(shelf):
    (shelf / "table.log").write_text("a,b\n1,x\n2,y\n3,x\n4,y\n")
    async with opened(shelf, (80, 24)) as on:
        await on.press(*"table.log")
        await on.at("table.log", "enter inspects it")
        await on.press("enter")
        await on.at("table.log", "2 classes")
        await on.press("enter")
        assert on.app.document.raw["data"]["path"] == str(shelf / "table.log")
