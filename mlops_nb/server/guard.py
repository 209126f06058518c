"""Who may come in: Host and Origin (no page from elsewhere, no name that was bent to us), then the token. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping

from mlops_nb.errors import PermissionDenied
from mlops_nb.server.faults import Refusal
from mlops_nb.server.routing import Caller
from mlops_nb.wire.hosts import LOCAL, check_site

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
        try:
            check_site(
                headers.get("Host", ""), headers.get("Origin", ""), headers.get("Sec-Fetch-Site", ""), self._hosts
            )
        except PermissionDenied as error:
            raise Refusal("PERMISSION_DENIED", error.message, hint=error.hint) from None

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


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
