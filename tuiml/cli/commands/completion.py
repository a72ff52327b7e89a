"""``tuiml completion``: the scripts with which a shell completes command lines of tuiml."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterable, Iterator

from tuiml.cli import commands
from tuiml.cli.output import say
from tuiml.cli.parser import Command, Parser, argument, top_parser
from tuiml.text import plain_text

BASH = r"""_tuiml() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$(printf '%q' "${line%%$'\t'*}")")
    done < <("${COMP_WORDS[0]}" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -o default -F _tuiml tuiml"""
ZSH = r"""#compdef tuiml
_tuiml() {
    local line
    local -a found
    for line in ${(f)"$("${words[1]}" completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)"}; do
        found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( ${#found} )); then _describe tuiml found; else _files; fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _tuiml "$@"; else compdef _tuiml tuiml; fi"""
FISH = r"""function __tuiml_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] completion words -- $words[2..-1] 2>/dev/null
end
complete -c tuiml -a '(__tuiml_complete)'"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
MOST = 60
"""Characters of an explanation."""
Candidate = tuple[str, str]
"""A word, and what it means in a few words."""


def candidates(words: list[str]) -> list[Candidate]:
    """The words that may be the last one of ``words``, which has been begun; ``tuiml`` is not among them."""
    *before, begun = words or [""]
    if before:
        found = _of_command(before, begun)
    elif begun.startswith("-"):
        found = _options(top_parser())
    else:
        found = [*_commands(), *_presets(), *_studies(), *_runs()]
    fitting = {word: text for word, text in found if word.startswith(begun) and word == plain_text(word)}
    return list(fitting.items())


def _of_command(before: list[str], begun: str) -> Iterable[Candidate]:
    name, *given = before
    if name not in commands.names():
        return []
    parser = _parser(name)
    if actions := _actions(parser):
        if not given:
            return [(word, below.description or "") for word, below in actions.items()]
        if given[0] not in actions:
            return []
        name, parser, given = f"{name} {given[0]}", actions[given[0]], given[1:]
    option, positional = _reached(parser, given)
    if option is None and begun.startswith("-"):
        return _options(parser)
    argument = option or positional
    if argument is None:
        return []
    if argument.choices:
        return [(str(choice), "") for choice in argument.choices]
    for key in (f"{name} {argument.metavar}", str(argument.metavar)):
        if key in NAMES:
            return NAMES[key]()
    return []


def _parser(name: str) -> Parser:
    parsers = top_parser().add_subparsers()
    commands.load(name).add_to(parsers)
    parser: Parser = parsers.choices[name]
    return parser


def _actions(parser: Parser) -> dict[str, Parser]:
    """The commands of a command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _reached(parser: Parser, given: list[str]) -> tuple[argparse.Action | None, argparse.Action | None]:
    """The option whose value comes next, and the argument that does if it is none."""
    options = {word: action for action in parser._actions for word in action.option_strings}
    left = [action for action in parser._actions if not action.option_strings]
    waiting: argparse.Action | None = None
    for word in given:
        if waiting is not None:
            waiting = None
        elif word in options:
            waiting = options[word] if options[word].nargs != 0 else None
        elif left and not word.startswith("-") and left[0].nargs not in ("+", "*"):
            left.pop(0)
    return waiting, left[0] if left else None


def _options(parser: Parser) -> Iterator[Candidate]:
    for action in parser._actions:
        if action.option_strings and action.help != argparse.SUPPRESS:
            yield action.option_strings[-1], action.help or ""


def _commands() -> Iterator[Candidate]:
    for name in commands.names():
        yield name, commands.load(name).help


def _presets() -> Iterator[Candidate]:
    from tuiml.spec import library

    for listed in (library.own, library.bundled):
        with contextlib.suppress(OSError):
            yield from ((file.name, "preset") for file in listed())


def _studies() -> Iterator[Candidate]:
    from tuiml.studies import library

    for listed in (library.own, library.bundled):
        with contextlib.suppress(OSError):
            yield from ((file.name, "study") for file in listed())


def _lessons() -> Iterator[Candidate]:
    from tuiml.lessons import library

    yield from ((one.name, "lesson") for one in library.lessons())


def _runs() -> Iterator[Candidate]:
    from tuiml.runs import library

    with contextlib.suppress(OSError):
        yield from ((name, "run") for name in library.names())


def _datasets() -> Iterator[Candidate]:
    from tuiml.data.datasets import datasets

    yield from ((name, "data set") for name in datasets.names())


def _kinds() -> Iterator[Candidate]:
    from tuiml.cli.commands.choices import kinds

    yield from ((name, "") for name in kinds())


def _settings() -> Iterator[Candidate]:
    from tuiml.registry import options_of
    from tuiml.spec.preset import Training

    yield from ((f"training.{option.name}=", option.help) for option in options_of(Training))
    yield from ((f"layers[*].{key}=", "") for key in ("activation", "initializer", "units"))


NAMES: dict[str, Callable[[], Iterable[Candidate]]] = {
    "PRESET": _presets,
    "RUN": _runs,
    "LESSON": _lessons,
    "STUDY": _studies,
    "PATH=VALUE": _settings,
    "choices KIND": _kinds,
    "data fetch NAME": _datasets,
}
"""What an argument is completed with, by its name in the help, if need be after its command."""


def run(chosen: argparse.Namespace) -> int:
    """Print a script, or what it asks for."""
    if chosen.shell in SCRIPTS:
        say(SCRIPTS[chosen.shell], lines=True)
        return 0
    for word, text in candidates(chosen.words):
        print(f"{word}\t{plain_text(' '.join(text.split())[:MOST])}")  # say() would replace the tab
    return 0


class _Shells(list[str]):
    """The names of the shells. What their scripts ask for is taken too, but not listed."""

    def __contains__(self, word: object) -> bool:
        return word == "words" or super().__contains__(word)


COMMAND = Command(
    "completion",
    "print the script that completes commands and names in a shell",
    run,
    [
        argument("shell", choices=_Shells(SCRIPTS), metavar="SHELL", help="bash, zsh or fish"),
        argument("words", nargs="*", help=argparse.SUPPRESS),
    ],
    epilog='bash, in ~/.bashrc: eval "$(tuiml completion bash)"; zsh, in ~/.zshrc after compinit: '
    'eval "$(tuiml completion zsh)"; fish: tuiml completion fish > '
    "~/.config/fish/completions/tuiml.fish",
)
