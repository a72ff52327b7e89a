"""The table of layers by itself: cursor, columns, and what is painted."""

from typing import Any

import pytest
from rich.style import Style
from textual.app import App, ComposeResult
from textual.geometry import Region

from tests.tui.bench import until
from tuiml.tui.model.layer_cells import Column
from tuiml.tui.widgets.layer_table import LayerTable

pytestmark = pytest.mark.usefixtures("quick")

COLUMNS = (
    Column("index", "#", 2, "right"),
    Column("layer", "layer", 8, grow=1),
    Column("shape", "out", 6, "right", keep=1),
    Column("extra", "extra", 10, keep=2),
)


class Shell(App[None]):
    def __init__(self, rows: int = 30) -> None:
        super().__init__()
        self.reported: list[tuple[str, int]] = []
        self.rows = rows

    def compose(self) -> ComposeResult:
        yield LayerTable(COLUMNS)

    def on_mount(self) -> None:
        self.table.set_rows([row(i) for i in range(self.rows)])
        self.table.focus()

    @property
    def table(self) -> LayerTable:
        return self.query_one(LayerTable)

    def text(self) -> list[str]:
        return [self.table.render_line(y).text for y in range(self.table.size.height)]

    def on_layer_table_moved(self, message: LayerTable.Moved) -> None:
        self.reported.append(("moved", message.index))

    def on_layer_table_chosen(self, message: LayerTable.Chosen) -> None:
        self.reported.append(("chosen", message.index))


def row(index: int, **cells: Any) -> dict[str, Any]:
    return {"index": str(index), "layer": f"dense {index}", "shape": "64", "extra": "more", **cells}


async def test_columns_that_were_chosen_while_the_table_had_no_place_are_chosen_again_as_it_is_painted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = Shell()
    async with app.run_test(size=(60, 11)) as pilot:
        before = app.table.shown_columns
        with monkeypatch.context() as nowhere:
            nowhere.setattr(LayerTable, "region", Region())
            app.table.set_columns(COLUMNS)
            assert len(app.table.shown_columns) < len(before)
        await until(lambda: app.table.shown_columns == before, pilot)


async def test_the_cursor_by_keys_stays_within_the_rows() -> None:
    app = Shell()
    async with app.run_test(size=(40, 11)) as pilot:
        for key, wanted in [("down", 1), ("j", 2), ("k", 1), ("up", 0), ("up", 0), ("pagedown", 9),
                            ("end", 29), ("down", 29), ("pageup", 20), ("home", 0), ("end", 29),
                            ("home", 0)]:  # fmt: skip
            await pilot.press(key)
            assert app.table.cursor == wanted, key
            shown = [line for line in app.text()[1:] if line.startswith("▸")]
            assert len(shown) == 1
            assert shown[0].split()[1:] == [str(wanted), "dense", str(wanted), "64", "more"]
        assert app.reported[0] == ("moved", 1)


async def test_enter_and_a_double_click_choose_the_row() -> None:
    app = Shell()
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.press("down", "enter")
        await pilot.click(LayerTable, offset=(8, 5))
        await pilot.click(LayerTable, offset=(8, 3), times=2)
        await pilot.click(LayerTable, offset=(8, 0))
        await pilot.pause()
        assert app.reported == [("moved", 1), ("chosen", 1), ("moved", 4), ("moved", 2), ("chosen", 2)]


async def test_an_empty_table_takes_all_keys() -> None:
    app = Shell(0)
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.press("down", "up", "end", "enter", "pagedown")
        assert app.table.cursor == 0
        assert app.reported == []


async def test_fewer_rows_take_the_cursor_along() -> None:
    app = Shell()
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.press("end")
        app.table.set_rows([row(i) for i in range(3)])
        assert app.table.cursor == 2
        await pilot.pause()
        assert [line.split()[-3] for line in app.text()[1:4]] == ["0", "1", "2"]


async def test_cells_change_where_they_are() -> None:
    app = Shell()
    async with app.run_test(size=(40, 11)):
        app.table.update_cells(2, {"shape": ("7", Style(bold=True)), "layer": "字" * 30})
        app.table.update_cells(99, {"shape": "8"})
        line = app.text()[3]
        assert line.split()[-2:] == ["7", "more"]
        assert "…" in line
        assert app.table.render_line(3).cell_length == app.table.size.width
        app.table.set_rows([row(i, shape="9") for i in range(30)])
        assert {line.split()[-2] for line in app.text()[1:]} == {"9"}


@pytest.mark.parametrize(
    ("width", "columns"),
    [(60, ["index", "layer", "shape", "extra"]), (30, ["index", "layer", "shape"]), (20, ["index", "layer"]),
     (5, ["index", "layer"])],
)  # fmt: skip
async def test_columns_go_by_their_rank_where_the_table_is_narrow(width: int, columns: list[str]) -> None:
    app = Shell(3)
    async with app.run_test(size=(width, 11)):
        assert app.table.shown_columns == columns
        assert all(app.table.render_line(y).cell_length == width for y in range(11))


async def test_other_columns_of_the_same_rows() -> None:
    app = Shell(3)
    async with app.run_test(size=(60, 11)):
        app.table.set_columns(COLUMNS[:1])
        assert app.table.shown_columns == ["index"]
        assert "dense" not in app.text()[1]


async def test_a_column_is_as_wide_as_its_cells_up_to_a_limit() -> None:
    app = Shell(rows=3)
    async with app.run_test(size=(60, 11)):
        app.table.set_columns([c._replace(most=9) if c.key == "shape" else c for c in COLUMNS])
        assert "    64" in app.text()[1]
        for shape, shown in (("16×26×26", "16×26×26"), ("128×112×112", "128×112×…"), ("64", "  64")):
            app.table.set_rows([row(0), row(1, shape=shape), row(2)])
            lines = app.text()
            assert f" {shown}  more" in lines[2]
            ends = {line.rstrip().rindex("  ") for line in lines[1:4]}
            assert len(ends) == 1  # all rows are painted with the new width
