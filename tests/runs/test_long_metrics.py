"""Long metrics: what reads only some of a file finds the same as what reads all of it, and reads little."""

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest

from tests.tui import files_on_disk
from tuiml.cli import main
from tuiml.runs import library, listing, metric_columns, metrics, run_lines, sample
from tuiml.runs.folder import METRICS, runs_folder
from tuiml.tui.charts.palette import Look
from tuiml.tui.library.preview import run_strips


def lines_of(path: Path, lines: list[object]) -> Path:
    path.write_bytes(b"".join(x if isinstance(x, bytes) else json.dumps(x).encode() + b"\n" for x in lines))
    return path


# -- lines -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": NaN, "b": 1.5}', {"a": None, "b": 1.5}),
        (r'{"a": "\ud800"}', {"a": "\ud800"}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"a": 1e999}', None),
        ('{"a": 9007199254740993}', None),
        ('{"step": -1}', None),
        ('{"step": 1.0}', None),
        ('{"step": true}', None),
        ('{"value": -1}', {"value": -1}),
        ('{"event": "intervention", "what": "rewind", "value": -1}', None),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", None),
        ("[]", None),
        ("{", None),
    ],
)
def test_a_line_is_read_as_json_or_not_at_all(text: str, value: object) -> None:
    assert metrics.parse(text) == metrics.parse(text.encode("utf-8", "surrogatepass")) == value


def test_lines_with_a_word_are_found_wherever_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MOST_LINE", 400)
    odd = [{"what": "rewind"}, {"a": "x" * 390}, {"b": "y" * 900 + "rewind"}, {"watched": "val_loss"}]
    lines = [odd[i % 7] if i % 7 < len(odd) else {"epoch": i} for i in range(300)]
    path = lines_of(tmp_path / METRICS, [*lines, b'{"what": "rewind"'])  # the last one is not complete
    wanted = [x for x in lines if x in (odd[0], odd[3])]
    for size in (1, 7, 100, 1000, 10**6):
        monkeypatch.setattr(metrics, "LARGE_BLOCK", size)
        found = [metrics.parse(data) for data in metrics.lines_having(path, b"rewind", b"watched")]
        assert [line for line in found if line] == wanted


def test_the_end_of_the_lines_is_found_from_the_size_at_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lines_of(tmp_path / METRICS, [{"event": "epoch", "epoch": n, "step": n} for n in range(1, 2001)])
    ends = [at for at, _ in metrics.read_lines(path)] + [path.stat().st_size]
    parsed = []
    real = metrics.parse
    monkeypatch.setattr(metrics, "parse", lambda data: parsed.append(data) or real(data))

    def end(step: int, known: int) -> int:
        return metrics.end_of(path, step, known, lambda line: line.get("epoch", 0) > step)

    assert end(1990, ends[1990]) == ends[1990]
    assert end(2000, ends[2000]) == end(2000, ends[2000] + 50) == ends[2000]
    assert len(parsed) <= 2002, "of the lines before that size none is parsed, unless it is no line's"
    parsed.clear()
    assert end(1990, ends[1990]) == ends[1990]
    assert len(parsed) == 1


def test_a_list_says_how_much_of_a_very_long_file_it_does_not_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, short = files_on_disk.run("far", epochs=20), files_on_disk.run("short", epochs=2)
    size = (path / METRICS).stat().st_size
    starts = [at for at, _ in metrics.read_lines(path / METRICS)]
    left = size - next(at for at in starts if at > size // 2)
    assert left > (short / METRICS).stat().st_size // 4
    monkeypatch.setattr(run_lines, "MOST", size // 2)
    monkeypatch.setattr(library, "MOST", size // 2)
    said = f"the last {left:,} bytes of metrics.jsonl, after the first {size // 2:,}, are not read"
    for _ in range(2):  # read, and as the index has it
        monkeypatch.setattr(listing, "FEW", 1)
        assert main(["runs"]) == 0
        assert capsys.readouterr().err == f"tuiml: run 'far': {said}\n"
    assert main(["compare", "far", "short"]) == 0
    assert capsys.readouterr().err == f"tuiml: run 'far': {said}\n"
    found = {run.name: run for run in listing.list_runs()}
    assert (found["far"].unread, found["short"].unread) == (left, 0)
    assert "unread" not in library.figures(found["short"])
    assert library.figures(found["far"])["unread"] == left
    lines = run_strips(found["far"], None, 90, 20, Look())
    assert said in " ".join(line.text.strip() for line in lines)
    assert len(metric_columns.of_epochs(path)["epoch"]) == 20, "an export has all of it"


# -- a sample ----------------------------------------------------------------------------------------------


def test_a_sample_has_the_ends_of_a_file_and_reads_little_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{"event": "epoch", "epoch": n, "x": "x" * (n % 50)} for n in range(1, 60_001)]
    lines_of(tmp_path / METRICS, lines)
    monkeypatch.setattr(sample, "ENDS", 10_000)
    monkeypatch.setattr(sample, "PLACES", 100)
    read = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda *given: read.append(given[1]) or real(*given))
    found = [json.loads(line)["epoch"] for line in sample.sampled_lines(tmp_path)]
    assert sum(read) <= 20_000 + 100 * sample.LINE
    assert found == sorted(set(found))
    assert found[:100] == list(range(1, 101))
    assert found[-100:] == list(range(59_901, 60_001))
    middle = [epoch for epoch in found if 1000 < epoch < 59_000]
    assert len(middle) > 90
    assert max(b - a for a, b in pairwise(middle)) < 1500


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n", b'{"a": 1}\n{"b"', b"\xff" * 50_000])
def test_a_sample_of_any_file_can_be_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    (tmp_path / METRICS).write_bytes(data)
    monkeypatch.setattr(sample, "ENDS", 1000)
    assert list(sample.sampled_lines(tmp_path)) == data.split(b"\n")[:-1]


# -- lists -------------------------------------------------------------------------------------------------


@pytest.fixture
def long_runs(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A run with long metrics and a short one, as lists take it."""
    paths = [files_on_disk.run("long", epochs=200), files_on_disk.run("short")]
    monkeypatch.setattr(listing, "MUCH", 20_000)
    return paths


def test_a_run_with_long_metrics_is_read_once(
    long_runs: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = listing.list_runs()
    assert {one.name for one in before} == {"long", "short"}
    assert before[0] == listing.Runs().one(before[0].path, listing.bases())
    with monkeypatch.context() as none_is_read:
        none_is_read.setattr(listing, "summary", lambda path, _: pytest.fail(f"{path} is read again"))
        assert listing.list_runs() == before
        assert main(["compare", "long", "short"]) == 0
    with (long_runs[0] / METRICS).open("a") as file:
        file.write('{"event": "end", "reason": "stopped"}\n')
    assert library.summary(long_runs[0]) == listing.Runs().summary(long_runs[0])
    assert listing.Runs().summary(long_runs[0]).reason == "stopped"


def test_where_nothing_can_be_written_runs_are_listed_all_the_same(
    long_runs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(listing, "write_whole", refuse)
    assert {one.name for one in listing.list_runs()} == {"long", "short"}
    assert not listing.index_path().exists()


def test_what_can_be_listed_soon_comes_before_long_metrics_are_read(long_runs: list[Path]) -> None:
    runs = listing.Runs()
    assert [one.name for one in runs.read({}, soon=True)] == ["short"]
    assert runs.left
    assert {one.name for one in runs.read({})} == {"long", "short"}
    assert not runs.left
    with (long_runs[0] / METRICS).open("a") as file:
        file.write('{"event": "end", "reason": "stopped"}\n')
    soon = {one.name: one.reason for one in runs.read({}, soon=True)}
    assert soon == {"long": "completed", "short": "completed"}, "as it was read before"
    assert runs.left
    assert {one.name: one.reason for one in runs.read({})}["long"] == "stopped"
    assert (runs_folder() / "long").exists()


def test_of_a_run_that_goes_on_only_new_lines_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    path = files_on_disk.run("going", epochs=100, reason=None)
    monkeypatch.setattr(library, "is_held", lambda _: True)
    parsed: list[bytes] = []
    real = metrics.parse
    monkeypatch.setattr("tuiml.runs.run_lines.parse", lambda data: parsed.append(data) or real(data))
    runs, file = listing.Runs(), path / METRICS
    epoch = json.loads(file.read_text().splitlines()[-1])

    def added(*lines: dict[str, object]) -> int:
        """Add lines; how many are parsed by the next list, which finds what a first list would."""
        with file.open("a") as end:
            end.writelines(json.dumps(line) + "\n" for line in lines)
        parsed.clear()
        found = runs.summary(path)
        count = len(parsed)
        assert found == library.summary(path)
        return count

    assert added() > 100
    assert added() == 0
    better = epoch | {"epoch": 101, "step": 43 * 101, "val_loss": 0.01}
    assert added(better, {"event": "notice", "about": "x", "text": "y"}) == 2
    assert added({"event": "intervention", "number": 1, "what": "rate", "value": 0.5, "step": 9}) == 1
    back = {"event": "intervention", "number": 2, "what": "rewind", "value": 43, "step": 4343}
    assert added(back) > 100, "what a rewind undoes is before it"
    assert added(epoch | {"epoch": 2, "step": 86}) == 1
    text = file.read_text().splitlines(keepends=True)
    file.write_text("".join(text[:50] + [line.replace("0.5", "0.6") for line in text[50:]]))
    assert added() > 100, "it was written anew"
    file.write_text("".join(text[:50]))
    assert 50 <= added() < 100, "it was cut"
