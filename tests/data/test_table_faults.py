"""Tables as other programs and people write them: read rightly and said, or refused with the place."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from tests.data.own_files import own
from tuiml.data import file_report
from tuiml.data.own.cells import Ambiguous, Style, decide, kinds_of, number
from tuiml.data.own.reading import examples
from tuiml.data.prepare import load


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(*rows, head="", end="\n"):
    return head + end.join(rows) + end


def ab(count, cell="{i},{k},{c}", head="", end="\n"):
    """Rows of two numbers and a class."""
    return lines(
        *(cell.format(i=i * 1.5, k=7 - i % 5, c="uv"[i % 2]) for i in range(count)), head=head, end=end
    )


TWO = [[i * 1.5, 7 - i % 5] for i in range(12)]
"""The inputs of ``ab(12)``."""


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (ab(12), "t.csv"),
        (ab(12, head="a,b,y\n"), "t.csv"),
        (ab(12, head="a,b,y\n", end="\r\n"), "t.csv"),
        (ab(12, head="a,b,y\n", end="\r"), "t.csv"),
        (ab(12, head="a,b,y\r\n"), "t.csv"),
        (ab(12, head="\ufeffa,b,y\n"), "t.csv"),
        (ab(12, head="a,b,y\n").encode("utf-16"), "t.csv"),
        (gzip.compress(ab(12, head="a,b,y\n").encode(), mtime=0), "t.csv.gz"),
        (gzip.compress(ab(12, head="a,b,y\n").encode(), mtime=0), "t.csv"),
        (ab(12, "{i}\t{k}\t{c}"), "t.tsv"),
        (ab(12, "{i}|{k}|{c}"), "t.txt"),
        (ab(12, "{i};{k};{c}", head="a;b;y\n"), "t.csv"),
        (ab(12, "{i};{k};{c}", head="sep=;\na;b;y\n"), "t.csv"),
        (ab(12, "{i};{k};{c};", head="a;b;y;\n"), "t.csv"),
        (ab(12, "  {i}   {k}  {c}"), "t.data"),
        (ab(12, "{i} \t{k}\t {c} "), "t.data"),
        (ab(12, "{i} {k} {c}", head="a b y\n"), "t.dat"),
        (ab(12, '"{i}","{k}","{c}"', head='"a","b","y"\n'), "t.csv"),
        (ab(12, "{i},{k},{c}", head="# made by hand\n# twice\na,b,y\n"), "t.csv"),
        (ab(6) + "# the rest\n" + "".join(ab(12).splitlines(True)[6:]), "t.csv"),
        (ab(12, "{i},{k},{c}", head="\n\na,b,y\n\n"), "t.csv"),
        (ab(12, "{i} , {k} , {c}", head="a , b , y\n"), "t.csv"),
        (ab(12, "\u2212{i},{k},{c}", head="a,b,y\n").replace("\u2212", ""), "t.csv"),
        (ab(12, '{{"a": {i}, "b": {k}, "y": "{c}"}}'), "t.jsonl"),
        (ab(12, '{{"a": {i}, "b": "{k}", "y": "{c}"}}'), "t.data"),
        (ab(12, "{i}%,{k},{c}", head="a,b,y\n"), "t.csv"),
        (ab(12, "{i} %,{k} kg,{c}", head="a,b,y\n"), "t.csv"),
        (ab(12, "${i},\u20ac{k},{c}", head="a,b,y\n"), "t.csv"),
        (ab(12, "{i}\u00a0,\u00a0{k},{c}", head="a,b,y\n"), "t.csv"),
        (ab(12, "+{i},{k}e0,{c}", head="a,b,y\n"), "t.csv"),
        (ab(12, "{i},{k},{c}", head="0,1,label\n"), "t.csv"),
        (ab(12, "{i},{k},{c}", head="2019,2020,grade\n"), "t.csv"),
        (ab(12, "{i},{k},{c},", head="a,b,y,\n"), "t.csv"),
        (ab(12, "{i},{k},,{c}", head="a,b,none,y\n"), "t.csv"),
        (ab(12, "'{i}','{k}','{c}'", head="'a','b','y'\n"), "t.csv"),
        (ab(12, "{i},{k},{c}", head="400.5,410.5,class\n"), "t.csv"),
        (ab(12, "| {i} | {k} | {c} |", head="| a | b | y |\n"), "t.csv"),
    ],
)
def test_the_same_table_however_it_is_written(tmp_path, content, name):
    dataset = own(written(tmp_path / name, content))
    part = examples(dataset)
    assert part.inputs.tolist() == TWO
    assert dataset.classes == ("u", "v")
    assert part.labels.tolist() == [0, 1] * 6


def test_decimal_commas_with_and_without_a_header(tmp_path):
    for head in ("", "a;b;y\n"):
        content = ab(12, "{i};{k};{c}", head=head).replace(".", ",")
        dataset = own(written(tmp_path / "t.csv", content))
        assert examples(dataset).inputs.tolist() == TWO
        assert "decimal comma" in " ".join(dataset.facts.notes)
        tabs = own(written(tmp_path / "t.tsv", content.replace(";", "\t")))
        assert examples(tabs).inputs.tolist() == TWO
    quoted = ab(12, '"{i}","{k}",{c}').replace(".", ",")
    assert examples(own(written(tmp_path / "q.csv", quoted))).inputs.tolist() == TWO


LOCALES = {
    "en-US": ("1,234,567.5", "1,234.25"),
    "de-DE": ("1.234.567,5", "1.234,25"),
    "fr-FR": ("1\u202f234\u202f567,5", "1\u202f234,25"),
    "de-CH": ("1\u2019234\u2019567.5", "1\u2019234.25"),
    "sv-SE": ("1\u00a0234\u00a0567,5", "1\u00a0234,25"),
}


@pytest.mark.parametrize("locale", list(LOCALES))
def test_spreadsheets_of_five_locales(tmp_path, locale):
    large, middle = LOCALES[locale]
    rows = [f"{cell};{i};{'uv'[i % 2]}" for i, cell in enumerate([large, middle, "7"] * 4)]
    dataset = own(written(tmp_path / "t.csv", lines("amount;n;y", *rows)))
    wanted = [[value, i] for i, value in enumerate([1234567.5, 1234.25, 7.0] * 4)]
    assert examples(dataset).inputs.tolist() == wanted
    assert "in groups" in " ".join(dataset.facts.notes)


@pytest.mark.parametrize(
    ("cells", "style", "values"),
    [
        (["1.5", "2"], Style(), [1.5, 2]),
        (["1,5", "2"], Style(","), [1.5, 2]),
        (["1,234,567", "900"], Style(".", ","), [1234567, 900]),
        (["1,004", "3.5"], Style(".", ","), [1004, 3.5]),
        (["1,004", "0,5"], Style(","), [1.004, 0.5]),
        (["1.234.567", "2.500"], Style(",", "."), [1234567, 2500]),
        (["1.004", "991"], Style(), [1.004, 991]),
        (["1 000", "20"], Style(".", " "), [1000, 20]),
        (["\u22123", "4"], Style(), [-3, 4]),
        (["$1.50", "-$2"], Style(unit="$"), [1.5, -2]),
        (["12%", "3.5%"], Style(unit="%"), [12, 3.5]),
        (["2020-01-01", "1970-01-02 12:00"], Style(date=True), [18262, 1.5]),
    ],
)
def test_a_column_decides_how_its_numbers_are_written(cells, style, values):
    found = decide({kinds_of(cell) for cell in cells}, "auto", "auto")
    assert found == style
    assert [number(cell, found) for cell in cells] == values


@pytest.mark.parametrize(
    "cells", [["1,5", "2.5"], ["5kg", "6"], ["5kg", "6g"], ["a", "1"], ["1_0"], ["1,5,0"]]
)
def test_a_mixture_is_no_column_of_numbers(cells):
    assert decide({kinds_of(cell) for cell in cells}, "auto", "auto") is None


def test_only_groups_of_three_digits_are_asked_not_guessed(tmp_path):
    with pytest.raises(Ambiguous):
        decide({kinds_of("1,004"), kinds_of("991")}, "auto", "auto")
    rows = [f"{900 + 13 * i:,}\t{'uv'[i % 2]}" for i in range(30)]
    path = written(tmp_path / "t.tsv", lines("sqft\ty", *rows))
    (problem,) = file_report.inspect(path).problems
    assert "row 10, column 'sqft' is '1,004'" in problem
    assert 'thousands = "comma" or decimal = "comma"' in problem
    grouped = examples(own(path, thousands="comma")).inputs[:, 0].tolist()
    assert grouped == [900 + 13 * i for i in range(30)]
    assert examples(own(path, decimal="comma")).inputs[8, 0] == 1.004
    doubt = lines("a;b;y", *(f"{i},5;1.{100 + i};{'uv'[i % 2]}" for i in range(20)))
    (problem,) = file_report.inspect(written(tmp_path / "u.csv", doubt)).problems
    assert 'thousands = "point" or decimal = "point"' in problem
    assert examples(own(tmp_path / "u.csv", thousands="point")).inputs[0].tolist() == [0.5, 1100]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n3,4,5\n", "row 3 has 3 cells, the first row has 2"),
        ("a,b,y\n1,2,u\n3,4\n5,6,v\n7\n", "row 3 has 2 cells, row 5 has 1 cell"),
        (ab(12, head="a,b,y\n") + "Total,12\n", "row 14 has 2 cells"),
        (ab(12, head="a,b,y\n") + "Total,12,\n", "row 14, column 'a' is not a number: 'Total'"),
        (ab(12, head="a,b,y\n") + "(12 rows)\n", "row 14 has 1 cell"),
        (ab(6, head="a,b,y\n") + ab(6, head="a,b,y\n"), "row 8 repeats the header"),
        (lines("a,y", *(f'"t{i % 2}",u' for i in range(9)), 'x,"v'), "row 11 opens a quotation mark"),
        (lines("a,y", '1,"u', "2,v", '3,"u"', "4,v"), "row 2 has text after a closing quotation mark"),
        (lines("a,y", "1,u", '2,"v', '3,u"', "4,v"), "row 3, column 'y' holds a line end"),
        (ab(12, head="a,b,y\n").replace("3.0", "3.O"), "row 4, column 'a' is not a number: '3.O'"),
        (
            lines("p,y", *(f"${i}.5,{'uv'[i % 2]}" for i in range(30)), "7,u"),
            "column 'p' is '$0.5', written another way",
        ),
        (lines("d,y", *(f"{i + 1}/12/2020,{'uv'[i % 2]}" for i in range(25))), "a date or time; write it as"),
        (b"a;b;y\n1;2;u\n3;caf\xe9;v\n", "row 3, column 2 is not UTF-8 text"),
        (b'a,b,y\n1,"x,z\xe9",v\n', "row 2, column 2 is not UTF-8 text"),
        (b"PK\3\4xl/", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook"),
        (b"PAR1\0\0", "t.csv cannot be read"),
        ("% a comment\n@RELATION iris\n@DATA\n1,2\n", "is an ARFF file"),
        ("<!DOCTYPE html>\n<p>1,2", "is a web page"),
        ('[{"a": 1}]', "save it as JSON lines"),
        ('{"a": 1, "y": "u"}\n{"a": 2, "z": "v"}\n', "row 2 has 'z', which the first row has not"),
        (b"\x80\x04\x95", "is a pickle, which is never read"),
        (gzip.compress(ab(12).encode(), mtime=0)[:60], "is damaged, or was cut off"),
        (lines("t,y", *(f'"x{i % 3}",{"uv"[i % 2]}' for i in range(9)), 'x1",u'), "row 11, column 't' holds"),
        (lines("a,y", *(f"{i}/8,{'uv'[i % 2]}" for i in range(15))), "15 different values in 15 rows"),
        (lines("a,y", *(f'"1,{i:02d},000",{"uv"[i % 2]}' for i in range(15))), "row 2, column 'a' is text"),
        ('{"a": {"x": 1}, "y": "u"}\n' * 3 + '{"a": 1}', "row 5, column 'y' is empty"),
        (lines("a,y", "1e999,u", "2,v"), "row 2, column 'a' is 1e999"),
        (ab(12, head="a,b,y\n") + "#DIV/0!,1,u\n", "row 14, column 'a' is not a number: '#DIV/0!'"),
        (ab(12, head="My data\na,b,y\n"), "row 1 has 1 cell, most rows have 3"),
        (ab(12, head="a,b\n"), "row 1 has 2 cells, most rows have 3"),
        (ab(12, head="a,b,y\ncm,kg,-\n"), "row 2, column 'a' is not a number: 'cm'"),
        (lines("p,y", *(f"{f'({i})' if i % 3 == 0 else i},{'uv'[i % 2]}" for i in range(20))), "'p' is"),
        (lines("a;y", *(f"{i}.5;{'uv'[i % 2]}" for i in range(900)), "1,5;u"), "written another way"),
        (
            lines("a;y", *(f"{i};{'uv'[i % 2]}" for i in range(900)), "1,005;u"),
            "row 902, column 'a' is '1,005'",
        ),
        (lines("a,y", *(f"{i},{'uv'[i % 2]}" for i in range(3000)), "oops,u"), "row 3,002, column 'a'"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path, content, said):
    report = file_report.inspect(written(tmp_path / "t.csv", content))
    assert said in " / ".join(report.problems)
    assert not report.usable


def test_everything_that_is_wrong_is_said_at_once(tmp_path, capsys):
    rows = [f"n{i},t{i},{i if i else ''},{'uv'[i % 2]}" for i in range(30)]
    found = file_report.inspect(written(tmp_path / "t.csv", lines("name,ticket,age,y", *rows)))
    assert len(found.problems) == 3
    assert all(
        word in " ".join(found.problems) for word in ("'name'", "'ticket'", "row 2, column 'age' is empty")
    )
    assert file_report.inspect(tmp_path / "t.csv", ignore=["name", "ticket"], missing="drop").usable


def test_headers_that_are_words_numbers_or_long(tmp_path):
    weather = ["sunny,hot,no", "sunny,hot,no", "rain,mild,yes", "rain,hot,yes", "sunny,mild,no"] * 3
    assert own(written(tmp_path / "w.csv", lines(*weather))).pool == 12
    text = own(written(tmp_path / "h.csv", lines("sky,heat,play", *weather)))
    assert text.classes == ("no", "yes")
    assert own(tmp_path / "h.csv", header="no").classes == ("no", "play", "yes")
    long = "How satisfied are you with the service that you received at our branch last "
    survey = written(tmp_path / "s.csv", lines(f"{long}week?,{long}month?,y", *ab(12).splitlines()))
    assert own(survey).feature_names == (f"{long}week?", f"{long}month?") or own(survey).shape == (2,)
    assert own(survey, ignore=f"{long}week?").shape == (1,)


def test_words_for_missing_values(tmp_path):
    path = written(tmp_path / "t.csv", lines("x,y", *(f"{i},{('EU', 'NA', 'AS')[i % 3]}" for i in range(30))))
    dataset = own(path)
    assert dataset.classes == ("AS", "EU", "NA")
    assert "'NA' in 'y' is one of its values" in " ".join(dataset.facts.notes)
    assert own(path, missing_values="NA", missing="drop").classes == ("AS", "EU")
    numbers = written(tmp_path / "u.csv", lines("x,z,y", "NA,1,u", "2,-999,v", "3,4,u", "4,5,v"))
    assert "row 2, column 'x' is empty" in file_report.inspect(numbers).problems[0]
    left = own(numbers, missing_values=["-999", "NA"], missing="drop")
    assert examples(left).inputs.tolist() == [[3, 4], [4, 5]]


def test_labels_keep_all_their_digits(tmp_path):
    rows = [f"{i * 0.5},{2**53 + i % 3}" for i in range(60)]
    dataset = own(written(tmp_path / "t.csv", lines("a,label", *rows)))
    assert dataset.facts.counts == (20, 20, 20)
    assert examples(dataset).labels.tolist() == [i % 3 for i in range(60)]


def test_tiny_numbers_keep_their_digits(tmp_path):
    rows = [f"{i}e-50,{'ab'[i > 9]}" for i in range(20)]
    data = load(own(written(tmp_path / "t.csv", lines("t,y", *rows)), normalize="standard"), 0)
    inputs = data.batch(data.train, slice(None))
    assert len(np.unique(inputs)) == len(data.train)
    assert inputs.std() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_large_numbers_keep_their_digits(tmp_path, kind):
    seconds, labels = 1_700_000_000 + np.arange(300.0), np.repeat([0, 1], 150)
    if kind == "csv":
        rows = [f"{int(t)},{'ab'[k]}" for t, k in zip(seconds, labels, strict=True)]
        dataset = own(written(tmp_path / "t.csv", lines("t,y", *rows)), normalize="standard")
    else:
        np.savez(tmp_path / "t.npz", x=seconds[:, None], y=labels)
        dataset = own(tmp_path / "t.npz", normalize="standard")
    data = load(dataset, 0)
    inputs = data.batch(data.train, slice(None))
    assert len(np.unique(inputs)) == len(data.train)
    assert inputs.std() == pytest.approx(1, rel=1e-4)
    assert (inputs[data.train.labels == 0].max() < inputs[data.train.labels == 1].min()).all()
    assert "same inputs" not in str(data.notices)


def test_an_index_column_is_said(tmp_path):
    rows = [f"{i},{i * 7 % 11},{'uv'[i > 9]}" for i in range(20)]
    dataset = own(written(tmp_path / "t.csv", lines(",a,y", *rows)))
    assert "'column 1' counts the rows" in " ".join(dataset.facts.notes)
    assert "counts the rows" not in " ".join(own(tmp_path / "t.csv", ignore=1).facts.notes)


def test_rare_classes_are_in_every_part(tmp_path):
    rows = [f"{i},{i * 3 % 7},{'rare' if i % 20 == 3 else 'usual'}" for i in range(100)]
    data = load(own(written(tmp_path / "t.csv", lines("a,b,y", *rows)), validation=20), 0)
    for part in (data.train, data.validation, data.test):
        assert set(part.labels.tolist()) == {0, 1}


def test_float_labels_in_arrays_follow_the_rule_of_tables(tmp_path):
    x = np.arange(60.0).reshape(30, 2)
    np.savez(tmp_path / "t.npz", x=x, y=np.arange(30) % 3.0)
    dataset = own(tmp_path / "t.npz")
    assert dataset.classes == ("0", "1", "2")
    assert "taken for classes" in " ".join(dataset.facts.notes)
    assert own(tmp_path / "t.npz", predict="regression").target == "regression"
    np.savez(tmp_path / "u.npz", x=x, y=np.arange(30) / 3)
    assert own(tmp_path / "u.npz").target == "regression"


def test_parquet_files_are_read(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="the extra 'parquet'; the extra 'test' has it")
    written(tmp_path / "t.csv", ab(12, head="a,b,y\n"))
    query = f"COPY (SELECT * FROM read_csv('{tmp_path / 't.csv'}')) TO '{tmp_path / 't.parquet'}'"
    duckdb.connect().execute(query)
    dataset = own(tmp_path / "t.parquet")
    assert examples(dataset).inputs.tolist() == TWO
    assert (dataset.feature_names, dataset.classes) == (("a", "b"), ("u", "v"))


def test_a_run_says_what_was_decided_before_its_first_step(tmp_path):
    rows = [f"{i},5;{i % 7};{'uv'[i % 2]}" for i in range(40)]
    data = load(own(written(tmp_path / "t.csv", lines("a;b;y", *rows))), 0)
    assert any("decimal comma" in text for about, text in data.notices if about.startswith("data file"))


def test_other_encodings_are_read_when_they_are_named(tmp_path):
    rows = "a;b;y\n1;2;caf\xe9\n3;4;th\xe9\n5;6;caf\xe9\n"
    path = written(tmp_path / "t.csv", rows.encode("windows-1252"))
    assert own(path, encoding="windows-1252").classes == ("caf\xe9", "th\xe9")
    assert 'encoding = "windows-1252"' in file_report.inspect(path).problems[0]
