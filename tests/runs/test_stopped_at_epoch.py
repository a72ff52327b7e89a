"""A run in another folder than that of all runs, stopped after an epoch and resumed: a trial of a study."""

import pytest
from safetensors.numpy import load_file

from tests.runs.crash import DOCUMENT
from tuiml.files import home
from tuiml.runs import library, listing, session
from tuiml.runs.errors import RunError
from tuiml.runs.folder import read_metrics, steps_in
from tuiml.spec import check
from tuiml.training.events import End


def preset(**training):
    found, problems = check(DOCUMENT | {"training": DOCUMENT["training"] | training})
    assert found, problems
    return found


def end_of(events):
    return [event for event in events if isinstance(event, End)][-1]


def epochs(path):
    found = [line for line in read_metrics(path, snapshots=False) if line["event"] == "epoch"]
    return [{key: line[key] for key in ("epoch", "step", "train_loss", "val_loss")} for line in found]


@pytest.mark.parametrize(
    "training", [{}, {"early_stopping": {"name": "val_loss", "patience": 1}, "learning_rate": 0.5}]
)
def test_stopped_after_epochs_and_resumed_it_ends_with_the_bits_of_one_that_never_stopped(training):
    studies = home() / "studies" / "s"
    whole = end_of(session.run(preset(**training), name="whole", parent=studies))
    first = end_of(session.run(preset(**training), name="cut", parent=studies, until_epoch=1))
    assert (first.reason, first.epochs) == ("stopped", 1)
    second = end_of(session.resume(studies / "cut", until_epoch=3))
    assert second.epochs <= 3
    last = end_of(session.resume(studies / "cut")) if second.reason == "stopped" else second
    assert (last.reason, last.epochs, last.test_loss) == (whole.reason, whole.epochs, whole.test_loss)
    assert epochs(studies / "cut") == epochs(studies / "whole")
    for step in steps_in(studies / "whole"):
        files = [studies / name / f"checkpoint-{step}.safetensors" for name in ("cut", "whole")]
        one, other = map(load_file, files)
        assert {k: v.tobytes() for k, v in one.items()} == {k: v.tobytes() for k, v in other.items()}


def test_resuming_to_an_epoch_that_is_done_trains_nothing():
    list(session.run(preset(), name="cut", parent=home() / "studies" / "s", until_epoch=2))
    again = end_of(session.resume("s/cut", until_epoch=2))
    assert (again.reason, again.epochs) == ("stopped", 2)


def test_a_trial_is_found_renamed_and_deleted_and_is_in_no_list_of_runs():
    folder = home() / "studies" / "s"
    list(session.run(preset(), name="one", parent=folder, until_epoch=1))
    assert listing.list_runs() == []
    assert library.find("s/one") == library.find(str(folder / "one")) == folder / "one"
    other = library.rename(folder / "one", "two")
    assert library.summary(other).epochs == 1
    with pytest.raises(RunError, match="is not in"):
        library.delete(folder)
    library.delete(other)
    assert [path.name for path in folder.iterdir()] == [".trash"], "it can be brought back"


def test_a_name_that_is_taken_in_that_folder_is_refused():
    folder = home() / "studies" / "s"
    list(session.run(preset(), name="one", parent=folder, until_epoch=1))
    with pytest.raises(RunError, match="already"):
        list(session.run(preset(), name="one", parent=folder))
    list(session.run(preset(), name="one", until_epoch=1))
