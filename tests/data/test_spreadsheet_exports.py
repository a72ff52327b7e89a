"""Tables as spreadsheets of several countries export them: as CSV, and as Excel's "Unicode text"."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.data.own_files import own
from tuiml.data import file_report
from tuiml.data.own.reading import examples

AMOUNTS = [1234567.5, -1234.25, 7.0, 98765.75, 0.5, 12.25] * 2
SHARES = [float(3 * i) for i in range(12)]
WANTED = [[AMOUNTS[i], SHARES[i], 7.0 - i % 5] for i in range(12)]


@dataclass(frozen=True)
class Country:
    """How a country's spreadsheet writes and saves a table."""

    separator: str
    decimal: str
    thousands: str
    encoding: str
    date: str
    """31 January 2020."""
    money: str = "{}"
    percent: str = "{}%"
    labels: tuple[str, str] = ("oak", "elm")

    def amount(self, value: float) -> str:
        plain = f"{value:,.2f}".translate(str.maketrans({",": "\0", ".": self.decimal}))
        return self.money.format(plain.replace("\0", self.thousands))

    def rows(self, separator: str, date: str = "") -> list[str]:
        cells = [[f"{self.labels[0]}s", "share", "n", *(["day"] if date else []), "kind"]]
        for i, (amount, share) in enumerate(zip(AMOUNTS, SHARES, strict=True)):
            row = [self.amount(amount), self.percent.format(f"{share:g}"), str(7 - i % 5)]
            cells.append([*row, *([date] if date else []), self.labels[i % 2]])
        return [separator.join(f'"{c}"' if separator in c else c for c in row) for row in cells]

    def csv(self, date: str = "") -> bytes:
        """In the country's code page; those of Japan and Korea have ¥ and ₩ where others have a backslash."""
        text = "\r\n".join(self.rows(self.separator, date)) + "\r\n"
        if self.encoding in ("cp932", "cp949"):
            text = text.replace("¥", "\\").replace("₩", "\\")
        return text.encode(self.encoding)

    def unicode_text(self) -> bytes:
        """UTF-16 with its mark and tabs, which Excel calls Unicode text."""
        return ("\r\n".join(self.rows("\t")) + "\r\n").encode("utf-16")


COUNTRIES = {
    "en-US": Country(",", ".", ",", "utf-8-sig", "1/31/2020", "${}"),
    "de-DE": Country(";", ",", ".", "cp1252", "31.01.2020", "{} €", "{} %", ("Eiche", "Bäume")),
    "fr-FR": Country(
        ";", ",", "\u202f", "utf-8-sig", "31/01/2020", "{}\u00a0€", "{}\u202f%", ("chêne", "orme")
    ),
    "pt-BR": Country(";", ",", ".", "utf-8", "31/01/2020", "R$ {}", labels=("carvalho", "olmo")),
    "ja-JP": Country(",", ".", ",", "cp932", "2020/1/31", "¥{}", labels=("かし", "にれ")),
    "ko-KR": Country(",", ".", ",", "cp949", "2020-01-31", "₩{}", labels=("참나무", "느릅")),
    "sv-SE": Country(";", ",", "\u00a0", "utf-8-sig", "2020-01-31", "{} kr", labels=("ek", "alm")),
}
ENCODINGS = {"cp1252": "windows-1252", "cp932": "cp932", "cp949": "cp949"}
"""What the option is called; the others are detected."""


def options(country: Country) -> dict[str, str]:
    name = ENCODINGS.get(country.encoding)
    return {"encoding": name} if name else {}


@pytest.mark.parametrize("name", list(COUNTRIES))
def test_a_spreadsheets_csv_has_its_values(tmp_path, name):
    country, path = COUNTRIES[name], tmp_path / "t.csv"
    path.write_bytes(country.csv())
    if country.encoding in ENCODINGS:  # nothing in the file says it: it is asked for
        (problem,) = file_report.look(path).problems
        assert f'encoding = "{ENCODINGS[country.encoding]}"' in problem
    dataset = own(path, **options(country))
    part = examples(dataset)
    assert part.inputs.tolist() == WANTED
    assert dataset.classes == tuple(sorted(country.labels))
    assert [dataset.classes[label] for label in part.labels] == [country.labels[i % 2] for i in range(12)]
    notes = " ".join(dataset.facts.notes)
    assert "digits in groups" in notes
    assert ("decimal comma" in notes) == (country.decimal == ",")
    assert "numbers with a unit" in notes


@pytest.mark.parametrize("name", list(COUNTRIES))
def test_excels_unicode_text_has_the_same_values(tmp_path, name):
    path = tmp_path / "t.txt"
    path.write_bytes(COUNTRIES[name].unicode_text())
    dataset = own(path)
    assert examples(dataset).inputs.tolist() == WANTED
    assert dataset.classes == tuple(sorted(COUNTRIES[name].labels))


@pytest.mark.parametrize("name", list(COUNTRIES))
def test_a_spreadsheets_dates_are_read_with_the_year_first_else_refused(tmp_path, name):
    country, path = COUNTRIES[name], tmp_path / "t.csv"
    path.write_bytes(country.csv(country.date))
    report = file_report.look(path, **options(country))
    if country.date.startswith("2020"):
        assert report.usable, report.problems
        assert {row[3] for row in examples(own(path, **options(country))).inputs.tolist()} == {18292.0}
    else:
        (problem,) = report.problems
        assert f"row 2, column 'day' is '{country.date}', a date or time; write it as 2020-12-31" in problem
        assert file_report.look(path, ignore="day", **options(country)).usable


def test_a_count_in_groups_of_three_beside_decimal_commas_is_asked_for(tmp_path):
    rows = [f"{i},5;1.{100 + i};{'uv'[i % 2]}" for i in range(20)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a;n;y", *rows]))
    (problem,) = file_report.look(path).problems
    assert "row 2, column 'n' is '1.100'" in problem
    assert examples(own(path, thousands="point")).inputs[0].tolist() == [0.5, 1100]


@pytest.mark.parametrize(
    ("name", "start", "how"),
    [
        ("book.xlsx", b"PK\3\4\x14\0\6\0\x08\0\0\0!\0[Content_Types].xml", "(File, Save As, CSV UTF-8)"),
        ("book.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "(File, Save As, CSV UTF-8)"),
        ("b.ods", b"PK\3\4\x14\0mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "Save As, Text CSV"),
    ],
)  # fmt: skip
def test_a_workbook_is_refused_with_the_way_to_export_it(tmp_path, name, start, how):
    path = tmp_path / name
    path.write_bytes(start + b"\0" * 200)
    (problem,) = file_report.look(path).problems
    assert how in problem
    assert problem.isprintable()
