"""What a study that is run reports: frozen dataclasses, each a line of JSON like the events of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tuiml.training.codec import Count, Flag, Number, Optional, Text
from tuiml.training.events import Event

Reason = Literal["completed", "early_stopped", "diverged", "failed", "stopped", "rung"]


class StudyEvent(Event):
    """What a study reports."""


@dataclass(frozen=True)
class StudyStart(StudyEvent, event="study_start"):
    """The first trial can be trained."""

    study: Text
    path: Text
    trials: Count
    """In all."""
    jobs: Count
    """Trials at once."""
    threads: Count
    """Training threads of each."""
    backend: Text


@dataclass(frozen=True)
class TrialStart(StudyEvent, event="trial_start"):
    """A trial is trained from now on."""

    trial: Text
    """The name of its run folder."""
    path: Text
    configuration: Text
    seed: Count
    fold: Count | None
    epochs: Count
    """The epoch that it is trained to for the present."""
    done: Count
    """Epochs done before."""


@dataclass(frozen=True)
class TrialEpoch(StudyEvent, event="trial_epoch"):
    """A trial has done an epoch."""

    trial: Text
    epoch: Count
    train_loss: Number
    train_accuracy: Number
    val_loss: Number
    val_accuracy: Number
    seconds: Number
    examples_per_second: Number
    val_r2: Optional = math.nan


@dataclass(frozen=True)
class TrialNotice(StudyEvent, event="trial_notice"):
    """A warning that does not end a trial."""

    trial: Text
    text: Text


@dataclass(frozen=True)
class TrialEnd(StudyEvent, event="trial_end"):
    """A trial is not trained any more."""

    trial: Text
    configuration: Text
    seed: Count
    fold: Count | None
    reason: Reason
    """``stopped``: by the user; ``rung``: its epochs of successive halving are done."""
    epochs: Count
    """Epochs done."""
    value: Number
    """The metric of the study."""
    done: Count
    """Trials of the study that are over."""
    trials: Count
    """In all."""
    earlier: Flag = False
    """It was over before the study was started this time."""
    message: Text = ""
    """Why it failed or diverged."""


@dataclass(frozen=True)
class StudyEnd(StudyEvent, event="study_end"):
    """Nothing is trained any more."""

    study: Text
    path: Text
    reason: Literal["completed", "stopped", "failed"]
    trials: Count
    done: Count
    failed: Count
    diverged: Count
    seconds: Number
    """On the clock, since it was started this time."""
    message: Text = ""
    """Why it could not go on."""

    @property
    def said(self) -> str:
        """How it ended, in words: ``completed, 18 trials, 1 diverged``."""
        trials = f"{self.trials:,} trial{'s' * (self.trials != 1)}"
        done = trials if self.done == self.trials else f"{self.done:,} of {trials}"
        failed = f"{self.failed:,} failed" if self.failed else ""
        diverged = f"{self.diverged:,} diverged" if self.diverged else ""
        return ", ".join(filter(None, (self.reason, self.message, done, failed, diverged)))
