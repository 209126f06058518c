"""The table of verbs; a verb's module is imported when it is called."""

from __future__ import annotations

import argparse
import difflib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from mlops_nb.errors import InvalidInput

VERBS: dict[str, tuple[str, str]] = {
    "run": ("execution", "execute a notebook, a project or a run as a tracked run"),
    "package": ("projects", "write a run as a project that runs elsewhere"),
    "runs": ("history", "list runs"),
    "show": ("history", "everything about a run"),
    "compare": ("history", "what differs between runs"),
    "code": ("history", "the code behind a run"),
    "log": ("history", "the live output of a run"),
    "artifacts": ("history", "files of a run: list or fetch them"),
    "lineage": ("history", "what a run or a file came from, and what came from it"),
    "restore": ("history", "put a run's cells back, into a new notebook or below this cell"),
    "reproduce": ("execution", "execute a run's slice again and give the verdict"),
    "sweep": ("sweeps", "execute a notebook with many parameters, side by side"),
    "models": ("governance", "list registered models with their versions"),
    "register": ("governance", "make a run's model a version of a registered model"),
    "promote": ("governance", "give a version an alias or a stage, through the gates"),
    "approve": ("governance", "say that a version may be promoted"),
    "rollback": ("governance", "give an alias or a stage back to the version before"),
    "describe": ("governance", "describe or tag a registered model or a version"),
    "serve": ("serving", "serve a model over HTTP"),
    "predict": ("serving", "score a file, or a folder of files"),
    "deploy-files": ("serving", "write what docker, KServe or MLServer need to serve a version"),
    "gates": ("governance", "what a version has to pass before it is promoted"),
    "card": ("governance", "the model card of a version"),
    "evaluate": ("evaluation", "how good a model is on data whose truth is known, also beside another"),
    "history": ("governance", "who moved what when and why; what a version came from"),
    "monitor": ("monitoring", "is the model in service still right: drift, data quality, performance, latency"),
    "lab": ("lab", "JupyterLab with everything on"),
    "retrain": ("monitoring", "execute what made the champion again, and measure the challenger beside it"),
    "server": ("server", "serve the store to a team; make and revoke tokens"),
    "import": ("moving", "take over what MLflow, TensorBoard or W&B keep"),
    "export": ("moving", "go back to MLflow: into a server, or files of its own"),
    "store": ("stores", "where things are kept: info, verify, gc, upgrade, migrate, merge"),
}
"""Name of each verb: (module in this room, one line of help)."""


@dataclass(slots=True)
class Result:
    """What a verb gives: `kind` says how to draw `data`, `plain` is what ``--json`` prints, `note` goes to stderr."""

    kind: str
    data: Any
    plain: Any
    status: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: how its words are read, and the call."""

    name: str
    parser: argparse.ArgumentParser
    call: Callable[[argparse.Namespace], Result]


class VerbParser(argparse.ArgumentParser):
    """Refuses with one sentence and the closest match, and never leaves the process but for help."""

    def error(self, message: str) -> NoReturn:
        """Raise `InvalidInput`."""
        raise InvalidInput(f"{self.prog}: {message}.", hint=f"See: {self.prog} --help")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse words; one that is not known gets the closest one that is."""
        found, extra = self.parse_known_args(list(words))
        if hasattr(found, "rest"):
            found.rest = tuple(extra)  # words that go on to another program
        elif extra:
            # Without the dashes, which all have, and which would make any two short options look alike.
            known = {option.lstrip("-"): option for action in self._actions for option in action.option_strings}
            close = difflib.get_close_matches(extra[0].split("=")[0].lstrip("-"), known, n=1, cutoff=0.6)
            hint = f"Did you mean {known[close[0]]}?" if close else f"See: {self.prog} --help"
            raise InvalidInput(f"{self.prog} does not take {extra[0]!r}.", hint=hint)
        return found


def port_number(text: str) -> int:
    """A port as typed: 0 to 65535. A greater one would be taken, and another one be listened on.

    Examples
    --------
    >>> port_number("8000")
    8000
    """
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def load_verb(name: str, *, program: str = "mlops-nb") -> Verb:
    """A verb by its name.

    Parameters
    ----------
    name : str
    program : str
        What stands before the verb in messages (``mlops-nb`` or ``%mlops``).

    Raises
    ------
    InvalidInput
        If there is no such verb; the closest one is named.

    Examples
    --------
    >>> load_verb("runs").name
    'runs'
    >>> load_verb("rns")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: There is no verb 'rns'. Did you mean: mlops-nb runs
    """
    if name not in VERBS:
        close = difflib.get_close_matches(name, VERBS, n=1, cutoff=0.6)
        hint = f"Did you mean: {program} {close[0]}" if close else f"There are: {', '.join(VERBS)}."
        raise InvalidInput(f"There is no verb {name!r}.", hint=hint)
    module, text = VERBS[name]
    home = importlib.import_module(f"mlops_nb.verbs.{module}")
    parser = VerbParser(prog=f"{program} {name}", description=text.capitalize() + ".", allow_abbrev=False)
    word = name.replace("-", "_")
    getattr(home, f"add_{word}")(parser)
    parser.add_argument("--json", action="store_true", help="print plain JSON")
    parser.add_argument(
        "--store", metavar="WHERE", help="a folder or URL; else MLOPS_NB_STORE, else the project's .mlops_nb"
    )
    parser.add_argument(
        "--artifacts", metavar="WHERE", dest="artifacts_url", help="a folder or URL for the files' bytes"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return Verb(name, parser, getattr(home, f"do_{word}"))


def call_verb(name: str, words: Sequence[str], *, program: str = "mlops-nb") -> tuple[Result, argparse.Namespace]:
    """Read the words of a verb and carry it out; returns the result and what was asked.

    Examples
    --------
    >>> result, asked = call_verb("runs", ["--limit", "3"])
    >>> result.kind, asked.limit
    ('runs', 3)
    """
    verb = load_verb(name, program=program)
    asked = verb.parser.parse(words)  # type: ignore[attr-defined]
    if asked.store or asked.artifacts_url:
        from mlops_nb import workspace as workspaces

        with workspaces.using(workspaces.open_workspace(asked.store, asked.artifacts_url)):
            return verb.call(asked), asked
    return verb.call(asked), asked
