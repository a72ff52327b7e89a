"""Running a study: what is trained, what is never trained again, and what its user may ask of it."""

import json
import shutil

import pytest

from tests.studies.running import (
    InlinePool,
    comparable,
    ended,
    run,
    study,
    table,
    trained,
    weights,
)
from tuiml.runs import checkpoints, folder, library, listing
from tuiml.runs.errors import RunError
from tuiml.runs.folder import studies_folder
from tuiml.studies import folder as folders
from tuiml.studies.control import StudyControl, StudyOrder, read_order
from tuiml.studies.events import TrialEnd, TrialNotice, TrialStart
from tuiml.studies.folder import StudyFolder
from tuiml.training.event_reading import read_event

LINEAR = {"type": "dense", "units": 6, "activation": "linear"}


def test_every_trial_is_trained_once_and_its_run_lies_under_the_study():
    events = run(study())
    assert ended(events) == ["completed"] * 4
    assert (events[-1].reason, events[-1].done, events[-1].trials) == ("completed", 4, 4)
    names = trained(events)
    assert {path.name for path in (studies_folder() / "tiny").iterdir() if path.is_dir()} == set(names)
    assert listing.list_runs() == []
    assert library.summary(studies_folder() / "tiny" / names[0]).reason == "completed"
    assert table(study()).done == 4


def test_events_are_read_back_equal_from_their_json():
    for event in run(study()):
        assert repr(read_event(event.to_json())) == repr(event)


def test_the_same_study_again_trains_nothing_and_one_that_was_edited_only_what_is_new():
    before = run(study())
    assert trained(run(study())) == []
    more = study(vary=[{"path": "layers.0.activation", "values": ["elu", "relu", "tanh"]}])
    events = run(more)
    assert len(trained(events)) == 2
    assert all("elu" in name for name in trained(events))
    assert {event.trial for event in events if isinstance(event, TrialEnd)} > set(trained(before))
    assert table(more).done == 6


def test_a_trial_that_was_lost_is_trained_again_to_the_same_bits():
    names = trained(run(study()))
    whole, bits = comparable(table(study())), weights()
    shutil.rmtree(studies_folder() / "tiny" / names[2])
    assert trained(run(study())) == [names[2]]
    assert comparable(table(study())) == whole
    assert weights() == bits


def test_a_trial_of_which_there_is_only_an_empty_folder_is_trained():
    names = trained(run(study(), "whole"))
    (studies_folder() / "tiny" / names[1]).mkdir(parents=True)
    assert set(trained(run(study()))) == set(names)
    assert comparable(table(study())) == comparable(table(study(), "whole"))


def test_a_trial_whose_weights_the_disk_refused_at_its_end_is_trained_again():
    names, path = trained(run(study())), studies_folder() / "tiny"
    bits, newest = weights(), max(folder.steps_in(path / names[1]))
    checkpoints.path_of(path / names[1], newest).unlink()
    assert trained(run(study())) == []  # it was removed since
    metrics = path / names[1] / "metrics.jsonl"
    *lines, end = metrics.read_text().splitlines()
    said = json.dumps(json.loads(end) | {"message": "cannot write in /x: No space left on device"})
    metrics.write_text("\n".join([*lines, said, ""]))
    assert table(study()).done == 3
    assert trained(run(study())) == [names[1]]
    assert weights() == bits


def test_stopped_it_saves_and_goes_on_to_the_same_bits():
    run(study(), "whole")
    control, pool = StudyControl(), InlinePool()

    def stop(event):
        if isinstance(event, TrialStart):
            control.stop()

    events = run(study(), control=control, pool=pool, on_event=stop)
    assert events[-1].reason == "stopped"
    assert ended(events) == ["stopped"]
    again = run(study())
    assert again[-1].reason == "completed"
    assert comparable(table(study())) == comparable(table(study(), "whole"))
    assert weights() == weights("whole")


def test_a_trial_that_diverges_or_fails_does_not_stop_the_others(monkeypatch):
    rates = [{"path": "training.learning_rate", "values": [1e-2, 1000.0]}]
    chosen = study(epochs=30, vary=rates, seeds=[0], set={"training.optimizer": "sgd", "layers.1": LINEAR})
    events = run(chosen)
    assert sorted(ended(events)) == ["completed", "diverged"]
    assert (events[-1].reason, events[-1].diverged, events[-1].failed) == ("completed", 1, 0)
    assert trained(run(chosen)) == []

    class Failing(InlinePool):
        def _lines(self, job):
            if "relu" in job.trial:
                return [{"event": "failed", "message": "memory ran out"}]
            return super()._lines(job)

    events = run(study(), "other", pool=Failing())
    assert (events[-1].failed, events[-1].done) == (2, 4)
    found = table(study(), "other")
    assert [trial.message for row in found.rows for trial in row.trials if trial.state == "failed"] == [
        "memory ran out"
    ] * 2
    assert len(trained(run(study(), "other"))) == 2  # they are tried again
    assert table(study(), "other").done == 4
    assert folders.read_state(studies_folder() / "other").failed == {}


@pytest.mark.parametrize("event", ["failed", "notice"])
def test_where_the_disk_refuses_the_study_ends_with_one_message(event):
    text = "cannot write in /x: No space left on device"

    class Full(InlinePool):
        def _lines(self, job):
            line = {"event": event, "text": f"{text}; trying again", "message": text}
            return [line, *([] if event == "failed" else super()._lines(job))]

    events = run(study(), pool=Full())
    assert (events[-1].reason, events[-1].message) == ("failed", text)
    assert (events[-1].failed, len(trained(events))) == (0, 2)
    assert not any(isinstance(event, TrialNotice) for event in events)


def test_one_trial_is_stopped_and_gone_on_with_and_another_is_skipped():
    control, names = StudyControl(), []

    def on_event(event):
        if isinstance(event, TrialStart):
            names.append(event.trial)
            if len(names) == 1:
                control.order(StudyOrder("stop_trial", event.trial))

    events = run(study(), control=control, on_event=on_event)
    assert ended(events).count("stopped") == 1
    assert events[-1].reason == "completed"
    assert trained(run(study())) == []  # not gone on with unasked
    assert table(study()).done == 3
    control = StudyControl()

    def go_on(event):
        if isinstance(event, TrialEnd) and event.trial == names[0] and event.earlier:
            control.order(StudyOrder("resume_trial", names[0]))

    assert trained(run(study(), control=control, on_event=go_on)) == [names[0]]
    assert table(study()).done == 4


def test_paused_nothing_begins_until_it_is_resumed():
    told, control = [], StudyControl()

    class Pool(InlinePool):
        def order(self, trial, do):
            told.append(do)

        def lines(self, timeout):
            if self.jobs:
                return super().lines(timeout)
            control.order(StudyOrder("resume"))  # all that were trained have ended, and it waits
            return []

    def on_event(event):
        if isinstance(event, TrialStart) and not told:
            control.order(StudyOrder("pause"))

    events = run(study(), control=control, pool=Pool(), on_event=on_event)
    assert told == ["pause"]
    assert events[-1].done == 4


def test_seeds_are_added_to_one_configuration_and_counted_from_then_on():
    control = StudyControl()

    def on_event(event):
        if isinstance(event, TrialEnd) and "tanh" in event.trial and event.seed == 0:
            control.order(StudyOrder("more_seeds", event.trial, 2))

    events = run(study(), control=control, on_event=on_event)
    seeds = [event.seed for event in events if isinstance(event, TrialStart) and "tanh" in event.trial]
    assert sorted(seeds) == [0, 1, 2, 3]
    assert (events[-1].done, events[-1].trials) == (6, 6)
    rows = {row.configuration.name: row.n for row in table(study()).rows}
    assert rows == {"relu": 2, "tanh": 4}
    assert trained(run(study())) == []


def test_successive_halving_stops_at_rungs_and_resumed_anywhere_comes_to_the_same_table():
    chosen = study(
        epochs=9,
        seeds=[0],
        vary=[{"path": "training.learning_rate", "values": [0.05, 0.02, 0.01, 0.005, 0.001, 0.0001]}],
        search={"method": "halving", "factor": 3, "trials": 6},
    )
    whole = run(chosen, "whole")
    assert ended(whole).count("rung") >= 6
    assert ended(whole).count("completed") >= 1
    control, count = StudyControl(), 0

    def stop(event):
        nonlocal count
        count += isinstance(event, TrialEnd)
        if count == 4:
            control.stop()

    run(chosen, control=control, on_event=stop)
    rest = run(chosen)
    assert rest[-1].done == rest[-1].trials == whole[-1].trials
    assert comparable(table(chosen)) == comparable(table(chosen, "whole"))
    assert weights() == weights("whole")
    assert trained(run(chosen)) == []


def test_each_configuration_gets_its_own_rate_and_the_range_tests_are_not_repeated():
    chosen = study(seeds=[0, 1], tune="training.learning_rate")
    events = run(chosen)
    assert sum(isinstance(e, TrialNotice) and "finding a learning rate" in e.text for e in events) == 2
    again = run(chosen)
    assert trained(again) == []
    assert not any(isinstance(event, TrialNotice) for event in again)
    assert again[-1].done == events[-1].done == events[-1].trials


def test_the_table_counts_what_is_trained_after_a_rate_was_stopped():
    chosen, control = study(seeds=[0, 1], tune="training.learning_rate"), StudyControl()
    stopped: list[str] = []

    def stop_the_first(event):
        if isinstance(event, TrialStart) and not stopped:
            stopped.append(event.trial)
            control.order(StudyOrder("stop_trial", event.trial))

    events = run(chosen, control=control, on_event=stop_the_first)
    assert table(chosen).done == events[-1].done > 6
    assert len(stopped) == 1


def test_other_data_than_the_trials_before_ends_the_study():
    class Other(InlinePool):
        def _lines(self, job):
            found = super()._lines(job)
            return [{**line, "data": job.trial} if line["event"] == "start" else line for line in found]

    events = run(study(), pool=Other())
    assert events[-1].reason == "failed"
    assert "is not the same" in events[-1].message


def test_two_processes_do_not_run_one_study():
    held = StudyFolder.hold("tiny")
    with pytest.raises(RunError, match="the study 'tiny' is going on in another process"):
        run(study())
    with pytest.raises(RunError, match="going on"):
        folders.delete(held.path)
    held.close()
    assert run(study())[-1].reason == "completed"


def test_what_was_settled_at_the_start_stays_and_a_damaged_state_is_settled_anew():
    held = StudyFolder.hold("tiny")
    held.settle(2, "numpy")
    held.settle(1, "mlx")
    assert (held.state.threads, held.state.backend) == (2, "numpy")
    held.close()
    path = studies_folder() / "tiny"
    for text in ("", "[]", "{", '{"threads": "x"}', '{"threads": 1, "backend": "y"}', '{"threads": true}'):
        (path / folders.STATE).write_text(text)
        assert not folders.read_state(path).settled


def test_studies_are_found_renamed_and_deleted():
    held = StudyFolder.hold("tiny")
    held.write_study("version = 1\n")
    held.close()
    assert folders.find("tiny") == held.path
    with pytest.raises(RunError, match="did you mean 'tiny'"):
        folders.find("tinny")
    other = folders.rename(held.path, "two words")
    assert other.name == "two-words"
    with pytest.raises(RunError, match="is not in"):
        folders.delete(other.parent.parent)
    folders.delete(other)
    assert folders.begun() == []


@pytest.mark.parametrize(
    "message",
    [None, [], {"do": "quit"}, {"do": "stop_trial"}, {"do": "more_seeds", "trial": "x", "count": 0},
     {"do": "more_seeds", "trial": "x", "count": 10**9}, {"do": "stop_trial", "trial": 3}],
)  # fmt: skip
def test_an_order_that_cannot_be_used_is_passed_over(message):
    assert read_order(message) is None


def test_seeds_are_added_to_any_configuration_of_a_study_that_is_done():
    names = trained(run(study()))
    for name in names[1], names[2]:
        control = StudyControl()
        control.order(StudyOrder("more_seeds", name))
        assert len(trained(run(study(), control=control))) == 1
    assert {row.n for row in table(study()).rows} == {3}
