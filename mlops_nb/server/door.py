"""The door: the one file that knows tornado. It turns a request into a call of a route's function, and back."""

from __future__ import annotations

import asyncio
import json
import logging
import mimetypes
from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler, stream_request_body

from mlops_nb import connection
from mlops_nb.artifacts import Upload
from mlops_nb.errors import InvalidInput, MlopsError
from mlops_nb.server.faults import STATUS, Refusal, describe_fault
from mlops_nb.server.guard import Guard
from mlops_nb.server.routing import JSON_LIMIT, Caller, File, Request, Route, Text
from mlops_nb.server.service import Service
from mlops_nb.wire.strict import parse_json, read_fields, read_query

CHUNK = 1 << 20
DRAIN_LIMIT = 256 << 20
"""Most bytes of a refused body that are read, so that its sender gets to see the answer."""

BODY_SECONDS = 300
"""How long a body that is no file may take; a file may take its time, since who sends it is known."""

REFUSED_SECONDS = 10
"""How long the body of a refused request is waited for."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

log = logging.getLogger("mlops_nb.server")
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@stream_request_body
class Door(RequestHandler):
    """Serves every path of a service; what is not in its table is refused."""

    SUPPORTED_METHODS = METHODS

    guard: Guard

    def initialize(self, service: Service, guard: Guard | None = None) -> None:
        """Called by tornado for each request."""
        self.service = service
        if guard is not None:
            self.guard = guard
        self.error: BaseException | None = None
        self.route: Route | None = None
        self.parts: dict[str, str] = {}
        self.caller = Caller()
        self.body: list[bytes] = []
        self.size = 0
        self.upload: Upload | None = None

    # -- on the way in ------------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Check the headers; the body has not come yet."""
        wire: Any = self.request.connection
        wire.set_max_body_size(1 << 60)  # the route's own limit counts
        try:
            self._enter()
            assert self.route is not None
            self._check_size(self._announced())
            if self.route.kind == "upload":
                self.upload = await self.service.begin_upload()
            else:
                wire.set_body_timeout(BODY_SECONDS)
        except Exception as error:
            await self._turn_away(error)

    def _enter(self) -> None:
        self.check_site()
        found = self.find_route()
        if found is not None and found[0].role == "open":
            self.route, self.parts = found
            return
        self.caller = self.identify()  # before anything is said of what there is
        if found is None:
            raise Refusal("ENDPOINT_NOT_FOUND", f"There is no {self.request.method} {self.request.path[:200]!a} here.")
        self.route, self.parts = found
        if not self.caller.may(self.route.role):
            raise Refusal(
                "PERMISSION_DENIED",
                f"The token {self.caller.name!r} may {self.caller.role} only.",
                hint=f"Ask for one that may {self.route.role}.",
            )

    def check_site(self) -> None:
        """Refuse what a browser sends for a page from elsewhere; inside a Jupyter server that one does."""
        self.guard.check_site(self.request.headers)

    def find_route(self) -> tuple[Route, dict[str, str]] | None:
        """The route that is asked for, and the parts of its path."""
        return self.service.table.find(str(self.request.method), self.request.path)

    def query(self) -> Mapping[str, list[bytes]]:
        """The arguments behind the path that are the route's own."""
        return self.request.query_arguments

    def identify(self) -> Caller:
        """Who asks; inside a Jupyter server that one knows."""
        return self.guard.identify(self.request.headers)

    def _announced(self) -> int:
        """How long the body is said to be; what is no number is refused by tornado when the body is to be read."""
        text = self.request.headers.get("Content-Length") or ""
        return int(text) if text.isascii() and text.isdigit() else 0

    def _check_size(self, size: int) -> None:
        limit = self.route.limit if self.route else JSON_LIMIT
        if size > limit:
            raise Refusal("REQUEST_TOO_LARGE", f"The body has more than {limit:,} bytes.", hint="Send it in parts.")

    async def _turn_away(self, error: BaseException) -> None:
        """Answer with an error: at once, or when a body that is on its way has been read over."""
        self.error = error
        self.body.clear()
        wire: Any = self.request.connection
        wire.set_body_timeout(REFUSED_SECONDS)
        if self._announced() > DRAIN_LIMIT or self.size > DRAIN_LIMIT:
            self._answer_fault(error)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """A piece of the body."""
        self.size += len(chunk)
        if self.error is not None:
            return None
        if self.upload is not None:
            return self._keep(self.upload, chunk)
        try:
            self._check_size(self.size)
        except Refusal as error:
            return self._turn_away(error)
        self.body.append(chunk)
        return None

    async def _keep(self, upload: Upload, chunk: bytes) -> None:
        """Gather pieces to a size that is worth a write; the sender waits meanwhile."""
        self.body.append(chunk)
        if sum(map(len, self.body)) >= CHUNK:
            await self._flush(upload)

    async def _flush(self, upload: Upload) -> None:
        data = b"".join(self.body)
        self.body.clear()
        try:
            self._check_size(self.size)
            if data:
                await self.service.in_background(lambda: upload.write(data))
        except Exception as error:
            await self._turn_away(error)

    # -- the call -----------------------------------------------------------------------------------------------------

    async def get(self, *args: str) -> None:
        """Any method: the table knows them."""
        await self._serve()

    post = put = patch = delete = get

    async def _serve(self) -> None:
        if self._finished:
            return
        try:
            if self.upload is not None and self.error is None:
                await self._flush(self.upload)
            if self.error is not None:
                raise self.error
            assert self.route is not None
            answer = await self.service.carry_out(self.route, self._read(self.route))
        except Exception as error:
            self._answer_fault(error)
            return
        if isinstance(answer, File):
            await self._send_file(answer)
        elif isinstance(answer, Text):
            self._name_download(answer.name)
            self._send(200, answer.text.encode("utf-8", "backslashreplace"), answer.kind)
        elif isinstance(answer, str):
            self._send(200, answer.encode(), "text/plain; charset=utf-8")
        else:
            self._send(200, _encode(answer).encode(), "application/json")

    def _read(self, route: Route) -> Request:
        request = Request(self.service.space, {}, self.parts, self.caller, self.upload, self.service.presigned)
        if self.upload is not None:
            return request
        if self.request.method == "GET" or not self.body:
            given_query = self.query()
            try:
                query = {name: [value.decode() for value in values] for name, values in given_query.items()}
            except UnicodeDecodeError:
                raise InvalidInput("The query is not UTF-8.", hint="Encode it as UTF-8, then in percents.") from None
            request.fields = read_query(query, {**route.fields, **dict.fromkeys(self.parts, "text")})
            return request
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            # A form or a text can be sent by any page, without the browser asking first.
            raise Refusal("BAD_REQUEST", f"The body is {kind[:60] or 'of no type'!a}.", hint="Send application/json.")
        given = parse_json(b"".join(self.body))
        request.fields = read_fields(given, {**route.fields, **dict.fromkeys(self.parts, "text")})
        return request

    # -- on the way out -----------------------------------------------------------------------------------------------

    def set_default_headers(self) -> None:
        """Nothing is guessed, kept or shown in a frame; no other site is let in."""
        self.clear_header("Server")
        self.set_header(connection.MARK, "1")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        """None: hashing every answer costs more than sending it."""

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.set_status(status, _reason(status))
        self.set_header("Content-Type", kind)
        self.finish(body)

    def _send_json(self, status: int, value: Any) -> None:
        self._send(status, _encode(value).encode(), "application/json")

    def _answer_fault(self, error: BaseException) -> None:
        status, body = describe_fault(error)
        if status == STATUS["UNAUTHENTICATED"]:
            self.set_header("WWW-Authenticate", "Bearer")
        if status >= 500:
            log.warning("%s %s: %s", self.request.method, self.request.path, body["message"])
        self._send(status, _encode(body).encode(), "application/json")

    def _name_download(self, name: str) -> None:
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name)}")
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")

    async def _send_file(self, file: File) -> None:
        """Stream a file as a download that no browser runs, in constant memory."""
        try:
            source = await self.service.in_background(lambda: self.service.space.artifacts.open(file.digest))
        except MlopsError as error:
            self._answer_fault(error)
            return
        self.set_header("Content-Type", mimetypes.guess_type(file.name)[0] or "application/octet-stream")
        self.set_header("Content-Length", str(file.size))
        self._name_download(file.name)
        try:
            while chunk := await self.service.in_background(lambda: source.read(CHUNK)):
                self.write(chunk)
                await self.flush()
            self.finish()
        except (MlopsError, StreamClosedError) as error:
            # The head has gone out: cutting the connection is what tells the client that the bytes are not whole.
            log.warning("sending %s was cut short: %s", file.digest, error)
            wire: Any = self.request.connection
            if wire is not None:
                wire.stream.close()
        finally:
            await self.service.in_background(source.close)

    def on_finish(self) -> None:
        """Drop what was not kept, and write down who wrote."""
        if self.upload is not None:
            self.upload.abort()
        if self.route is not None and self.route.role != "read" and log.isEnabledFor(logging.INFO):
            log.info(
                "%s %s %s %d %.1f ms", self.caller.name or "-", self.request.method, self.request.path,
                self.get_status(), self.request.request_time() * 1000,
            )  # fmt: skip

    def on_connection_close(self) -> None:
        """The client has gone in the middle."""
        if self.upload is not None:
            self.upload.abort()

    def write_error(self, status_code: int, **facts: Any) -> None:
        """What tornado itself refuses, in the same form."""
        error = facts.get("exc_info", (None, None, None))[1]
        code = {400: "BAD_REQUEST", 405: "ENDPOINT_NOT_FOUND"}.get(status_code, "INTERNAL_ERROR")
        if code == "INTERNAL_ERROR" and error is not None and not isinstance(error, asyncio.CancelledError):
            self._answer_fault(error)
            return
        body = {"error_code": code, "message": _reason(status_code)}
        self._send(404 if status_code == 405 else status_code, _encode(body).encode(), "application/json")

    def log_exception(self, *about: Any) -> None:
        """`describe_fault` has said what is to be said."""


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
