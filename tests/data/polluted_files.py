"""Files as they come: each with one thing wrong, odd or ambiguous, and what is right to make of it."""
# ruff: noqa: E501  (a case a line)

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Polluted:
    """A file, and either its right values or the words of a refusal that names the place."""

    kind: str
    content: str | bytes
    inputs: Sequence[Sequence[float]] | None = None
    """The right ones; ``None``: it is refused."""
    classes: tuple[str, ...] = ("u", "v")
    """Empty for a regression."""
    said: tuple[str, ...] = ()
    """What the notices or the refusal say."""
    name: str = "t.csv"
    options: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        path.write_bytes(self.content if isinstance(self.content, bytes) else self.content.encode())
        return path


def rows(cells: str = "{x},{k},{c}", count: int = 12, head: str = "a,b,y\n", end: str = "\n") -> str:
    """Two numbers and a class a row; ``n`` counts from 1."""
    return head + "".join(
        cells.format(i=i, n=i + 1, x=i * 1.5, k=7 - i % 5, c="uv"[i % 2]) + end for i in range(count)
    )


def each(cell: Any, count: int = 12, head: str = "a;b;y", sign: str = ";") -> str:
    """A first column of cells that a function makes of the row's number, a count and a class."""
    lines = [head.replace(";", sign), *(f"{cell(i)}{sign}{i}{sign}{'uv'[i % 2]}" for i in range(count))]
    return "\n".join(lines) + "\n"


def first(values: Sequence[float]) -> list[list[float]]:
    """The inputs of :func:`each`."""
    return [[float(value), float(i)] for i, value in enumerate(values)]


RIGHT = [[i * 1.5, 7.0 - i % 5] for i in range(12)]
"""The inputs of ``rows()``."""
FORTY = [[i * 1.5, 7.0 - i % 5] for i in range(40)]
THOUSANDS = [10_000 + 997 * i for i in range(12)]
DIGITS = "０１２３４５６７８９"


def ok(kind: str, content: str | bytes, *said: str, **more: Any) -> Polluted:
    return Polluted(kind, content, more.pop("inputs", RIGHT), said=said, **more)


def no(kind: str, content: str | bytes, *said: str, **more: Any) -> Polluted:
    return Polluted(kind, content, None, said=said, **more)


def _grouped(sign: str, cells: str = "{:,}") -> str:
    return each(lambda i: cells.format(THOUSANDS[i]).replace(",", sign))


def _json(*lines: str) -> str:
    return "".join(
        f'{{"a": {i * 1.5}, "b": {7 - i % 5}, "y": "{"uv"[i % 2]}"}}\n' for i in range(12)
    ) + "".join(f"{line}\n" for line in lines)


QUOTES = [
    no("missing quote", 'a,b,y\n1,2,u\n3,"4,v\n5,6,u\n', "row 3 opens a quotation mark that is never closed"),
    no("quote closed too late", 'a,y\n1,u\n2,"v\n3,u"\n4,v\n', "row 3, column 'y' holds a line end"),
    no("text after a quote", 'a,y\n1,"u\n2,v\n3,"u"\n', "row 2 has text after a closing quotation mark"),
    no("quote escaped with a backslash", 'a,n,y\n1,"s \\"x\\"",u\n2,"t",v\n', "row 2 has text after"),
    no("quoted line ends", each(lambda i: f'"l{i % 2}\nx"', sign=","), "row 2, column 'a' holds a line end"),
    ok("quoted line end in the header", '"a\n(cm)",b,y\n' + rows(head="")),
    ok("inches", each(lambda i: f'{5 + i % 2}"', sign=","), "text, made one input for each value (one-hot): a (2)",
       inputs=[[1 - i % 2, i % 2, i] for i in range(12)]),
    ok("everything quoted", rows('"{x}","{k}","{c}"', head='"a","b","y"\n')),
    ok("quotes after a space", rows('"{x}", "{k}", "{c}"', head='"a", "b", "y"\n')),
]  # fmt: skip
SHAPE = [
    no("short row", rows() + "9,u\n", "row 14 has 2 cells, the first row has 3"),
    no("long row", rows() + "9,8,7,u\n", "row 14 has 4 cells, the first row has 3"),
    no("long first row", rows("1,2,3,u", 1) + rows(head=""), "row 2 has 4 cells"),
    no("wide short row", ",".join(f"c{i}" for i in range(300)) + ",y\n" + ("1," * 300 + "u\n") * 3 + "1," * 299 + "v\n",
       "row 5 has 300 cells, the first row has 301"),
    no("decimal commas between commas", rows().replace(".", ","), "row 1 has 3 cells, most rows have 4"),
    no("groups between commas", each(lambda i: f"{1_000_000 + i:,}", sign=","), "row 1 has 3 cells, most rows have 5"),
    no("repeated header", rows() + rows(), "row 14 repeats the header"),
    no("repeated header in capitals", rows() + rows(head="A,B,Y\n"), "row 14, column 'a' is not a number: 'A'"),
    no("repeated header with blanks", rows() + rows(head="a , b, y\n"), "row 14, column 'a' repeats the header"),
    no("footer of another width", rows() + "(12 rows)\n", "row 14 has 1 cell"),
    no("footer with a word", rows() + "Total,12,\n", "row 14, column 'a' is not a number: 'Total'"),
    ok("footer with the word as a label", rows() + "99,60,Total\n", "row 14, 'y' is 'Total': a footer",
       inputs=[*RIGHT, [99, 60]], classes=("Total", "u", "v")),
    ok("footer of sums", rows("{n},{k},{x}") + "78,63,99\n", "row 14 is the sum of those above it: a footer",
       inputs=[*([i + 1, 7 - i % 5] for i in range(12)), [78, 63]], classes=()),
    ok("footer of means", rows("{n},{x},{c}", 9) + "5,6,u\n", "row 11 is the mean of those above it: a footer",
       inputs=[*([i + 1, i * 1.5] for i in range(9)), [5, 6]]),
    no("two tables", rows() + "\nc,d,z\n1,2,p\n", "row 15, column 'a' is not a number: 'c'"),
    no("two tables of two widths", rows() + "\nc,d\n1,2\n", "row 15 has 2 cells"),
    ok("transposed", "a,1,2,3,4,5\nb,4,3,2,1,0\ny,1.5,2.5,3.5,4.5,5.5\n", "2 rows of 6 columns: is an example a row",
       inputs=[[1, 0, 4, 3, 2, 1], [0, 1, 1.5, 2.5, 3.5, 4.5]], classes=()),
    no("text above the table", "Measured by Bob\n\n" + rows(), "row 1 has 1 cell, most rows have 3"),
    no("text above the table, padded", "By Bob,,\nin 2020,,\n" + rows(), "column 'By Bob' is not a number: 'in 2020'"),
    no("units below the header", "a,b,y\ncm,kg,-\n" + rows(head=""), "row 2, column 'a' is not a number: 'cm'"),
    no("header of two rows", "size,,class\na,b,y\n" + rows(head=""), "row 2, column 'size' is not a number: 'a'"),
    no("header shorter by the row names", "a,y\n" + rows("{n},{k},{c}", head=""), "row 1 has 2 cells, most rows have 3"),
    ok("header of numbers", rows(head="1,2,3\n"), "the first row names the columns (header = \"no\" if it is data)"),
    ok("no header", rows(head=""), "the first row is data (header = \"yes\" if it names the columns)"),
    ok("same names", rows(head="a,a,y\n"), "several columns have the same name: a"),
    ok("an empty name", rows(head="a,,y\n")),
    ok("names but the label's are empty", rows(head=",,y\n")),
    ok("trailing separators", rows("{x},{k},{c},", head="a,b,y,\n"), "left out, for they are empty: column 4"),
    no("trailing separators below the header", rows("{x},{k},{c},"), "row 1 has 3 cells, most rows have 4"),
    no("a trailing separator in one row", rows() + "1,2,u,\n", "row 14 has 4 cells"),
    ok("two separators each", rows("{x},,{k},,{c}", head="a,,b,,y\n"), "left out, for they are empty: column 2, column 4"),
    ok("blank lines", rows(end="\n\n")),
    no("lines of separators", rows() + ",,\n,,\n", "row 14, column 'a' is empty; 2 rows have missing values: 14, 15"),
    no("single column", "y\n1\n2\n3\n", "has one column"),
    no("single row", "a,b,y\n1,2,u\n", "has 1 row that can be used"),
    no("no row", "a,b,y\n", "t.csv has 1 row that can be used"),
    ok("constant column", rows("{x},5,{c}"), "the same in every row, so they tell nothing: b (5)",
       inputs=[[i * 1.5, 5] for i in range(12)]),
    no("constant label", rows("{x},5,u"), "column 'y' is the same in every row"),
    ok("label in the first column", rows("{c},{x},{k}", head="kind,a,b\n"),
       "the last column, 'b', is taken for the label; 'kind' is text", "5 different whole numbers",
       inputs=[[1 - i % 2, i % 2, i * 1.5] for i in range(12)], classes=("3", "4", "5", "6", "7")),
    ok("a named label in the first column", rows("{c},{x},{k}", head="class,a,b\n")),
    ok("index without a name", rows("{i},{x},{k},{c}", head=",a,b,y\n"), "'column 1' counts the rows: an index",
       inputs=[[i, *row] for i, row in enumerate(RIGHT)]),
    ok("index with a name", rows("{n},{x},{k},{c}", head="id,a,b,y\n"), "'id' counts the rows: an index",
       inputs=[[i + 1, *row] for i, row in enumerate(RIGHT)]),
]  # fmt: skip
TEXT = [
    ok("mixed line ends", "".join(line + "\r\n\r"[i % 2 : i % 2 + 2] for i, line in enumerate(rows().splitlines()))),
    ok("no last line end", rows()[:-1]),
    ok("byte order mark", "\ufeff" + rows()),
    ok("two byte order marks", "\ufeff\ufeff" + rows()),
    ok("UTF-16", rows().encode("utf-16")),
    ok("UTF-16, high bytes first", b"\xfe\xff" + rows().encode("utf-16-be")),
    ok("UTF-16 without a mark", rows().encode("utf-16-le")),
    ok("UTF-32", rows().encode("utf-32")),
    no("Latin-1", rows().replace(",u", ",für").encode("latin-1"), "row 2, column 3 is not UTF-8", '"windows-1252"'),
    no("Windows-1252", rows().replace(",u", ",“x”").encode("cp1252"), "row 2, column 3 is not UTF-8"),
    no("Japanese", rows().replace(",u", ",はな").encode("cp932"), "row 2, column 3 is not UTF-8", '"cp932"'),
    no("Korean", rows().replace(",u", ",꽃").encode("cp949"), "row 2, column 3 is not UTF-8", '"cp949"'),
    no("Chinese", rows().replace(",u", ",花木").encode("gbk"), "row 2, column 3 is not UTF-8", '"cp949" or "gb18030"'),
    no("another encoding than said", rows().replace(",u", ",für").encode("latin-1"), "is no cp949 text",
       options={"encoding": "cp949"}),
    no("NUL bytes", rows().encode() + b"1,\0,u\n", "holds NUL bytes"),
    no("a NUL byte far below", rows(count=9000).encode() + b"1,\0,u\n", "line 9,002 holds a NUL byte"),
    no("control Z at the end", rows() + "\x1a", "row 14 has 1 cell"),
    ok("label with a no-break space", rows() + "3,4,u\u00a0\n", inputs=[*RIGHT, [3, 4]]),
    ok("label with a space of no width", rows() + "3,4,u\u200b\n", inputs=[*RIGHT, [3, 4]]),
    ok("labels in capitals", rows() + "3,4,U\n", "'U' and 'u' are different values of 'y'",
       inputs=[*RIGHT, [3, 4]], classes=("U", "u", "v")),
    ok("labels with accents in two ways", rows().replace("u\n", "é\n") + "3,4,e\u0301\n", "are different values of 'y'",
       inputs=[*RIGHT, [3, 4]], classes=("e\u0301", "v", "é")),
    ok("comments", "# made by hand\n" + rows() + "# the end\n", "lines that begin with # are passed over"),
    no("comments with %", "% made by hand\n" + rows(), 'give comment = "%"'),
    no("comments with //", "// made by hand\n" + rows(), 'give comment = "//"'),
    ok("separator said", "sep=;\n" + rows("{x};{k};{c}", head="a;b;y\n")),
    ok("separator said to be a tab", "sep=\t\n" + rows("{x}\t{k}\t{c}", head="a\tb\ty\n")),
    ok("semicolons within text", rows().replace("u\n", "x;y\n").replace("v\n", "z;w\n"), classes=("x;y", "z;w")),
    ok("ragged blanks", rows("  {x}   {k}\t{c}  ", head="a   b  y\n")),
    no("fixed width with an empty field", rows("{x:8} {k:4} {c}", head="a b y\n") + "         3 u\n", "row 14 has 2 cells"),
    ok("Markdown", rows("| {x} | {k} | {c} |", head="| a | b | y |\n")),
    no("Markdown with its rule", "| a | b | y |\n|---|---|---|\n" + rows("| {x} | {k} | {c} |", head=""), "row 2, column 'a'"),
    no("HTML", "<table><tr><td>1</td></tr></table>", "is a web page"),
    ok("gzip under another name", gzip.compress(rows().encode(), mtime=0)),
    no("gzip cut off", gzip.compress(rows(count=500).encode(), mtime=0)[:-30], "is damaged, or was cut off"),
    no("gzip with more behind it", gzip.compress(rows().encode(), mtime=0) + b"junk", "is damaged, or was cut off"),
    no("bzip2", bz2.compress(rows().encode()), "is packed by bzip2: unpack it"),
    no("xz", lzma.compress(rows().encode()), "is packed by xz: unpack it"),
    no("xlsx", b"PK\3\4\x14\0\6\0[Content_Types].xml", "save the sheet as CSV (File, Save As", name="t.xlsx"),
    no("ods", b"PK\3\4\x14\0\0\0mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "save it as CSV (File, Save As",
       name="t.ods"),
]  # fmt: skip
NUMBERS = [
    ok("units", rows("{x} kg,{k},{c}"), "numbers with a unit: a (kg)"),
    no("two units", rows("{x} kg,{k},{c}") + "3 g,5,u\n", "row 2, column 'a' is '0.0 kg', written another way"),
    no("a unit in one cell", rows(count=30) + "3 kg,5,u\n", "row 32, column 'a' is not a number: '3 kg'"),
    ok("dollars", rows("${x},{k},{c}"), "numbers with a unit: a ($)"),
    ok("euros behind", rows("{x} €,{k},{c}"), "numbers with a unit: a (€)"),
    ok("reais", rows("R$ {x};{k};{c}", head="a;b;y\n").replace(".", ","), "decimal comma", "numbers with a unit: a (R$)"),
    ok("won", rows("₩{x},{k},{c}"), "numbers with a unit: a (₩)"),
    ok("a currency's code", rows("USD {x},{k},{c}"), "numbers with a unit: a (USD)"),
    no("negative amounts in brackets", rows("({x}),{k},{c}"), "row 2, column 'a' is text, with 12 different values"),
    ok("percent", rows("{x}%,{k},{c}"), "numbers with a unit: a (%)"),
    no("percent in some", rows("{x}%,{k},{c}") + "3,5,u\n", "row 2, column 'a' is '0.0%', written another way"),
    no("thousands with a comma, few", _grouped(","), "row 2, column 'a' is '10,000'", 'thousands = "comma" or decimal'),
    ok("thousands with a comma, said", _grouped(","), inputs=first(THOUSANDS), options={"thousands": "comma"}),
    ok("millions with commas", _grouped(",", "{:,}.5"), "digits in groups", inputs=first([t + 0.5 for t in THOUSANDS])),
    ok("thousands with a point", _grouped("."), "'a': only three digits after the point, as 1.234",
       inputs=first([t / 1000 for t in THOUSANDS])),
    no("thousands with a point beside decimal commas", _grouped(".").replace(";1\n", ";1,5\n").replace(";b;", ";b;")
       .replace(";0;u", ";0,5;u"), 'thousands = "point" or decimal = "point"'),
    ok("thousands with a space", _grouped(" "), "digits in groups", inputs=first(THOUSANDS)),
    ok("thousands with a narrow space", _grouped("\u202f"), "digits in groups", inputs=first(THOUSANDS)),
    ok("thousands with an apostrophe", _grouped("'"), "digits in groups", inputs=first(THOUSANDS)),
    no("groups of two and three", each(lambda i: f"1,{10 + i},{100 + i}"), "row 2, column 'a' is text"),
    no("underscores in numbers", each(lambda i: f"{10_000 + i:_}"), "row 2, column 'a' is text"),
    no("spaces in numbers", each(lambda i: f"1 {i}"), "row 2, column 'a' is text"),
    ok("decimal commas and semicolons", rows("{x};{k};{c}", head="a;b;y\n").replace(".", ","), "decimal comma"),
    ok("decimal commas and tabs", rows("{x}\t{k}\t{c}", head="a\tb\ty\n").replace(".", ","), "decimal comma"),
    ok("quoted decimal commas", rows('"{x}",{k},{c}').replace(".", ","), "decimal comma"),
    ok("no-break spaces", rows("\u00a0{x}\u00a0,{k},{c}")),
    ok("spaces of no width", rows("\u200b{x},{k},{c}")),
    ok("minus sign", rows("\u2212{x},{k},{c}"), inputs=[[-a, b] for a, b in RIGHT]),
    no("dash for a minus sign", rows("\u2013{x},{k},{c}"), "row 2, column 'a' is text"),
    ok("full-width digits", rows().translate(str.maketrans("0123456789", DIGITS))),
    ok("points without digits", each(lambda i: f"{i}."), inputs=first(range(12))),
    no("hexadecimal", rows("0x{n:x},{k},{c}"), "row 2, column 'a' is text"),
    no("fractions", rows("{n}/8,{k},{c}"), "row 2, column 'a' is text"),
    no("ranges", rows("{n}-{n}0,{k},{c}"), "row 2, column 'a' is text"),
    no("a footnote's mark", rows(count=40) + "3.5*,3,u\n", "row 42, column 'a' is not a number: '3.5*'"),
    no("below a limit", rows(count=40) + "<0.5,3,u\n", "row 42, column 'a' is not a number: '<0.5'"),
    no("k for thousands in some", each(lambda i: f"{i}k" if i % 2 else i), "written another way"),
    ok("exponents", rows("{x}E+2,{k},{c}"), inputs=[[a * 100, b] for a, b in RIGHT]),
    ok("tiny numbers", rows("{x}e-40,{k},{c}"), inputs=[[float(f"{a}e-40"), b] for a, b in RIGHT]),
    ok("large numbers", rows("{x}e30,{k},{c}"), "is beyond 2**53", inputs=[[float(f"{a}e30"), b] for a, b in RIGHT]),
    no("infinite", rows() + "-inf,3,u\n", "row 14, column 'a' is -inf, more than a float32 holds"),
    no("1e400", rows() + "1e400,3,u\n", "row 14, column 'a' is 1e400, more than a float32 holds"),
    no("a letter for a digit", rows(count=40) + "1O,3,u\n", "row 42, column 'a' is not a number: '1O'"),
    no("a spreadsheet's error", rows() + "#REF!,3,u\n", "row 14, column 'a' is not a number: '#REF!'"),
    no("numbers and text", each(lambda i: i if i % 3 else "oops", 40), "row 2, column 'a' is not a number: 'oops'"),
    ok("labels of numbers and text", rows("{x},{k},{c}").replace("u\n", "0\n"), "'y' has numbers, and text",
       classes=("0", "v")),
    ok("labels that are numbers", rows("{x},{k},{k}"), "'y' has 5 different whole numbers: they are taken for classes",
       classes=("3", "4", "5", "6", "7")),
    ok("labels with leading zeros", rows() .replace("u\n", "007\n").replace("v\n", "8\n") + "3,4,7\n",
       "'7' and '007' in 'y' are the same class", inputs=[*RIGHT, [3, 4]], classes=("7", "8")),
    ok("codes with leading zeros", each(lambda i: f"{37 * i:05d}"), "'a' has leading zeros, as 00000",
       inputs=first([37 * i for i in range(12)])),
    ok("numbers that are names", each(lambda i: 1000 + 37 * i, 40, head="user_id;b;y"), "'user_id' may be names",
       inputs=first([1000 + 37 * i for i in range(40)])),
    ok("numbers beyond 2**53", each(lambda i: 2**60 + 4096 * i), "'a' is beyond 2**53",
       inputs=first([2.0**60 + 4096 * i for i in range(12)])),
]  # fmt: skip
DATES = [
    ok("ISO dates", rows("2020-01-{n:02d},{k},{c}"), "dates, as days since 1970", inputs=[[18262 + i, 7 - i % 5] for i in range(12)]),
    ok("dates of Japan", rows("2020/1/{n},{k},{c}"), "dates, as days since 1970", inputs=[[18262 + i, 7 - i % 5] for i in range(12)]),
    ok("dates with hours", rows("2020-01-{n:02d} 12:00,{k},{c}"), inputs=[[18262.5 + i, 7 - i % 5] for i in range(12)]),
    no("dates, some with a time zone", each(lambda i: f"2020-01-{i + 1:02d}T00:00{'Z' if i == 7 else ''}"), "written another way"),
    no("no such day", rows("2020-02-{n:02d},{k},{c}", 30), "row 31, column 'a' is '2020-02-30', a date or time"),
    no("days or months first", rows("{n:02d}/03/2020,{k},{c}"), "row 2, column 'a' is '01/03/2020', a date or time; write it as"),
    no("days first", rows("{n}.3.2020,{k},{c}", 30), "row 2, column 'a' is '1.3.2020', a date or time"),
    no("names of months", rows("{n} Mar 2020,{k},{c}"), "row 2, column 'a' is text"),
    no("months", rows("2020-{n:02d},{k},{c}"), "row 2, column 'a' is text"),
    no("times", rows("12:{n:02d},{k},{c}"), "row 2, column 'a' is '12:01', a date or time"),
    ok("dates as numbers", each(lambda i: 20200301 + i), "'a' goes from 20200301 to 20200312: dates?",
       inputs=first([20200301 + i for i in range(12)])),
    ok("seconds", each(lambda i: 1_700_000_000 + i), inputs=first([1_700_000_000 + i for i in range(12)])),
]  # fmt: skip
MISSING = [
    *(no(f"missing as {word!r}", rows() + f"{word},3,u\n", "row 14, column 'a' is empty", 'missing = "drop" or "mean"')
      for word in ("", "   ", "\t", "NA", "N/A", "n/a", "-", "?", "null", "NULL", "nan", "#N/A", "<NA>")),
    *(no(f"missing as {word!r}", rows() + f"{word},3,u\n", f"row 14, column 'a' is not a number: {word!r}", "missing_values")
      for word in ("--", "None", ".", "missing", "-nan", "–", "\\N")),
    *(ok(f"missing as {word}", rows(count=40) + f"{word},3,u\n" * 3, f"'a' has {word}, far from its other values (0 to 58.5)",
         inputs=[*FORTY, *[[word, 3]] * 3]) for word in (-1, -99, -999, 999, 9999, -99999)),
    ok("a word for missing, said", rows() + "-999,3,u\n", "1 row with missing values left out: 14",
       options={"missing_values": "-999", "missing": "drop"}),
    no("missing label", rows() + "1,3,\n", "row 14, column 'y' is empty"),
    no("missing text", each(lambda i: "pq-"[i % 3]), "row 4, column 'a' is empty; 4 rows have missing values: 4, 7, 10, 13"),
    ok("NA as a value", rows().replace("u\n", "NA\n"), "'NA' in 'y' is one of its values", classes=("NA", "v")),
    ok("truth values", each(lambda i: ["true", "false"][i % 2]), "text, made one input for each value (one-hot): a (2)",
       inputs=[[i % 2, 1 - i % 2, i] for i in range(12)]),
    ok("truth values in two ways", each(lambda i: ["true", "TRUE"][i % 2]), "'TRUE' and 'true' are different values of 'a'",
       inputs=[[i % 2, 1 - i % 2, i] for i in range(12)]),
    ok("truth values and numbers", each(lambda i: ["yes", "0"][i % 2]), "'a' has numbers, and text, as 'yes' in row 2",
       inputs=[[i % 2, 1 - i % 2, i] for i in range(12)]),
]  # fmt: skip
JSON = [
    ok("JSON lines", _json()),
    no("JSON lines with a missing key", _json('{"a": 1, "y": "u"}'), "row 14, column 'b' is empty"),
    no("JSON lines with another key", _json('{"a": 1, "b": 1, "y": "u", "z": 1}'), "row 13 has 'z', which the first row has not"),
    no("JSON lines with a key twice", _json('{"a": 1, "a": 2, "b": 1, "y": "u"}'), "row 13 has 'a' twice"),
    no("JSON lines cut off", _json('{"a": 1,'), "row 13 is no JSON object"),
    no("JSON lines with NaN", _json('{"a": NaN, "b": 1, "y": "u"}'), "row 14, column 'a' is empty"),
    no("JSON lines with objects", _json().replace('"b": ', '"b": {"c": ').replace(', "y"', '}, "y"'),
       "row 2, column 'b' is a list or an object"),
    no("JSON lines with lists", _json().replace('"a": ', '"a": [1, ').replace(', "b"', '], "b"'), "column 'a' is a list"),
    no("JSON over several lines", '{\n "a": 1\n}\n', "is JSON of several lines"),
    no("a JSON list", '[{"a": 1}]', "save it as JSON lines"),
]  # fmt: skip
SKLEARN = [
    ok("iris", "12,2,setosa,versicolor,virginica\n" + rows(head="").replace("u", "0").replace("v", "2"), "classes setosa, versicolor, virginica",
       classes=("0", "2")),
    ok("a number for each example", rows("{x},{k},{i}"), "taken for a regression (predict", classes=()),
    ok("breast cancer", "12,2,malignant,benign\n" + rows(head="").replace("u\n", "0\n").replace("v\n", "1\n"),
       "line 1 is no row, it says what follows: 12 rows, 2 inputs, classes malignant, benign", classes=("0", "1")),
    ok("linnerud", rows("{x} {k} {x}", head="Chins Situps Jumps\n"), "numbers that are not all whole", classes=()),
    ok("diabetes", gzip.compress(rows("{x:e} {k:.18e} {x}", head="").encode(), mtime=0), "taken for a regression", classes=(),
       name="d.csv.gz"),
    no("diabetes, the target alone", gzip.compress(rows("{x:.18e}", head="").encode(), mtime=0), "has one column", name="d.csv.gz"),
]  # fmt: skip
POLLUTED = [*QUOTES, *SHAPE, *TEXT, *NUMBERS, *DATES, *MISSING, *JSON, *SKLEARN]
