"""A connection to a server of ours: requests that end in time, and errors that are ours again."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import select
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from mlops_nb import errors
from mlops_nb.errors import InvalidInput, MlopsError, PermissionDenied, StoreError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
SLOWEST = 4 << 20
"""Bytes a second with which a server stores what has been sent, at least."""

BLOCK = 1 << 18
"""Bytes of a file that are sent at a time."""

MARK = "X-Mlops-Nb"
"""The header by which a server of ours is told from one of MLflow."""

IDLE_SECONDS = 30.0
"""After this long a kept connection is not trusted to be there still."""

_VERSION = re.compile(r"\d+\.\d[\w.+-]{0,40}")

_BY_CODE: dict[str, type[MlopsError]] = {
    each.error_code: each
    for each in (
        errors.InvalidInput,
        errors.NotFound,
        errors.AlreadyExists,
        errors.InvalidState,
        errors.PermissionDenied,
        errors.StoreError,
        errors.StorageFull,
        errors.CorruptData,
        errors.MissingDependency,
    )
}
_BY_CODE |= {"UNAUTHENTICATED": PermissionDenied, "REQUEST_TOO_LARGE": InvalidInput, "BAD_REQUEST": InvalidInput}


class Connection:
    """Talks to one server, from any thread, also after a fork.

    Parameters
    ----------
    url : str
        ``http(s)://[user:password@]host[:port][/prefix]``. A password with no user is the token.
    token : str

    Raises
    ------
    InvalidInput
        If the URL is none.
    """

    def __init__(self, url: str, *, token: str = "") -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise InvalidInput(f"The server's URL cannot be read: {error}.") from None
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            raise InvalidInput(
                f"The server's URL {parts.scheme}://{host or ''} cannot be used.", hint="For instance http://host:5000"
            )
        self._secure = parts.scheme == "https"
        self._host, self._port = host, port
        self._prefix = parts.path.rstrip("/")
        self._login = _login(parts.username or "", token or unquote(parts.password or ""))
        self.url = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}{self._prefix}"
        self._local = threading.local()

    def call(self, path: str, arguments: dict[str, Any], *, again: bool = False) -> Any:
        """POST a JSON object and read the answer; with `again`, a call that was cut off is made once more."""
        try:
            body = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except UnicodeEncodeError:  # half a surrogate pair: only an escape can carry it
            body = json.dumps(arguments, separators=(",", ":"), allow_nan=False).encode()
        for attempt in (0, 1):
            try:
                with self._ask("POST", path, body, {"Content-Type": "application/json"}) as answer:
                    return json.loads(answer.read())
            except StoreError as error:
                if attempt or not again or not isinstance(error.__cause__, (OSError, http.client.HTTPException)):
                    raise
        raise AssertionError("unreachable")

    def ask(self, method: str, path: str, query: Any = (), body: Any = None, *, again: bool = False) -> Any:
        """Make a request of a server's REST API: `query` goes into the address, `body` as JSON; the answer, read.

        With `again`, a request that was cut off is made once more.
        """
        address = path + (f"?{urlencode(query, doseq=True)}" if query else "")
        data = None if body is None else json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            with self._ask(method, address, data, dict(headers), quoted=True) as answer:
                found = answer.read()
        except StoreError as error:
            if not again or not isinstance(error.__cause__, (OSError, http.client.HTTPException)):
                raise
            with self._ask(method, address, data, dict(headers), quoted=True) as answer:
                found = answer.read()
        try:
            return json.loads(found) if found.strip() else {}
        except ValueError:
            raise StoreError(
                f"The server {self.url} answers {method} {path} with something that is no JSON.",
                hint="Check that the address is that of a tracking server.",
            ) from None

    def send_file(self, method: str, path: str, file: IO[bytes], size: int) -> None:
        """Send a file's bytes, in constant memory."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        # the server answers when it has stored them, which may be with S3
        with self._ask(method, path, file, headers, patience=ANSWER_SECONDS + size / SLOWEST) as answer:
            answer.read()

    @contextmanager
    def fetch(self, path: str, *, quoted: bool = False) -> Iterator[http.client.HTTPResponse]:
        """The body of an answer, to be read a piece at a time; `quoted`: the path is percent-encoded already."""
        with self._ask("GET", path, None, {}, quoted=quoted) as answer:
            yield answer

    @contextmanager
    def _ask(
        self,
        method: str,
        path: str,
        body: Any,
        headers: dict[str, str],
        *,
        quoted: bool = False,
        patience: float = ANSWER_SECONDS,
    ) -> Iterator[http.client.HTTPResponse]:
        if self._login:
            headers["Authorization"] = self._login
        line = self._line()
        line.sock.settimeout(patience)
        whole = False
        try:
            line.request(method, self._prefix + (path if quoted else quote(path, safe="/%?=&")), body, headers)
            answer = line.getresponse()
            if answer.status != 200:
                self._raise(answer)
            yield answer
            whole = answer.isclosed()
        except MlopsError:
            whole = True  # the answer was read
            raise
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise StoreError(
                f"The server {self.url} does not answer: {reason}.", hint="Check that it runs, and its address."
            ) from error
        finally:
            if whole:
                self._local.used = time.monotonic()
            else:
                line.close()
                self._local.line = None

    def _line(self) -> http.client.HTTPConnection:
        """This thread's own connection; a new one if it is not fresh."""
        mine = self._local
        line: http.client.HTTPConnection | None = getattr(mine, "line", None)
        if line is not None and (mine.pid != os.getpid() or _is_stale(line, mine.used)):
            line.close()
            line = None
        if line is None:
            if self._secure:
                line = http.client.HTTPSConnection(
                    self._host,
                    self._port,
                    timeout=CONNECT_SECONDS,
                    blocksize=BLOCK,
                    context=ssl.create_default_context(),
                )
            else:
                line = http.client.HTTPConnection(
                    self._host, self._port, timeout=CONNECT_SECONDS, blocksize=BLOCK
                )
            try:
                line.connect()
            except OSError as error:
                raise StoreError(
                    f"The server {self.url} cannot be reached: {error}.", hint="Check that it runs, and its address."
                ) from error
            mine.line, mine.pid = line, os.getpid()
        mine.used = time.monotonic()
        return line

    def _raise(self, answer: http.client.HTTPResponse) -> None:
        body = answer.read()
        try:
            told = json.loads(body)
            code, message = told["error_code"], told["message"]
        except (ValueError, KeyError, TypeError):
            code, message = "", f"The server {self.url} answered with status {answer.status}."
        if code == "UNAUTHENTICATED":
            reason = str(message).partition(". ")[0].rstrip(".")  # its advice is for those who speak HTTP
            raise PermissionDenied(f"The server {self.url} does not know us: {reason}.", hint="Set MLOPS_NB_TOKEN.")
        raise _BY_CODE.get(code, StoreError)(message)

    def close(self) -> None:
        """Give back this thread's connection."""
        line = getattr(self._local, "line", None)
        if line is not None:
            line.close()
            self._local.line = None


def _is_stale(line: http.client.HTTPConnection, used: float) -> bool:
    """Whether a kept connection is too old, or was closed by the server meanwhile: then it can be read, at its end."""
    if line.sock is None or time.monotonic() - used > IDLE_SECONDS:
        return True
    try:
        return bool(select.select([line.sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True  # closed, or a number too high for select


def _login(user: str, secret: str) -> str:
    """The header that says who we are: a token, or a name and a password (servers of ours take either)."""
    if not secret:
        return ""
    return f"Basic {base64.b64encode(f'{unquote(user)}:{secret}'.encode()).decode()}" if user else f"Bearer {secret}"


_kinds: dict[str, str] = {}


def kind_of_server(url: str, *, token: str = "") -> str:
    """``ours`` or ``mlflow``: what answers at an address; remembered for the life of the process.

    Parameters
    ----------
    url, token : str
        As for `Connection`.

    Raises
    ------
    StoreError
        If nothing answers, or something that is neither.
    """
    if url not in _kinds:
        connection = Connection(url, token=token)
        try:
            with connection.fetch("/version") as answer:
                ours, version = answer.getheader(MARK), answer.read(1000).decode("utf-8", "replace").strip()
        finally:
            connection.close()
        if not ours and not _VERSION.fullmatch(version):
            raise StoreError(
                f"What answers at {connection.url} is no tracking server.",
                hint="Name the address of an mlops-nb server or an mlflow server.",
            )
        _kinds[url] = "ours" if ours else "mlflow"
    return _kinds[url]
