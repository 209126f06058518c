"""The lock of a run's environment: exact versions in a file that ``uv`` or ``pip`` restores, and PEP 723 metadata.

Pure: facts in, text out, and back. A lock names no index, so that it works wherever the packages come from.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from mlops_nb.capture.data.urls import redact_url
from mlops_nb.errors import InvalidInput

__all__ = ["Lock", "difference", "lock", "parse_lock", "read_inline", "write_inline"]

_HEADER = "# mlops_nb lock 1"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]{1,200}")
_PINNED = re.compile(rf"({_NAME.pattern})\s*===?\s*({_VERSION.pattern})")
_FROM_URL = re.compile(rf"({_NAME.pattern})\s*@\s*(\S+)(?:\s+# ({_VERSION.pattern}))?")
_NOTED = re.compile(rf"# local: ({_NAME.pattern})==({_VERSION.pattern})(.*)")
_BLOCK = re.compile(r"^# /// script$\n(?P<content>(?:^#(?:| .*)$\n)+?)^# ///$\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Lock:
    """What a lock says. `python` is the version alone; `local` says where packages were that stand in no index."""

    python: str = ""
    platform: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    local: dict[str, str] = field(default_factory=dict)


def lock(environment: Mapping[str, Any]) -> str:
    """A requirements file with exact versions, which ``uv pip sync`` and ``pip install -r`` understand.

    Parameters
    ----------
    environment : mapping
        As `mlops_nb.capture.environment.environment` gives it; of it ``packages`` (name to version), ``local`` (what no
        index has, by name: ``url``, ``path``, ``editable``, ``vcs``, ``commit``, ``git``), ``python``,
        ``implementation`` and ``platform``.

    Returns
    -------
    str
        Sorted and without a time, so that the same environment gives the same text. Packages from a folder are
        comments, since no index has them; packages from version control are pinned to their commit.

    Examples
    --------
    >>> print(lock({"packages": {"numpy": "2.4.6"}, "python": "3.11.7", "platform": "Linux x86_64"}))
    # mlops_nb lock 1
    # python: 3.11.7
    # platform: Linux x86_64
    numpy==2.4.6
    """
    headers = {key: _one_line(str(environment.get(key) or "")) for key in ("python", "implementation", "platform")}
    local = {_normal(name): facts for name, facts in (environment.get("local") or {}).items()}
    lines = {
        _normal(name): _line(name, version, local.get(_normal(name)))
        for name, version in environment.get("packages", {}).items()
        if _NAME.fullmatch(name) and _VERSION.fullmatch(str(version))  # a damaged distribution has neither
    }
    head = [_HEADER, *(f"# {key}: {value}" for key, value in headers.items() if value)]
    return "\n".join([*head, *(lines[name] for name in sorted(lines))]) + "\n"


def parse_lock(text: str) -> Lock:
    """Read a lock, or any requirements file with exact versions.

    Parameters
    ----------
    text : str
        Options, hashes and markers are left out; lines without an exact version too.

    Returns
    -------
    Lock
        Names are normalised (PEP 503).

    Examples
    --------
    >>> parse_lock("# python: 3.11.7\\nNumPy==2.4.6 --hash=sha256:0\\n").packages
    {'numpy': '2.4.6'}
    """
    head: dict[str, str] = {}
    packages: dict[str, str] = {}
    local: dict[str, str] = {}
    for line in text.splitlines():
        line = line.strip()
        if noted := _NOTED.match(line):
            packages[_normal(noted[1])] = noted[2]
            local[_normal(noted[1])] = noted[3].strip()
        elif line.startswith("# ") and ": " in line:
            key, _, value = line[2:].partition(": ")
            head.setdefault(key, value)
        elif pinned := _PINNED.match(line):
            packages[_normal(pinned[1])] = pinned[2]
        elif source := _FROM_URL.match(line):
            packages[_normal(source[1])] = source[3] or source[2]
            local[_normal(source[1])] = source[2]
    return Lock(head.get("python", ""), head.get("platform", ""), packages, local)


def difference(locked: Lock | Mapping[str, str], current: Lock | Mapping[str, str]) -> dict[str, Any]:
    """How an environment differs from a locked one.

    Parameters
    ----------
    locked, current : Lock or mapping of name to version

    Returns
    -------
    dict
        ``added`` and ``removed`` (name to version), ``changed`` (name to ``[locked, current]``), and ``python`` and
        ``platform`` as ``[locked, current]`` where both are known and differ. Empty parts are there, empty.

    Examples
    --------
    >>> difference({"a": "1", "b": "1"}, {"a": "2", "c": "1"})
    {'added': {'c': '1'}, 'removed': {'b': '1'}, 'changed': {'a': ['1', '2']}}
    """
    old, new = _packages(locked), _packages(current)
    result: dict[str, Any] = {
        "added": {name: new[name] for name in sorted(new.keys() - old.keys())},
        "removed": {name: old[name] for name in sorted(old.keys() - new.keys())},
        "changed": {name: [old[name], new[name]] for name in sorted(old.keys() & new.keys()) if old[name] != new[name]},
    }
    if isinstance(locked, Lock) and isinstance(current, Lock):
        for key, before, after in (("python", locked.python, current.python),
                                   ("platform", locked.platform, current.platform)):  # fmt: skip
            if before and after and before != after:
                result[key] = [before, after]
    return result


def read_inline(source: str) -> dict[str, Any] | None:
    """The inline metadata of a script (PEP 723); None if there is none.

    Parameters
    ----------
    source : str
        The script, or a cell of a notebook.

    Returns
    -------
    dict or None
        ``requires-python``, ``dependencies``, ``tool``, as far as they are given.

    Raises
    ------
    InvalidInput
        If there are two such blocks, or one is no TOML.

    Examples
    --------
    >>> read_inline('# /// script\\n# dependencies = ["numpy>=2"]\\n# ///\\nimport numpy\\n')
    {'dependencies': ['numpy>=2']}
    """
    blocks = [match["content"] for match in _BLOCK.finditer(_with_end(source))]
    if not blocks:
        return None
    if len(blocks) > 1:
        raise InvalidInput("The script has two '# /// script' blocks.", hint="Keep one of them (PEP 723).")
    try:
        return tomllib.loads(_uncommented(blocks[0]))
    except tomllib.TOMLDecodeError as error:
        hint = "See PEP 723 for its form."
        raise InvalidInput(f"The '# /// script' block is no TOML: {error}.", hint=hint) from error


def write_inline(source: str, requires_python: str, dependencies: Sequence[str]) -> str:
    """The source with inline metadata (PEP 723): in the place of what was there, else after a leading ``#!`` line.

    Parameters
    ----------
    source : str
        A script.
    requires_python : str
        For instance ``>=3.11``; left out if empty.
    dependencies : sequence of str
        Requirements, for instance ``numpy==2.4.6``.

    Returns
    -------
    str
        Tool tables of an earlier block are kept.

    Raises
    ------
    InvalidInput
        If the source has two blocks, or a requirement has a line break or another control character.

    Examples
    --------
    >>> print(write_inline("import numpy\\n", ">=3.11", ["numpy==2.4.6"]))
    # /// script
    # requires-python = ">=3.11"
    # dependencies = [
    #     "numpy==2.4.6",
    # ]
    # ///
    import numpy
    """
    read_inline(source)  # refuses what could not be replaced
    source = _with_end(source)
    match = _BLOCK.search(source)
    kept = _tables(_uncommented(match["content"])) if match else []
    lines = [f"requires-python = {_quoted(requires_python)}"] if requires_python else []
    lines += ["dependencies = [", *(f"    {_quoted(each)}," for each in dependencies), "]", *kept]
    commented = "".join(f"# {line}\n" if line else "#\n" for line in lines)
    block = f"# /// script\n{commented}# ///\n"
    if match:
        return source[: match.start()] + block + source[match.end() :]
    start = 0
    for line in source.splitlines(keepends=True)[:2]:
        if line.startswith("#!") or re.match(r"#.*coding[:=]", line):
            start += len(line)
    return source[:start] + block + source[start:]


def _line(name: str, version: str, local: Mapping[str, Any] | None) -> str:
    if local is None:
        note = "  # a local version: only the index that it came from has it" if "+" in version else ""
        return f"{name}=={version}{note}"
    url = str(local.get("url") or local.get("path") or "")
    if local.get("vcs") and local.get("commit"):
        return f"{name} @ {_one_line(local['vcs'] + '+' + redact_url(url) + '@' + local['commit'])}  # {version}"
    if url.startswith(("http://", "https://")):
        return f"{name} @ {_one_line(redact_url(url))}  # {version}"
    editable = "editable, " if local.get("editable") else ""
    return _one_line(f"# local: {name}=={version} {editable}{_place(url)}{_git(local)}")


def _place(url: str) -> str:
    path = unquote(url.removeprefix("file://")) if url.startswith("file://") else redact_url(url)
    return f"from {path}" if path else "from an unknown folder"


def _git(local: Mapping[str, Any]) -> str:
    state = local.get("git") or {}
    if not state.get("commit"):
        return ""
    branch = f" on {state['branch']}" if state.get("branch") else ""
    return f", git {state['commit']}{branch}{' with changes' if state.get('dirty') else ''}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _packages(value: Lock | Mapping[str, str]) -> dict[str, str]:
    found = value.packages if isinstance(value, Lock) else value
    return {_normal(name): str(version) for name, version in found.items()}


def _with_end(source: str) -> str:
    source = source.replace("\r\n", "\n")
    return source if not source or source.endswith("\n") else source + "\n"


def _uncommented(content: str) -> str:
    # Not splitlines(): TOML text may hold U+2028 and the like, which end no line there
    return "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in content.split("\n"))


def _tables(content: str) -> list[str]:
    """The lines of a block from its first table on."""
    lines = content.removesuffix("\n").split("\n")
    start = next((i for i, line in enumerate(lines) if re.match(r"\[+\s*[\w\"']", line)), len(lines))
    return lines[start:]


def _quoted(text: str) -> str:
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise InvalidInput(f"{text!r} is no requirement.", hint="Give one an entry, such as 'numpy==2.4.6'.")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
