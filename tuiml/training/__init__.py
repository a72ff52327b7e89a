"""Training: a generator of events that the command line and the app both consume."""

from tuiml.training.events import (
    End,
    Epoch,
    Event,
    Intervention,
    Loading,
    Notice,
    Pretraining,
    PretrainingProgress,
    Progress,
    Snapshot,
    Start,
    State,
)
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import Position
from tuiml.training.trainer import Trainer

__all__ = [
    "End",
    "Epoch",
    "Event",
    "Intervention",
    "Loading",
    "Notice",
    "Position",
    "Pretraining",
    "PretrainingProgress",
    "Progress",
    "RunControl",
    "Snapshot",
    "Start",
    "State",
    "Trainer",
]
