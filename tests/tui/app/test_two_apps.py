"""Two apps on the same folder: neither loses what the other one did."""

import pytest

from tests.tui.bench import Bench
from tests.tui.fake_training_client import FakeTrainingClient
from tuiml.spec.library import read, save
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.session import DocumentState, Drafts
from tuiml.tui.model import settings
from tuiml.tui.model.document import Document
from tuiml.tui.model.drafts import document_of
from tuiml.tui.model.preset_files import NEW, named
from tuiml.tui.widgets.dialogs import ConfirmDialog


def twice():
    """Two apps on the same folder, neither of which has a screen; their sessions."""
    return [TuimlApp(settings=settings.load(), client_factory=FakeTrainingClient).session for _ in "ab"]


def keep(session, last=False):
    session.write(session._state(), last=last)


def test_an_app_that_edits_nothing_keeps_what_another_one_edits():
    """A edits, B only looks on; whoever quits last, the edits are there at the next start."""
    a, b = twice()
    a.document.set("training.epochs", 77)
    keep(a)
    keep(b)
    keep(a, last=True)
    keep(b, last=True)
    kept = settings.load().document
    assert kept.dirty
    assert "epochs = 77" in kept.text


def test_edits_of_one_preset_in_two_apps_are_both_kept():
    a, b = twice()
    a.document.set("training.epochs", 77)
    keep(a)
    b.document.set("training.epochs", 88)
    keep(b, last=True)
    keep(a, last=True)
    found = settings.load()
    texts = [found.document.text, *(draft.text for draft in found.drafts)]
    assert sum("epochs = 77" in text for text in texts) == 1
    assert sum("epochs = 88" in text for text in texts) == 1
    names = [document.name for document in Drafts(found.drafts)]
    assert names == [f"{document_of(found.document).name} (other window)"]


def test_drafts_of_another_preset_stay_and_those_that_were_undone_go():
    a, b = twice()
    a.document.set("training.epochs", 77)
    keep(a)
    b.open(named("spiral-playground"))
    b.document.set("training.epochs", 88)
    keep(b)
    a.document.undo()
    keep(a)
    keep(b, last=True)
    found = settings.load()
    assert "epochs = 88" in found.document.text
    assert found.drafts == []
    keep(a, last=True)
    assert ["epochs = 88" in draft.text for draft in settings.load().drafts] == [True]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("answer", ["y", "n"])
async def test_a_file_that_another_app_saved_is_not_replaced_unasked(answer):
    path = save({**NEW, "name": "mine"})
    async with Bench.opened(named("mine")) as on:
        on.app.document.set("training.epochs", 77)
        await on.press("ctrl+s")
        assert read(path)["training"]["epochs"] == 77  # nobody else was there: no question
        save({**NEW, "name": "mine", "note": "of the other app"}, path)
        on.app.document.set("training.epochs", 88)
        await on.press("ctrl+s")
        assert isinstance(on.app.screen, ConfirmDialog)
        assert read(path)["note"] == "of the other app"
        await on.press(answer)
        assert read(path).get("note") == (None if answer == "y" else "of the other app")
        assert on.app.document.dirty is (answer == "n")
        on.app.leave(0)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("sessions", [1, 2])
@pytest.mark.parametrize("elsewhere", [True, False])
async def test_edits_of_an_earlier_session_do_not_replace_a_newer_file_unasked(sessions, elsewhere):
    path = save({**NEW, "name": "mine"})
    async with Bench.opened(named("mine")) as on:
        on.app.document.set("training.epochs", 77)
        on.app.leave(0)
    if elsewhere:
        save({**NEW, "name": "mine", "note": "of the other app"}, path)
    for _ in range(sessions):
        async with Bench.opened(settings=settings.load()) as on:
            assert on.app.document.dirty
            assert on.app.document.get("training.epochs") == 77
            on.app.leave(0)
    async with Bench.opened(settings=settings.load()) as on:
        await on.press("ctrl+s")
        assert isinstance(on.app.screen, ConfirmDialog) is elsewhere
        if elsewhere:
            assert read(path)["note"] == "of the other app"
            await on.press("y")
        assert read(path)["training"]["epochs"] == 77
        assert not on.app.document.dirty
        on.app.leave(0)


async def test_a_preset_saved_with_data_beside_it_is_not_taken_for_newer(tmp_path):
    """What is saved names its file otherwise than the document does."""
    (tmp_path / "a.csv").write_text("a,b,kind\n" + "1,2,x\n3,4,y\n" * 40)
    path = save({**NEW, "name": "mine", "data": {"path": "a.csv"}}, tmp_path / "mine.toml")
    document = Document(read(path), path=path)
    document.set("training.epochs", 77)
    document.saved(path)
    document.set("training.epochs", 78)
    draft = DocumentState.of(document).draft()
    assert draft.source
    again = document_of(draft)
    save(document.saved_raw, path)
    assert document_of(draft).saved_raw == read(path)
    assert again.get("training.epochs") == 78
