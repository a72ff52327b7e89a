"""``tuiml data check`` on tables whose rows are not all alike: read, or refused with the place; no crash."""

import json

import pytest

from tuiml.cli import main
from tuiml.data import file_report
from tuiml.tui.charts.palette import Look
from tuiml.tui.dialogs.data_preview import report_strips

ROWS = [f"{i},{i * 7 % 5},{'a' if i % 2 else 'b'}" for i in range(40)]


def table(rows, header="x,y,kind", sep=","):
    return "\n".join([header, *rows]).replace(",", sep) + "\n"


def longer(end):
    """The tenth row of the file with something behind it."""
    return [row + (end if i == 8 else "") for i, row in enumerate(ROWS)]


READ = {
    "a first line that names the separator": "sep=;\n" + table(ROWS, sep=";"),
    "a first line that names a comma": "sep=,\n" + table(ROWS),
    "every line ends in the separator": table([row + "," for row in ROWS], "x,y,kind,", ";"),
    "comment lines above and inside": "# by hand, in May\n"
    + table([*ROWS[:20], "# half, of them", *ROWS[20:]]),
}
REFUSED = {
    "comment lines of a kind that has to be named": (
        "% by hand\n% in May\n" + table(ROWS),
        "row 1 has 1 cell, most rows have 3",
    ),
    "a row of more cells than the header, in a table of two": (
        "a,b\n1,2\n3,4,5\n",
        "row 3 has 3 cells, the first row has 2",
    ),
    "every row but the header ends in the separator": (
        table([row + "," for row in ROWS]),
        "row 1 has 3 cells, most rows have 4",
    ),
    "the same with semicolons": (
        table([row + "," for row in ROWS], sep=";"),
        "row 1 has 3 cells, most rows have 4",
    ),
    "one row ends in the separator": (table(longer(",")), "row 10 has 4 cells, the first row has 3"),
    "one row has a cell too many": (table(longer(",9")), "row 10 has 4 cells, the first row has 3"),
    "one row lacks a cell": (table([*ROWS[:8], "1,2", *ROWS[8:]]), "row 10 has 2 cells, the first row has 3"),
}


@pytest.mark.parametrize("name", READ)
def test_check_reads(tmp_path, capsys, name):
    path = tmp_path / "a.csv"
    path.write_text(READ[name])
    assert main(["data", "check", str(path), "--label", "kind"]) == 0
    out, err = capsys.readouterr()
    assert "40 examples, 8 of them the test part; 2 inputs each" in out
    assert "target: one of 2 classes (a: 20; b: 20)" in out
    assert err == ""


@pytest.mark.parametrize("name", REFUSED)
def test_check_refuses_with_the_place(tmp_path, capsys, name):
    content, said = REFUSED[name]
    path = tmp_path / "a.csv"
    path.write_text(content)
    assert main(["data", "check", str(path)]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert "Error" not in err
    assert "[data]" not in out
    assert main(["data", "check", str(path), "--json"]) == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert said in problem
    strips = report_strips(file_report.inspect(path), "a.csv", 100, 30, Look())
    assert said in " ".join("".join(segment.text for segment in strip) for strip in strips)


def test_rows_of_other_lengths_are_shown_beside_what_is_wrong_with_them(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3,4,5\n6\n")
    assert main(["data", "check", str(path)]) == 2
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[:4] == [["a", "b"], ["1", "2"], ["3", "4", "5"], ["6"]]


def test_comment_lines_of_a_kind_that_is_named_are_passed_over(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("% by hand\n% in May\n" + table(ROWS))
    assert main(["data", "check", str(path), "--label", "kind", "--comment", "%"]) == 0
    assert "target: one of 2 classes (a: 20; b: 20)" in capsys.readouterr().out
