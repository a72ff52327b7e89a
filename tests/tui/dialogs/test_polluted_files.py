"""What the file picker shows of polluted files: the same notices and refusals as ``tuiml data check``."""

import json

import pytest

from tests.data.polluted_files import POLLUTED
from tests.tui.dialogs.test_file_picker import opened
from tuiml.data.file_report import inspect
from tuiml.data.own import facts
from tuiml.data.own.reading import DataFiles
from tuiml.runs import file_inspection_process
from tuiml.tui.charts.palette import Look
from tuiml.tui.dialogs.data_preview import report_strips
from tuiml.tui.widgets.chooser import Chooser

pytestmark = pytest.mark.usefixtures("quick")
CASES = [case for case in POLLUTED if not case.options]
THROUGH_KEYS = {"missing quote", "footer of sums", "Latin-1", "missing as -999", "NUL bytes", "days first"}


def asked(dataset):
    """As the app's process for files answers, through JSON."""
    order = {"format": dataset.name, "options": json.loads(json.dumps(dict(dataset)))}
    return facts.from_json(json.loads(json.dumps(file_inspection_process.answer_to(order))))


def one_line(text):
    return " ".join(text.split())


@pytest.mark.parametrize("case", CASES, ids=[case.kind for case in CASES])
def test_the_preview_says_what_data_check_says(tmp_path, case):
    path = case.write(tmp_path)
    report, checked = inspect(str(path), DataFiles(asked)), inspect(path, deep=True)
    assert report.usable == checked.usable == (case.inputs is not None)
    assert set(report.problems) == set(checked.problems)
    assert set(report.warnings) <= set(checked.warnings)
    shown = one_line(" ".join(strip.text for strip in report_strips(report, path.name, 100, 60, Look())))
    for line in report.warnings if report.usable else report.problems:
        assert one_line(line)[:180] in shown
    for words in case.said:
        assert one_line(words) in shown


async def test_polluted_files_by_keys(tmp_path):
    chosen = [case for case in CASES if case.kind in THROUGH_KEYS]
    assert len(chosen) == len(THROUGH_KEYS)
    for number, case in enumerate(chosen):
        case.write(tmp_path).rename(tmp_path / f"case{number}.csv")
    async with opened(tmp_path) as on:
        for number, case in enumerate(chosen):
            await on.press(*f"case{number}")
            words = f"case{number}.csv", "example" if case.inputs is not None else "cannot be used"
            await on.at(*words)
            shown = one_line(on.preview)
            for said in case.said:
                assert one_line(said) in shown
            if case.inputs is None:
                await on.press("enter")
                assert not on.app.document.history.can_undo
                if isinstance(on.app.screen, Chooser):  # of what can be done about it
                    await on.press("escape")
            await on.press("escape")
        await on.press(*"case1", "enter")
        await on.until(lambda: "path" in on.app.document.raw["data"])
        assert on.app.document.raw["data"]["path"] == str(tmp_path / "case1.csv")
