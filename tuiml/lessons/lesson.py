"""A lesson: the preset that it opens and the steps that are done with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from tuiml.lessons.conditions import Condition, conditions
from tuiml.registry import Choice, Entry
from tuiml.spec import check as check_preset
from tuiml.spec.edit import put
from tuiml.spec.library import bundled
from tuiml.spec.preset import one_line
from tuiml.spec.problems import Problem, SpecError, join, translate

VERSION = 1
Language: TypeAlias = Literal["en", "ko"]
Line = Annotated[str, Field(min_length=1, max_length=600), AfterValidator(one_line)]


class Text(BaseModel):
    """One line in each language."""

    model_config = Entry.model_config

    en: Line
    ko: Line

    def of(self, language: Language) -> str:
        return self.ko if language == "ko" else self.en


class Step(BaseModel):
    """What is to be done, and how it is seen done."""

    model_config = Entry.model_config

    text: Text
    goal: Text
    """What is so when it is done, in a few words."""
    done: tuple[Annotated[Condition, Choice(conditions)], ...] = Field(
        min_length=1, max_length=10, strict=False
    )
    """All hold at once."""
    keys: tuple[str, ...] = Field(min_length=1, max_length=40, strict=False)
    """Textual's names of keys that do it; the tests press them."""


class Lesson(BaseModel):
    """A lesson as its file has it."""

    model_config = Entry.model_config

    version: int = Field(VERSION, ge=VERSION, le=VERSION)
    rank: int = Field(1000, ge=0, le=1000)
    """Its place in the list."""
    title: Text
    about: Text
    preset: str = Field(min_length=1, max_length=80)
    """The name of a bundled preset."""
    set: dict[str, Any] = Field(default_factory=dict, max_length=40)
    """Settings that are changed in it, by their paths as ``--set`` takes them."""
    steps: tuple[Step, ...] = Field(min_length=1, max_length=20, strict=False)

    def document(self, name: str) -> dict[str, Any]:
        """The preset to work on, under a name.

        Raises:
            SpecError: there is no such preset, or a setting leads nowhere.
        """
        file = next((file for file in bundled() if file.name == self.preset), None)
        if file is None:
            raise SpecError([Problem("preset", f"there is no bundled preset {self.preset!r}")])
        document, problems = file.document(), []
        document.pop("note", None)
        for path, value in self.set.items():
            try:
                document = put(document, path, value)
            except SpecError as error:
                problems += [Problem(join(["set", path]), p.message) for p in error.problems]
        if problems:
            raise SpecError(problems)
        return {**document, "name": name}


def check(document: Any) -> tuple[Lesson | None, list[Problem]]:
    """The lesson that a document describes, or ``None``, and every problem it has."""
    try:
        lesson = Lesson.model_validate(document)
    except ValidationError as error:
        return None, [translate(dict(d), document, Lesson) for d in error.errors(include_url=False)]
    try:
        preset, problems = check_preset(lesson.document("lesson"))
    except SpecError as error:
        return None, error.problems
    if preset is None:
        return None, [Problem(join(["set", p.path]), p.message) for p in problems]
    problems = [
        Problem(f"steps[{i}].done[{j}]", text)
        for i, step in enumerate(lesson.steps)
        for j, condition in enumerate(step.done)
        if (text := condition.problem(preset))
    ]
    return (None if problems else lesson), problems
