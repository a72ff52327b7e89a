"""What is offered after a run: its preset decides, and how it ended."""

import math

from tests.helpers import document, preset
from tuiml.nn.network import Network
from tuiml.spec import network_of
from tuiml.training.diagnosis_context import DiagnosisContext
from tuiml.training.experiments import Experiment, Outcome, experiments
from tuiml.training.remedies import Remedy
from tuiml.training.verdicts import Verdict


def offered(
    reason="completed", epochs=10, best=3, rise=1.0, gap=0.0, found=(), **changes
) -> list[Experiment]:
    chosen = preset(**changes)
    network: Network = network_of(chosen)
    outcome = Outcome(reason, epochs, best, rise, gap)
    return experiments(DiagnosisContext(chosen, network, layers=()), outcome, found)


def words(**asked):
    return [one.remedy.words for one in offered(**asked)]


def test_there_are_three_and_each_is_a_valid_preset_that_differs():
    for one in offered():
        assert one.remedy.fits(preset())
        assert one.remedy.apply(document()) != document()
        assert one.why
    assert len(offered()) == 3


def test_an_overfitted_run_is_offered_what_helps_against_it():
    assert words(rise=2.0) == ["dropout of 0.3", "early stopping", "l2 = 0.001"]
    assert words(gap=0.3)[0] == "dropout of 0.3"
    assert "dropout of 0.3" not in words(rise=math.nan, gap=math.nan)


def test_a_loss_that_jumps_at_a_far_too_high_rate_is_not_called_overfitting():
    cure = Remedy("a learning rate of 0.01", (("training.learning_rate", 0.01),))
    verdict = Verdict("learning rate far too high", "", "", (), "", (), cure)
    assert words(rise=4.0, found=[verdict])[0] == "a learning rate of 0.01"
    assert "dropout of 0.3" not in words(rise=4.0, found=[verdict])


def test_a_run_that_diverged_is_offered_smaller_steps():
    assert words(reason="diverged")[1] == "clip_norm = 1"
    assert words(reason="diverged")[0].startswith("a learning rate of")


def test_a_run_that_still_improved_is_offered_more_epochs():
    epochs = preset().training.epochs
    assert words(best=10)[0] == f"train for {2 * epochs:,} epochs"
    assert words(best=10, reason="stopped")[0] != f"train for {2 * epochs:,} epochs"
