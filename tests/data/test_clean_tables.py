"""Large tables are read many cells at a time: the same values, notices and refusals as cell by cell."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.own_files import own, text
from tests.data.polluted_files import POLLUTED
from tuiml.data import file_report
from tuiml.data.own import blocks, clean, rows
from tuiml.data.own.clean import CleanBlock
from tuiml.data.own.dialect import SEPARATORS
from tuiml.data.own.reading import examples


def found(path, at_once, chunk=64, **options):
    """What is found in a table that is read at once, or cell by cell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "CLEAN", 0 if at_once else 1 << 60)
        patch.setattr(clean, "CHUNK", chunk)
        report = file_report.inspect(path, **options)
        if not report.usable:
            return report, None
        part = examples(own(path, **options))
        return report, (part.inputs.tobytes(), part.labels.tobytes(), part.inputs.shape)


@pytest.mark.parametrize("case", POLLUTED, ids=[case.kind for case in POLLUTED])
@pytest.mark.parametrize("chunk", [40, 1000])
def test_polluted_files_are_the_same_read_at_once(tmp_path, case, chunk):
    path = case.write(tmp_path)
    (one, values), (other, same) = (found(path, fast, chunk, **case.options) for fast in (True, False))
    assert one == other
    assert values == same


CELLS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e6, 1e6).map("{:.3f}".format),
    st.integers(-(10**18), 10**18).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(["0", "-0", "+1", "007", "-01.50", "1.", ".5", "-.25", ".", "-", "+", "+-1", "1..2"]),
    st.sampled_from(["1e5", "1E-3", "NA", "nan", "1_0", "0x1", "３", "é", "a,b", "x;y", "", " 1", "1 ", '"']),
    st.sampled_from(["\u00a05", 'a"b', "1.2.3", "--5", "5-", "1-2", "123456789012345", "1234567890123456"]),
)  # fmt: skip


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=2, max_size=30),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_random_tables_are_the_same_read_at_once(tmp_path_factory, table, separator, end, header, quoting):
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerows([["p", "q", "r"]] * header + [[*row, "uv"[i % 2]][1:] for i, row in enumerate(table)])
    path = text(tmp_path_factory.getbasetemp() / "random.csv", stream.getvalue())
    name = next(name for name, sign in SEPARATORS.items() if sign == separator)
    options = {"delimiter": name, "header": "yes" if header else "no", "missing": "drop"}
    one, values = found(path, True, **options)
    other, same = found(path, False, **options)
    assert one.problems == other.problems
    assert one.warnings == other.warnings
    for mine, theirs in zip(one.columns, other.columns, strict=True):
        assert replace(mine, mean=None) == replace(theirs, mean=None)
        assert (mine.mean or 0.0) == pytest.approx(theirs.mean or 0.0, rel=1e-9)  # added in another order
    assert values == same


@given(st.lists(st.text("0123456789", min_size=1, max_size=15), min_size=2, max_size=40), st.data())
def test_numbers_of_up_to_fifteen_digits_are_those_of_float(tmp_path_factory, digits, data):
    cells = []
    for text_ in digits:
        at = data.draw(st.integers(0, len(text_)))
        sign = data.draw(st.sampled_from(["", "-", "+"]))
        cells.append(f"{sign}{text_[:at]}.{text_[at:]}" if data.draw(st.booleans()) else sign + text_)
    path = text(tmp_path_factory.getbasetemp() / "digits.csv", "".join(f"{cell},x\n" for cell in cells))
    with path.open("rb") as file:
        found_blocks = list(clean.clean_blocks(file, blocks.Layout(",", False, ("a", "b"))))
    assert found_blocks.pop() is None
    assert all(isinstance(block, CleanBlock) for block in found_blocks)
    numbers = np.concatenate([block.numbers(0) for block in found_blocks])
    assert numbers.tobytes() == np.array([float(cell) for cell in cells]).tobytes()


def test_a_row_that_is_wrong_far_down_is_named(tmp_path):
    good = "".join(f"{i}.5,{i % 7},{'uv'[i % 2]}\n" for i in range(9000))
    for bad, said in (
        ("1,2\n", "row 9,002 has 2 cells"),
        ("oops,2,u\n", "row 9,002, column 'a' is not a number: 'oops'"),
        ("1,,u\n", "row 9,002, column 'b' is empty"),
        ("a,b,y\n", "row 9,002 repeats the header"),
        ('1,"2,u\n', "row 9,002 opens a quotation mark"),
        ("1,\0,u\n", "line 9,002 holds a NUL byte"),
        ("1,2,é\n".encode("latin-1"), "row 9,002, column 3 is not UTF-8"),
    ):
        wrong = bad if isinstance(bad, bytes) else bad.encode()
        path = text(tmp_path / "t.csv", b"a,b,y\n" + good.encode() + wrong + good.encode())
        report, _ = found(path, True, 5000)
        assert said in " ".join(report.problems)
        assert report == found(path, False)[0]
