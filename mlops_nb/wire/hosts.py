"""Under which name, and for whose page, a request comes: Host and Origin, judged; pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from mlops_nb.errors import PermissionDenied

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def check_site(host: str, origin: str, fetch_site: str, known: Collection[str]) -> None:
    """Refuse a request that a browser sends for a page of another site, and one under a name that is not ours.

    Parameters
    ----------
    host, origin, fetch_site : str
        The headers Host, Origin and Sec-Fetch-Site; empty where there is none.
    known : collection of str
        Names that the server is called by, in lower case; addresses are always fine.

    Raises
    ------
    PermissionDenied

    Examples
    --------
    >>> check_site("localhost:80", "", "", LOCAL)
    >>> check_site("evil.example", "", "", LOCAL)
    Traceback (most recent call last):
    mlops_nb.errors.PermissionDenied: The server is not called 'evil.example'. Start it with --allow-host NAME if it is.
    """
    name = split_host(host)
    if not name or (name not in known and not _is_address(name)):
        # A page can have its own name resolve to this machine: then the browser sends us that name.
        raise PermissionDenied(
            f"The server is not called {name[:100]!a}.", hint="Start it with --allow-host NAME if it is."
        )
    if origin and (origin.partition("://")[2] or origin).lower() != host.lower():
        raise PermissionDenied(f"Pages of {origin[:100]!a} may not call this server.")
    if fetch_site in ("cross-site", "same-site"):
        raise PermissionDenied("Pages of another site may not call this server.")


def split_host(host: str) -> str:
    """The name in a Host header, without the port.

    Examples
    --------
    >>> split_host("[::1]:5000"), split_host("Example.org:80"), split_host("a b")
    ('::1', 'example.org', '')
    """
    host = host.strip().lower()
    if host.startswith("["):
        name, mark, rest = host[1:].partition("]")
        return name if mark and (not rest or rest.startswith(":")) else ""
    name, _, port = host.partition(":")
    return "" if (port and not port.isdecimal()) or any(letter.isspace() for letter in name) else name.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
