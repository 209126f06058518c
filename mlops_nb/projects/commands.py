"""Commands of entry points with parameters in them: a value stays one argument, whatever characters it has. Pure.

MLflow formats values into the text and hands it to a shell; its quoting breaks where the command quotes by itself. Here
the command's own words are divided first and values are put into them afterwards. Where the command needs a shell
(pipes, variables, ``&&``), the shell gets values as variables, which it never reads as code.
"""

from __future__ import annotations

import shlex
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from mlops_nb.errors import InvalidInput
from mlops_nb.projects.declarations import closest

__all__ = ["Command", "fill", "placeholders"]

_SHELL = frozenset("$`;&|<>*?[]~#()!\n")
_MARK = "\x00"
_INTERPRETED = ("-c", "-lc", "-ec", "-e")


@dataclass(frozen=True, slots=True)
class Command:
    """What to start: the words, and variables for its environment."""

    words: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return shlex.join(self.words)


def placeholders(template: str) -> list[str]:
    """The names of parameters that stand in a command, in order, each once.

    Parameters
    ----------
    template : str
        The command, with ``{name}`` where a value goes and ``{{`` for a brace.

    Returns
    -------
    list of str
        Names.

    Raises
    ------
    InvalidInput
        If a brace stands alone, or a placeholder is more than a name.

    Examples
    --------
    >>> placeholders("python train.py --lr {lr} {{x}} {lr} {data}")
    ['lr', 'data']
    """
    return list(dict.fromkeys(name for _, name in _pieces(template) if name is not None))


def _pieces(template: str) -> list[tuple[str, str | None]]:
    """(text, name of the placeholder after it) of each piece."""
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise InvalidInput(
            f"The command {template!r} cannot be read: {error}.", hint="Write {{ and }} for braces that are meant."
        ) from None
    for _, name, form, conversion in parsed:
        if name is not None and (not name or form or conversion or set(name) & set(".[]")):
            raise InvalidInput(
                f"The command {template!r} has a placeholder that is not a plain name: {{{name}}}.",
                hint="Write {name} for a value, and {{ and }} for braces that are meant.",
            )
    return [(text, name) for text, name, _, _ in parsed]


def fill(template: str, values: Mapping[str, str]) -> Command:
    """The command with values in it.

    Parameters
    ----------
    template : str
        The command, with placeholders.
    values : mapping of str to str
        Text for each of them.

    Returns
    -------
    Command
        Without a shell where the command does not need one.

    Raises
    ------
    InvalidInput
        If a placeholder has no value, a quote is not closed, a value has a NUL, or a value would stand within code
        (``python -c "... {x} ..."``).

    Examples
    --------
    >>> fill("python train.py -r {lr}", {"lr": "0.1; rm -rf /"}).words
    ['python', 'train.py', '-r', '0.1; rm -rf /']
    >>> fill("cat {a} | wc -l", {"a": "$(id)"}).words
    ['bash', '-c', 'cat "${MLOPS_NB_VALUE_0}" | wc -l']
    """
    pieces = _pieces(template)
    for _, name in pieces:
        if name is not None and name not in values:
            raise InvalidInput(f"The command {template!r} needs a value for {name!r}{closest(name, values)}.")
        if name is not None and _MARK in values[name]:
            raise InvalidInput(f"The value of {name!r} has a NUL, which no command can take.")
    marked = "".join(text + (f"{_MARK}{name}{_MARK}" if name is not None else "") for text, name in pieces)
    words = _divided(marked, template)
    _refuse_code(words, template)
    texts = "".join(text for text, _ in pieces)
    if not set(texts) & _SHELL and "=" not in words[0]:
        return Command([_put(word, values) for word in words])
    return _shell(pieces, values)


def _divided(marked: str, template: str) -> list[str]:
    try:
        words = shlex.split(marked)
    except ValueError as error:
        raise InvalidInput(f"The command {template!r} cannot be read: {error}.", hint="Close its quotes.") from None
    if not words:
        raise InvalidInput("The entry point has an empty command.", hint="Say what to run: command: python train.py")
    return words


def _refuse_code(words: list[str], template: str) -> None:
    """Where the command hands text to another interpreter, a value in it would be code again."""
    inside = any(_MARK in word for before, word in pairwise(words) if before in _INTERPRETED)
    later = any(_MARK in word for word in words) and (words[0] == "eval" or "<<" in template)
    if inside or later:
        raise InvalidInput(
            f"The command {template!r} puts a parameter into code, where a value could be anything.",
            hint="Pass it as an argument: python -c 'import sys; print(sys.argv[1])' {x}",
        )


def _put(word: str, values: Mapping[str, str]) -> str:
    parts = word.split(_MARK)
    return "".join(values[part] if index % 2 else part for index, part in enumerate(parts))


def _shell(pieces: list[tuple[str, str | None]], values: Mapping[str, str]) -> Command:
    """The command for a shell, with variables in place of values, quoted as the place needs it."""
    names = list(dict.fromkeys(name for _, name in pieces if name is not None))
    variables = {name: f"MLOPS_NB_VALUE_{index}" for index, name in enumerate(names)}
    written: list[str] = []
    quote = ""
    for text, name in pieces:
        quote = _quote_after(text, quote)
        written.append(text)
        if name is not None:
            variable = f"${{{variables[name]}}}"
            written.append({"": f'"{variable}"', '"': variable, "'": f"'\"{variable}\"'"}[quote])
    return Command(["bash", "-c", "".join(written)], {variables[name]: values[name] for name in names})


def _quote_after(text: str, quote: str) -> str:
    """The quote that is open after a text, when `quote` was open before it."""
    skip = False
    for character in text:
        if skip:
            skip = False
        elif character == "\\" and quote != "'":
            skip = True
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
    return quote
