"""Help and tables fit the terminal: 80 columns here; a file or a pipe gets everything."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.test_readme import parsers
from tuiml.cli import main
from tuiml.cli.output import cells, cut, print_table

Capture = pytest.CaptureFixture[str]
ROOM = 80


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(ROOM))


def wide(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if cells(line) > ROOM)


@pytest.mark.parametrize("words", ["", *(words for words, _ in parsers())])
def test_every_help_fits(words: str, narrow: None, capsys: Capture) -> None:
    with contextlib.suppress(SystemExit):
        assert main([*words.split(), "--help"]) == 0
    assert list(wide(capsys.readouterr().out)) == []


@pytest.mark.parametrize(
    "words",
    [
        "presets", "studies", "data list", "choices", "choices activations", "choices layers", "settings",
        "choices schedules", "choices optimizers adam", "choices layers conv2d", "doctor",
        "show mnist-4x200-relu", "show mnist-cnn", "probe mnist-sigmoid-10",
        "find-rate digits-quickstart --quiet --steps 20",
    ],
)  # fmt: skip
def test_every_table_fits(words: str, narrow: None, capsys: Capture) -> None:
    main(words.split())
    out = capsys.readouterr().out
    assert out
    assert list(wide(out)) == []


def test_tables_of_runs_fit(narrow: None, capsys: Capture) -> None:
    names = ["a-name-of-a-run-that-is-quite-long", "another-name-of-a-run-that-is-quite-long"]
    for name in names:
        main(["train", "digits-quickstart", "--set", "training.epochs=1", "--quiet", "--run", name])
    capsys.readouterr()
    for words in (["runs"], ["compare", *names], ["compare", *names, *names, names[0]]):
        assert main(words) == 0
        out = capsys.readouterr().out
        assert list(wide(out)) == [], words
        assert ("…" in out) == (words[0] == "compare")


def test_a_pipe_gets_all_of_it(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["preset", "from", "data", "layers", "optimizer", "epochs", "note"]
    assert max(map(len, lines)) > ROOM


def test_prose_is_cut_before_names_and_names_in_the_middle(narrow: None, capsys: Capture) -> None:
    print_table(("name", "note", "n"), [["n" * 40, "some words " * 5, "1"]], right=("n",))
    assert "n" * 40 in capsys.readouterr().out
    assert cut("digits-quickstart-065909", 12) == "digits…65909"
    assert cut("some words that are long", 12) == "some words …"
    assert cut("층 층 층 층 층 층", 8) == "층 층 …"
    assert cut("short", 5) == "short"
