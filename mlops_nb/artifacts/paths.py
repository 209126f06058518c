"""The one border for artifact paths: what comes from outside is checked here and nowhere else."""

from __future__ import annotations

import posixpath
import re
import unicodedata

from mlops_nb.errors import InvalidInput

__all__ = ["DEPTH_LIMIT", "PART_LIMIT", "PATH_LIMIT", "check_path"]

PATH_LIMIT = 1000
"""Longest path, in characters."""

PART_LIMIT = 255
"""Longest name of one file or folder, in bytes of UTF-8: what ext4, APFS and NTFS can hold."""

DEPTH_LIMIT = 64
"""Most folders above one another, the file itself counted."""

_DRIVE = re.compile(r"[A-Za-z]:(/|$)|[A-Za-z]:[^/ ]")
_SCHEME = re.compile(r"(?i)file:|[a-z][a-z0-9+.-]*:/")
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def check_path(path: str, *, from_url: bool = False) -> str:
    """Accept a path inside a run's tree, or say in one sentence why not.

    The accepted form is POSIX, relative and normalised, so that one file has one name. Unicode, emoji and spaces
    are fine, and are kept as they are.

    Parameters
    ----------
    path : str
        For instance ``plots/loss curve.png``.
    from_url : bool
        Whether the path came out of a URL or URI. Then ``#``, ``?`` and ``;`` are refused as well: one of the
        programs on its way would have cut the path there.

    Returns
    -------
    str
        The same path.

    Raises
    ------
    InvalidInput
        If the path is absolute or leaves its folder (plainly or percent-encoded), has empty, ``.`` or ``..`` parts,
        a backslash, a drive letter, a scheme, a leading ``~`` or characters that cannot be shown, or is too long or
        too deep.

    Examples
    --------
    >>> check_path("plots/loss curve.png")
    'plots/loss curve.png'
    >>> check_path("plots/../../etc/passwd")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: The artifact path 'plots/../../etc/passwd' has a '..' part. Use a relative path ...
    """
    if not isinstance(path, str):
        raise InvalidInput(f"An artifact path must be text, not {type(path).__name__}.")
    fault = _find_fault(path) or _find_encoded_fault(path)
    if not fault and from_url and (cut := re.search("[#?;]", path)):
        fault = f"has a {cut.group()!r}, at which a URL would be cut"
    if fault:
        shown = path if len(path) <= 80 else f"{path[:77]}..."
        raise InvalidInput(f"The artifact path {shown!r} {fault}.", hint=_suggest(path))
    return path


def _find_fault(path: str) -> str:
    """What is wrong with a path as it stands; empty if nothing is."""
    if not path:
        return "is empty"
    if len(path) > PATH_LIMIT:
        return f"has {len(path):,} characters, and {PATH_LIMIT:,} is the most"
    for character in path:
        if unicodedata.category(character) in _UNPRINTABLE:
            return f"has a character that cannot be shown ({character!a})"
    if "\\" in path:
        return "has a backslash"
    if path.startswith("/"):
        return "is absolute"
    if path.startswith("~"):
        return "starts with '~'"
    if _DRIVE.match(path):
        return "starts with a drive letter"
    if _SCHEME.match(path):
        return "starts with a URL scheme"
    return _find_bad_part(path.split("/"))


def _find_bad_part(parts: list[str]) -> str:
    if len(parts) > DEPTH_LIMIT:
        return f"is {len(parts)} levels deep, and {DEPTH_LIMIT} is the most"
    for part in parts:
        if part in ("", ".", ".."):
            return f"has a {part!r} part" if part else "has an empty part"
        if len(part.encode()) > PART_LIMIT:
            return f"has a part of {len(part.encode())} bytes, and {PART_LIMIT} is the most"
    return ""


def _find_encoded_fault(path: str) -> str:
    """What would be wrong with the path if some program on its way decoded it, once or several times."""
    if "%" not in path:
        return ""
    from urllib.parse import unquote  # rarely needed, and slow to load

    seen = path
    while (decoded := unquote(seen, errors="surrogateescape")) != seen:
        seen = decoded
        # a byte that is no UTF-8 is harmless in a name such as "50%ab": only structure matters here
        fault = _find_fault(re.sub("[\udc80-\udcff]", "?", seen))
        if not fault and seen.count("/") != path.count("/"):
            fault = "has a '/'"
        if fault:
            return f"{fault} once its percent-encoding is resolved"
    return ""


def _suggest(path: str) -> str:
    """The nearest path that would be accepted, when there is an obvious one."""
    advice = "Use a relative path inside the run's artifacts"
    if len(path) > PATH_LIMIT or "%" in path or ".." in path:
        return f"{advice}, such as 'plots/loss.png'."
    nearest = posixpath.normpath(path.replace("\\", "/")).lstrip("/~")
    if nearest and nearest != "." and not _find_fault(nearest) and not re.search("[#?;]", nearest):
        return f"{advice}, such as {nearest!r}."
    return f"{advice}, such as 'plots/loss.png'."
