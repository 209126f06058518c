"""Which store a request is about: that of the notebook that it names, found as that notebook's kernel finds it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from mlops_nb.lab.places import Places
from mlops_nb.server.routing import Route
from mlops_nb.server.service import Service
from mlops_nb.workspace import ENV_PROJECT, ENV_STORE, FOLDER, Workspace, open_workspace

KEPT = 8
"""Most stores that are open at once."""


class Stores:
    """The services of the stores that requests have named, and of the server's own folder.

    Parameters
    ----------
    places : Places
    routes : callable
        Gives the routes; called once, at the first request.
    """

    def __init__(self, places: Places, routes: Callable[[], tuple[Route, ...]]) -> None:
        self._places = places
        self._routes = routes
        self._made: tuple[Route, ...] | None = None
        self._services: dict[str, Service] = {}
        self._files: dict[str, int | None] = {}
        self._lock = threading.Lock()
        self.on_open: Callable[[Workspace], None] = lambda space: None

    def at(self, contents: str = "") -> Service:
        """The service for a notebook of Jupyter's path `contents`; that of the root folder if it is empty.

        Raises
        ------
        InvalidInput
            If the path leads out of the root.
        """
        start = self._places.file(contents).parent if contents else self._places.root
        found = open_workspace(start=start if start.is_dir() else self._places.root)
        with self._lock:
            service = self._services.pop(found.store_url, None)
            is_new = service is None
            if service is None:
                if self._made is None:
                    self._made = self._routes()
                service = Service(found, self._made)
            self._services[found.store_url] = service
            self._renew(service.space)
            gone = [self._services.pop(next(iter(self._services)))] if len(self._services) > KEPT else []
        for each in gone:
            close_service(each)
        if is_new:
            self.on_open(service.space)
        return service

    def spaces(self) -> list[Workspace]:
        """The workspaces that are in use."""
        with self._lock:
            spaces = [service.space for service in self._services.values()]
            for space in spaces:
                self._renew(space)
            return spaces

    def _renew(self, space: Workspace) -> None:
        """Let go of a database that was deleted: it would go on to give what nobody else sees any more."""
        before, now = self._files.get(space.store_url), file_of(space)
        self._files[space.store_url] = now
        if before is not None and now != before and space.is_open:
            space.close()  # what is asked next opens what is there then

    def close(self) -> None:
        """Let go of all of them."""
        with self._lock:
            services, self._services = list(self._services.values()), {}
        for each in services:
            close_service(each)


def close_service(service: Service) -> None:
    """Finish what has come, and give back the store's connections."""
    service.close()
    service.space.close()


def store_id(space: Workspace) -> str:
    """Which store this is, across restarts; a store that was deleted and made anew is another one.

    Examples
    --------
    >>> len(store_id(open_workspace("/data/runs")))
    16
    """
    file = "" if space.database is None else str(file_of(space) or "none")
    return hashlib.sha256((space.store_url + file).encode()).hexdigest()[:16]


def file_of(space: Workspace) -> int | None:
    """The file that a store is in, told apart from one of the same name; None if there is none here.

    Examples
    --------
    >>> file_of(open_workspace("/no/such/folder")) is None
    True
    """
    try:
        return None if space.database is None else space.database.stat().st_ino
    except OSError:
        return None


def has_store(space: Workspace) -> bool:
    """Whether the store is there already: looking at a folder shall not make one in it.

    Examples
    --------
    >>> has_store(open_workspace("/no/such/folder"))
    False
    """
    database = space.database
    return database is None or database.exists() or space.journals.is_dir()


def share_project(root: Path) -> None:
    """Let the kernels and terminals that this process starts find the store that it serves itself.

    A kernel starts in its notebook's folder, and looks upwards. Where nothing up there marks a project, the server's
    root is to be it: else each folder of notebooks had a store of its own. A store that is named relatively is made
    absolute, since it is meant from here.

    Parameters
    ----------
    root : Path
        The server's root folder, resolved.
    """
    store = os.environ.get(ENV_STORE, "")
    if store and "://" not in store:
        os.environ[ENV_STORE] = str(Path(store).expanduser().resolve())
    marked = any((folder / FOLDER).is_dir() or (folder / ".git").exists() for folder in (root, *root.parents))
    if not marked:
        os.environ.setdefault(ENV_PROJECT, str(root))
