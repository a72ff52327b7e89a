"""A person's own data is never silently misread: it is read rightly, or refused with the place."""

import pytest

from tests.data.own_files import own
from tests.data.polluted_files import POLLUTED, Polluted
from tuiml.cli import main
from tuiml.data import file_report
from tuiml.data.own.reading import examples


def test_there_are_many_kinds():
    assert len({case.kind for case in POLLUTED}) == len(POLLUTED) > 150


@pytest.mark.parametrize("case", POLLUTED, ids=[case.kind for case in POLLUTED])
def test_a_polluted_file_is_read_rightly_or_refused_with_its_place(tmp_path, case: Polluted):
    path = case.write(tmp_path)
    report = file_report.inspect(path, deep=True, **case.options)
    told = " / ".join(report.problems if case.inputs is None else report.warnings)
    assert report.usable == (case.inputs is not None), told
    for words in case.said:
        assert words in told
    if case.inputs is None:
        assert all(line.isprintable() for line in report.problems)
        return
    dataset = own(path, **case.options)
    part = examples(dataset)
    assert part.inputs.tolist() == [list(map(float, row)) for row in case.inputs]
    assert dataset.classes == case.classes


@pytest.mark.parametrize("case", POLLUTED, ids=[case.kind for case in POLLUTED])
def test_data_check_prints_what_was_found(tmp_path, capsys, case: Polluted):
    options = [
        part for name, value in case.options.items() for part in (f"--{name.replace('_', '-')}", value)
    ]
    assert main(["data", "check", str(case.write(tmp_path)), *options]) == (2 if case.inputs is None else 0)
    told = capsys.readouterr()
    shown = told.err if case.inputs is None else told.out
    for words in case.said:
        assert words in shown
    assert all(line.isprintable() for line in (told.out + told.err).splitlines())
