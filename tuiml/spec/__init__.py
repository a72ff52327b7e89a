"""What a user asks for: presets, as plain validated data."""

from tuiml.spec.check import check, network_of
from tuiml.spec.library import load
from tuiml.spec.preset import Preset, Training
from tuiml.spec.problems import Problem, SpecError
from tuiml.spec.toml import dumps, loads

__all__ = ["Preset", "Problem", "SpecError", "Training", "check", "dumps", "load", "loads", "network_of"]
