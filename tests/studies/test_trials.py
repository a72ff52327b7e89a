"""The trials of a study: the product of what is varied, or draws; each found again by what it trains."""

import collections

import pytest

from tests.studies.examples import ACTIVATIONS, RATE, document, preset, study
from tuiml.data.own.reading import DataFiles
from tuiml.spec import check as check_preset
from tuiml.spec.library import save
from tuiml.spec.problems import SpecError
from tuiml.studies import library, trials
from tuiml.studies.study import Study, Vary

SIZES = {"path": "training.batch_size", "values": [8, 16]}


def drawn(**search):
    return trials.drawn(study(vary=[RATE, SIZES], search={"method": "random", "trials": 12, **search}))


def documents(configurations):
    return [one.document for one in configurations]


def test_a_grid_is_the_product_with_the_last_setting_changing_fastest():
    found = trials.grid(study(vary=[{"path": "layers[*].activation", "values": ["tanh", "relu"]}, SIZES]))
    assert [one.name for one in found] == ["tanh · 8", "tanh · 16", "relu · 8", "relu · 16"]
    assert [one.number for one in found] == [0, 1, 2, 3]
    last = found[-1]
    assert dict(last.settings) == {"layers[*].activation": "relu", "training.batch_size": 16}
    assert [layer["activation"] for layer in last.document["layers"]] == ["relu", "softmax"]
    assert last.document["training"]["batch_size"] == 16
    assert "seed" not in last.document["training"]


def test_variants_stand_before_what_is_varied():
    short = {"name": "short", "set": {"training.epochs": 2}}
    digits = {"name": "digits", "preset": "digits-quickstart"}
    found = trials.grid(study(variant=[short, digits], vary=[SIZES], set={"training.l2": 0.5}))
    assert [one.name for one in found] == ["short · 8", "short · 16", "digits · 8", "digits · 16"]
    assert found[0].document["training"]["epochs"] == 2
    assert found[2].document["data"]["name"] == "digits"
    assert all(one.document["training"]["l2"] == 0.5 for one in found)
    assert found[0].settings == {"training.epochs": 2, "training.batch_size": 8}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01, "0.01"), (1e-5, "1e-5"), (20.0, "20"), (1e20, "1e20"), (0.1234567890123, "0.1234567890123"),
        (200, "200"), ("he_normal", "he_normal"), ({"name": "sgd", "momentum": 0.9, "nesterov": True},
        "sgd (momentum 0.9, nesterov true)"), ([1, 2], "1, 2"), ("a\x1b[31m", "a�[31m"),
        ("x" * 99, "x" * 59 + "…"),
    ],
)  # fmt: skip
def test_values_are_named_as_one_reads_them(value, text):
    assert trials.value_text(value) == text


def test_a_switch_is_named_with_its_setting():
    nesterov = {"path": "training.optimizer.nesterov", "values": [True, False]}
    fast = preset(optimizer={"name": "sgd", "momentum": 0.9})
    found = trials.grid(study(preset=fast, vary=[nesterov]))
    assert [one.name for one in found] == ["nesterov on", "nesterov off"]


def test_equal_names_are_numbered():
    values = ["sgd", {"name": "sgd", "momentum": 0.5}, "sgd (momentum 0.5)"]
    some = [{"path": "training.optimizer", "values": values}]
    found = trials.grid(Study.model_validate(document(vary=some)))
    assert [one.name for one in found] == ["sgd", "sgd (momentum 0.5)", "sgd (momentum 0.5) (2)"]


def test_every_trial_has_its_seed_and_a_preset_that_reads_back_equal():
    found = study(seeds=[3, 4])
    some = [trial for one in trials.grid(found) for trial in trials.trials_of(found, one)]
    assert [trial.seed for trial in some] == [3, 4] * len(ACTIVATIONS)
    for trial in some:
        made, wrong = check_preset(dict(trial.document))
        assert wrong == []
        assert made.training.seed == trial.seed
        assert made.document() == trial.document
    assert len({trial.folder for trial in some}) == len(some)


def test_folds_have_the_seed_of_the_preset_and_each_fold_once():
    found = study(seeds=None, folds=3, preset=preset(seed=5))
    some = trials.trials_of(found, trials.grid(found)[0])
    made = [check_preset(dict(trial.document))[0] for trial in some]
    assert [one.data.fold for one in made] == [trial.fold for trial in some] == [0, 1, 2]
    assert {one.data.folds for one in made} == {3}
    assert {one.training.seed for one in made} == {trial.seed for trial in some} == {5}
    assert [one.document() for one in made] == [trial.document for trial in some]


def test_a_trial_is_found_again_in_an_edited_study():
    """Under another number, name and note, and however its setting is spelled; not with another seed."""
    spelled = [{"name": "relu"}, "tanh"]
    before, after = study(), study(name="other", vary=[{"path": "layers[*].activation", "values": spelled}])

    def content(of, number, seed=0):
        return trials.content(trials.trial_of(of, trials.grid(of)[number], seed).document)

    assert content(before, 1) == content(after, 0)
    assert content(before, 0) == content(after, 1)
    assert content(before, 0) != content(before, 1)
    assert content(before, 0) != content(before, 0, seed=1)
    folders = [trials.trials_of(before, one)[0].folder for one in trials.grid(before)]
    assert trials.located(folders)[content(after, 0)] == folders[1]


def test_a_setting_that_is_as_by_default_trains_what_it_trains_left_out():
    left_out, given = study(vary=None), study(vary=None, set={"data.normalize": "none", "training.l1": 0.0})
    one, other = (trials.trials_of(of, trials.grid(of)[0])[0] for of in (left_out, given))
    assert trials.content(one.document) == trials.content(other.document)


# -- draws ------------------------------------------------------------------------------------------------


def test_the_same_seed_draws_the_same_and_more_trials_the_same_first():
    assert documents(drawn()) == documents(drawn())
    assert documents(drawn(trials=20))[:12] == documents(drawn())
    assert documents(drawn(seed=1)) != documents(drawn())


def test_draws_differ_from_one_another():
    names = [one.name for one in drawn(trials=200)]
    assert len(set(names)) == len(names) == 200


def test_a_space_with_no_more_than_the_trials_is_searched_whole():
    found = study(vary=[SIZES], search={"method": "random", "trials": 5})
    assert documents(trials.drawn(found)) == documents(trials.grid(found))
    few = {"path": "training.batch_size", "low": 1.0, "high": 3.0, "integer": True}
    found = study(vary=[few], search={"method": "random", "trials": 100})
    assert sorted(one.document["training"]["batch_size"] for one in trials.drawn(found)) == [1, 2, 3]


def units(count=4000):
    return [(index + 0.5) / count for index in range(count)]


def test_a_logarithmic_range_gives_each_power_of_ten_the_same_share():
    vary = Vary(path="training.l1", low=1e-4, high=1.0, scale="log")
    values = [trials.at(vary, unit) for unit in units()]
    shares = collections.Counter(sum(value >= bound for bound in (1e-3, 1e-2, 1e-1)) for value in values)
    assert all(abs(count - 1000) <= 2 for count in shares.values())
    assert 1e-4 <= min(values) < max(values) <= 1.0


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_whole_numbers_are_whole_and_within_the_range(scale):
    vary = Vary(path="training.batch_size", low=1.0, high=4.0, scale=scale, integer=True)
    counts = collections.Counter(trials.at(vary, unit) for unit in units())
    assert set(counts) == {1, 2, 3, 4}
    assert all(type(value) is int for value in counts)
    if scale == "linear":
        assert set(counts.values()) == {1000}


def test_a_linear_range_is_uniform_and_short_to_type():
    vary = Vary(path="training.l1", low=0.0, high=1.0)
    values = [trials.at(vary, unit) for unit in units()]
    assert sum(value < 0.25 for value in values) == 1000
    assert all(value == float(f"{value:.4g}") for value in values)


# -- files ------------------------------------------------------------------------------------------------


def test_a_study_is_saved_and_found_by_its_name(tmp_path):
    path = library.save(study().document())
    assert library.find("acts").path == path
    assert library.find("acts").study() == study()
    assert [file.name for file in library.own()] == ["acts"]
    with pytest.raises(SpecError, match=r"there is no study 'actz'; did you mean 'acts'\?"):
        library.find("actz")
    with pytest.raises(SpecError, match=r"there is no study file '.*none\.toml'"):
        library.find(str(tmp_path / "none.toml"))


def test_presets_and_data_may_lie_beside_the_study(tmp_path):
    rows = "".join(f"{i},{i % 3},{'ab'[i % 2]}\n" for i in range(60))
    (tmp_path / "my.csv").write_text("x,y,class\n" + rows)
    (tmp_path / "mine.toml").write_text(
        'version = 1\ndata = { path = "my.csv" }\n[[layers]]\ntype = "dense"\nactivation = "softmax"\n'
    )
    file = tmp_path / "study.toml"
    file.write_text('version = 1\nname = "s"\npreset = "mine.toml"\n')
    found = library.find(str(file)).study(DataFiles())
    (one,) = trials.grid(found)
    assert one.document["data"]["path"] == str(tmp_path / "my.csv")


def test_a_self_contained_study_does_not_change_when_its_preset_does(tmp_path):
    path = save(preset(), tmp_path / "mine.toml")
    kept = library.self_contained(study(preset=str(path)))
    before = documents(trials.grid(kept))
    save(preset(epochs=77), path)
    assert documents(trials.grid(kept)) == before
    assert documents(trials.grid(study(preset=str(path)))) != before
