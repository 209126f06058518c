"""``%mlops VERB``: the verbs of the command line, with a notebook view as the result."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from mlops_nb.errors import InvalidInput
from mlops_nb.verbs import VERBS, call_verb

if TYPE_CHECKING:
    from mlops_nb.magics.session import Session


def run_verb(session: Session, line: str) -> Any:
    """Carry out a line as typed after ``%mlops``.

    Parameters
    ----------
    session : Session
    line : str
        A verb and its words, quoted as in a shell.

    Returns
    -------
    object
        What IPython shows: a panel where there is a front end for it, else a static view.

    Raises
    ------
    InvalidInput
        If there is no such verb, or it does not take these words.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidInput(f"%mlops: {str(error).lower()} in {line!r}.", hint="Close the quotes.") from None
    if not words or words[0] in ("help", "-h", "--help"):
        raise InvalidInput(f"%mlops takes a verb: {', '.join(VERBS)}.", hint="For instance: %mlops runs")
    try:
        result, asked = call_verb(words[0], words[1:], program="%mlops")
    except SystemExit:
        return None  # argparse has shown the verb's help
    if asked.json:
        return result.plain
    from mlops_nb.panels.results import static_view

    return static_view(result.kind, result.data)
