"""URLs and statements as they may be stored: without credentials."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

__all__ = ["is_url", "redact_statement", "redact_url", "request_url", "statement_mode"]

STATEMENT_LIMIT = 20_000
"""Characters of a statement that are kept."""

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]{1,30}(?:::[a-z0-9]+)*://")
_SECRET = re.compile(
    r"(?i)token|secret|passw|pwd|signature|credential|api[-_]?key|access[-_]?key|auth|session|"
    r"^(?:sig|key|code|sas|se|sv|skoid|x-amz-.*|x-goog-.*|policy)$"
)
_ASSIGNED = re.compile(
    r"(?i)\b((?:password|passwd|pwd|secret|token|identified\s+by|api_?key)\s*[=:]?\s*)('[^']*'|\"[^\"]*\")"
)
_REQUEST = re.compile(rb"([A-Z]{3,10}) (\S+) HTTP/1\.[01]\r\n")
_READING = re.compile(
    r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*\(?\s*(select|with|show|describe|desc|explain|pragma|values|from|table)\b",
    re.IGNORECASE | re.DOTALL,
)
_WRITING = re.compile(r"(?i)\b(insert\s+into|update\s+\S+\s+set|delete\s+from|into\s+outfile)\b")


def is_url(text: str) -> bool:
    """Whether `text` starts with a scheme and ``://`` (a Windows drive is no scheme).

    Examples
    --------
    >>> is_url("s3://bucket/key"), is_url("/data/a.csv"), is_url("zip://a.csv::https://host/b.zip")
    (True, False, True)
    """
    return _SCHEME.match(text) is not None


def redact_url(url: str) -> str:
    """A URL without user, password, fragment and the values of query parameters that sound secret.

    Parameters
    ----------
    url : str
        Any URL, also a database's and fsspec's chained ones.

    Returns
    -------
    str
        The same address with ``***`` in their places; never longer than 2,000 characters.

    Examples
    --------
    >>> redact_url("https://me:pw@host:8080/a.csv?X-Amz-Signature=abc&part=2#frag")
    'https://***@host:8080/a.csv?X-Amz-Signature=***&part=2'
    """
    if "::" in url:
        return "::".join(redact_url(part) for part in url.split("::"))[:2000]
    address, _, query = url.partition("#")[0].partition("?")
    scheme, separator, rest = address.partition("://")
    place, slash, path = rest.partition("/")
    if "@" in place:
        place = "***@" + place.rpartition("@")[2]
    kept = "&".join(_redact_field(field) for field in query.split("&")) if query else ""
    return f"{scheme}{separator}{place}{slash}{path}{'?' if query else ''}{kept}"[:2000]


def _redact_field(field: str) -> str:
    name, equals, _ = field.partition("=")
    return f"{name}=***" if equals and _SECRET.search(unquote(name)) else field


def redact_statement(statement: str) -> str:
    """A statement without quoted passwords, tokens and credentials in URLs, cut at `STATEMENT_LIMIT`.

    Examples
    --------
    >>> redact_statement("ATTACH 'postgres://me:pw@db/x' (password = 'geheim')")
    "ATTACH 'postgres://***@db/x' (password = '***')"
    """
    text = statement[:STATEMENT_LIMIT]
    text = re.sub(r"(?<=://)[^\s/'\"@]*:[^\s/'\"@]*@", "***@", text)
    return _ASSIGNED.sub(r"\1'***'", text)


def statement_mode(statement: str) -> str:
    """``read`` for a query, ``write`` for what changes the database.

    Examples
    --------
    >>> statement_mode("SELECT * FROM t"), statement_mode("with x as (select 1) insert into t select * from x")
    ('read', 'write')
    """
    head = statement[:STATEMENT_LIMIT]
    if _READING.match(head) is None:
        return "write"
    return "write" if _WRITING.search(head) and head.lstrip()[:6].lower() != "select" else "read"


def request_url(connection: Any, data: bytes) -> tuple[str, str] | None:
    """Method and URL of an HTTP request from the first bytes that `http.client` sends; None if they are no request.

    Only the instance's dict is looked at: no property or ``__getattr__`` of a subclass is run.

    Examples
    --------
    >>> import http.client
    >>> request_url(http.client.HTTPSConnection("host"), b"GET /a.csv HTTP/1.1\\r\\nHost: host")
    ('GET', 'https://host/a.csv')
    """
    match = _REQUEST.match(data[:8192])
    if match is None or match[1] == b"CONNECT":
        return None
    method, target = match[1].decode("ascii"), match[2].decode("latin-1")
    if is_url(target):  # through a proxy
        return method, target
    known = vars(connection)
    host, port = known.get("_tunnel_host") or known.get("_dns_host") or known.get("host"), known.get("port")
    if not isinstance(host, str):
        return None
    secure = any("HTTPS" in kind.__name__ for kind in type(connection).__mro__)
    default = 443 if secure else 80
    place = host if port in (None, default) else f"{host}:{port}"
    return method, f"{'https' if secure else 'http'}://{place}{target}"
