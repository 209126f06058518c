"""A bad road to a good server: an HTTP proxy that is slow, turns requests away, or cuts them off, as it is told."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code>"
    b"<Message>Please reduce your request rate.</Message></Error>"
)


@dataclass
class Trouble:
    """What the proxy does: `plan` is asked for each request (its method, its path, the how manyth of its kind it is)
    and says ``""`` (pass it on), ``503``, ``cut`` (in the middle of the request), ``half`` (in the middle of the
    answer), or a number of seconds to wait first. `seen` is what came."""

    url: str = ""
    plan: Callable[[str, str, int], str] = lambda method, path, count: ""
    seen: list[tuple[str, str]] = field(default_factory=list)

    def reset(self, plan: Callable[[str, str, int], str]) -> None:
        """From now on, this plan."""
        self.seen.clear()
        self.plan = plan

    def parts(self) -> int:
        """How many different parts of uploads came."""
        return len({path for method, path in self.seen if method == "PUT" and "partNumber=" in path})


class Road(BaseHTTPRequestHandler):
    """Carries a request to the server at the other end, or does not."""

    protocol_version = "HTTP/1.1"
    trouble: Trouble
    target: tuple[str, int]

    def serve(self) -> None:
        """Any method."""
        self.close_connection = False
        self.trouble.seen.append((self.command, self.path))
        count = sum(seen == (self.command, self.path) for seen in self.trouble.seen)
        what = self.trouble.plan(self.command, self.path, count)
        size = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        if what == "cut":
            self.rfile.read(size // 2)
            self.hang_up()
            return
        body = self.rfile.read(size)
        if what == "503":
            self.answer(503, [("Content-Type", "application/xml")], SLOW_DOWN)
            return
        if what not in ("", "half"):
            time.sleep(float(what))
        there = http.client.HTTPConnection(*self.target, timeout=60)
        there.request(self.command, self.path, body or None, dict(self.headers.items()))
        answer = there.getresponse()
        content = answer.read()
        there.close()
        own = ("transfer-encoding", "connection")
        headers = [each for each in answer.getheaders() if each[0].lower() not in own]
        self.answer(answer.status, headers, content, half=what == "half")

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = serve  # noqa: N815

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, half: bool = False) -> None:
        """Send an answer, or half of it."""
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if half else body)
        if half:
            self.hang_up()

    def hang_up(self) -> None:
        """Cut the connection."""
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.close()
        self.close_connection = True

    def log_message(self, *about: Any) -> None:
        """Nothing."""

    def handle(self) -> None:
        """Whoever was cut off, or did not wait, is no news."""
        with contextlib.suppress(OSError, ValueError):
            super().handle()

    def finish(self) -> None:
        """Likewise."""
        with contextlib.suppress(OSError, ValueError):
            super().finish()


@contextmanager
def troubled(target: str, kind: type[Road] = Road) -> Iterator[Trouble]:
    """A proxy on a free port, in front of the server at `target`."""
    trouble, place = Trouble(), urlsplit(target)
    road = type("OwnRoad", (kind,), {"trouble": trouble, "target": (place.hostname, place.port)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), road)
    server.daemon_threads = True
    trouble.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield trouble
    finally:
        server.shutdown()
        server.server_close()
