"""The ASGI application: routes, who may come in, bodies within limits; what is done is in `Service`."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.routing import Match, Route, Router

from mlops_nb.errors import InvalidInput, MlopsError, NotFound
from mlops_nb.serving import oip
from mlops_nb.serving.board import exposition
from mlops_nb.serving.payload import Asked, Reader, WrongType
from mlops_nb.serving.service import NoToken, Scored, Service, TooLarge, TooSlow, status_of
from mlops_nb.wire.hosts import LOCAL, check_site

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[["Call"], Awaitable[None]]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,128}")
_OPEN = frozenset({"/ping", "/health", "/version", "/v2/health/live", "/v2/health/ready"})
"""Paths that answer without a token."""
_JSON = b"application/json"
_LINGER_BYTES, _LINGER_SECONDS = 64 << 20, 10.0
_WANTED = frozenset(
    (b"host", b"origin", b"sec-fetch-site", b"authorization", b"content-type", b"content-length", b"content-encoding",
     b"x-request-id", b"inference-header-content-length")
)  # fmt: skip


class Gone(Exception):
    """The client has left before its request was whole."""


class Call:
    """One HTTP request and its answer."""

    def __init__(self, service: Service, scope: Scope, receive: Receive, send: Send) -> None:
        self.service = service
        self.started = time.perf_counter()
        self.headers = {key: value.decode("latin-1") for key, value in scope["headers"] if key in _WANTED}
        given = self.headers.get(b"x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else os.urandom(12).hex()
        self.path: str = scope["path"]
        self.words: dict[str, str] = scope.get("path_params", {})
        self.is_oip = self.path.startswith("/v2")
        self._receive = receive
        self._send = send
        self.answered = False

    async def body(self) -> bytes:
        """The body, within the limits of size and time."""
        limit = self.service.settings.max_bytes
        declared = self.headers.get(b"content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            raise await self._too_large(limit)
        if self.headers.get(b"content-encoding", "identity") != "identity":
            raise WrongType("The request is compressed, which is not read here.", hint="Send it as it is.")
        message = await self._next()
        if not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > limit:
                raise await self._too_large(limit)
            return body
        pieces, size = [message.get("body", b"")], len(message.get("body", b""))
        try:
            async with asyncio.timeout(self.service.settings.timeout):
                while message.get("more_body"):
                    message = await self._next()
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    if size > limit:
                        raise await self._too_large(limit)
        except TimeoutError:
            raise TooSlow("The request did not come in time.", hint="Send it at once.") from None
        return b"".join(pieces)

    async def _too_large(self, limit: int) -> TooLarge:
        """Read on for a while, since who is still sending does not hear an answer."""
        left = max(_LINGER_BYTES, 4 * limit)
        with contextlib.suppress(TimeoutError, Gone, TooSlow):
            async with asyncio.timeout(_LINGER_SECONDS):
                more = True
                while more and left > 0:
                    message = await self._next()
                    left -= len(message.get("body", b""))
                    more = message.get("more_body", False)
        hint = "Send fewer rows, or start with a larger --max-bytes."
        return TooLarge(f"The request is larger than {limit:,} bytes.", hint=hint)

    async def _next(self) -> MutableMapping[str, Any]:
        try:
            message = await asyncio.wait_for(self._receive(), self.service.settings.timeout)
        except TimeoutError:
            raise TooSlow("The request did not come in time.", hint="Send it at once.") from None
        if message["type"] == "http.disconnect":
            raise Gone
        return message

    async def answer(
        self, body: bytes, *, status: int = 200, kind: bytes = _JSON, more: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        """Send the answer."""
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)),
                   (b"x-request-id", self.request_id.encode()), *(more or ())]  # fmt: skip
        if self.service.draining or status in (408, 413):
            headers.append((b"connection", b"close"))
        self.answered = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def answer_json(self, value: Any, *, status: int = 200) -> None:
        """Send a value as JSON."""
        import orjson

        await self.answer(orjson.dumps(value), status=status)

    async def answer_scored(self, scored: Scored) -> None:
        """Send what a model has answered."""
        source = scored.served.source
        more = [(b"x-model-version", source.version.encode()), (b"x-model-role", source.role.encode())]
        kind = _JSON
        if scored.header_length is not None:
            kind = b"application/octet-stream"
            more.append((b"inference-header-content-length", b"%d" % scored.header_length))
        await self.answer(scored.body, kind=kind, more=more)

    async def refuse(self, error: Exception) -> None:
        """Send an error, in the protocol's shape; details of what is not ours stay here."""
        if isinstance(error, MlopsError):
            message, code = str(error), error.error_code
        else:
            message = "The service failed on this request. Its log has the details under its id."
            code = "INTERNAL_ERROR"
        status = status_of(error)
        plain = {"error": message} if self.is_oip else {"error_code": code, "message": message}
        import orjson

        more = [(b"www-authenticate", b"Bearer")] if status == 401 else []
        await self.answer(orjson.dumps({**plain, "request_id": self.request_id}), status=status, more=more)


class App:
    """The application of one worker.

    Parameters
    ----------
    service : Service
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._router = Router([Route(path, _Endpoint(handler, methods)) for path, methods, handler in _TABLE])
        self._routes = {path: _Endpoint(handler, methods) for path, methods, handler in _TABLE if "{" not in path}
        host = service.settings.host.lower()
        self._hosts = LOCAL | {each.lower().strip("[]") for each in service.settings.hosts} | {host}
        self._token = service.settings.token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # no websockets here; uvicorn's lifespan is off
        call = Call(self.service, scope, receive, send)
        try:
            self._admit(call)
            endpoint = self._routes.get(call.path) or self._match(scope, call)
            if scope["method"] not in endpoint.methods:
                await _refuse_method(call, endpoint)
                return
            await endpoint.handler(call)
        except Gone:
            return
        except Exception as error:
            if call.answered:
                raise
            await call.refuse(error)

    def _match(self, scope: Scope, call: Call) -> _Endpoint:
        for route in self._router.routes:
            match, child = route.matches({**scope, "method": "GET"})
            if match is not Match.NONE:
                call.words = child.get("path_params", {})
                endpoint: _Endpoint = child["endpoint"]
                return endpoint
        raise NotFound(f"There is nothing at {call.path[:100]!a}.", hint="See /docs for what there is.")

    def _admit(self, call: Call) -> None:
        headers = call.headers
        check_site(
            headers.get(b"host", ""), headers.get(b"origin", ""), headers.get(b"sec-fetch-site", ""), self._hosts
        )
        if self._token and call.path not in _OPEN:
            kind, _, token = headers.get(b"authorization", "").partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token):
                raise NoToken("The request has no token, or a wrong one.", hint="Send 'Authorization: Bearer TOKEN'.")


class _Endpoint:
    """What answers a path."""

    def __init__(self, handler: Handler, methods: tuple[str, ...]) -> None:
        self.handler = handler
        self.methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError  # the application calls the handler itself


async def _refuse_method(call: Call, endpoint: _Endpoint) -> None:
    import orjson

    methods = ", ".join(endpoint.methods)
    said = {"error_code": "INVALID_PARAMETER_VALUE", "message": f"This path takes {methods} only."}
    await call.answer(orjson.dumps(said), status=405, more=[(b"allow", methods.encode())])


# -- what is asked most ------------------------------------------------------------------------------------------------


async def _invoke(call: Call) -> None:
    body = await call.body()
    kind = call.headers.get(b"content-type", "")

    def read(reader: Reader) -> tuple[Asked, None]:
        return reader.read(body, kind), None

    await call.answer_scored(await call.service.score(call.request_id, call.started, len(body), read))


async def _infer(call: Call) -> None:
    served = call.service.find(call.words["name"], call.words.get("version"))
    signature = (served or call.service.choose(call.request_id)).loaded.signature
    length = call.headers.get(b"inference-header-content-length")
    if length is not None and not length.isdecimal():
        raise InvalidInput("Inference-Header-Content-Length is no number.")
    body = await call.body()

    def read(reader: Reader) -> tuple[Asked, oip.Wanted]:
        return oip.read_infer(body, None if length is None else int(length[:12]), reader, signature)

    await call.answer_scored(await call.service.score(call.request_id, call.started, len(body), read, served))


async def _feedback(call: Call) -> None:
    if not call.headers.get(b"content-type", "").startswith("application/json"):
        raise WrongType("Feedback is JSON.", hint="Send it as application/json.")
    found = call.service.champion.reader.parse(await call.body())
    await call.answer_json({"accepted": call.service.take_feedback(found)})


# -- about the service -------------------------------------------------------------------------------------------------


async def _ping(call: Call) -> None:
    call.service.champion  # noqa: B018  # raises what becomes 503 while nothing is loaded
    await call.answer(b"\n", kind=b"application/json")


async def _health(call: Call) -> None:
    call.service.champion  # noqa: B018
    await call.answer(b"OK", kind=b"text/plain")


async def _version(call: Call) -> None:
    await call.answer(_release().encode(), kind=b"text/plain")


def _release() -> str:
    package = sys.modules["mlops_nb"]  # it is above us on the road, and loaded
    return str(package.__version__)


async def _metrics(call: Call) -> None:
    text = exposition(call.service.board.total(), call.service.describe())
    await call.answer(text.encode(), kind=b"text/plain; version=0.0.4; charset=utf-8")


async def _status(call: Call) -> None:
    total = call.service.board.total()
    models = [{**each, "statuses": {str(k): v for k, v in total.statuses(each["role"]).items()},
               "seconds": total.latency(each["role"])[0], "latency": total.latency(each["role"])[1]}
              for each in call.service.describe()]  # fmt: skip
    names = ("rows", "in_flight", "ready", "memory", "log_written", "log_dropped", "log_failures", "log_queued",
             "shadow_dropped", "feedback", "timeouts", "failures")  # fmt: skip
    counts = {name: int(total.get(name)) for name in names}
    logged = str(call.service.recorder.folder) if call.service.recorder else None
    await call.answer_json({"models": models, "workers": call.service.settings.workers, "log": logged, **counts})


async def _openapi(call: Call) -> None:
    from mlops_nb.serving.openapi import describe

    await call.answer_json(describe(call.service.champion, bool(call.service.settings.token)))


async def _page(call: Call) -> None:
    from mlops_nb.serving.openapi import describe
    from mlops_nb.serving.page import page

    said = page(describe(call.service.champion, bool(call.service.settings.token)), call.service.describe())
    policy = b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
    more = [(b"content-security-policy", policy + b"; frame-ancestors 'none'")]
    await call.answer(said.encode(), kind=b"text/html; charset=utf-8", more=more)


# -- the Open Inference Protocol ---------------------------------------------------------------------------------------


async def _server(call: Call) -> None:
    await call.answer_json({"name": "mlops_nb", "version": _release(), "extensions": oip.EXTENSIONS})


async def _live(call: Call) -> None:
    await call.answer_json({"live": True})


async def _ready(call: Call) -> None:
    call.service.champion  # noqa: B018
    await call.answer_json({"ready": True})


async def _model(call: Call) -> None:
    name, version = call.words["name"], call.words.get("version")
    served = call.service.find(name, version) or call.service.champion
    versions = dict.fromkeys(each.source.version for each in call.service.models.values() if each.source.name == name)
    await call.answer_json(oip.metadata(name, list(versions), served.loaded.signature))


async def _model_ready(call: Call) -> None:
    call.service.find(call.words["name"], call.words.get("version"))
    await call.answer_json({"name": call.words["name"], "ready": True})


_GET = ("GET", "HEAD")
_TABLE: tuple[tuple[str, tuple[str, ...], Handler], ...] = (
    ("/invocations", ("POST",), _invoke),
    ("/feedback", ("POST",), _feedback),
    ("/ping", _GET, _ping),
    ("/health", _GET, _health),
    ("/version", _GET, _version),
    ("/metrics", _GET, _metrics),
    ("/status", _GET, _status),
    ("/openapi.json", _GET, _openapi),
    ("/docs", _GET, _page),
    ("/", _GET, _page),
    ("/v2", _GET, _server),
    ("/v2/health/live", _GET, _live),
    ("/v2/health/ready", _GET, _ready),
    ("/v2/models/{name}", _GET, _model),
    ("/v2/models/{name}/ready", _GET, _model_ready),
    ("/v2/models/{name}/infer", ("POST",), _infer),
    ("/v2/models/{name}/versions/{version}", _GET, _model),
    ("/v2/models/{name}/versions/{version}/ready", _GET, _model_ready),
    ("/v2/models/{name}/versions/{version}/infer", ("POST",), _infer),
)
