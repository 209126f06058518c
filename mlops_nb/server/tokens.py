"""Tokens with a name and a role: made once, kept as hashes, looked up at each request."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from pathlib import Path
from typing import Any

from mlops_nb.entities import check_name, now_ms
from mlops_nb.errors import AlreadyExists, CorruptData, InvalidInput, NotFound
from mlops_nb.server.routing import Caller

ROLES = ("read", "write", "admin")
FILE = "tokens.json"


def make_token() -> str:
    """A token that nobody guesses: 256 random bits.

    Examples
    --------
    >>> len(make_token())
    47
    """
    return f"mnb-{secrets.token_urlsafe(32)}"


def digest_of(token: str) -> str:
    """What is kept of a token. It is random and long: a plain hash cannot be turned back.

    Examples
    --------
    >>> len(digest_of("x"))
    64
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Tokens:
    """The tokens of a server: its own, and those in a file beside the store.

    Parameters
    ----------
    folder : Path
        Where the file is; it is made with the first token.
    own : str
        The server's own token, which may do everything; empty: there is none.
    """

    def __init__(self, folder: Path, own: str = "") -> None:
        self._path = folder / FILE
        self._own = digest_of(own) if own else ""
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, Caller] = {}
        self._lock = threading.Lock()

    def find(self, token: str) -> Caller | None:
        """Whose token it is; None if it is nobody's. A token that was made or taken back a moment ago counts."""
        digest = digest_of(token)
        if self._own and hmac.compare_digest(digest, self._own):
            return Caller("", "admin")
        return self._load().get(digest)

    def add(self, name: str, role: str = "write") -> str:
        """Make a token; it is told once, and never again.

        Raises
        ------
        AlreadyExists
            If somebody has this name.
        InvalidInput
            If there is no such role, or the name is none.
        """
        check_name("token", name)
        if role not in ROLES:
            raise InvalidInput(f"There is no role {role!r}.", hint=f"Use one of: {', '.join(ROLES)}.")
        entries = self._read()
        if any(each["name"] == name for each in entries):
            raise AlreadyExists(f"There is a token {name!r} already.", hint="Revoke it first, or choose another name.")
        token = make_token()
        self._write([*entries, {"name": name, "role": role, "digest": digest_of(token), "created": now_ms()}])
        return token

    def revoke(self, name: str) -> None:
        """Take a token back; it stops working at once."""
        entries = self._read()
        kept = [each for each in entries if each["name"] != name]
        if len(kept) == len(entries):
            raise NotFound(f"There is no token {name!r}.", hint="See them with: mlops-nb server token list")
        self._write(kept)

    def entries(self) -> list[dict[str, Any]]:
        """Name, role and time of each token; never what it is made of."""
        return [{key: each[key] for key in ("name", "role", "created")} for each in self._read()]

    def _load(self) -> dict[str, Caller]:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return {}
        stamp = (stat.st_mtime_ns, stat.st_ino)
        with self._lock:
            if stamp != self._stamp:
                self._known = {each["digest"]: Caller(each["name"], each["role"]) for each in self._read()}
                self._stamp = stamp
            return self._known

    def _read(self) -> list[dict[str, Any]]:
        try:
            entries = json.loads(self._path.read_bytes())
            if not all(each["role"] in ROLES and {"name", "digest", "created"} <= each.keys() for each in entries):
                raise ValueError
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CorruptData(
                f"The file of tokens {self._path} is damaged.", hint="Delete it, and make the tokens anew."
            ) from None
        return list(entries)

    def _write(self, entries: list[dict[str, Any]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f".{FILE}-{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(entries, file, indent=1)
        draft.replace(self._path)
