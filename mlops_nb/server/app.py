"""The standalone server: listens, and ends gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from mlops_nb.errors import InvalidInput, InvalidState
from mlops_nb.server.door import Door
from mlops_nb.server.guard import Guard
from mlops_nb.server.service import Service
from mlops_nb.server.table import all_routes
from mlops_nb.server.tokens import Tokens
from mlops_nb.stopping import heeded_signals
from mlops_nb.workspace import Workspace

PATIENCE = 10.0
"""Seconds that requests under way get when the server is asked to stop."""

IDLE_SECONDS = 75
"""How long a connection may take to say what it wants, and to lie idle between two requests."""

CONNECTIONS = 65_536
"""Most files that the server asks to be allowed to hold open, of which each connection is one."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is started.

    `port` 0 takes a free one; `hosts` are further names that it is called by; `presigned`: MLflow's clients fetch files
    where they lie.
    """

    host: str = "127.0.0.1"
    port: int = 5000
    token: str = ""
    prefix: str = ""
    hosts: tuple[str, ...] = ()
    presigned: bool = False


class Server:
    """A server over a workspace, in the running loop.

    Parameters
    ----------
    space : Workspace
    settings : Settings
    """

    def __init__(self, space: Workspace, settings: Settings) -> None:
        self.settings = settings
        self.tokens = Tokens(space.root, settings.token)
        self.service = Service(space, all_routes(), prefix=settings.prefix, presigned=settings.presigned)
        guard = Guard(self.tokens.find, {settings.host, socket.gethostname(), *settings.hosts})
        # no pattern of tornado's: the table alone says what there is
        application = Application([(r".*", Door, {"service": self.service, "guard": guard})])
        self._http = HTTPServer(application, max_body_size=1 << 60, idle_connection_timeout=IDLE_SECONDS)
        self.port = 0

    def start(self) -> None:
        """Listen.

        Raises
        ------
        InvalidState
            If the port is taken.
        InvalidInput
            If files are to be fetched where they lie, and that gives them no addresses.
        """
        settings = self.settings
        self.service.space.store.info()  # a store that cannot be opened is said now
        if settings.presigned and self.service.space.artifacts.presign(f"sha256:{'0' * 64}") is None:
            raise InvalidInput(
                "The files of this store lie where no addresses can be given out.",
                hint="Start the server without --presigned, or keep the files in S3 (MLOPS_NB_ARTIFACTS).",
            )
        try:
            sockets = bind_sockets(settings.port, settings.host)
        except OSError as error:
            raise InvalidState(
                f"The server cannot listen on {settings.host}:{settings.port}: {error.strerror or error}.",
                hint="Choose another one with --port.",
            ) from error
        self.port = sockets[0].getsockname()[1]
        self._http.add_sockets(sockets)

    @property
    def url(self) -> str:
        """Where it is called."""
        host = self.settings.host
        host = f"[{host}]" if ":" in host else host
        prefix = self.settings.prefix.strip("/")
        return f"http://{host}:{self.port}" + (f"/{prefix}" if prefix else "")

    async def stop(self) -> None:
        """Take no new requests, finish those that came, and let go."""
        self._http.stop()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._http.close_all_connections(), PATIENCE)
        await asyncio.get_running_loop().run_in_executor(None, self.service.close)


def serve(
    space: Workspace,
    settings: Settings,
    *,
    started: Callable[[Server], None] = lambda server: None,
    signals: Iterable[signal.Signals] | None = None,
) -> None:
    """Serve a workspace until a signal comes.

    Parameters
    ----------
    space : Workspace
    settings : Settings
    started : callable
        Told when the server listens.
    signals : iterable of Signals, optional
        What ends it; by default all that ask to stop.
    """
    # A request waits for a thread that computes at most this long; the default of 5 ms would be most of an answer.
    sys.setswitchinterval(0.0005)
    allow_connections()
    asyncio.run(_serve(space, settings, started, heeded_signals() if signals is None else tuple(signals)))


def allow_connections() -> None:
    """As many open connections as the system grants: the usual limit of a shell is in reach of a few idle clients."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, CONNECTIONS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(
    space: Workspace, settings: Settings, started: Callable[[Server], None], signals: tuple[signal.Signals, ...]
) -> None:
    server = Server(space, settings)
    server.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in signals:
        loop.add_signal_handler(each, ended.set)
    started(server)
    await ended.wait()
    await server.stop()
