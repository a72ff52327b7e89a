"""Tiny studies that are really run: from the keys in Build to the table, and as another process runs them."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.tui.bench import Bench, screen_text
from tuiml.runs.folder import METRICS, studies_folder
from tuiml.studies import library
from tuiml.studies.folder import STUDY
from tuiml.tui.app.main import study_of
from tuiml.tui.model.document import Document
from tuiml.tui.model.marks import Marks
from tuiml.tui.study.screen import StudyScreen
from tuiml.tui.train.screen import Train

pytestmark = pytest.mark.usefixtures("quick")
TINY = {
    "version": 1,
    "name": "tiny",
    "data": {"name": "moons", "size": 60, "validation": 20},
    "layers": [
        {"type": "dense", "units": 3, "activation": "tanh"},
        {"type": "dense", "activation": "softmax"},
    ],
    "training": {"optimizer": "sgd", "epochs": 3, "batch_size": 10},
}
MARKS = Marks({"training.optimizer": ("sgd", "adam")}, (0, 1), tune=False)


async def done(on: Bench) -> None:
    """Wait until every trial is over, and the process has ended."""
    model = on.app.study.model
    await on.until(lambda: model.results is not None and model.results.done == model.results.total, limit=180)
    await on.until(lambda: not on.app.study.active)


async def test_a_study_is_run_from_build_and_a_trial_of_it_opened_in_train() -> None:
    async with Bench.opened(Document(TINY)) as on:
        on.app.document.mark(MARKS)
        on.app.document_edited()
        await on.press("ctrl+r")
        await done(on)
        table = on.app.query_one(StudyScreen).table
        assert sorted(name for name, _ in table.keys) == ["adam", "sgd"]
        (folder,) = (path for path in studies_folder().iterdir() if path.is_dir())
        assert len(list(folder.glob(f"*/{METRICS}"))) == 4
        on.app.query_one(StudyScreen).show_chart("histograms")
        on.app.study.want()
        await on.until(lambda: len(on.app.study.model.snapshots) == 2)
        await on.press("o")
        await on.until(lambda: on.app.screen_name == "train" and on.model.path)
        assert Path(on.model.path).parent == folder
        assert on.app.query_one(Train).run.status == "completed"


async def test_a_study_that_another_process_runs_is_followed() -> None:
    # It must not be over before it is seen.
    longer = {
        **TINY,
        "training": {**TINY["training"], "epochs": 400},
    }
    file = library.save(MARKS.study(longer))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tuiml.studies.process", str(file)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    try:
        folder = studies_folder() / file.stem
        async with Bench.opened(Document(TINY)) as on:
            await on.until(lambda: (folder / STUDY).is_file(), limit=180)
            on.app.study.show(folder)
            await on.until(lambda: on.app.study.model.where == "elsewhere")
            assert "running in another process" in screen_text(on.app)
            assert not on.app.study.may_run
            await done(on)
            await on.until(lambda: on.app.study.model.where == "")
    finally:
        await process.communicate()
    assert process.returncode == 0


async def test_a_study_goes_on_where_the_app_was_left() -> None:
    tiny = {**TINY, "training": {**TINY["training"], "epochs": 100_000}}

    def epochs(on: Bench) -> int:
        rows = on.app.study.model.results.rows if on.app.study.model.results else ()
        return max((one.epochs for row in rows for one in row.trials), default=0)

    async with Bench.opened(Document(tiny)) as on:
        on.app.document.mark(MARKS)
        await on.press("ctrl+r")
        await on.until(lambda: epochs(on) > 5, limit=180)
        folder, before = on.app.study.model.path, epochs(on)
        assert "the study was stopped" in on.app.study.close(60.0)
    async with Bench.opened(Document(TINY), study=(folder, None)) as on:
        await on.until(lambda: epochs(on) >= before)
        assert on.app.study.model.where == ""
        on.app.show_screen("study")
        await on.press("ctrl+r")
        await on.until(lambda: on.app.study.model.where == "here")
        saved = epochs(on)
        await on.until(lambda: epochs(on) > saved, limit=180)
        on.app.study.close(60.0)


async def test_a_study_that_is_over_is_repeated_with_one_more_seed() -> None:
    async with Bench.opened(Document(TINY)) as on:
        on.app.document.mark(Marks({"training.optimizer": ("sgd", "adam")}, tune=False))
        await on.press("ctrl+r")
        await done(on)
        model, name = on.app.study.model, on.app.query_one(StudyScreen).table.key[0]
        await on.press("+")
        await on.until(lambda: (row := model.row(name)) is not None and row.n == 2, limit=180)
        assert [one.trial.seed for one in model.row(name).trials] == [0, 1]


def test_a_word_of_the_command_line_means_a_study_that_was_begun_or_a_file() -> None:
    file = library.save(MARKS.study(TINY))
    assert study_of(file.stem) == (studies_folder() / file.stem, file)
    assert study_of(str(file)) == (studies_folder() / file.stem, file)
    begun = studies_folder() / file.stem
    begun.mkdir()
    (begun / STUDY).write_bytes(file.read_bytes())
    assert study_of(file.stem) == (begun, None)
    assert study_of("digits-quickstart") is None
    assert study_of("nothing of that name") is None
