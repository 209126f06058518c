"""Who may come in: Host and Origin (no page from elsewhere, no name that was bent to us), then the token. Pure."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Iterable, Mapping

from mlops_nb.server.faults import Refusal
from mlops_nb.server.routing import Caller

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


Headers = Mapping[str, str]
"""A request's headers, whatever the case of their names."""


class Guard:
    """Checks requests by their headers.

    Parameters
    ----------
    find : callable
        ``find(token)``: whose token it is, or None.
    hosts : iterable of str
        Names, besides this machine's own and addresses, under which the server may be called (a proxy's).
    """

    def __init__(self, find: Callable[[str], Caller | None], hosts: Iterable[str] = ()) -> None:
        self._find = find
        self._hosts = LOCAL | {host.lower().strip("[]") for host in hosts}

    def check_site(self, headers: Headers) -> None:
        """Refuse a request that a browser sends for a page of another site, and one under a name that is not ours.

        Raises
        ------
        Refusal
            PERMISSION_DENIED.
        """
        host = headers.get("Host", "")
        name = split_host(host)
        if not name or (name not in self._hosts and not _is_address(name)):
            # A page can have its own name resolve to this machine: then the browser sends us that name.
            raise Refusal(
                "PERMISSION_DENIED",
                f"The server is not called {name[:100]!a}.",
                hint="Start it with --allow-host NAME if it is.",
            )
        origin = headers.get("Origin", "")
        if origin and (origin.partition("://")[2] or origin).lower() != host.lower():
            raise Refusal("PERMISSION_DENIED", f"Pages of {origin[:100]!a} may not call this server.")
        if headers.get("Sec-Fetch-Site", "") in ("cross-site", "same-site"):
            raise Refusal("PERMISSION_DENIED", "Pages of another site may not call this server.")

    def identify(self, headers: Headers) -> Caller:
        """Who asks, by the token: as a bearer token, or as the password of basic authentication.

        Raises
        ------
        Refusal
            UNAUTHENTICATED, if there is no token or nobody's.
        """
        kind, _, value = headers.get("Authorization", "").strip().partition(" ")
        token = value.strip()
        if kind.lower() == "basic":
            token = _password(token)
        elif kind.lower() != "bearer":
            token = ""
        caller = self._find(token) if token else None
        if caller is None:
            problem = "The token is not known." if token else "The request has no token."
            raise Refusal(
                "UNAUTHENTICATED", problem, hint="Send 'Authorization: Bearer TOKEN' (MLFLOW_TRACKING_TOKEN does)."
            )
        return caller


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


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
