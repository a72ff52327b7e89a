"""The settings that a user writes: ``settings.toml`` in the home folder, read once when the app or a training
starts.

What the app itself remembers from one session to the next is in :mod:`tuiml.tui.model.settings`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tuiml.files import home, read_regular, write_whole
from tuiml.notify.notifier import Occasion, Wanted, Way
from tuiml.registry import closest, options_of, short
from tuiml.spec.toml import ParseError, parse

MOST_BYTES = 64 * 1024
SCHEMA = "settings.schema.json"
"""Beside the settings: editors find it by the first line of the file."""
HEAD = f"""\
#:schema ./{SCHEMA}
# Settings of tuiml, read when it starts. Remove the # of a line to change its setting.
"""
StepsPerSecond = Annotated[float, Field(gt=0, le=100_000)]


class Preferences(BaseModel):
    """Every setting with its default."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, title="tuiml")

    theme: str = Field(
        "auto",
        description="Colours: auto (as the app was left, first dark), or the name of a theme; ctrl+p, "
        "'theme', shows them all",
        examples=["auto", "tuiml-dark", "tuiml-light", "tuiml-contrast", "nord"],
    )
    reduced_motion: bool = Field(False, description="No animation and no blinking cursor")
    keys: Literal["arrows", "vi"] = Field("arrows", description="vi: h j k l move as the arrows do")
    pace: Literal["watch", "full"] | StepsPerSecond = Field(
        "watch",
        description="How fast the app trains: watch (slow enough to be watched), full (as fast as it goes), "
        "or steps a second",
        examples=["watch", "full", 20],
    )
    language: Literal["auto", "en", "ko"] = Field(
        "auto", description="Language of the lessons; auto: that of the system"
    )
    resources: bool = Field(True, description="Show the use of CPU, memory and GPU in the top bar")
    notify: list[Way] = Field(
        [],
        description="How the app and 'tuiml train' say that a run is over or ill: bell, title (of the "
        "terminal), desktop (a notification), osc9 or osc777 (one of a certain kind)",
        examples=[["bell"], ["title", "desktop"]],
    )
    notify_on: list[Occasion] = Field(
        list(get_args(Occasion)),
        description="When they do so; of a run each kind of verdict counts once. The title is not concerned",
        examples=[["completed", "diverged"], ["verdict"]],
    )
    hook: str | list[str] = Field(
        "",
        description="A command that is run then: a line for the shell, or a program and its arguments. It "
        "finds TUIML_RUN, TUIML_EVENT, TUIML_PATH and TUIML_MESSAGE in its environment",
        examples=[["notify-send", "tuiml"], 'say "$TUIML_EVENT"'],
    )
    keymap: dict[str, str] = Field(
        default_factory=dict,
        description="Other keys for actions: the id of an action, and its keys separated by commas",
        examples=[{"start_pause": "f5,ctrl+r"}],
    )

    def notices(self) -> Wanted:
        """How and when to notify of a run."""
        return Wanted(self.notify, self.notify_on, self.hook)


def settings_path() -> Path:
    """The file of the settings."""
    return home() / "settings.toml"


def load(path: Path | None = None) -> tuple[Preferences, str]:
    """The settings, and in one line what of them is ignored; the app starts whatever the file holds."""
    path = path or settings_path()
    found, problems = read(path)
    if not problems:
        return found, ""
    more = f" (and {len(problems) - 1} more: 'tuiml settings' lists them)" if len(problems) > 1 else ""
    return found, f"{path.name}: {problems[0]}{more}"


def read(path: Path) -> tuple[Preferences, list[str]]:
    """The settings, and a line for each thing in the file that is ignored."""
    try:
        data = read_regular(path, MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ParseError(f"has more than {MOST_BYTES:,} bytes")
        raw = parse(data.decode("utf-8-sig"))
    except FileNotFoundError:
        return Preferences(), []
    except OSError as error:
        return Preferences(), [f"cannot be read: {error.strerror or error}; the defaults are used"]
    except UnicodeDecodeError:
        return Preferences(), ["is not UTF-8 text; the defaults are used"]
    except ParseError as error:
        return Preferences(), [f"{error}; the defaults are used"]
    try:
        return Preferences.model_validate(raw), []
    except ValidationError as error:
        problems = {_place(details["loc"]): details["type"] for details in error.errors()}
    lines = [_line(raw, place, kind) for place, kind in problems.items()]
    for name, *inner in problems:
        if inner and isinstance(raw.get(name), dict):
            raw[name].pop(inner[0], None)
        else:
            raw.pop(name, None)
    return Preferences.model_validate(raw), lines


def _place(location: tuple[str | int, ...]) -> tuple[str, ...]:
    """The setting that pydantic found wrong: a key, or in the table of keys an entry of it."""
    return tuple(str(part) for part in location[: 2 if location[0] == "keymap" else 1])


def _line(raw: dict[str, Any], place: tuple[str, ...], kind: str) -> str:
    name = place[0]
    if kind == "extra_forbidden":
        near = closest(name, Preferences.model_fields)
        hint = f"did you mean '{near}'?" if near else f"known: {', '.join(Preferences.model_fields)}"
        return f"{short(name)} is not a setting; {hint}"
    value = raw[name]
    if name == "keymap":
        where = f"keymap.{place[1]}" if len(place) > 1 else name
        value = value[place[1]] if len(place) > 1 else value
        return f"{where} = {short(value)} is ignored; give keys as text, such as 'f5,ctrl+r'"
    return f"{name} = {short(value)} is ignored; give {_allowed(name)}"


def _allowed(name: str) -> str:
    option = next(option for option in options_of(Preferences) if option.name == name)
    examples = Preferences.model_fields[name].examples
    return "for example " + ", ".join(map(str, examples)) if examples else option.allowed()


def documented() -> str:
    """A file with every setting explained and its default commented out."""
    blocks = [HEAD]
    for name, field in Preferences.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, dict):  # a table, which comes last
            (example,) = field.examples or [{}]
            lines = [f"# [{name}]", *(f"# {key} = {json.dumps(value)}" for key, value in example.items())]
        else:
            lines = [f"# {name} = {json.dumps(default)}"]
        blocks.append("\n".join([*_comment(field.description or ""), *lines, ""]))
    return "\n".join(blocks)


def _comment(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(f"{text}.", 98, initial_indent="# ", subsequent_indent="# ")


def schema() -> str:
    """The JSON Schema of the file."""
    head = {"$schema": "http://json-schema.org/draft-07/schema#"}
    return json.dumps(head | Preferences.model_json_schema(), indent=2) + "\n"


def create(path: Path | None = None) -> bool:
    """Write the documented file, unless there is one, and its schema; whether there was none.

    Raises:
        OSError: it cannot be written.
    """
    path = path or settings_path()
    write_whole(path.with_name(SCHEMA), schema())
    if path.exists():
        return False
    write_whole(path, documented())
    return True
