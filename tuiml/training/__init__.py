"""Training: a generator of events that the command line and the app both consume."""

from tuiml.training.control import Control
from tuiml.training.course import Position
from tuiml.training.events import (
    End,
    Epoch,
    Event,
    Intervention,
    Loading,
    Notice,
    Picture,
    Pretraining,
    PretrainingProgress,
    Progress,
    Start,
    State,
)
from tuiml.training.trainer import Trainer

__all__ = [
    "Control",
    "End",
    "Epoch",
    "Event",
    "Intervention",
    "Loading",
    "Notice",
    "Picture",
    "Position",
    "Pretraining",
    "PretrainingProgress",
    "Progress",
    "Start",
    "State",
    "Trainer",
]
