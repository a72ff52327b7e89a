"""What the README and the pages of docs/ say to type works; .ci/run runs the first commands of the README."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import _parser
from tuiml.cli import commands, main
from tuiml.cli.parser import Parser, top_parser
from tuiml.data.datasets import own_files
from tuiml.spec import check, dumps, loads
from tuiml.spec.library import bundled
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.keymap import chosen, declare_all
from tuiml.tui.chart_views.registry import CHARTS
from tuiml.tui.keys import Where, actions, key_word

ROOT = Path(__file__).parent.parent
PAGES = {path.name: path.read_text() for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))}
PRESETS, YOUR_DATA, EXTENDING = PAGES["presets.md"], PAGES["your-data.md"], PAGES["extending.md"]
NEVER_RUN = ("python3 -m venv",)
"""How lines begin that .ci/run runs."""


def block(page: str, language: str, after: str = "") -> str:
    """The first code block of a language after some words."""
    found = re.search(rf"```{language}\n(.*?)```", page.partition(after)[2] if after else page, re.DOTALL)
    assert found, f"there is no {language} block after {after!r}"
    return found.group(1)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize("name", PAGES)
def test_every_command_works(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some write a file where they are
    ran = 0
    for line in "".join(blocks(PAGES[name], "sh")).splitlines():
        if line.startswith(NEVER_RUN):
            continue
        program, *arguments = shlex.split(line, comments=True)
        if program == "python":
            assert arguments[:2] == ["-m", "tests.benchmarks"]
            _parser().parse_args(arguments[2:])  # it would measure for minutes
        else:
            assert program in ("tuiml", ".venv/bin/tuiml")
            assert main(arguments) == 0, arguments
        ran += 1
    said = capsys.readouterr().out
    if name == "command-line.md":
        assert ran > 10
        assert "first" in said
    if name == "README.md":
        assert "first" in said


COMMANDS = [
    (name, words) for name, page in PAGES.items() for words in re.findall(r"`tuiml ([a-z][^`]*)`", page)
]


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=lambda value: str(value).replace(" ", "_"))
def test_every_command_in_a_sentence_is_known(
    name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *arguments = shlex.split(words)
    action = [word for word in arguments if word in ("check", "fetch", "list")]
    assert main([command, *action, "--help"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in arguments if word.startswith("--"))


def parsers() -> Iterator[tuple[str, Parser]]:
    """The parser of every command, and of every action of one, by its words."""
    top = top_parser().add_subparsers()
    for name in commands.names():
        commands.load(name).add_to(top)
    found = list(top.choices.items())
    for words, parser in found:
        below = [action for action in parser._actions if isinstance(action.choices, dict)]
        found += [(f"{words} {name}", one) for action in below for name, one in action.choices.items()]
        if not below:
            yield words, parser


def test_its_table_has_every_command_with_all_its_options() -> None:
    page = PAGES["command-line.md"]
    rows = re.findall(r"^\| `tuiml ([a-z -]+?)[A-Z \[\]…]*` \| (.*) \|$", page, re.MULTILINE)
    shown = {words: set(re.findall(r"`(--.*?)`", options)) for words, options in rows}
    expected = {
        words: {option for action in parser._actions for option in action.option_strings[-1:]} - {"--help"}
        for words, parser in parsers()
    }
    assert shown == expected
    everywhere = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page))
    assert everywhere <= set().union(*expected.values()), "it names an option that there is not"


def test_every_extra_named_to_pip_is_one() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [extra for page in PAGES.values() for extra in re.findall(r"'\.\[(.*?)\]'", page)]
    assert {"fast", "images", "test"} <= set(named) <= set(extras)


def test_links_lead_to_files() -> None:
    for name, page in PAGES.items():
        folder = ROOT if name == "README.md" else ROOT / "docs"
        for target in re.findall(r"\]\(([^)]*)\)", page):
            assert (folder / target).is_file(), (name, target)
        for path in re.findall(r"`((?:tuiml|tests|assets)/[\w/.-]*)`", page):
            assert (ROOT / path).exists(), (name, path)
    assert set(re.findall(r"docs/([\w-]*\.md)", PAGES["README.md"])) == set(PAGES) - {"README.md"}


def test_the_preset_it_shows_is_one() -> None:
    preset, problems = check(loads(block(PRESETS, "toml")))
    assert preset, problems


def test_the_table_of_a_user_is_explained_and_trained_on(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plants.csv").write_text(block(YOUR_DATA, "csv"))
    assert main(["data", "check", "plants.csv"]) == 2
    assert "row 6, column 'soil' is empty" in capsys.readouterr().err
    shown = loads("version = 1\n" + block(YOUR_DATA, "toml"))
    preset = {
        **shown,
        "layers": [{"type": "dense", "activation": "softmax"}],
        "training": {"batch_size": 2, "epochs": 1},
    }
    Path("p.toml").write_text(dumps(preset))
    assert main(["train", "p.toml", "--json"]) == 0
    assert '"train_examples": 3' in capsys.readouterr().out
    Path("full.csv").write_text(block(YOUR_DATA, "csv").replace("28,,", "28,clay,"))
    settings = ["--set", "data.path=full.csv", "--set", "training.batch_size=2", "--set", "training.epochs=1"]
    assert main(["train", "digits-quickstart", *settings]) == 0


def test_every_kind_of_file_is_explained() -> None:
    rows = re.findall(r"^\| (.*?) \|", YOUR_DATA.partition("| `path` |")[2], re.MULTILINE)
    assert len([row for row in rows if not row.startswith("-")]) == len(own_files)


def test_it_names_every_bundled_preset() -> None:
    table = PRESETS.partition("```toml")[0]
    named: set[str] = set()
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        first, *rest = re.findall(r"`([^`]+)`", row)
        # `mnist-4x200-tanh`, `-relu`: the endings of the first one's name
        stem = first.rpartition("-")[0]
        named |= {first, *(stem + word if word.startswith("-") else word for word in rest)}
    assert named == {preset.name for preset in bundled()}


def test_it_names_every_chart_and_the_keys_of_its_view() -> None:
    table = PAGES["what-it-learned.md"].partition("| chart |")[2].partition("\n\n")[0]
    titles = [
        title for row in re.findall(r"^\| (\w.*?) \|", table, re.MULTILINE) for title in row.split(", ")
    ]
    missing = [chart.title for chart in CHARTS if chart.title not in titles]
    assert not missing, f"docs/what-it-learned.md has no row for {missing}"
    assert titles == [chart.title for chart in CHARTS]
    cells = "".join(re.findall(r"\| ([^|]*) \|$", table, re.MULTILINE))
    named = set(re.findall(r"`(.*?)`", cells))
    rows = actions("train")
    assert named <= {key_word(key) for row in rows for key in row.keys}
    for row in rows:
        if row.method.__module__.startswith("tuiml.tui.chart_views.") and row.shown:
            keys = {key_word(key) for key in row.keys}
            assert named & keys, f"no row of docs/what-it-learned.md names the key of {row.id}: {keys}"


@pytest.mark.parametrize(
    ("heading", "places"),
    [
        ("Everywhere", ["any"]),
        ("Build", ["build", "table", "field"]),
        ("Train", ["train"]),
        ("Study", ["study", "table"]),
        ("A row to predict", ["row", "field"]),
        ("Drawing", ["pad"]),
        ("Library", ["library"]),
    ],
)
def test_its_keys_are_those_of_the_app(heading: str, places: list[Where]) -> None:
    assert TuimlApp, "importing the app declares its actions"
    table = PAGES["keys.md"].partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*`.*) \|", table, re.MULTILINE)
    named = {key.replace("ctrl+", "^") for row in rows for key in re.findall(r"`(.*?)`", row)}
    rows_of_app = [action for place in places for action in actions(place)]
    assert named <= {key_word(key) for action in rows_of_app for key in action.keys}
    for action in actions(places[0]):
        keys = {key_word(key) for key in action.keys}
        assert not action.shown or not keys or named & keys, (
            f"no row of docs/keys.md names {keys}: {action.help}"
        )


def test_its_ids_of_actions_are_those_of_the_app() -> None:
    """And the keymap that it shows is one."""
    declare_all()
    page = PAGES["keys.md"].partition("## Other keys")[2]
    named = re.findall(r"`(\w+)`", page.partition("| ids of actions |")[2])
    ids = [action.id for action in actions()]
    assert not set(ids) - set(named), f"docs/keys.md, Other keys, does not name {set(ids) - set(named)}"
    assert sorted(named) == sorted(ids)
    table = tomllib.loads(block(page, "toml"))["keymap"]
    keymap, problems = chosen(table, "arrows")
    assert set(keymap) == set(table)
    assert not problems


def test_the_code_it_shows_adds_entries_that_train(tmp_path: Path, own_folders: Path) -> None:
    """In a process of its own: entries cannot be taken out of a registry."""
    layers = [{"type": "scale"}, {"type": "dense", "units": 4, "activation": "squared_relu"}]
    preset = {
        "version": 1,
        "data": {"name": "moons"},
        "layers": [*layers, {"type": "dense", "activation": "softmax"}],
        "training": {"epochs": 1},
    }
    (tmp_path / "p.toml").write_text(dumps(preset))
    (tmp_path / "added.py").write_text("\n".join(blocks(EXTENDING, "python")))
    code = "import added, sys; from tuiml.cli import main; sys.exit(main(['train', 'p.toml', '--quiet']))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_its_picture_is_there() -> None:
    for path in re.findall(r"!\[.*?\]\((.*?)\)", PAGES["README.md"]):
        assert (ROOT / path).stat().st_size > 10_000
