"""What a route is: a method, a path, a plain function, and who may call it. Nothing else is served."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from mlops_nb.artifacts import Upload
from mlops_nb.entities import Batch
from mlops_nb.errors import InvalidInput
from mlops_nb.workspace import Workspace

ROLES = ("open", "read", "write", "admin")
"""What a route asks of its caller, each more than the one before."""

JSON_LIMIT = 16 << 20
"""Most bytes of a JSON body."""

_PARAMETER = re.compile(r"\{(\w+)(\.\.\.)?\}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of the token, and its role. The nameless one holds the server's own token."""

    name: str = ""
    role: str = "open"

    def may(self, role: str) -> bool:
        """Whether the caller's role is at least this one.

        Examples
        --------
        >>> Caller("ann", "read").may("write")
        False
        """
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(slots=True)
class Request:
    """What a route's function gets: checked fields, parts of the path, and the workspace.

    `presigned` says whether clients may fetch files where they lie, by addresses that work for a while.
    """

    space: Workspace
    fields: dict[str, Any] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    caller: Caller = field(default_factory=Caller)
    upload: Upload | None = None
    presigned: bool = False

    def need(self, name: str) -> str:
        """A field that may come in the path or in the body."""
        value = self.path.get(name) or self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"Missing value for required parameter '{name}'.")
        return value


@dataclass(frozen=True, slots=True)
class File:
    """An answer that is a file's bytes, streamed."""

    digest: str
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """An answer that is a text of a type, sent as a download."""

    text: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a route of kind ``append`` wants stored; `after` is called when it is, before the answer goes out."""

    batches: list[Batch]
    after: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A route.

    `kind` says where its function runs: ``read`` beside others; ``write`` alone, in the order in which requests came;
    ``append`` at once, and the `Delivery` that it returns is stored together with those of other requests; ``upload``
    as a ``write``, when its body has arrived in `Request.upload`; ``direct`` at once, for what is in memory.
    `answer` is the type of what it returns, for descriptions of the routes.
    """

    method: str
    path: str
    call: Callable[[Request], Any]
    kind: str = "read"
    role: str = "read"
    fields: Mapping[str, str] = field(default_factory=dict)
    limit: int = JSON_LIMIT
    answer: Any = None

    @property
    def is_ours(self) -> bool:
        """Whether it is one of our own API, which MLflow has not."""
        return "/mlops-nb/" in self.path


class Table:
    """The routes there are, by method and path.

    Parameters
    ----------
    routes : iterable of Route
    prefix : str
        What stands before every path, for a proxy that does not take it away.

    Examples
    --------
    >>> table = Table([Route("GET", "/models/{name}/{path...}", lambda request: {})])
    >>> table.find("GET", "/models/a%20b/c/d")[1]
    {'name': 'a b', 'path': 'c/d'}
    """

    def __init__(self, routes: Iterable[Route], prefix: str = "") -> None:
        self.routes = tuple(routes)
        self._prefix = "/" + prefix.strip("/") if prefix.strip("/") else ""
        self._plain = {(route.method, route.path): route for route in self.routes if "{" not in route.path}
        self._patterns = [(route, _compile(route.path)) for route in self.routes if "{" in route.path]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a request, and the parts of its path, decoded once; None if there is none.

        Parameters
        ----------
        method : str
        path : str
            As it stands in the request, percent-encoded.
        """
        if self._prefix:
            if not path.startswith(self._prefix + "/"):
                return None
            path = path[len(self._prefix) :]
        if path.startswith("/ajax-api/"):
            path = path[len("/ajax") :].replace("-api/", "/api/", 1)
        plain = self._plain.get((method, path))
        if plain is not None:
            return plain, {}
        for route, pattern in self._patterns:
            if route.method == method and (found := pattern.fullmatch(path)):
                return route, {name: _decode(part) for name, part in found.groupdict().items()}
        return None


def _compile(path: str) -> re.Pattern[str]:
    pieces = _PARAMETER.split(path)
    pattern = re.escape(pieces[0])
    for name, rest, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        pattern += f"(?P<{name}>{'.+' if rest else '[^/]+'}){re.escape(text)}"
    return re.compile(pattern)


def _decode(part: str) -> str:
    try:
        return unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("The request's path is not UTF-8.", hint="Encode it as UTF-8, then in percents.") from None
