"""What a project needs to run elsewhere: the packages that a run used and what these need, at exact versions."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from mlops_nb.capture.lock import lock
from mlops_nb.projects.sites import find_uv

__all__ = ["needed", "pinned", "with_hashes"]

ALWAYS = ("ipykernel",)
"""What every notebook needs to be executed, whether it was imported or not."""

OURS = "mlops-nb"
HASH_SECONDS = 90
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def needed(environment: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a recorded environment that a run really used: what it imported, and what that needs.

    What needs what is asked of the packages that are installed here; one that is not is taken alone.

    Parameters
    ----------
    environment : mapping
        As `mlops_nb.capture.environment.environment` gives it.

    Returns
    -------
    dict
        The same, with fewer ``packages``.

    Examples
    --------
    >>> sorted(needed({"packages": {"a": "1", "b": "2"}, "imported": ["a"]})["packages"])
    ['a']
    """
    packages: Mapping[str, str] = environment.get("packages") or {}
    known = {_plain(name): name for name in packages}
    waiting = [_plain(name) for name in (*(environment.get("imported") or packages), *ALWAYS)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found or name not in known:
            continue
        found.add(name)
        if name != OURS:  # we execute, and are not a part of what is executed
            waiting += _requirements(name)
    return {**environment, "packages": {known[name]: packages[known[name]] for name in sorted(found)}}


def _requirements(name: str) -> list[str]:
    """The names of what an installed package needs here, without its extras."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        stated = requires(name) or []
    except PackageNotFoundError:
        return []
    names = (_NAME.match(text.strip()) for text in stated if "extra ==" not in text and "extra==" not in text)
    return [_plain(match[0]) for match in names if match]  # of another platform's none is installed, or known


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(environment: Mapping[str, Any]) -> tuple[str, ...]:
    """Requirements with exact versions, as ``python_env.yaml`` lists them.

    Parameters
    ----------
    environment : mapping
        As `needed` gives it.

    Returns
    -------
    tuple of str
        Without what no index has.

    Examples
    --------
    >>> pinned({"packages": {"numpy": "2.1"}})
    ('numpy==2.1',)
    """
    return tuple(_requirement_lines(lock(environment)))


def _requirement_lines(text: str) -> Iterable[str]:
    for line in text.splitlines():
        line = line.split("  #")[0].strip()
        if line and not line.startswith("#"):
            yield line


def with_hashes(text: str) -> tuple[str, str]:
    """A lock with the hashes of every file that an index has of a package at its version.

    Parameters
    ----------
    text : str
        As `mlops_nb.capture.lock.lock` gives it.

    Returns
    -------
    (str, str)
        The lock, and why it is not complete (empty if it is): without an index it stays as it was.

    Examples
    --------
    >>> with_hashes("# mlops_nb lock 1\\n")
    ('# mlops_nb lock 1\\n', '')
    """
    lines = text.splitlines()
    plain = [line for line in lines if re.match(r"[A-Za-z0-9][\w.-]*==[^+\s]+$", line)]
    if not plain:
        return text, ""
    command = [find_uv(), "pip", "compile", "--quiet", "--no-deps", "--generate-hashes", "--no-header", "--no-annotate"]
    command += ["--universal", "--no-emit-index-url", "-"]
    try:
        done = subprocess.run(
            command, input="\n".join(plain) + "\n", capture_output=True, text=True, timeout=HASH_SECONDS, check=False
        )
        reason = "" if done.returncode == 0 else " ".join(done.stderr.split())[:200] or "uv said nothing"
    except subprocess.TimeoutExpired:
        reason = f"no answer within {HASH_SECONDS} s"
    if reason:
        return text, f"The lock has no hashes, since the index could not be asked: {reason}"
    hashed = {entry.split("==")[0]: entry for entry in re.split(r"\n(?=\S)", done.stdout.strip())}
    out = [hashed.get(_plain(line.split("==")[0]), line) if line in plain else line for line in lines]
    left = [line for line in lines if line and not line.startswith("#") and line not in plain]
    note = f"The lock has no hash for {', '.join(re.split('[ =]', line)[0] for line in left)}." if left else ""
    return "\n".join(out) + "\n", note
