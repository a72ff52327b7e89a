"""Methods of search: what is asked for is a function of the study and of the values told, in any order."""

import importlib.util
import math
import random

import pytest

from tests.studies.examples import NAN, RATE, problems, study
from tuiml.studies import methods, trials, tuning
from tuiml.studies.halving import rungs
from tuiml.studies.search import Order, replay

TUNE = "training.learning_rate"
SPACE = [RATE, {"path": "layers[*].activation", "values": ["tanh", "relu"]}]
ALL = [name for name in methods.methods.names() if not methods.methods[name].missing()]
"""Those that run here; continuous integration has all extras."""


def made(method, **changes):
    space = {"vary": SPACE} if methods.methods[method].draws else {}
    return study(**{**space, "search": {"method": method, "trials": 9, "seed": 3}, **changes})


def value(order):
    """A function with a maximum at a rate of 0.01, a little other with each seed, better with more epochs."""
    if order.find_rate:
        return 0.003
    trial = order.trial
    rate = trial.document["training"]["learning_rate"]
    return -abs(math.log10(rate) + 2) + trial.seed / 100 + order.epochs / 1000


def run(search, shuffle=0, told=None, workers=5):
    """Drive a search as some workers do that end in any order; returns what was asked for, sorted."""
    rng, running, asked = random.Random(shuffle), [], []
    while True:
        while len(running) < workers and (order := search.ask()) is not None:
            running.append(order)
            asked.append((order.trial.folder, order.epochs))
        if not running:
            break
        order = running.pop(rng.randrange(len(running)))
        found = value(order)
        if told is not None:
            told[order.trial.folder, order.epochs] = found
        search.tell(order.trial, order.epochs, found)
    assert search.over
    return sorted(asked)


@pytest.mark.parametrize("method", ALL)
def test_the_same_values_give_the_same_trials_however_many_workers_there_are(method):
    first = run(methods.start(made(method)), workers=1)
    assert len(set(first)) == len(first)
    for shuffle in range(3):
        assert run(methods.start(made(method)), shuffle, workers=shuffle + 2) == first


@pytest.mark.parametrize("method", ALL)
def test_another_seed_draws_others(method):
    other = made(method, search={"method": method, "trials": 9, "seed": 4})
    differs = run(methods.start(made(method))) != run(methods.start(other))
    assert differs == methods.methods[method].draws


@pytest.mark.parametrize("method", ALL)
def test_a_search_that_was_cut_off_replays_what_is_known_and_goes_on(method):
    told = {}
    whole = run(methods.start(made(method)), told=told)
    for known in (0, 1, 7, len(told) // 2, len(told)):
        kept = dict(list(told.items())[:known])
        search = methods.start(made(method))
        left = replay(search, lambda order, kept=kept: kept.get((order.trial.folder, order.epochs)))
        asked = sorted((order.trial.folder, order.epochs) for order in left)
        assert not set(asked) & set(kept)
        for order in left:
            search.tell(order.trial, order.epochs, value(order))
        rest = run(search)
        assert sorted([*kept, *asked, *rest]) == whole


@pytest.mark.parametrize("method", ALL)
def test_trials_that_fail_do_not_stop_a_search(method):
    search = methods.start(made(method))
    assert replay(search, lambda order: NAN) == []
    assert search.over


@pytest.mark.parametrize("method", ALL)
def test_a_method_says_what_it_does(method):
    entry = methods.methods[method]
    assert entry.formula
    assert entry.advice


def test_a_value_that_was_not_asked_for_is_passed_over():
    search = methods.start(made("halving"))
    order = search.ask()
    search.tell(order.trial, order.epochs, 0.5)
    search.tell(order.trial, order.epochs, 0.9)
    search.tell(order.trial, 77, 0.9)
    assert not search.over


def test_a_grid_takes_the_first_seed_of_all_before_the_second():
    search = methods.start(study())
    seeds = []
    while (order := search.ask()) is not None:
        assert order.until is None
        seeds.append(order.trial.seed)
    assert seeds == [0, 0, 0, 1, 1, 1]


# -- successive halving -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((27, 81, 3), [3, 9, 27, 81]),
        ((9, 9, 3), [1, 3, 9]),
        ((8, 100, 2), [12, 25, 50, 100]),
        ((1, 50, 3), [50]),
        ((1000, 4, 3), [1, 4]),
        ((9, 100, 3, 10), [10, 30, 90, 100]),
        ((9, 5, 3, 10), [5]),
    ],
)
def test_the_rungs_by_hand(arguments, found):
    assert rungs(*arguments) == found


def halving(count=9, seeds=(0,), **search):
    values = [0.01 * (index + 1) for index in range(count)]
    return study(
        seeds=list(seeds),
        vary=[{"path": TUNE, "values": values}],
        search={"method": "halving", "trials": count, **search},
    )


def test_halving_by_hand():
    """Nine rates of which the sixth is the best: nine train one epoch, three train three, one all nine."""
    search = methods.start(halving())
    asked = {}

    def score(order):
        asked.setdefault(order.epochs, []).append(order.trial.configuration.number)
        return 1 - abs(order.trial.configuration.number - 5.2) / 10

    assert replay(search, score) == []
    assert asked == {1: list(range(9)), 3: [4, 5, 6], 9: [5]}
    cuts = [search.cut(trials.trials_of(search.study, one)[0]) for one in search.configurations]
    assert [cut.rung for cut in cuts] == [0, 0, 0, 0, 1, 2, 1, 0, 0]
    assert cuts[5].lost_by is None
    assert cuts[4].lost_by == pytest.approx(0.12 - 0.02)
    assert cuts[3].lost_by == pytest.approx(0.22 - 0.12)


def test_halving_goes_on_only_when_all_seeds_of_a_rung_are_told_and_takes_their_mean():
    search = methods.start(halving(3, seeds=(0, 1)))
    first = [search.ask() for _ in range(6)]
    assert search.ask() is None
    by_number = {0: (0.9, 0.1), 1: (0.6, 0.6), 2: (0.2, 0.2)}
    for order in first:
        assert search.ask() is None
        search.tell(order.trial, order.epochs, by_number[order.trial.configuration.number][order.trial.seed])
    last = [search.ask(), search.ask()]
    assert [order.trial.configuration.number for order in last] == [1, 1]
    assert [order.until for order in last] == [None, None]


def test_a_configuration_that_diverges_with_one_seed_is_cut():
    search = methods.start(halving(3, seeds=(0, 1)))
    bad = (0, 1)  # configuration, seed

    def score(order):
        number = order.trial.configuration.number
        return NAN if (number, order.trial.seed) == bad else 1 - number / 10

    replay(search, score)
    assert search.cut(trials.trials_of(search.study, search.configurations[0])[0]).rung == 0
    assert search.cut(trials.trials_of(search.study, search.configurations[1])[0]).rung == 1


def test_losses_are_better_the_smaller_they_are():
    search = methods.start(halving(3, metric="val_loss"))
    replay(search, lambda order: order.trial.configuration.number / 10)
    firsts = [trials.trials_of(search.study, one)[0] for one in search.configurations]
    assert [search.cut(trial).rung for trial in firsts] == [1, 0, 0]


# -- TPE --------------------------------------------------------------------------------------------------


def test_without_optuna_the_command_that_installs_it_is_said(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "optuna" else find(name))
    (found,) = problems(vary=[RATE], search={"method": "tpe"})
    assert found.startswith("search.method: tpe needs Optuna: pip install ")


needs_optuna = pytest.mark.skipif("tpe" not in ALL, reason="Optuna is an extra; CI runs these with it")


@needs_optuna
def test_tpe_comes_nearer_to_the_best_than_chance():
    """Of the same number of trials, the second half of TPE's are nearer to the best rate than draws are."""
    distances = {}
    for method in ("random", "tpe"):
        search = methods.start(made(method, seeds=[0], search={"method": method, "trials": 80, "seed": 1}))
        run(search)
        rates = [one.settings[TUNE] for one in search.configurations][40:]
        distances[method] = sum(abs(math.log10(rate) + 2) for rate in rates) / len(rates)
    assert distances["tpe"] < distances["random"] / 2


@needs_optuna
def test_a_configuration_that_tpe_proposes_again_is_not_trained_again():
    few = {"path": "layers[*].activation", "values": ["tanh", "relu"]}
    search = methods.start(study(vary=[few], search={"method": "tpe", "trials": 30}))
    assert len(run(search)) == 4
    assert [one.number for one in search.configurations] == [0, 1]


@needs_optuna
def test_tpe_searches_variants_too():
    variants = [{"name": "a"}, {"name": "b", "set": {"training.epochs": 2}}]
    search = methods.start(study(variant=variants, vary=[RATE], search={"method": "tpe", "trials": 12}))
    run(search)
    assert {one.name.partition(" ")[0] for one in search.configurations} == {"a", "b"}


# -- tuning -----------------------------------------------------------------------------------------------


def tuned(best, found=0.01, seeds=(0, 1, 2)):
    """The search of a study whose configurations have their best rates in ``best``, after it is over."""
    search = methods.start(study(tune=TUNE, seeds=list(seeds)))
    log = []

    def score(order):
        log.append(order)
        if order.find_rate:
            return found
        rate = order.trial.document["training"]["learning_rate"]
        return -abs(math.log10(rate / best[order.trial.configuration.number]))

    assert replay(search, score) == []
    assert search.over
    return search, log


def rates(log, number, seed=0):
    return [
        order.trial.document["training"]["learning_rate"]
        for order in log
        if order.trial.configuration.number == number and order.trial.seed == seed and not order.find_rate
    ]


def test_each_configuration_gets_its_own_best_rate_and_all_seeds_at_that():
    search, log = tuned({0: 0.01, 1: 0.03, 2: 0.001})
    assert [one.settings[TUNE] for one in search.configurations] == [0.01, 0.03, 0.0011]
    assert rates(log, 0) == [0.0033, 0.01, 0.03]
    assert rates(log, 1) == [0.0033, 0.01, 0.03, 0.09]
    assert rates(log, 2) == [0.0033, 0.01, 0.03, 0.0011, 0.00037]
    for number, one in enumerate(search.configurations):
        counted = search.trials(one)
        assert [trial.seed for trial in counted] == [0, 1, 2]
        assert {trial.document["training"]["learning_rate"] for trial in counted} == {one.settings[TUNE]}
        assert rates(log, number, seed=1) == rates(log, number, seed=2) == [one.settings[TUNE]]
        others = [trial.document["training"]["learning_rate"] for trial in search.others(one)]
        assert sorted([*others, one.settings[TUNE]]) == sorted(rates(log, number))


def test_the_search_for_a_rate_ends():
    _, log = tuned({0: 1e9, 1: 1e-9, 2: 0.01})
    assert len(rates(log, 0)) == len(rates(log, 1)) == tuning.MOST


def test_without_a_suggestion_the_presets_own_rate_is_the_middle():
    _, log = tuned({0: 0.1, 1: 0.1, 2: 0.1}, found=NAN)
    assert rates(log, 0)[:3] == [0.033, 0.1, 0.3]
    assert tuning.usual_rate({"training": {"optimizer": "adam"}}) == 0.001


def test_tuning_replays_what_is_known():
    _, log = tuned({0: 0.01, 1: 0.03, 2: 0.001})
    known = {(o.trial.folder, o.epochs): o for o in log[: len(log) // 2]}
    search = methods.start(study(tune=TUNE, seeds=[0, 1, 2]))
    asked = []

    def score(order):
        asked.append((order.trial.folder, order.epochs))
        return 0.01 if order.find_rate else -abs(order.trial.document["training"]["learning_rate"] - 0.01)

    replay(search, score)
    assert set(known) & set(asked)
    assert search.total == len(asked) - 3  # a range test is no trial


def test_a_rate_that_was_found_is_kept_and_read_whatever_the_file_holds(tmp_path):
    found = study(tune=TUNE)
    trial = trials.trials_of(found, trials.grid(found)[0])[0]
    assert tuning.read_rate(tmp_path, trial) is None
    tuning.write_rate(tmp_path, trial, 0.003, "where the loss falls most steeply")
    assert tuning.read_rate(tmp_path, trial) == 0.003
    tuning.write_rate(tmp_path, trial, NAN)
    assert math.isnan(tuning.read_rate(tmp_path, trial))
    (file,) = tmp_path.iterdir()
    values = ('"x"', "-1", "true", "1e400", "[]")
    for text in ("", "[]", "{}", "nul", "[" * 5000, *(f'{{"rate": {value}}}' for value in values)):
        file.write_text(text)
        rate = tuning.read_rate(tmp_path, trial)
        assert rate is None or math.isnan(rate)


def test_orders_know_their_epochs():
    found = study()
    trial = trials.trials_of(found, trials.grid(found)[0])[0]
    assert [Order(trial).epochs, Order(trial, 3).epochs, Order(trial, find_rate=True).epochs] == [9, 3, 0]
