"""Labels of new examples: what is written is the class that it was in training, or none."""

from __future__ import annotations

import pytest

from tuiml.data.own.new_labels import ABSENT, UNSEEN, Targets


@pytest.mark.parametrize(
    ("classes", "texts", "written"),
    [
        (("cat", "dog"), {"cat": 0, "dog": 1}, {"cat": 0, " dog\u00a0": 1, "Cat": UNSEEN, "1": UNSEEN}),
        (("1", "2"), {"1": 0, "1.0": 0, "2": 1}, {"1": 0, "2.0": 1, "02": 1, "2e0": 1, "3": UNSEEN}),
        (("upper", "lower"), None, {"lower": 1, "0": 0, "1.0": 1, "2": UNSEEN, "0.5": UNSEEN}),
        (("0", "1"), None, {"0": 0, "1": 1, "1.0": 1, "2": UNSEEN}),
        (("NA", "x"), {"NA": 0, "x": 1}, {"NA": 0, "na": ABSENT, "": ABSENT, "?": ABSENT, "x": 1}),
        (("same", "same"), None, {"same": UNSEEN}),
    ],
)
def test_a_label_is_its_class(
    classes: tuple[str, ...], texts: dict[str, int] | None, written: dict[str, int]
) -> None:
    targets = Targets(classes, 1, texts)
    assert {text: targets.code(text) for text in written} == written
