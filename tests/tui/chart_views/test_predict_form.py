"""A row is filled in and predicted: from the data or by hand, while the network is trained and afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import helpers
from tests.tui.bench import SIZES, Bench
from tests.tui.chart_views.test_inspection_views import InspectionBench, assert_harmless
from tests.tui.documents import raw
from tuiml.data.own.reading import DataFiles
from tuiml.training.event_reading import read_event
from tuiml.training.inspections.row import COLUMNS, Row
from tuiml.tui.chart_views.row_state import ABSENT, OTHER
from tuiml.tui.model import settings
from tuiml.tui.model.document import Document
from tuiml.tui.process.training_client import TrainingClient

pytestmark = pytest.mark.usefixtures("quick")
STACK = [{"type": "dense", "units": 5, "activation": "tanh"}, {"type": "dense", "activation": "softmax"}]
PEOPLE = "age,sex,fare ($),survived\n" + "".join(
    f"{'' if n % 7 == 3 else 20 + n % 40},{'fm'[n % 2]},{n / 4},{('no', 'yes')[n % 2]}\n" for n in range(80)
)


def document(path: Path, text: str = PEOPLE, stack: Any = STACK, **data: Any) -> Document:
    path.write_text(text)
    training = {"batch_size": 8, "epochs": 40, **({"loss": "mse"} if stack is not STACK else {})}
    data = {"path": str(path), **data}
    return Document(raw(data=data, layers=stack, training=training), files=DataFiles())


class FormBench(InspectionBench):
    """As its base, whose inspector also predicts what is asked."""

    async def begin(self) -> None:
        """Start the run, and open the form."""
        await self.until(lambda: self.app.document.preset)
        await self.press("ctrl+r")
        self.parts = helpers.run_parts(self.app.document.preset)
        await self.press("d")
        await self.answer()

    async def predicted(self) -> Row:
        """Answer the newest row, once it was asked for."""
        await self.until(lambda: self.rows and self.rows[-1].number == self.form_view.state.version)
        row = self.rows[-1]
        await self.report(read_event(self.inspector.predict(row).to_json()))
        return row

    @property
    def rows(self) -> list[Row]:
        return [drawn for drawn in self.client.drawings if isinstance(drawn, Row)]

    @property
    def form_view(self) -> Any:
        return self.view("row")

    @property
    def screen(self) -> list[str]:
        return [line.text.rstrip() for line in self.app.screen._compositor.render_strips()]


def bench(path: Path, size: tuple[int, int] = (120, 40), **options: Any) -> Any:
    return FormBench.opened(document(path, **options), size=size, keys=("2",))


@pytest.mark.parametrize("size", SIZES)
async def test_a_row_is_filled_in_by_keys_and_answered(size: tuple[int, int], tmp_path: Path) -> None:
    async with bench(tmp_path / "people.csv", size, missing="mean") as on:
        await on.begin()
        view = on.form_view
        assert view.form.has_focus
        first = await on.predicted()
        assert first.cells == tuple(column.usual for column in view.state.found.columns)
        shown = "\n".join(on.screen)
        for words in ("age", "sex", "fare ($)", "no", "yes", " %", "median and most frequent values"):
            assert words in shown
        assert {"row_next", "find_input", "open_field"} <= set(on.keys)
        await on.press(*"31", "down", "right")
        row = await on.predicted()
        assert row.cells[0] == "31"
        assert row.cells[1] != first.cells[1]
        assert row.cells[2] == first.cells[2]
        assert ", changed" in view.text
        values = on.inspector.predict(row).values
        percents = [f"{value:.0%}".replace("%", " %") for value in values]
        assert all(text in view.text for text in percents)
        assert_harmless(view.text)
        await on.press("escape")
        assert on.train.table.has_focus


async def test_what_training_never_had_is_said_and_what_is_no_number_is_not_asked(tmp_path: Path) -> None:
    async with bench(tmp_path / "people.csv", missing="mean") as on:
        await on.begin()
        view = on.form_view
        await on.press(*"140")
        await on.predicted()
        assert "age 140: training had 20 to 59" in view.text
        assert "training had 20 to 59" in view.form.help.text
        await on.press(*["backspace"] * 3, *"30.5")
        await on.predicted()
        assert "training had whole numbers, 20 to 59" in view.form.help.text
        asked = len(on.rows)
        await on.press(*"x")
        assert "age: not a number" in view.text
        assert "%" not in view.text, "the answer is not that of what is on the screen"
        assert len(on.rows) == asked
        await on.press(*["backspace"] * 5)
        row = await on.predicted()
        assert row.cells[0] == "", "missing, as some values in training"
        assert ABSENT in "\n".join(on.screen)
        await on.press("down", "enter", *"another", "enter")
        assert (await on.predicted()).cells[1] == OTHER
        assert "no training example has it" in view.text


async def test_a_value_that_may_not_be_missing_is_the_usual_one(tmp_path: Path) -> None:
    async with bench(tmp_path / "people.csv", missing="drop") as on:
        await on.begin()
        usual = on.form_view.state.found.columns[0].usual
        await on.press("9", "backspace")
        assert (await on.predicted()).cells[0] == usual
        assert ABSENT not in "\n".join(on.screen)


async def test_rows_of_the_data_are_stepped_through_with_what_the_data_says(tmp_path: Path) -> None:
    async with bench(tmp_path / "people.csv", missing="mean") as on:
        await on.begin()
        view, part = on.form_view, on.data.validation
        for row in (1, 2):
            await on.press(">")
            await on.answer()
            asked = await on.predicted()
            assert f"row {row} of {len(part)} of the validation part" in view.text
            true = ["no", "yes"][part.labels[row - 1]]
            assert next(line for line in view.text.splitlines() if "✓" in line).split()[0] == true
            fare = float(asked.cells[2])
            assert fare == part.inputs[row - 1][3]
        await on.press("7")
        await on.predicted()
        assert "✓" not in view.text, "the data says nothing of a row that was changed"
        await on.press("<")
        await on.answer()
        assert "row 1 of" in view.text
        assert "changed" not in view.text
        for _ in range(5):
            await on.press("<")
            await on.answer()
        assert "median" in view.text


async def test_among_many_columns_one_is_found_by_its_name_and_the_form_scrolls(tmp_path: Path) -> None:
    names = [f"gene_{k}" for k in range(200)]
    rng = np.random.default_rng(0)
    rows = [",".join(f"{v:.3f}" for v in rng.normal(size=200)) + f",{'ab'[k % 2]}" for k in range(40)]
    text = "\n".join([",".join([*names, "kind"]), *rows]) + "\n"
    async with bench(tmp_path / "wide.csv", (80, 24), text=text) as on:
        await on.begin()
        view = on.form_view
        await on.press("pagedown", "pagedown")
        assert f"gene_{view.form.model.focus}" in "\n".join(on.screen)
        await on.press("slash", *"gene_187", "enter", *"2.5")
        assert (await on.predicted()).cells[187] == "2.5"
        assert "gene_187" in "\n".join(on.screen)


async def test_numbers_are_answered_in_the_units_of_the_file(tmp_path: Path) -> None:
    text = "size,price\n" + "".join(f"{n / 2},{100 + 3 * n} €\n" for n in range(40))
    stack = [{"type": "dense"}]
    async with bench(tmp_path / "prices.csv", text=text, stack=stack) as on:
        await on.begin()
        await on.press(">")
        await on.answer()
        row = await on.predicted()
        found = on.inspector.predict(row).values[0]
        assert "price (€)" in on.form_view.text
        assert f"{found:,.5g}" in on.form_view.text
        known = 100 + 6 * float(row.cells[0])
        assert f"data {known:g}" in on.form_view.text


async def test_text_of_the_file_is_literal(tmp_path: Path) -> None:
    bad = "x\x1b[31m\u202e[b]"
    text = f"{bad},size,{bad}2\n" + "".join(f"{bad}{n % 2},{n},c{bad}{n % 2}\n" for n in range(40))
    async with bench(tmp_path / "bad.csv", text=text) as on:
        await on.begin()
        await on.press(">", "enter")
        await on.answer()
        await on.predicted()
        assert_harmless("\n".join(on.screen))
        assert "[b]" in "\n".join(on.screen)
        await on.press("escape", "slash")
        assert_harmless("\n".join(on.screen))


async def test_what_is_filled_in_stays_for_another_run_on_the_same_columns(tmp_path: Path) -> None:
    async with bench(tmp_path / "people.csv", missing="mean") as on:
        await on.begin()
        await on.press(*"31")
        await on.predicted()
        on.client.end("completed")
        await on.press("ctrl+r")
        await on.answer()
        assert (await on.predicted()).cells[0] == "31"


async def test_a_run_on_other_data_begins_with_its_own_usual_values(tmp_path: Path) -> None:
    async with bench(tmp_path / "people.csv", missing="mean") as on:
        await on.begin()
        await on.press(">")
        await on.answer()
        await on.press("9")
        await on.predicted()
        on.client.end("completed")
        other = PEOPLE.replace("age", "years")
        on.app.document.replace(document(tmp_path / "other.csv", other, missing="mean").raw)
        asked = len(on.rows)
        await on.press("escape", "ctrl+r")
        on.parts = helpers.run_parts(on.model.preset)
        del on.inspector
        assert len(on.rows) == asked, "nothing is asked of the columns of another run"
        await on.press("d")
        await on.until(lambda: on.client.requests)
        await on.answer()
        await on.until(lambda: on.form_view.state.wanted == 0 and on.client.requests)
        await on.answer()
        assert "median" in on.form_view.text
        assert "years" in "\n".join(on.screen)


async def test_a_picture_of_the_chart_has_the_row_and_its_answer(tmp_path: Path) -> None:
    async with bench(tmp_path / "people.csv", missing="mean") as on:
        await on.begin()
        await on.press(*"31")
        await on.predicted()
        await on.press("down", "ctrl+e")  # in a number it goes to its end
        (path,) = (settings.home() / "pictures").glob("*.svg")
        text = path.read_text()
        assert all(words in text for words in ("predict", "age", "31", "yes"))


async def test_it_is_the_same_row_wherever_the_chart_is_shown(tmp_path: Path) -> None:
    async with bench(tmp_path / "people.csv", missing="mean") as on:
        await on.begin()
        await on.press(*"31")
        await on.predicted()
        large = on.form_view
        await on.press("escape")
        on.train.charts.show_chart("row")
        await on.drawn()
        small = on.form_view
        assert small is not large
        assert small.form.model.fields[0].text == "31"


async def test_of_too_many_inputs_it_says_what_else_there_is(tmp_path: Path) -> None:
    names = ",".join(f"c{k}" for k in range(COLUMNS + 1))
    rows = "".join(
        ",".join(str(k * n % 7) for k in range(COLUMNS + 1)) + f",{'ab'[n % 2]}\n" for n in range(30)
    )
    async with bench(tmp_path / "wide.csv", text=f"{names},kind\n{rows}") as on:
        await on.until(lambda: on.app.document.preset)
        await on.press("ctrl+r", "d")
        assert "more than 1,000 inputs: tuiml predict" in on.form_view.text


async def test_keys_typed_before_the_fields_are_there_lead_nowhere(tmp_path: Path) -> None:
    async with bench(tmp_path / "people.csv", missing="mean") as on:
        await on.until(lambda: on.app.document.preset)
        await on.press("ctrl+r", "d", "3", "1")
        assert on.app.screen_name == "train"
        on.parts = helpers.run_parts(on.app.document.preset)
        await on.answer()
        assert (await on.predicted()).cells[0] == on.form_view.state.found.columns[0].usual


async def test_the_mouse_chooses_a_field_and_a_value(tmp_path: Path) -> None:
    async with bench(tmp_path / "people.csv", missing="mean") as on:
        await on.begin()
        await on.predicted()
        form = on.form_view.form
        line = next(y for y, line in enumerate(form._drawn) if line.field == 1)
        for _ in range(2):
            await on.pilot.click(form, offset=(4, line))
        await on.drawn()
        assert form.model.picker is not None
        line = next(y for y, line in enumerate(form._drawn) if line.pick == 1)
        await on.pilot.click(form, offset=(4, line))
        await on.drawn()
        assert (await on.predicted()).cells[1] == form.model.fields[1].picks[1].name


# -- with a real training process --------------------------------------------------------------------------


async def test_the_answer_changes_while_the_network_learns_and_is_there_for_a_past_run(
    tmp_path: Path,
) -> None:
    made = document(tmp_path / "people.csv", missing="mean")
    made.set("training.epochs", 100_000)
    async with Bench.opened(made, size=(80, 24), keys=("2",), client=TrainingClient) as on:
        app = on.app
        await on.until(lambda: app.document.preset)
        try:
            await on.press("ctrl+r")
            await on.until(lambda: app.model.status == "running" and app.model.step, limit=60)
            await on.press("d")
            view = on.chart("row")
            await on.until(lambda: "row" in app.model.inspections)
            first = app.model.inspections["row"]
            await on.until(lambda: app.model.inspections["row"].step > first.step)
            assert app.model.inspections["row"].values != first.values
            await on.until(lambda: "as of step" in view.text)
            await on.press("escape", "s")
            await on.until(lambda: app.model.end is not None, limit=60)
            await on.press("d", *"31")
            await on.until(lambda: app.model.inspections["row"].number == view.state.version)
            last = app.model.inspections["row"]
            assert last.step == app.model.step
            path = app.model.start.path
            del app.model.inspections["row"]
            app.client.inspect_run(path)  # another process, from the checkpoint
            view.state.set(0, 31.0)
            view.changed()
            await on.until(lambda: "row" in app.model.inspections, limit=60)
            assert app.model.inspections["row"].values == pytest.approx(last.values, abs=1e-5)
        finally:
            app.client.close()
