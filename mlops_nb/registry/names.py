"""Names of models, aliases and stages, and the forms of a model's URI: checked here once, and nowhere else."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from mlops_nb.entities import check_name
from mlops_nb.errors import InvalidInput

STAGES = ("None", "Staging", "Production", "Archived")
"""MLflow's stages; a project may add its own."""

NAME_LENGTH = 256
ALIAS_LENGTH = 255
STAGE_LENGTH = 50

_FORMS = "Use models:/NAME/VERSION, models:/NAME@ALIAS, models:/NAME/STAGE, runs:/RUN/PATH or a folder."
_FORBIDDEN = re.compile(r"[/\\:@#?;]")
_ALIAS = re.compile(r"[\w\-]+")
_LIKE_A_VERSION = re.compile(r"[vV]?\d+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
# Marks that reorder or hide what stands beside them; the joiner of emoji (U+200D) is harmless.
_UNSEEN = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def check_model_name(name: object) -> str:
    """Accept the name of a registered model, or say why not.

    Parameters
    ----------
    name : object
        1 to 256 characters that stand for themselves in a URI and on a screen. Spaces inside, any script and emoji
        are fine.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    InvalidInput
        If it is empty, too long, begins or ends with a blank, is or holds ``..``, or has one of ``/ \\ : @ # ? ;``, a
        percent-encoded or a control character.

    Examples
    --------
    >>> check_model_name("churn 🦄")
    'churn 🦄'
    >>> check_model_name("a/b")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: The model name 'a/b' has a '/'. Use letters, digits, blanks, '-', '_' and '.'.
    """
    text = check_name("registered model", name)
    fault = _find_fault(text)
    if fault:
        shown = ascii(text if len(text) <= 60 else text[:57] + "...") if not text.isprintable() else repr(text[:60])
        raise InvalidInput(f"The model name {shown} {fault}.", hint="Use letters, digits, blanks, '-', '_' and '.'.")
    return text


def _find_fault(text: str) -> str:
    if len(text) > NAME_LENGTH:
        return f"is {len(text)} characters long, and {NAME_LENGTH} are the most"
    if text != text.strip():
        return "begins or ends with a blank"
    if found := _FORBIDDEN.search(text):
        return f"has a {found.group()!r}"
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text) or _UNSEEN.search(text):
        return "has a character that cannot be seen"
    if ".." in text or text == ".":
        return "holds '..'" if ".." in text else "is a dot"
    if unquote(text, errors="surrogateescape") != text:
        return "is percent-encoded"
    return ""


def check_alias(alias: object) -> str:
    """Accept an alias, or say why not; MLflow's rules, so case counts.

    Raises
    ------
    InvalidInput
        If it is not made of letters, digits, ``_`` and ``-``, is ``latest``, or looks like a version (``v3``, ``3``).

    Examples
    --------
    >>> check_alias("champion")
    'champion'
    """
    text = check_name("alias", alias)
    shown = ascii(text[:60])
    if len(text) > ALIAS_LENGTH or not _ALIAS.fullmatch(text):
        hint = "Use letters, digits, '_' and '-', such as champion."
        raise InvalidInput(f"{shown} cannot be an alias.", hint=hint)
    if text.lower() == "latest" or _LIKE_A_VERSION.fullmatch(text):
        hint = "Choose another name, such as champion."
        raise InvalidInput(f"{shown} cannot be an alias: it stands for a version already.", hint=hint)
    return text


def check_stage(stage: object, own: Sequence[str] = ()) -> str:
    """The stage that a word means, in its usual spelling; case does not count.

    Parameters
    ----------
    stage : object
        One of `STAGES`, or of `own`.
    own : sequence of str
        The project's own stages.

    Raises
    ------
    InvalidInput
        If there is no such stage.

    Examples
    --------
    >>> check_stage("production")
    'Production'
    """
    known = {each.lower(): each for each in (*own, *STAGES)}
    if not isinstance(stage, str) or stage.lower() not in known:
        raise InvalidInput(f"There is no stage {str(stage)[:60]!r}.", hint=f"There are: {', '.join((*STAGES, *own))}.")
    return known[stage.lower()]


def check_new_stage(stage: object) -> str:
    """Accept the name of a project's own stage.

    Raises
    ------
    InvalidInput
        If it is one of MLflow's, would read as a version or an alias in a URI, or is no name.

    Examples
    --------
    >>> check_new_stage("Shadow")
    'Shadow'
    """
    text = check_name("stage", stage)
    shown = ascii(text[:60])
    if _find_fault(text) or len(text) > STAGE_LENGTH or _LIKE_A_VERSION.fullmatch(text) or text.lower() == "latest":
        raise InvalidInput(f"{shown} cannot be a stage.", hint="Use a word, such as Shadow.")
    if text.lower() in {each.lower() for each in STAGES}:
        raise InvalidInput(f"The stage {shown} is there already.", hint="Choose another name.")
    return text


@dataclass(frozen=True, slots=True)
class ModelUri:
    """What a URI names: `kind` is ``version``, ``alias``, ``stage`` (or ``latest``), ``run`` or ``folder``.

    `at` is the version, alias or stage as it was written; `path` that in a run's tree, or of the folder.
    """

    text: str
    kind: str
    name: str = ""
    at: str = ""
    run: str = ""
    path: str = ""

    @property
    def version(self) -> int:
        """The version's number."""
        return int(self.at)


_LONGEST = 4000
"""Characters: more than the longest names and paths that a URI may hold, less than what a file system refuses."""


def parse_uri(uri: str | os.PathLike[str]) -> ModelUri:
    """Read a model's URI.

    Parameters
    ----------
    uri : str or path
        ``models:/NAME/VERSION``, ``models:/NAME@ALIAS``, ``models:/NAME/STAGE`` (``latest`` is the newest version),
        ``runs:/RUN/PATH`` (or ``runs:/RUN``, if the run has one model), or a folder.

    Returns
    -------
    ModelUri
        Nothing has been looked up yet.

    Raises
    ------
    InvalidInput
        If it has another form, or holds a bad name.

    Examples
    --------
    >>> parse_uri("models:/churn@champion").kind, parse_uri("models:/churn/3").version, parse_uri("./model").kind
    ('alias', 3, 'folder')
    """
    text = os.fspath(uri) if isinstance(uri, (str, os.PathLike)) else ""
    if not isinstance(text, str) or not text.strip() or "\0" in text or len(text) > _LONGEST:
        raise InvalidInput("The model's URI is empty or broken.", hint=_FORMS)
    scheme = _SCHEME.match(text)
    kind = scheme.group(1).lower() if scheme and not isinstance(uri, os.PathLike) else ""
    if kind == "models":
        return _parse_registered(text)
    if kind == "runs":
        return _parse_run(text)
    if kind == "file":
        from urllib.request import url2pathname

        return ModelUri(text, "folder", path=url2pathname(re.sub(r"^file:(//(localhost)?(?=/))?", "", text)))
    if kind and "/" in text[len(kind) + 1 :]:
        raise InvalidInput(f"{text[:80]!r} is not a model's URI that is known here.", hint=_FORMS)
    return ModelUri(text, "folder", path=text)


def parse_reference(text: str) -> ModelUri:
    """Read how a person names a registered version: a URI, or without its ``models:/``.

    Raises
    ------
    InvalidInput
        If no version is named.

    Examples
    --------
    >>> parse_reference("churn/3").version, parse_reference("churn@champion").at
    (3, 'champion')
    """
    found = parse_uri(text if _SCHEME.match(text) else f"models:/{text}")
    if found.kind in ("run", "folder"):
        raise InvalidInput(f"{text[:80]!r} names no registered version.", hint="Name it as NAME/VERSION or NAME@ALIAS.")
    return found


def _parse_registered(text: str) -> ModelUri:
    body = text.partition(":")[2]
    if not body.startswith("/") or body.startswith("//"):
        raise InvalidInput(f"{text[:80]!r} is not a model's URI.", hint=_FORMS)
    parts = body[1:].split("/")
    if len(parts) == 1 and "@" in parts[0]:
        name, _, alias = parts[0].rpartition("@")
        return ModelUri(text, "alias", check_model_name(name), check_alias(alias))
    if len(parts) != 2 or not parts[1]:
        raise InvalidInput(f"{text[:80]!r} names no version.", hint=_FORMS)
    name, at = check_model_name(parts[0]), parts[1]
    if at.isascii() and at.isdigit():
        if int(at[:20]) == 0 or len(at) > 18:
            raise InvalidInput(f"{at[:40]} is no version of {name!r}.", hint="Versions are numbered from 1.")
        return ModelUri(text, "version", name, str(int(at)))
    if "@" in at:
        raise InvalidInput(f"{text[:80]!r} names a version and an alias.", hint=_FORMS)
    return ModelUri(text, "latest" if at.lower() == "latest" else "stage", name, at)


def _parse_run(text: str) -> ModelUri:
    body = text.partition(":")[2]
    run, _, path = body[1:].partition("/")
    if not body.startswith("/") or not run:
        raise InvalidInput(f"{text[:80]!r} names no run.", hint="Use runs:/RUN/PATH.")
    if path:
        from mlops_nb.artifacts import check_path

        check_path(path, from_url=True)
    return ModelUri(text, "run", run=run, path=path)
