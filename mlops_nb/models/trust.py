"""Who made a model, and what in it could run code: nothing is unpickled that the user did not make or trust by name.

The digests of the models that a user's own processes wrote are kept in the user's folder (as Jupyter keeps those of
trusted notebooks). A model with another digest comes from somewhere else: its pickles, code and classes are loaded only
if they are named in ``trust=``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops_nb.errors import PermissionDenied
from mlops_nb.workspace import user_folder

_LEDGER = "models-made-here"


@dataclass(frozen=True, slots=True)
class Risk:
    """Something in a model that runs code when it is loaded. `name` is what to trust; `detail` says what it is."""

    name: str
    detail: str


def note_made(digest: str) -> None:
    """Remember that a process of this user wrote the model with this tree digest.

    Examples
    --------
    >>> note_made("sha256:" + "0" * 64)
    >>> was_made_here("sha256:" + "0" * 64)
    True
    """
    if was_made_here(digest):
        return
    path = user_folder() / _LEDGER
    # A home that cannot be written costs nothing now: loading will ask for trust by name
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a", encoding="ascii") as file:
            file.write(f"{digest}\n")


def was_made_here(digest: str) -> bool:
    """Whether a process of this user wrote the model with this tree digest.

    Examples
    --------
    >>> was_made_here("sha256:" + "f" * 64)
    False
    """
    try:
        return f"{digest}\n" in (user_folder() / _LEDGER).read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def untrusted(risks: Iterable[Risk], trust: Sequence[str]) -> list[Risk]:
    """The risks that were not trusted by name.

    Examples
    --------
    >>> [risk.name for risk in untrusted([Risk("pickle", "model.pkl")], ["code"])]
    ['pickle']
    """
    return [risk for risk in risks if risk.name not in trust]


def refuse(label: str, risks: Sequence[Risk]) -> PermissionDenied:
    """The error that says what is inside, and what to type to load it all the same.

    Examples
    --------
    >>> print(refuse("churn", [Risk("pickle", "model.pkl is a pickle that imports os.system")]))
    The model 'churn' was not made by you, and loading it runs code that came with it: model.pkl is a pickle that
    imports os.system. If you know where it comes from, load it with trust=('pickle',).
    """
    names = tuple(dict.fromkeys(risk.name for risk in risks))
    inside = "; ".join(risk.detail for risk in risks[:8]) + (f"; and {len(risks) - 8} more" if len(risks) > 8 else "")
    return PermissionDenied(
        f"The model {label!r} was not made by you, and loading it runs code that came with it: {inside}.",
        hint=f"If you know where it comes from, load it with trust={names!r}.",
    )


def refuse_unsafe(label: str, risks: Sequence[Risk]) -> PermissionDenied:
    """The error where only safe formats are allowed.

    Examples
    --------
    >>> print(refuse_unsafe("churn", [Risk("pickle", "model.pkl is a pickle")]))
    This store takes safe formats only, and the model 'churn' is none: model.pkl is a pickle. Save it in a format
    without code, such as skops for scikit-learn or ONNX.
    """
    inside = "; ".join(risk.detail for risk in risks)
    return PermissionDenied(
        f"This store takes safe formats only, and the model {label!r} is none: {inside}.",
        hint="Save it in a format without code, such as skops for scikit-learn or ONNX.",
    )
