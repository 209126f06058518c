"""The state of the git repository around a folder: commit, branch, what is changed."""

from __future__ import annotations

import functools
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_nb.capture.data.urls import redact_url
from mlops_nb.capture.secrets import redact
from mlops_nb.capture.streams import cut_middle

DIFF_LIMIT = 1_048_576
"""Characters of a diff that are kept."""

_NAMES_LIMIT = 200
_OUTPUT_LIMIT = 8 * 1_048_576
_TIMEOUT = 10.0

# A repository may come from anywhere, and its configuration names programs: none of them is run.
_SAFE = (
    "--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
    "-c", "core.quotePath=false", "-c", "diff.external=", "-c", "diff.ignoreSubmodules=all",
    "-c", "status.submoduleSummary=false", "-c", "log.showSignature=false", "-c", "core.sshCommand=false",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none", "LC_ALL": "C",
}  # fmt: skip
_KEPT = frozenset(("GIT_CEILING_DIRECTORIES", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"))


def git_state(folder: str | Path, *, diff: bool = True) -> dict[str, Any] | None:
    """The state of the repository that a folder belongs to. Two processes, three if something is changed.

    Parameters
    ----------
    folder : str or Path
        Any folder.
    diff : bool, default True
        Whether the diff is wanted.

    Returns
    -------
    dict or None
        ``root``, ``commit`` (None before the first), ``branch`` (None if detached), ``dirty`` (tracked files differ
        from the commit), ``changed`` and ``untracked`` (names, at most 200 each), ``remote`` (no credentials),
        ``diff`` (against the commit, redacted, cut at `DIFF_LIMIT`), ``redactions``; and ``note`` if git refused.
        None outside of a repository, or without git.

    Examples
    --------
    >>> git_state("/") is None
    True
    """
    root = _root_of(Path(folder))
    if root is None:
        return None
    config = _run(root, ["config", "--show-scope", "-z", "--get-regexp", r"^(remote\..*\.url|filter\..*)$"])
    if config is None:
        return None
    if config.code not in (0, 1):  # 1: nothing found
        return {"root": str(root), "note": _note(config)}
    settings, harmless = _settings(config.text)
    status = _run(root, [*harmless, "status", "--porcelain=v2", "--branch", "-z", "--ignore-submodules=all",
                         "--untracked-files=normal", "--no-ahead-behind"])  # fmt: skip
    if status is None:
        return None
    if status.code != 0:
        return {"root": str(root), "note": _note(status)}
    found = _read_status(status.text)
    state: dict[str, Any] = {
        "root": str(root),
        "commit": found.commit,
        "branch": found.branch,
        "dirty": bool(found.changed),
        "remote": _remote(settings),
        "changed": found.changed[:_NAMES_LIMIT],
        "untracked": found.untracked[:_NAMES_LIMIT],
        "redactions": 0,
    }
    if found.changed and diff:
        state["diff"], state["redactions"] = _diff(root, harmless, found.commit)
    return state


def recent_git_state(folder: str | Path, *, diff: bool = True, seconds: int = 1) -> dict[str, Any] | None:
    """`git_state`, asked for at most once in so many seconds: cells that follow each other closely share an answer.

    Examples
    --------
    >>> recent_git_state("/") is None
    True
    """
    return _state_at(str(folder), int(time.monotonic() / seconds), diff, seconds)


@functools.lru_cache(maxsize=64)
def _state_at(folder: str, when: int, diff: bool, seconds: int) -> dict[str, Any] | None:
    return git_state(folder, diff=diff)


@dataclass(slots=True)
class _Result:
    code: int
    text: str
    error: str


@dataclass(slots=True)
class _Status:
    commit: str | None = None
    branch: str | None = None
    changed: list[str] = field(default_factory=list)
    untracked: list[str] = field(default_factory=list)


def _root_of(folder: Path) -> Path | None:
    """The nearest folder upwards that has a ``.git`` (a file in worktrees); saves a process where there is none."""
    try:
        folder = folder.resolve()
        for candidate in (folder, *folder.parents):
            if (candidate / ".git").exists():
                return candidate
    except OSError:
        return None
    return None


def _run(root: Path, arguments: Sequence[str], limit: int = _OUTPUT_LIMIT) -> _Result | None:
    """Run git; read at most `limit` bytes of its output. None if there is no git.

    A process that takes too long, or writes too much, is killed: what it wrote until then is the text, and its code is
    not 0 in the first case.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in _KEPT}
    try:
        process = subprocess.Popen(
            ["git", *_SAFE, *arguments],
            cwd=root,
            env={**environment, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # the notebook's interrupt is the cell's
        )
    except OSError:
        return None
    errors: list[bytes] = []
    assert process.stdout is not None and process.stderr is not None
    stderr = process.stderr
    reader = threading.Thread(target=lambda: errors.append(stderr.read(10_000)), daemon=True)
    timer = threading.Timer(_TIMEOUT, process.kill)
    with process:
        reader.start()
        timer.start()
        try:
            text = process.stdout.read(limit)
            is_cut = len(text) == limit
            if is_cut:
                process.kill()
            code = process.wait()
        finally:
            timer.cancel()
            reader.join()
    return _Result(0 if is_cut else code, text.decode("utf-8", "replace"), b"".join(errors).decode("utf-8", "replace"))


def _note(result: _Result) -> str:
    """Why git refused."""
    return redact(cut_middle(result.error.strip() or "git did not finish in time", 500))[0]


def _settings(text: str) -> tuple[dict[str, str], list[str]]:
    """Settings by name, and options that switch off the filter programs which the repository itself names."""
    settings: dict[str, str] = {}
    options: list[str] = []
    fields = text.split("\0")
    for scope, setting in zip(fields[::2], fields[1::2], strict=False):
        name, _, value = setting.partition("\n")
        settings[name] = value
        if name.startswith("filter.") and scope in ("local", "worktree"):
            options += ["-c", f"{name}={'false' if name.endswith('.required') else ''}"]
    return settings, options


def _remote(settings: Mapping[str, str]) -> str | None:
    """The address of ``origin``, or else of the first remote, without credentials."""
    remotes = {name[7:-4]: url for name, url in settings.items() if name.startswith("remote.")}
    url = remotes.get("origin") or next(iter(remotes.values()), None)
    if url is None:
        return None
    return redact_url(url) if url.lower().startswith(("http:", "https:")) else redact(url)[0]


def _read_status(text: str) -> _Status:
    """Read ``git status --porcelain=v2 -z``: fields end in NUL, and a rename's old name is a field of its own."""
    status = _Status()
    fields = iter(text.split("\0"))
    for line in fields:
        kind, _, rest = line.partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            if name == "branch.oid":
                status.commit = None if value == "(initial)" else value
            elif name == "branch.head":
                status.branch = None if value == "(detached)" else value
        elif kind == "?":
            status.untracked.append(rest)
        elif kind in ("1", "2", "u"):
            # 1 XY sub mH mI mW hH hI path · 2 … hI score path NUL old path · u XY sub m1 m2 m3 mW h1 h2 h3 path
            before = {"1": 7, "2": 8, "u": 9}[kind]
            status.changed.append(rest.split(" ", before)[-1])
            if kind == "2":
                next(fields, None)
    return status


def _diff(root: Path, harmless: Sequence[str], commit: str | None) -> tuple[str, int]:
    """The diff against the commit (of what is staged, before the first one), redacted and cut."""
    against = ["HEAD"] if commit is not None else ["--cached"]
    result = _run(
        root,
        [*harmless, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all", *against, "--"],
        limit=4 * DIFF_LIMIT,
    )
    if result is None:
        return "", 0
    text, count = redact(result.text)
    return cut_middle(text, DIFF_LIMIT), count
