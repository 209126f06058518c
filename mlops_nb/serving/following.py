"""Which models a service has: URIs resolved and fetched, and watched, since an alias may move."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from mlops_nb.errors import InvalidInput, MlopsError
from mlops_nb.registry.loading import SAFE_ONLY, fetch_model
from mlops_nb.registry.names import parse_uri
from mlops_nb.registry.resolving import Resolved, resolve
from mlops_nb.serving.log import CHAMPION, check_served_name
from mlops_nb.serving.settings import ROLES, Source
from mlops_nb.workspace import Workspace


def find_source(
    role: str, uri: str, space: Workspace, *, trust: tuple[str, ...] = (), name: str = "", before: Source | None = None
) -> Source:
    """The model that a URI means now, as a folder on this machine.

    Parameters
    ----------
    role, uri : str
    space : Workspace
    trust : tuple of str
        As for `load_model`.
    name : str
        What it is served as; by default the registered model's, or the last part of its path.
    before : Source, optional
        What the URI meant before: returned as it is, if nothing has changed.

    Raises
    ------
    MlopsError
        As of `resolve` and `fetch_model`.
    """
    found = resolve(uri, space)
    version = "" if found.version is None else str(found.version)
    if before is not None and (found.uri, found.digest) == (before.uri, before.digest):
        return before
    folder = found.folder if found.folder is not None else fetch_model(found, space=space)
    safe_only = True if space.store.get_setting(SAFE_ONLY) else None
    served_as = check_served_name(name or found.name or _last_part(found))
    return Source(role, found.uri, served_as, version or "1", found.run_id or "", str(folder), found.digest, trust,
                  safe_only)  # fmt: skip


def _last_part(found: Resolved) -> str:
    part = found.path.rstrip("/").rpartition("/")[2]
    return part if part and not part.startswith(".") else "model"


def can_move(uri: str) -> bool:
    """Whether a URI may mean something else later: an alias, a stage, the latest version.

    Examples
    --------
    >>> can_move("models:/churn@champion"), can_move("models:/churn/3")
    (True, False)
    """
    return parse_uri(uri).kind in ("alias", "stage", "latest")


class Follower:
    """Looks now and then, in a thread, where the URIs stand.

    Parameters
    ----------
    uris : mapping of str to str
        By role.
    space : Workspace
    trust : tuple of str
    moved : callable
        ``moved(sources)``: called when one means another version.
    failed : callable
        ``failed(sentence)``: called when looking fails, once until it works again.
    """

    def __init__(
        self, uris: Mapping[str, str], space: Workspace, trust: tuple[str, ...],
        moved: Callable[[dict[str, Source]], None], failed: Callable[[str], None],
    ) -> None:  # fmt: skip
        if CHAMPION not in uris or not uris.keys() <= set(ROLES):
            raise InvalidInput("A service needs a model.", hint="For instance: serve models:/churn@champion")
        self.uris = dict(uris)
        self.sources: dict[str, Source] = {}
        self._space = space
        self._trust = trust
        self._moved = moved
        self._failed = failed
        self._ended = threading.Event()
        self._said = ""

    def look(self) -> dict[str, Source]:
        """Where the URIs stand now; challenger and shadow are served under the champion's name."""
        found: dict[str, Source] = {}
        for role in ROLES:
            if role in self.uris:
                name = found[CHAMPION].name if found else ""
                before = self.sources.get(role)
                found[role] = find_source(role, self.uris[role], self._space, trust=self._trust, name=name,
                                          before=before)  # fmt: skip
        return found

    def start(self, every: float) -> None:
        """Go on looking, if any of the URIs can move."""
        if every > 0 and any(map(can_move, self.uris.values())):
            threading.Thread(target=self._follow, args=(every,), name="mlops_nb-follow", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def _follow(self, every: float) -> None:
        while not self._ended.wait(every):
            try:
                found = self.look()
            except MlopsError as error:
                if str(error) != self._said:
                    self._said = str(error)
                    self._failed(f"{error} The service goes on with what it has.")
                continue
            self._said = ""
            if found != self.sources:
                self.sources = found
                self._moved(found)
