"""A letter has one meaning everywhere, but for what is listed here with its reason."""

from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.keymap import VI, declare_all
from tuiml.tui.keys import Action, actions, key_word

ONE_THING = (
    {"start", "resume", "go on"},
    {"next chart", "next drawing"},
    {"previous chart", "previous drawing"},
    {"enlarge", "preview"},
    {"problems", "next problem"},
    {"try it", "advice"},
    {"stop"},
    {"undo", "undo delete"},
    {"remove", "delete", "stop trial"},
    {"find rate", "find lr"},
    {"promote", "its preset"},
    {"your data", "open in Train"},
    {"lr ÷", "less"},
    {"lr ×", "more"},
    {"more", "next layer", "next row"},
    {"filter", "find"},
    {"back", "layer before", "previous row"},
    {"compare", "close", "curves"},
    {"narrower", "zoom in"},
    {"wider", "zoom out"},
    {"help", "close"},
    {"undo", "undo delete"},
    {"why", "close"},
    {"compare", "curves"},
    {"close", "back"},
)
"""Labels of what is the same for a user: a chart is the next chart, of a study or of a run."""

EXCEPTIONS = {
    "d": ({"predict"}, "a run has nothing to duplicate"),
    "f": ({"trials"}, "the Library has no advice"),
    "i": ({"lines"}, "the initializer of a run is what it is"),
    "l": ({"lr"}, "with keys = 'vi' it is L"),
    "n": ({"new", "no"}, "the Library names with r; a question is answered by y and n, as everywhere"),
    "o": ({"log"}, "from the first version; opening is ctrl+o"),
    "p": ({"charts"}, "from the first version"),
    "r": ({"rename"}, "the Library trains nothing"),
    "v": ({"view", "quantity"}, "in Build the next of the activation functions, elsewhere of what they give"),
    "V": ({"previous view", "quantity back"}, "likewise"),
    "y": ({"yes"}, "a question is answered by y and n, as everywhere"),
    "+": ({"more seeds"}, "one more"),
}
"""Labels under which a letter means something else, and why that is accepted."""


def same(one: Action, other: Action) -> bool:
    return one.label == other.label or any({one.label, other.label} <= labels for labels in ONE_THING)


def test_a_letter_means_one_thing() -> None:
    assert TuimlApp, "importing the app declares its actions"
    declare_all()
    letters: dict[str, list[Action]] = {}
    for row in actions():
        arrows = {VI[key] for key in row.keys if key in VI}
        for word in map(key_word, row.keys):
            # the pad is drawn on by tools of its own, and a letter beside an arrow moves as the arrow does
            if len(word) == 1 and word.isascii() and word not in arrows and row.where != "pad":
                letters.setdefault(word, []).append(row)
    for letter, rows in letters.items():
        allowed = EXCEPTIONS.get(letter, (set(), ""))[0]
        meant = [row for row in rows if row.label not in allowed]
        for row in meant[1:]:
            assert same(row, meant[0]), (
                f"{letter} is {row.label} ({row.id}) and {meant[0].label} ({meant[0].id})"
            )
