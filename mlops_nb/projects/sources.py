"""Where a project comes from: a folder, or a git repository at a revision; and whether it may run without asking."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mlops_nb.errors import InvalidInput, MissingDependency, NotFound
from mlops_nb.projects.spec import inside

if TYPE_CHECKING:
    from mlops_nb.workspace import Workspace

__all__ = ["Source", "find_source", "is_address", "remember_trust", "split_address"]

GIT_SECONDS = 600
_SCHEMES = ("https", "ssh", "git", "file", "http")
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)[A-Za-z0-9][A-Za-z0-9.-]*:(?!/{0,2}\s)[^\s:][^\s]*")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+@-]{0,199}")
_TRUSTED = "trusted-projects.json"


@dataclass(frozen=True, slots=True)
class Source:
    """A project's folder on this machine, where it came from, and whether it is the user's own or trusted before."""

    folder: Path
    address: str
    commit: str = ""
    trusted: bool = True


def is_address(target: str) -> bool:
    """Whether a text is meant as the address of a git repository.

    Parameters
    ----------
    target : str
        What stands in the place of a notebook, a run or a folder.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_address("https://host/ana/churn.git#a"), is_address("git@host:ana/churn.git"), is_address("train.ipynb")
    (True, True, False)
    """
    address = target.partition("#")[0]
    return "::" in address or "://" in address or _SCP.fullmatch(address) is not None


def split_address(target: str) -> tuple[str, str]:
    """The address of a repository and the folder in it, checked so that git takes neither for an option or a helper.

    Parameters
    ----------
    target : str
        ``https://host/ana/churn.git#training``

    Returns
    -------
    (str, str)

    Raises
    ------
    InvalidInput
        If it is none that is allowed.

    Examples
    --------
    >>> split_address("https://host/ana/churn.git#training")
    ('https://host/ana/churn.git', 'training')
    >>> split_address("ext::sh -c id")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: 'ext::sh -c id' is not the address of a git repository. Use https://, ssh://, ...
    """
    address, _, folder = target.partition("#")
    address, folder = address.removeprefix("git+"), folder.removeprefix("subdirectory=")  # as pip writes them
    scheme = address.partition("://")[0] if "://" in address else ""
    bad = any(ord(sign) < 33 or ord(sign) == 127 for sign in address) or address.startswith("-") or "::" in address
    host = "" if bad or not scheme else urlsplit(address).netloc.rpartition("@")[2]
    if bad or not (scheme in _SCHEMES or (not scheme and _SCP.fullmatch(address))) or host.startswith("-"):
        hint = "Use https://, ssh://, git@host:path or file://, and #folder for a folder in it."
        raise InvalidInput(f"{address!r} is not the address of a git repository.", hint=hint)
    if scheme and urlsplit(address).password:
        raise InvalidInput(
            "The address has a password in it, which would be recorded.", hint="Use ssh, or git's credential helper."
        )
    if any(ord(sign) < 32 for sign in folder) or folder.startswith(("/", "-")) or ".." in Path(folder).parts:
        raise InvalidInput(f"{folder!r} is not a folder in a repository.", hint="Write #path/in/it after the address.")
    return address, folder


def find_source(target: str, space: Workspace, *, revision: str | None = None) -> Source:
    """The folder of a project; a repository is fetched, and checked out once for each commit.

    Parameters
    ----------
    target : str
        A folder, or the address of a git repository.
    space : Workspace
        In whose folder repositories are kept.
    revision : str, optional
        A branch, tag or commit; the repository's default by default.

    Returns
    -------
    Source
        Not trusted if it comes from another machine or user and nobody has said so before.

    Raises
    ------
    InvalidInput, NotFound
        If there is no such folder, repository or revision.

    Examples
    --------
    >>> Path("mine").mkdir(); find_source("mine", None).trusted
    True
    """
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise InvalidInput(f"{revision!r} is not a revision.", hint="Name a branch, a tag or a commit.")
    if not is_address(target):
        local, _, below = target.partition("#")
        if revision is None and not (below and not Path(target).exists()):
            if not Path(target).is_dir():
                raise NotFound(f"The project {target} is not a folder.", hint="Give the folder that MLproject is in.")
            return Source(Path(target).absolute(), target)
        if not Path(local).is_dir():
            raise NotFound(f"The repository {local} is not a folder.", hint="Give its folder or its address.")
        target = Path(local).absolute().as_uri() + (f"#{below}" if below else "")
    address, folder = split_address(target)
    place = space.make_folder(space.root / "projects") / hashlib.sha256(address.encode()).hexdigest()[:16]
    commit = _fetch(address, place / "repository", revision)
    checkout = _check_out(place / "repository", place / commit[:16], commit)
    root = inside(checkout, folder) if folder else checkout
    if not root.is_dir():
        raise NotFound(f"{address} has no folder {folder!r} at {revision or commit[:12]}.", hint="See what is in it.")
    shown = f"{address}#{folder}" if folder else address
    return Source(root, shown, commit, _is_own(address) or [shown, commit] in _trusted(space))


def remember_trust(source: Source, space: Workspace) -> None:
    """Do not ask again for this project at this commit.

    Parameters
    ----------
    source : Source
        That the user has said yes to.
    space : Workspace
        Where it is remembered.

    Examples
    --------
    >>> from mlops_nb.workspace import current
    >>> remember_trust(Source(Path("."), "https://host/a.git", "1" * 40), current())
    """
    known = _trusted(space)
    entry = [source.address, source.commit]
    if entry not in known:
        place = space.make_folder(space.root / "projects") / _TRUSTED
        place.write_text(json.dumps([*known, entry], indent=1), encoding="utf-8")


def _trusted(space: Workspace) -> list[list[str]]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((space.root / "projects" / _TRUSTED).read_text(encoding="utf-8"))
        return found if isinstance(found, list) else []
    return []


def _is_own(address: str) -> bool:
    """Whether a repository lies on this machine and belongs to the user, as a folder that they name does."""
    parts = urlsplit(address)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return False
    try:
        owner = Path(unquote(parts.path)).stat().st_uid
    except OSError:
        return False
    return not hasattr(os, "getuid") or owner == os.getuid()


def _fetch(address: str, repository: Path, revision: str | None) -> str:
    """All branches and tags of a repository, and the commit that a revision is."""
    if not repository.is_dir():
        repository.parent.mkdir(parents=True, exist_ok=True)
        _git("init", "--quiet", "--bare", "--", str(repository))
    where = f"--git-dir={repository}"
    fetch = [where, "fetch", "--quiet", "--prune", "--force", "--no-tags", "--no-recurse-submodules", "--", address]
    try:
        _git(*fetch, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", "+HEAD:refs/mlops_nb/head")
    except InvalidInput as error:
        hint = "Check it; a branch, tag or commit goes into --version."
        raise InvalidInput(f"{address} cannot be fetched: {error.message}", hint=hint) from None
    names = ["refs/mlops_nb/head"]
    if revision is not None:
        names = [f"refs/heads/{revision}", f"refs/tags/{revision}"]
        names += [revision] if re.fullmatch(r"[0-9a-fA-F]{4,64}", revision) else []
    for name in names:
        with contextlib.suppress(InvalidInput):
            return _git(where, "rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}").strip()
    raise NotFound(f"{address} has no revision {revision or 'HEAD'!r}.", hint="Name a branch, a tag or a commit of it.")


def _check_out(repository: Path, folder: Path, commit: str) -> Path:
    if not (folder / ".git").exists():
        where = f"--git-dir={repository}"
        _git(where, "worktree", "prune")
        _git(where, "worktree", "add", "--quiet", "--force", "--detach", "--", str(folder), commit)
    return folder


def _git(*words: str) -> str:
    """git, with no shell, no question, no hook, and no way of transport that could start a program."""
    safe = ["-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "core.fsmonitor=false"]
    own = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": ":".join(_SCHEMES), "GIT_LFS_SKIP_SMUDGE": "1"}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | own
    try:
        done = subprocess.run(
            ["git", *safe, *words], capture_output=True, text=True, timeout=GIT_SECONDS, env=environment, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        raise MissingDependency("git is needed to run a project from a repository.", hint="Install git.") from None
    except subprocess.TimeoutExpired:
        raise InvalidInput(f"git did not answer within {GIT_SECONDS} s.") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["git failed"]
        told = next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[-1])
        raise InvalidInput(told.removeprefix("fatal: ").removeprefix("error: ").rstrip(".") + ".")
    return done.stdout
