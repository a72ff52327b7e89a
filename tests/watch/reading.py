"""What a watched run has written, read back through the codec that checks it."""

from tuiml.runs.folder import each_line
from tuiml.runs.watched import read_model
from tuiml.training.event_reading import read_event
from tuiml.tui.model import past_run
from tuiml.tui.model.diagnosis import diagnose


def events(path, name=""):
    """The events of a run's folder, or those of one kind."""
    found = [read_event(line) for line in each_line(path, snapshots=True)]
    return [event for event in found if not name or event.event == name]


def layers(path, at=-1):
    """The statistics of a snapshot, by the module's name."""
    names = [module.name for module in read_model(path).modules]
    return dict(zip(names, events(path, "snapshot")[at].layers, strict=True))


def modules(path):
    """The modules, by name."""
    return {module.name: module for module in read_model(path).modules}


def verdicts(path):
    """What the app says is wrong with it."""
    return diagnose(past_run.load_run(path))
