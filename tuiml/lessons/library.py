"""Where lessons are: the bundled ones and the user's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tuiml.files import asset, home
from tuiml.lessons.lesson import Language, Lesson, check
from tuiml.spec.library import NamedFile, files_in, find_among
from tuiml.spec.problems import SpecError


@dataclass(frozen=True)
class LessonFile(NamedFile):
    """A lesson on disk."""

    def lesson(self) -> Lesson:
        """The validated lesson.

        Raises:
            SpecError: with every problem.
        """
        lesson, problems = check(self.document())
        if lesson is None:
            raise SpecError(problems)
        return lesson


@dataclass(frozen=True)
class Listed:
    """A lesson in a list; ``problem`` says in one line why it cannot be opened."""

    file: LessonFile
    lesson: Lesson | None
    problem: str = ""

    @property
    def name(self) -> str:
        return self.file.name

    def title(self, language: Language) -> str:
        """Its title, or its name where it cannot be read."""
        return self.lesson.title.of(language) if self.lesson else self.name


def own_folder() -> Path:
    """Where the user's lessons are."""
    return home() / "lessons"


def files() -> list[LessonFile]:
    """The files of all lessons; an own one hides a bundled one of its name."""
    own = [LessonFile(path.stem, path, False) for path in files_in(own_folder())]
    names = {file.name for file in own}
    found = [LessonFile(path.stem, path, True) for path in files_in(asset("lessons"))]
    return [*(file for file in found if file.name not in names), *own]


def lessons() -> list[Listed]:
    """All lessons in their order; those that cannot be read last."""
    listed = []
    for file in files():
        try:
            listed.append(Listed(file, file.lesson()))
        except SpecError as error:
            listed.append(Listed(file, None, str(error.problems[0])))
    return sorted(listed, key=lambda one: one.lesson.rank if one.lesson else 1001)


def find(word: str) -> LessonFile:
    """The lesson of a name or a path.

    Raises:
        SpecError: there is none; the nearest name is suggested.
    """
    found = find_among(word, {file.name: file for file in files()}, "lesson", "tuiml lessons")
    return found if isinstance(found, LessonFile) else LessonFile(found.stem, found, False)


def language(preference: str = "auto", environment: Mapping[str, str] = os.environ) -> Language:
    """``en`` or ``ko`` as preferred; ``auto``: as the environment's locale says."""
    if preference == "auto":
        names = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        preference = next(filter(None, names), "")[:2]
    return "ko" if preference == "ko" else "en"
