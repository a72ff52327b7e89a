"""Runs whose metrics hold anything: each is listed, shown and opened, and hides no other one."""

import asyncio
import json

import pytest
from hypothesis import given, settings

from tests.helpers import surviving
from tests.runs.hostile_metrics import LINES, UNREADABLE, damaged, events
from tests.tui.bench import until
from tests.tui.fake_training_client import FakeTrainingClient
from tests.tui.files_on_disk import run
from tests.tui.hostile_text import assert_harmless, shown
from tuiml.cli import main
from tuiml.runs import folder, library, metrics, run_lines, timeline
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.charts.palette import Look
from tuiml.tui.library.preview import run_strips
from tuiml.tui.model import past_run

pytestmark = pytest.mark.usefixtures("quick")
SAID = "of metrics.jsonl cannot be read and"
EVENTS = events()
REWIND = next(e for e in EVENTS if e.to_json().get("what") == "rewind").to_json()


@pytest.fixture
def two(own_folders):
    """A run, and one whose metrics are to be spoilt."""
    run("good", day=1, accuracy=0.75)
    return run("hostile", day=2)


def spoil(path, lines):
    """Put lines between the first epoch and the end."""
    start, *rest = (path / "metrics.jsonl").read_bytes().splitlines()[:5]
    (path / "metrics.jsonl").write_bytes(b"\n".join([start, rest[0], *lines, *rest[1:]]) + b"\n")


def listed(capsys):
    capsys.readouterr()
    assert main(["runs", "--json"]) == 0
    said = capsys.readouterr()
    return {found["run"]: found for found in json.loads(said.out)}, said.err


@pytest.mark.parametrize("event", EVENTS, ids=[f"{i} {e.event}" for i, e in enumerate(EVENTS)])
def test_values_that_no_run_writes_are_passed_over_in_every_kind_of_line(event):
    sound = json.dumps(event.to_json())
    assert metrics.parse(sound.encode()) == json.loads(sound)
    for name, value in UNREADABLE.items():
        for place in range(60):
            assert metrics.parse(damaged(event, place, value)) is None, (name, place)
            if len(value) > 10_000:
                break


@pytest.mark.parametrize(
    "line",
    ['"step": -1', '"step": 1.5', '"step": "1"', '"epoch": true', '"steps": []', '"number": -3'],
)
def test_steps_epochs_and_numbers_are_whole_and_not_negative(line):
    assert metrics.parse(f'{{"event": "epoch", {line}}}') is None


def test_what_is_passed_over_is_counted_and_said(two, capsys):
    kinds = ("restore_points", "intervention")
    moments, by_hand = (next(e for e in EVENTS if e.event == kind) for kind in kinds)
    lines = [damaged(event, 3, UNREADABLE["400 digits"]) for event in (moments, by_hand)]
    lines += [b"{", b"[]", b" " * (metrics.MOST_LINE + 10)]
    run("third", day=3)
    before, _ = listed(capsys)
    spoil(two, lines)
    found, said = listed(capsys)
    assert found.pop("hostile") == before.pop("hostile") | {"skipped": 5}
    assert found == before
    assert said == f"tuiml: run 'hostile': 5 lines {SAID} are left out\n"
    assert main(["runs"]) == 0
    assert capsys.readouterr().err == said
    assert main(["compare", "good", "hostile"]) == 0
    assert capsys.readouterr().err == said
    model = past_run.load_run(two)
    assert model.skipped == 5
    assert len(model.epochs) == 3
    assert model.notices["lines"] == f"5 lines {SAID} are left out"
    assert "lines" not in past_run.load_run(two.with_name("good")).notices


def test_a_run_that_cannot_be_read_at_all_hides_no_other(two, capsys, monkeypatch):
    """Whatever goes wrong while it is read."""
    read = run_lines.read_lines
    monkeypatch.setattr(
        run_lines, "read_lines", lambda p, *rest: 1 / (p.parent.name != "hostile") and read(p, *rest)
    )
    found, _ = listed(capsys)
    assert found["good"]["end"]["test_accuracy"] == 0.75
    assert found["hostile"]["reason"] == "broken"
    assert found["hostile"]["problem"] == "cannot be read: ZeroDivisionError: division by zero"


@given(lines=LINES)
def test_any_lines_are_listed_and_shown(lines, tmp_path_factory, capsys):
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUIML_HOME", str(home))
        run("good", accuracy=0.75)
        path = run("hostile", day=2)
        spoil(path, lines)
        found, _ = listed(capsys)
        assert found["good"]["end"]["test_accuracy"] == 0.75
        assert not found["hostile"].get("problem")
        assert main(["runs"]) == 0
        assert main(["compare", "hostile", "good"]) == 0
        model = past_run.load_run(path)
        assert found["hostile"].get("skipped", 0) <= model.skipped <= len(lines)
        for size in ((40, 30), (120, 40)):
            run_strips(library.summary(path), model, *size, Look())


@settings(max_examples=12)
@given(lines=LINES)
def test_any_lines_in_the_library_and_in_train(lines, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUIML_HOME", str(home))
        run("good", accuracy=0.75)
        spoil(run("hostile", day=2), lines)
        asyncio.run(_open_all())


async def _open_all():
    app = TuimlApp(client_factory=FakeTrainingClient)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        for name in ("hostile", "good"):
            await _open_run(name, app, pilot)
        app.leave(0)


async def _open_run(name, app, pilot):
    place = app.query_one("#library")
    place.refresh_list(("run", str(folder.runs_folder() / name)))
    await until(lambda: place.item and place.item.name == name and not place.preview.waits, pilot)
    await app.workers.wait_for_complete()
    await pilot.pause()
    assert_harmless(app, name)
    assert name in "\n".join(shown(app))
    place.action_item_open()
    await until(lambda: app.model.name == name, pilot)
    assert app.screen_name == "train"
    assert_harmless(app, name)
    await pilot.press("3")


@pytest.mark.parametrize("count", [8_000, 80_000])
def test_work_grows_with_the_lines_and_not_with_their_square(two, monkeypatch, count):
    spoil(two, [json.dumps(REWIND).encode()] * count)
    asked, integer = [0], timeline.integer

    def counted(*args):
        asked[0] += 1
        return integer(*args)

    monkeypatch.setattr(timeline, "integer", counted)
    found = library.summary(two)
    assert not found.problem
    assert found.skipped == 0
    assert asked[0] <= 8 * (count + 5)
    added, add = [0], "tuiml.tui.charts.series.Means.append"
    monkeypatch.setattr(add, lambda *args: added.__setitem__(0, added[0] + 1))
    assert len(past_run.load_run(two).epochs) == 2
    assert added[0] < 100


def test_what_survives_is_what_each_rewind_in_turn_leaves():
    """Against the definition: a rewind takes back what is there with a later step or a higher number."""
    import random

    rng = random.Random(0)
    for _ in range(300):
        lines = []
        for number in range(1, rng.randrange(2, 25)):
            step, what = rng.randrange(6), rng.choice(["rate", "rewind"])
            by_hand = {"event": "intervention", "number": number, "step": step, "what": what}
            by_hand |= {"value": rng.randrange(6), "since": rng.randrange(number)}
            lines.append(rng.choice([by_hand, {"event": "epoch", "step": step}]))
        kept = []
        for line in lines:
            if line.get("what") == "rewind":
                kept = [
                    old
                    for old in kept
                    if (old["number"] <= line["since"] if "number" in old else old["step"] <= line["value"])
                ]
            kept.append(line)
        assert surviving(lines) == kept
