"""A run of very many epochs: it is listed, and resumed, without all its lines in memory at once."""

import json
import tracemalloc

import pytest

from tuiml.runs import folder, library, metric_columns
from tuiml.runs.last_session import last_session

EPOCHS = 20_000


@pytest.mark.parametrize(
    ("read", "most"),
    [(library.summary, 3_000_000), (last_session, 3_000_000), (metric_columns.of_epochs, 6_000_000)],
)
def test_few_lines_of_a_run_are_in_memory_at_once(read, most) -> None:
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
    assert peak < most  # all lines at once take 10 MB
    if isinstance(found, library.RunSummary):
        assert (found.epochs, found.planned, found.skipped) == (EPOCHS, EPOCHS, 1)
        assert found.best is not None
        assert found.best["epoch"] == 776
    elif read is last_session:
        assert found.start["epochs"] == EPOCHS
    else:
        assert found["epoch"].tolist() == [*range(1, 51), *range(101, EPOCHS + 1)]
