"""A run's folder is moved or deleted while it trains."""

import os
import shutil
from pathlib import Path

import pytest

from tests.runs.crash import preset
from tuiml.runs import folder, session
from tuiml.training.events import FOLDER, SAVING, End, Epoch, Event, Notice


def trained(act) -> list[Event]:
    """The events of a run; after its first epoch ``act`` gets its folder."""
    events = []
    for event in session.run(preset(), name="d1", save_every=0.0):
        if isinstance(event, Epoch) and event.epoch == 1:
            act(folder.runs_folder() / "d1")
        events.append(event)
    return events


def notices(events: list[Event], about: str) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice) and event.about == about]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_folder_that_was_moved_is_followed(tmp_path: Path, elsewhere: bool) -> None:
    new = (tmp_path if elsewhere else folder.runs_folder()) / "other"
    events = trained(lambda path: path.rename(new))
    assert notices(events, FOLDER) == [f"the run's folder was moved; it is now {new}"]
    assert notices(events, SAVING) == []
    end = events[-1]
    assert isinstance(end, End)
    assert (end.path, end.run, end.reason, end.message) == (str(new), "other", "completed", "")
    assert end.step in folder.steps_in(new)
    assert [line["event"] for line in folder.read_metrics(new)][-1] == "end"
    assert not (new / ".writer").exists()
    assert not (folder.runs_folder() / "d1").exists()


def test_another_folder_at_its_old_place_is_not_written_to(tmp_path: Path) -> None:
    def swap(path: Path) -> None:
        path.rename(tmp_path / "moved")
        path.mkdir()

    end = trained(swap)[-1]
    assert isinstance(end, End)
    assert os.listdir(folder.runs_folder() / "d1") == []
    assert end.step in folder.steps_in(tmp_path / "moved")


def test_a_folder_that_was_deleted_is_reported_and_not_made_again() -> None:
    events = trained(shutil.rmtree)
    (said,) = notices(events, SAVING)
    assert "the folder was deleted or moved away; what it learns is on no disk" in said
    end = events[-1]
    assert isinstance(end, End)
    assert "the folder was deleted or moved away; there is no checkpoint" in end.message
    assert os.listdir(folder.runs_folder()) == []
