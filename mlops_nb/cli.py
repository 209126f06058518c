"""The command line: one stage call a command, drawn for a terminal."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import mlops_nb
from mlops_nb.errors import MlopsError
from mlops_nb.stopping import INTERRUPTED_STATUS, asked_to_stop, interrupting
from mlops_nb.verbs import VERBS, Result, call_verb

USAGE_STATUS = 2


def main(words: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    words : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        The exit status: 0 done, 1 the thing itself failed (a notebook's cell, a check), 2 it could not be asked so,
        130 interrupted, by Ctrl-C, SIGTERM or the end of the terminal.

    Examples
    --------
    >>> main(["--version"])
    mlops-nb 0.1.0
    0
    """
    if words is not None:
        return _answer(list(words))
    _settle_streams()
    from mlops_nb.projects.plain import skip_slow_grammar

    skip_slow_grammar()
    with interrupting():
        return _answer(sys.argv[1:])


def _answer(words: list[str]) -> int:
    try:
        if (text := _asked_about(words)) is not None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return 0
        result, asked = call_verb(words[0], words[1:])
        if asked.json:
            sys.stdout.write(json.dumps(result.plain, indent=2, allow_nan=False, default=str) + "\n")
        else:
            _draw(result)
        sys.stdout.flush()
        if result.note:
            sys.stderr.write(f"mlops-nb: {result.note}\n")
        return result.status
    except MlopsError as error:
        return _refuse(words, error)
    except KeyboardInterrupt:
        return _say_interrupted()
    except BrokenPipeError:
        # The reader (head, less) has gone: nothing to complain of, nor when what is buffered is written at the end.
        with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return 0
    except SystemExit as leaving:  # argparse has shown a verb's help, or rich has met a reader that has gone
        return 0 if isinstance(leaving.__context__, BrokenPipeError) else int(leaving.code or 0)
    except Exception as error:
        return _refuse(words, error)


def _asked_about(words: Sequence[str]) -> str | None:
    """What there is to say without a verb's work: help, the version, the parameters of a notebook; else None."""
    if not words or words[0] in ("-h", "--help", "help"):
        return _help()
    if words[0] in ("-V", "--version"):
        return f"mlops-nb {mlops_nb.__version__}\n"
    if words[0] in ("run", "sweep") and {"-h", "--help"} & set(words) and (described := _described(words[1:])):
        return f"{described}\nOptions of the verb itself: mlops-nb {words[0]} --help\n"
    return None


def _settle_streams() -> None:
    """A stream that is closed is silent, and one that cannot write a character (C locale, cp1252) writes another."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the process ends
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace" if stream.encoding.lower() == "utf-8" else "replace")


def _described(words: Sequence[str]) -> str:
    """The parameters of the notebook or project that stands beside ``--help``; nothing if there is none."""
    from mlops_nb.verbs.execution import describe_notebook
    from mlops_nb.verbs.projects import describe_project

    notebook = next((word for word in words if word.endswith(".ipynb")), None)
    project = next((word for word in words if not word.startswith("-") and Path(word).is_dir()), None)
    try:
        return describe_notebook(notebook) if notebook else describe_project(project) if project else ""
    except MlopsError as error:
        return str(error)


def _refuse(words: Sequence[str], error: Exception) -> int:
    if "--debug" in words:
        raise error
    text = (
        str(error)
        if isinstance(error, MlopsError)
        else f"unexpected {type(error).__name__}: {error}. See more with --debug."
    )
    with contextlib.suppress(OSError, ValueError):  # the terminal may be what has gone
        sys.stderr.write(f"mlops-nb: {text}\n")
        sys.stderr.flush()
    return int(getattr(error, "exit_status", USAGE_STATUS))  # what ran and failed was not wrongly asked


def _say_interrupted() -> int:
    seen = asked_to_stop()
    by = f" by {seen.name}" if seen is not None and seen.name != "SIGINT" else ""
    with contextlib.suppress(OSError, ValueError):  # the terminal may be what has gone
        sys.stderr.write(f"mlops-nb: interrupted{by}.\n")
        sys.stderr.flush()
    return INTERRUPTED_STATUS


def _draw(result: Result) -> None:
    if result.kind == "pipeline":  # drawn by itself: a pipeline that is up to date says so within a second
        from mlops_nb.panels.pipeline_view import print_pipeline

        print_pipeline(result.data, sys.stdout)
        return
    from mlops_nb.panels.results import draw_terminal

    draw_terminal(result.kind, result.data, sys.stdout)


def _help() -> str:
    width = max(len(name) for name in VERBS)
    lines = [f"  {name.ljust(width)}  {text}" for name, (_, text) in VERBS.items()]
    return "\n".join(
        [
            "usage: mlops-nb VERB ...",
            "",
            "Notebook cells as tracked, reproducible runs.",
            "",
            *lines,
            "",
            "See: mlops-nb VERB --help",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
