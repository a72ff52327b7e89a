"""A study's table: what its run folders say, ranked, with the figures that were printed elsewhere."""

import json
import math
import os
import time
from dataclasses import asdict

import pytest

from tests.studies.examples import NAN, study, write_run
from tuiml.runs import session, writer
from tuiml.spec import check as check_preset
from tuiml.studies import folder, methods, table, trials, tuning
from tuiml.studies.search import replay


def all_trials(found):
    return [trial for one in trials.grid(found) for trial in trials.trials_of(found, one)]


def shown(found, path):
    return table.Table(found, path).results()


def states(results):
    return {row.configuration.name: [trial.state for trial in row.trials] for row in results.rows}


def test_a_study_that_was_not_begun_is_all_waiting(tmp_path):
    results = shown(study(), tmp_path / "none")
    assert states(results) == {name: ["waiting", "waiting"] for name in ("tanh", "relu", "elu")}
    assert [row.rank for row in results.rows] == [None] * 3
    assert all(math.isnan(row.mean) and row.n == 0 for row in results.rows)
    assert (results.total, results.done) == (6, 0)
    assert results.conclusion == "Nothing to compare yet."
    assert results.varied == ("layers[*].activation",)


def test_figures_are_at_the_best_epoch_and_ranked_by_their_mean(tmp_path):
    found = study()
    curves = {"tanh": [[0.5, 0.9, 0.7], [0.6, 0.7]], "relu": [[0.95], [0.97, NAN]], "elu": [[0.1]]}
    for trial in all_trials(found):
        some = curves[trial.configuration.name]
        if trial.seed < len(some):
            write_run(tmp_path, trial, some[trial.seed], test=0.25 + trial.seed / 10)
    results = shown(found, tmp_path)
    assert [row.configuration.name for row in results.rows] == ["relu", "tanh", "elu"]
    assert [row.rank for row in results.rows] == [1, 2, 3]
    tanh = results.rows[1]
    assert tanh.mean == pytest.approx(0.8)
    assert tanh.std == pytest.approx(math.sqrt(0.02))
    assert (tanh.test_mean, tanh.n) == (pytest.approx(0.3), 2)
    assert tanh.seconds == pytest.approx((6 + 4) / 2)
    first = tanh.trials[0]
    assert first.figures["val_accuracy"] == 0.9
    assert first.figures["train_loss"] == 0.5
    assert first.figures["test_accuracy"] == 0.25
    assert first.curve == (0.5, 0.9, 0.7)
    assert first.seconds == (2.0, 4.0, 6.0)
    assert math.isnan(results.rows[0].trials[1].curve[1])
    assert math.isnan(results.rows[2].std)
    assert (results.total, results.done) == (6, 5)
    assert results.conclusion.startswith("So far: ")


def test_each_end_of_a_run_has_its_state(tmp_path):
    found = study(vary=[{"path": "training.batch_size", "values": [1, 2, 4, 8, 16, 32]}], seeds=[0])
    ends = ["completed", "early_stopped", "diverged", "stopped", None]
    for trial, reason in zip(all_trials(found), ends, strict=False):
        write_run(tmp_path, trial, [0.5], reason)
    results = shown(found, tmp_path)
    assert states(results) == {
        "1": ["completed"], "2": ["completed"], "4": ["diverged"], "8": ["stopped"], "16": ["stopped"],
        "32": ["waiting"],
    }  # fmt: skip
    assert results.done == 3


def test_a_trial_that_is_trained_now_is_running_until_its_process_ends(tmp_path):
    found = study()
    path = write_run(tmp_path, all_trials(found)[0], [0.5], reason=None)
    one = table.Table(found, tmp_path)
    lock = writer.hold(path)
    assert states(one.results())["tanh"][0] == "running"
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"event": "state", "state": "paused", "step": 5}\n')
    assert states(one.results())["tanh"][0] == "paused"
    os.close(lock)
    assert states(one.results())["tanh"][0] == "stopped"


def test_a_trial_that_failed_says_why(tmp_path):
    found = study()
    trial = all_trials(found)[0]
    state = folder.StudyState(1, "numpy", failed={trial.folder: "no memory"})
    (tmp_path / folder.STATE).write_text(json.dumps(asdict(state)))
    results = shown(found, tmp_path)
    failed = next(row for row in results.rows if row.configuration.name == "tanh").trials[0]
    assert (failed.state, failed.message) == ("failed", "no memory")
    assert "1 trial failed: tanh (1 of 2)." in results.conclusion


def test_a_configuration_that_diverged_before_it_had_a_figure_is_not_the_first(tmp_path):
    found = study()
    for trial in all_trials(found):
        lost = trial.configuration.name == "tanh" and trial.seed == 1
        curve, reason = ([], "diverged") if lost else ([0.99 - trial.configuration.number / 10], "completed")
        write_run(tmp_path, trial, curve, reason)
    results = shown(found, tmp_path)
    assert [row.configuration.name for row in results.rows] == ["relu", "elu", "tanh"]
    assert "1 trial diverged: tanh (1 of 2)." in results.conclusion


def test_a_trial_is_found_under_the_number_that_it_had(tmp_path):
    found = study()
    trial = all_trials(found)[2]
    write_run(tmp_path, trial, [0.7], name=trial.folder.replace("001-relu", "007-other"))
    row = shown(found, tmp_path).rows[0]
    assert (row.configuration.name, row.n) == ("relu", 1)
    assert row.trials[0].path.name.startswith("007-other")


def test_seeds_that_were_added_count(tmp_path):
    found = study()
    one = trials.grid(found)[1]
    for seed in (0, 1, 7):
        write_run(tmp_path, trials.trial_of(found, one, seed), [0.7 + seed / 100])
    (tmp_path / "001-relu-s9-0123456789ab").mkdir()  # of another preset
    row = shown(found, tmp_path).rows[0]
    assert [result.trial.seed for result in row.trials] == [0, 1, 7]
    assert row.n == 3


def test_printed_figures_stand_beside_ours(tmp_path):
    printed = {"test_accuracy": 0.941, "source": "note 001", "reason": "raw"}
    found = study(reference=[{"set": {"layers[*].activation": "relu"}, **printed}])
    rows = {row.configuration.name: row for row in shown(found, tmp_path).rows}
    assert rows["relu"].reference == (0.941, "note 001", "raw")
    assert rows["relu"].reference_metric == "test_accuracy"
    assert rows["tanh"].reference is None


def test_halving_shows_where_and_by_how_much_a_trial_lost(tmp_path):
    found = study(
        seeds=[0],
        vary=[{"path": "training.batch_size", "values": list(range(1, 10))}],
        search={"method": "halving"},
    )
    one = table.Table(found, tmp_path)
    for rung, epochs in enumerate((1, 3, 9)):
        waiting = _orders(one)
        assert [order.epochs for order in waiting] == [epochs] * (9 // 3**rung)
        for order in waiting:
            number = order.trial.configuration.number
            reason = "completed" if epochs == 9 else "stopped"
            write_run(tmp_path, order.trial, [number / 20 + e / 100 for e in range(epochs)], reason)
    results = one.results()
    first = results.rows[0]
    assert (first.configuration.name, first.trials[0].state, first.trials[0].rung) == ("9", "completed", 2)
    second = results.rows[1].trials[0]
    assert (second.state, second.rung, second.lost_by) == ("cut", 1, pytest.approx(0.05))
    assert [row.trials[0].rung for row in results.rows] == [2, 1, 1, 0, 0, 0, 0, 0, 0]
    assert results.done == results.total == 9
    assert results.conclusion.startswith("9: ")


def _orders(one):
    search = methods.start(one.study)
    return replay(search, lambda order: one.value(order, one._names()))


def test_a_trial_that_waits_at_its_rung_is_paused_and_one_that_goes_on_was_not_cut(tmp_path):
    found = study(
        seeds=[0], vary=[{"path": "training.batch_size", "values": [1, 2, 4]}], search={"method": "halving"}
    )
    first, *rest = all_trials(found)
    write_run(tmp_path, first, [0.9] * 3, "stopped")
    assert states(shown(found, tmp_path))["1"] == ["paused"]
    for trial in rest:
        write_run(tmp_path, trial, [0.5] * 3, "stopped")
    assert states(shown(found, tmp_path)) == {"1": ["paused"], "2": ["cut"], "4": ["cut"]}
    write_run(tmp_path, rest[0], [0.5] * 3 + [0.99] * 6, "completed")
    results = shown(found, tmp_path)
    went_on = next(row for row in results.rows if row.configuration.name == "2").trials[0]
    assert (went_on.state, went_on.lost_by) == ("completed", pytest.approx(0.4))


def test_a_tuned_row_has_its_own_rate_and_the_others_below_it(tmp_path):
    found = study(tune="training.learning_rate")
    one = table.Table(found, tmp_path)
    for _ in range(9):
        for order in _orders(one):
            if order.find_rate:
                tuning.write_rate(tmp_path, order.trial, 0.01)
            else:
                rate = order.trial.document["training"]["learning_rate"]
                write_run(tmp_path, order.trial, [1 - abs(math.log10(rate) + 2) / 10])
    results = one.results()
    assert "training.learning_rate" in results.varied
    assert {row.configuration.settings["training.learning_rate"] for row in results.rows} == {0.01}
    assert {row.n for row in results.rows} == {2}
    assert {len(row.trials) for row in results.rows} == {4}
    assert results.done == results.total == 12


def test_whatever_lies_in_the_folder_the_table_is_shown(tmp_path):
    found = study()
    first, second, *_ = all_trials(found)
    (tmp_path / first.folder).write_text("a file")
    path = write_run(tmp_path, second, [0.5])
    (path / "metrics.jsonl").write_bytes(b'\0\xff{{{\n[1]\n{"event": "epoch", "epoch": 1e999}\n')
    (tmp_path / "link-0123456789ab").symlink_to(tmp_path)
    (tmp_path / "study.toml").write_text("")
    assert len(shown(found, tmp_path).rows) == 3


def test_unchanged_runs_are_not_read_again(tmp_path, monkeypatch):
    found = study()
    for trial in all_trials(found):
        write_run(tmp_path, trial, [0.5])
    before = table.results(found, tmp_path)
    read = []
    monkeypatch.setattr(table, "read_record", lambda path, *rest: read.append(path))
    assert table.results(found, tmp_path) == before
    assert read == []


def test_the_figures_are_those_of_real_runs(tmp_path, own_folders):
    found = study(vary=None, seeds=[0, 1], set={"training.epochs": 2})
    ends = []
    for trial in all_trials(found):
        made, _ = check_preset(dict(trial.document))
        *_, end = session.run(made, name=trial.folder, backend="numpy")
        ends.append(end)
    (row,) = shown(found, own_folders / "runs").rows
    assert [result.state for result in row.trials] == ["completed", "completed"]
    assert [result.epochs for result in row.trials] == [2, 2]
    assert row.test_mean == pytest.approx(sum(end.test_accuracy for end in ends) / 2)


def test_a_table_of_thousands_of_trials_is_read_in_little_time(tmp_path):
    """Cheap to call each second: what follows from the study alone is worked out once."""
    sizes = {"path": "training.batch_size", "values": list(range(1, 64))}
    penalties = {"path": "training.l1", "values": [index / 1000 for index in range(32)]}
    found = study(vary=[sizes, penalties], seeds=[0])
    assert table.results(found, tmp_path).total == 63 * 32
    began = time.process_time()
    table.results(found, tmp_path)
    assert time.process_time() - began < 1


def test_a_search_is_kept_until_a_value_is_another_one(tmp_path, monkeypatch):
    """A rung that was decided stays so while runs are added; a run that was trained anew decides it again."""
    found = study(
        seeds=[0], vary=[{"path": "training.batch_size", "values": [1, 2, 4]}], search={"method": "halving"}
    )
    one, some, starts = table.Table(found, tmp_path), all_trials(found), []
    start = methods.start
    monkeypatch.setattr(methods, "start", lambda *given: starts.append(1) or start(*given))
    for trial, value in zip(some, (0.9, 0.5, 0.7), strict=True):
        write_run(tmp_path, trial, [value] * 3, "stopped")
        one.results()
    assert states(one.results()) == {"1": ["paused"], "2": ["cut"], "4": ["cut"]}
    assert len(starts) == 1
    write_run(tmp_path, some[1], [0.95] * 3, "stopped")
    assert states(one.results()) == {"1": ["cut"], "2": ["paused"], "4": ["cut"]}
    assert one.results() == table.Table(found, tmp_path).results()
