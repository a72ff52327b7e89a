"""Tables (CSV): what is found out, what becomes inputs and labels, what is said where they cannot be used."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.data.own_files import flowers, own, text
from tuiml.data import DataError, file_report
from tuiml.data.datasets import Dataset, datasets
from tuiml.data.own.reading import DataFiles, examples
from tuiml.data.prepare import load
from tuiml.spec import toml
from tuiml.spec.check import check


def problems(path, **options):
    """What is wrong with a file, as a user reads it."""
    return file_report.inspect(path, **options).problems


def values(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and labels as the file has them, in its order."""
    part = examples(dataset)
    return part.inputs, part.labels


def test_a_table_with_a_header_is_read_as_it_stands(tmp_path):
    path = flowers(tmp_path / "flowers.csv")
    dataset = own(path)
    assert dataset.shape == (3,)
    assert dataset.classes == ("setosa", "versicolor", "virginica")
    assert dataset.sizes() == (65, 7, 18)
    inputs, labels = values(dataset)
    with path.open() as file:
        rows = list(csv.reader(file))[1:]
    assert inputs.dtype == np.float64
    assert inputs.tolist() == np.array([row[:3] for row in rows], np.float64).tolist()
    assert [dataset.classes[label] for label in labels] == [row[3] for row in rows]
    assert dataset.feature_names == ("length", "width", "height")


def test_the_test_part_is_the_same_for_every_seed_and_apart_from_the_pool(tmp_path):
    dataset = own(flowers(tmp_path / "flowers.csv"))
    one, two = load(dataset, 0), load(dataset, 1)
    assert np.array_equal(one.test.inputs, two.test.inputs)
    assert not np.array_equal(one.train.inputs, two.train.inputs)
    every = np.concatenate([one.train.inputs, one.validation.inputs, one.test.inputs])
    assert len(np.unique(every, axis=0)) == len(np.unique(values(dataset)[0], axis=0))
    assert own(flowers(tmp_path / "flowers.csv"), test=0).sizes()[2] == 0


@pytest.mark.parametrize(
    ("lines", "separator"),
    [
        ("1,2,a\n3,4,b\n5,6,a\n", "comma"),
        ("1;2;a\n3;4;b\n5;6;a\n", "semicolon"),
        ("1\t2\ta\n3\t4\tb\n5\t6\ta\n", "tab"),
        ("1|2|a\n3|4|b\n5|6|a\n", "pipe"),
        ("1, 2, a\n3, 4, b\n5, 6, a", "comma"),
        ("\ufeff1,2,a\r\n3,4,b\r\n\r\n5,6,a\r\n", "comma"),
        ('"1","2","a"\r"3","4","b"\r"5","6","a"\r', "comma"),
    ],
)
@pytest.mark.parametrize("header", ["", "x,y,label\n"])
def test_separators_quotes_and_line_ends_are_found_out(tmp_path, lines, separator, header):
    sign = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}[separator]
    bom = "\ufeff" if lines.startswith("\ufeff") else ""
    dataset = own(text(tmp_path / "t.csv", bom + header.replace(",", sign) + lines.removeprefix("\ufeff")))
    inputs, labels = values(dataset)
    assert inputs.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert labels.tolist() == [0, 1, 0]
    assert separator in dataset.facts.kind
    assert ("with a header" in dataset.facts.kind) == bool(header)


@given(
    st.lists(
        st.tuples(st.floats(-1e30, 1e30), st.integers(-(10**6), 10**6), st.sampled_from('ab," c;é')),
        min_size=2,
        max_size=30,
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.booleans(),
)
def test_whatever_python_writes_is_read_back(tmp_path, rows, sign, header):
    if len({row[2].strip() for row in rows}) < 2 or any(not row[2].strip() for row in rows):
        rows = [*rows, (0.0, 0, "x"), (0.0, 0, "y")]
        rows = [(a, b, c if c.strip() else "z") for a, b, c in rows]
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=sign)
    if header:
        writer.writerow(["a", "b", "name"])
    writer.writerows(rows)
    path = text(tmp_path / "t.csv", stream.getvalue())
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
    dataset = own(path, delimiter=names[sign], header="yes" if header else "no")
    inputs, labels = values(dataset)
    assert inputs.tolist() == [[a, b] for a, b, _ in rows]
    assert [dataset.classes[label] for label in labels] == [c.strip() for _, _, c in rows]


def test_a_decimal_comma_is_read_where_the_comma_separates_nothing(tmp_path):
    dataset = own(text(tmp_path / "t.csv", "a;b;y\n1,5;2;x\n-0,25;1e3;z\n3;4;x\n"))
    assert values(dataset)[0].tolist() == [[1.5, 2], [-0.25, 1000], [3, 4]]
    assert "decimal comma" in " ".join(dataset.facts.notes)


def test_the_label_by_name_by_number_and_by_habit(tmp_path):
    path = text(tmp_path / "t.csv", "a,Class,b\n1,u,2\n3,v,4\n5,u,6\n")
    assert own(path).facts.how.labels == (1,)
    assert own(path, label="Class").facts.how.labels == (1,)
    assert own(path, label="class").facts.how.labels == (1,)
    assert own(path, label=3).facts.how.labels == (2,)
    assert own(path, label="2").facts.how.labels == (1,)
    assert problems(path, label="Clas") == ("there is no column 'Clas'; did you mean 'Class'?",)
    assert "there are a, Class, b" in problems(path, label="zzz")[0]
    assert own(text(tmp_path / "u.csv", "a,b\n1,u\n3,v\n")).facts.how.labels == (1,)


def test_labels_that_are_whole_numbers_are_classes_sorted_by_value(tmp_path):
    dataset = own(
        text(tmp_path / "t.csv", "a,y\n" + "".join(f"{i},{(10, 9, -1)[i % 3]}\n" for i in range(30)))
    )
    assert dataset.classes == ("-1", "9", "10")
    assert values(dataset)[1][:3].tolist() == [2, 1, 0]
    one = own(text(tmp_path / "u.csv", "a,y\n1,1\n2,1.0\n3,0\n4,0.0\n"))
    assert one.classes == ("0", "1")
    assert values(one)[1].tolist() == [1, 1, 0, 0]


def test_labels_that_are_many_numbers_are_to_be_reported_as_numbers(tmp_path):
    lines = "a,b,y\n" + "".join(f"{i},{i % 7},{i * 1.5}\n" for i in range(40))
    dataset = own(text(tmp_path / "t.csv", lines))
    assert (dataset.target, dataset.outputs, dataset.classes) == ("regression", 1, ())
    assert values(dataset)[1].tolist() == [[i * 1.5] for i in range(40)]
    two = own(tmp_path / "t.csv", label=["b", "y"])
    assert (two.shape, two.outputs, two.target_names) == ((1,), 2, ("b", "y"))
    assert values(two)[1][3].tolist() == [3, 4.5]
    assert own(tmp_path / "t.csv", label="b").target == "classes"
    assert own(tmp_path / "t.csv", label="b", predict="regression").target == "regression"


def test_text_becomes_an_input_for_each_value(tmp_path):
    dataset = own(text(tmp_path / "t.csv", "colour,size,y\nred,1,a\nblue,2,b\nred,3,a\n"))
    assert dataset.feature_names == ("colour = blue", "colour = red", "size")
    assert values(dataset)[0].tolist() == [[0, 1, 1], [1, 0, 2], [0, 1, 3]]
    assert "one-hot" in dataset.facts.notes[0]


def test_text_that_is_no_category_names_row_column_and_what_to_do(tmp_path):
    names = "name,y\n" + "".join(f"person {i},{i % 2}\n" for i in range(30))
    (problem,) = problems(text(tmp_path / "t.csv", names))
    assert problem.startswith("t.csv: row 2, column 'name' is text, with more than 20 different values")
    typo = "a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)) + "1O,1\n"
    (problem,) = problems(text(tmp_path / "u.csv", typo))
    assert problem == (
        "u.csv: row 42, column 'a' is not a number: '1O'; correct it, or leave it out with ignore = \"a\""
    )
    assert problems(tmp_path / "t.csv", ignore="name") == ("t.csv has no column left for inputs",)


def test_missing_values_are_reported_with_their_rows(tmp_path):
    rows = [f"{i},{i},{'uv'[i % 2]}" for i in range(300)]
    rows[15], rows[38], rows[210] = "1,,u", "NA,2,u", "1,?,v"
    path = text(tmp_path / "my.csv", "x,age,y\n" + "\n".join(rows))
    assert problems(path) == (
        "my.csv: row 17, column 'age' is empty; 3 rows have missing values: 17, 40, 212; "
        'give missing = "drop" or "mean"',
    )
    dropped = own(path, missing="drop")
    assert dropped.pool + dropped.test_examples == 297
    kept = np.delete(np.arange(300, dtype=np.float32), [15, 38, 210])
    assert values(dropped)[0][:, 0].tolist() == kept.tolist()


def test_missing_values_become_the_mean_of_the_training_part(tmp_path):
    rows = [f"{i},{i % 5},{'uv'[i % 2]}" for i in range(100)]
    rows[3], rows[50], rows[77] = ",1,v", "50,,u", ",,v"
    path = text(tmp_path / "t.csv", "a,b,y\n" + "\n".join(rows))
    data = load(own(path, missing="mean", normalize="none"), 3)
    raw, _ = values(own(path, missing="mean"))
    assert int(np.isnan(raw).sum()) == 4
    for part in (data.train, data.validation, data.test):
        assert np.isfinite(part.inputs).all()
    train = data.train.inputs
    ours = [row for row in train.tolist() if row[0] in raw[:, 0] and row[1] in raw[:, 1]]
    filled = np.mean([row[0] for row in ours])
    odd = [row[0] for row in train.tolist() if row[0] not in raw[:, 0].tolist()]
    assert odd
    assert odd == pytest.approx([filled] * len(odd), rel=0.05)


def test_a_row_without_a_label_is_left_out_where_means_are_taken(tmp_path):
    path = text(tmp_path / "t.csv", "a,y\n1,u\n2,\n3,v\n4,u\n")
    dataset = own(path, missing="mean")
    assert dataset.pool + dataset.test_examples == 3
    assert dataset.facts.notes == ("1 row with missing values left out: 3",)


def test_row_numbers_are_those_of_a_spreadsheet(tmp_path):
    path = text(tmp_path / "t.csv", "a,b,y\n\n1,2,u\n\n\n3,4,v\n5,,u\n")
    assert problems(path)[0].startswith("t.csv: row 7, column 'b' is empty")
    ragged = text(tmp_path / "r.csv", "a,b,y\n1,2,u\n\n3,4\n")
    assert problems(ragged)[0].startswith("r.csv: row 4 has 2 cells, the first row has 3")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (b"a,b\n1,caf\xe9\n", "row 2, column 2 is not UTF-8 text; save it as UTF-8, or give encoding"),
        (b"a,b\n1,\0\n", "is not a text file: it holds NUL bytes"),
        (b"", "is empty"),
        (b"a,b\n", "has 1 row that can be used; training needs two"),
        (b"\n\n\n", "has no rows"),
        (b"a\n1\n2\n", "has one column"),
        (b"a,y\n1,u\n2,u\n", "column 'y' is the same in every row: there is nothing to tell apart"),
        (b"a,y\n1,u\ninf,v\n", "row 3, column 'a' is inf, more than a float32 holds"),
        (b"a,y\n1,u\n1e39,v\n", "row 3, column 'a' is 1e39, more than a float32 holds"),
        (b'a,y\n1,"' + b"u\n" * 100_000, "row 2 has a cell of more than 131,072 characters"),
        (b"a,b,y\n,,u\n,,v\n", "has no column left for inputs"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(tmp_path, lines, said):
    (problem,) = problems(text(tmp_path / "t.csv", lines))
    assert said in problem
    assert "\n" not in problem


def test_what_is_odd_is_said(tmp_path):
    lines = "a,a,b,c,y\n" + "".join(f"{i},{i},7,,{'uv'[i % 2]}\n" for i in range(20))
    path = text(tmp_path / "t.csv", lines)
    notes = " / ".join(own(path).facts.notes)
    assert "left out, for they are empty: c" in notes
    assert "the same in every row, so they tell nothing: b (7)" in notes
    assert "several columns have the same name: a" in notes
    assert problems(path, label="a") == ("2 columns are called 'a': give its number",)


def test_underscores_make_no_number(tmp_path):
    dataset = own(text(tmp_path / "t.csv", "code,n,y\n1_0,1,u\n1_1,2,v\n1_0,3,u\n"))
    assert dataset.feature_names == ("code = 1_0", "code = 1_1", "n")


def test_a_file_changed_between_looking_and_reading_is_not_mixed(tmp_path):
    path = flowers(tmp_path / "flowers.csv")
    dataset = own(path)
    text(path, path.read_text() + "1,2,3,rose\n")
    with pytest.raises(DataError, match=r"flowers\.csv was changed while it was read"):
        load(dataset, 0)
    assert own(path).classes == ("rose", "setosa", "versicolor", "virginica")


def test_a_table_reads_back_from_its_document(tmp_path):
    path = flowers(tmp_path / "flowers.csv")
    options = {
        "label": ["length", "width"],
        "ignore": "species",
        "test": 0.25,
        "normalize": "unit",
        "train": 9,
    }
    dataset = own(path, **options)
    table = datasets.table(dataset)
    assert next(iter(table)) == "path"
    assert table == {"path": str(path), **options}
    assert (
        datasets.read(toml.loads(toml.dumps({"version": 1, "data": table}))["data"], DataFiles()) == dataset
    )
    preset, found = check(
        {
            "version": 1,
            "data": {"path": str(path)},
            "layers": [{"type": "dense", "activation": "softmax"}],
            "training": {"batch_size": 8},
        },
        DataFiles(),
    )
    assert found == []
    assert check(preset.document(), DataFiles())[0] == preset


def test_wrong_options_are_reported_at_their_place(tmp_path):
    path = flowers(tmp_path / "flowers.csv")
    for options, field in (
        ({"label": "nothing"}, "label"),
        ({"ignore": ["species"]}, "ignore"),
        ({"label": {"a": 1}}, "label"),
        ({"test": 2.0}, "test"),
        ({"predict": "classes", "label": ["length", "width"]}, "predict"),
    ):
        with pytest.raises(ValidationError) as caught:
            own(path, **options)
        assert caught.value.errors()[0]["loc"][-1] == field
