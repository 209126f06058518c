"""The line ``%%track ...``: finding it in a cell, and reading its options."""

from __future__ import annotations

import argparse
import difflib
import functools
import re
import shlex
from dataclasses import dataclass, field
from typing import Any, NoReturn

from mlops_nb.errors import InvalidInput

MARK = "%%track"
WRAPPERS = ("time", "timeit", "capture", "prun")
"""Cell magics that may stand above ``%%track``: their body is the cell."""

_TRACK = re.compile(r"%%track(?=\s|$)")
_WRAPPER = re.compile(rf"%%(?:{'|'.join(WRAPPERS)})(?=\s|$)")


@dataclass(frozen=True, slots=True)
class TrackOptions:
    """What a user may say on the line ``%%track``."""

    experiment: str | None = None
    name: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    nested: bool = False
    stage: str | None = None
    model: bool = False
    keep_data: bool = False


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose refusals are one sentence with the closest match, and which never exits."""

    def error(self, message: str) -> NoReturn:
        """Raise `InvalidInput` instead of writing usage and leaving the process."""
        raise InvalidInput(f"{self.prog}: {message}.", hint=f"See {self.prog}? for what it takes.")

    def parse_line(self, line: str) -> argparse.Namespace:
        """Parse a line as typed after the magic's name; quotes as in a shell."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise InvalidInput(f"{self.prog}: {str(error).lower()} in {line!r}.", hint="Close the quotes.") from None
        return self.parse_words(words[: words.index("#")] if "#" in words else words)  # a comment ends the line

    def parse_words(self, words: list[str]) -> argparse.Namespace:
        """Parse words; an option that is not known gets the closest one that is."""
        known = [option for action in self._actions for option in action.option_strings]
        arguments, extra = self.parse_known_args(words)
        if extra:
            raise InvalidInput(f"{self.prog} has no {_kind(extra[0])} {extra[0]}.", hint=_suggestion(extra[0], known))
        return arguments


def _kind(word: str) -> str:
    return "option" if word.startswith("-") else "argument"


def _suggestion(word: str, known: list[str]) -> str:
    name = word.split("=")[0]
    if name in ("-h", "--help"):
        return "What it takes is shown by the line's name with a question mark: %%track? or %mlops VERB --help."
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4) if len(name) > 2 else []
    return f"Did you mean {close[0]}?" if close else f"It takes {', '.join(known) or 'no options'}."


@functools.cache
def track_parser() -> OneLineParser:
    """The parser of ``%%track``, which also writes its help."""
    parser = OneLineParser(
        prog=MARK,
        add_help=False,
        allow_abbrev=False,
        description="Run the cell as a tracked run; its output stays what it was.",
    )
    add = parser.add_argument
    add("experiment", nargs="?", metavar="EXPERIMENT", help="the experiment that the run goes to")
    add("-n", "--name", metavar="RUN_NAME", help="the run's name")
    add(
        "-p",
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="replaces the literal that NAME is bound to",
    )
    add("-m", "--metric", action="append", default=[], metavar="METRIC", help="keep exactly these names as metrics")
    add("-t", "--tag", action="append", default=[], metavar="TAG=VALUE", help="a tag")
    add("--seed", metavar="N", help="seed random, NumPy and torch before the cell")
    add("--nested", action="store_true", help="nest in the run that is active, also an explicit one")
    add("--stage", metavar="STAGE", help="the life-cycle stage: prepare, features, train, evaluate ...")
    add("--model", action="store_true", help="keep the fitted models of the cell with the run")
    add("--keep-data", action="store_true", help="keep the files that the cell read with the run")
    return parser


@functools.lru_cache(maxsize=256)
def parse_track(line: str) -> TrackOptions:
    """Read the options of a ``%%track`` line.

    Parameters
    ----------
    line : str
        What stands after ``%%track``.

    Returns
    -------
    TrackOptions

    Raises
    ------
    InvalidInput
        One sentence, with the closest match for an option that is not known.

    Examples
    --------
    >>> parse_track("churn -p lr=0.1 --seed 7").params
    {'lr': 0.1}
    >>> parse_track("--sed 7")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: %%track has no option --sed. Did you mean --seed?
    """
    from mlops_nb.capture.params import parse_value
    from mlops_nb.entities import check_name, check_tag

    found = track_parser().parse_line(line)
    params = {name: parse_value(text) for name, text in (_pair("-p", word) for word in found.param)}
    for name in params:
        if not name.isidentifier():
            raise InvalidInput(f"{MARK}: -p {name}=... names no variable.", hint="Use a Python name.")
    tags = dict(_pair("-t", word) for word in found.tag)
    for key, value in tags.items():
        check_tag(key, value)
    if found.experiment is not None:
        check_name("experiment", found.experiment)
    if found.name is not None:
        check_name("run", found.name)
    return TrackOptions(
        experiment=found.experiment,
        name=found.name,
        params=params,
        metrics=tuple(part for word in found.metric for part in word.split(",") if part),
        tags=tags,
        seed=_seed(found.seed),
        nested=found.nested,
        stage=found.stage,
        model=found.model,
        keep_data=found.keep_data,
    )


def track_line(cell: str) -> tuple[int, str] | None:
    """Where the ``%%track`` line of a cell is, and what stands behind it.

    Blank lines, comments and cell magics that wrap their body (``%%time``) may stand above it.

    Examples
    --------
    >>> track_line("# fit\\n%%track churn\\nx = 1")
    (1, 'churn')
    >>> track_line("x = 1\\n%%track") is None
    True
    """
    if MARK not in cell:
        return None
    for index, line in enumerate(cell.splitlines()):
        text = line.strip()
        if _TRACK.match(text):
            rest = text[len(MARK) :].strip()
            return None if rest.startswith("?") else (index, rest)
        if text and not text.startswith("#") and not _WRAPPER.match(text):
            return None
    return None


def without_track(lines: list[str]) -> list[str]:
    """Take the ``%%track`` line out of a cell: an IPython input transformer (pure; IPython calls it more than once).

    The line becomes an empty one, so that tracebacks point at the user's lines as the editor numbers them; where a cell
    magic follows, which has to be on the first line, it and what is above go. A line that does not parse stays:
    the magic of that name then says why.

    Examples
    --------
    >>> without_track(["%%track churn\\n", "x = 1\\n"])
    ['\\n', 'x = 1\\n']
    """
    found = track_line("".join(lines[:50]))
    if found is None:
        return lines
    index, line = found
    try:
        parse_track(line)
    except InvalidInput:
        return ["%%track " + line + "\n", *lines[index + 1 :]]
    rest = lines[index + 1 :]
    following = next((text for text in rest if text.strip()), "")
    above = lines[:index]
    if following.startswith("%%"):
        start = rest.index(following)
        return [text for text in above if _WRAPPER.match(text.strip())] + rest[start:]
    return [*above, "\n", *rest]


def _pair(option: str, word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name.strip():
        raise InvalidInput(f"{MARK}: {option} takes NAME=VALUE, not {word!r}.", hint=f"For instance: {option} lr=0.1")
    return name.strip(), value


def _seed(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if not 0 <= seed < 2**32:
        raise InvalidInput(f"{MARK}: --seed takes a whole number from 0 to 4294967295, not {text!r}.")
    return seed
