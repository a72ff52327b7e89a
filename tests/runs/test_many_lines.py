"""A run of very many epochs: it is listed, and resumed, without all its lines in memory at once."""

import json
import tracemalloc

import pytest

from tuiml.runs import folder, library
from tuiml.runs.last_session import last_session

EPOCHS = 20_000


@pytest.mark.parametrize("read", [library.summary, last_session])
def test_the_list_of_runs_holds_few_lines_of_each(read) -> None:
    path = folder.runs_folder() / "long"
    path.mkdir(parents=True)
    with (path / "metrics.jsonl").open("w") as file:
        start = {"event": "start", "epochs": EPOCHS, "step": 0, "watched": "val_accuracy"}
        file.write(json.dumps(start) + "\nbroken\n")
        for epoch in range(1, EPOCHS + 1):
            line = {"event": "epoch", "epoch": epoch, "step": epoch, "val_accuracy": (epoch % 777) / 777}
            file.write(json.dumps(line) + "\n")
            if epoch == 100:
                back = {"event": "intervention", "what": "rewind", "number": 1, "value": 50, "step": 50}
                file.write(json.dumps(back | {"last_intervention": 0}) + "\n")
    tracemalloc.start()
    found = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000  # all lines at once take 10 MB
    if isinstance(found, library.RunSummary):
        assert (found.epochs, found.planned, found.skipped) == (EPOCHS, EPOCHS, 1)
        assert found.best is not None
        assert found.best["epoch"] == 776
    else:
        assert found.start["epochs"] == EPOCHS
