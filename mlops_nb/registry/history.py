"""Who moved what when and why; what a version was made from, and which models came from a file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from mlops_nb import workspace as workspaces
from mlops_nb.entities import Artifact, ModelChange, ModelVersion, RegisteredModel, Run
from mlops_nb.errors import NotFound
from mlops_nb.lineage import SERVICE, Graph, lineage
from mlops_nb.registry.governed import uri_of
from mlops_nb.registry.names import check_model_name, parse_reference, parse_uri
from mlops_nb.registry.resolving import find_version
from mlops_nb.tracking.reading import find_run
from mlops_nb.workspace import Workspace

MONITORS = "mlops_nb.monitors"
"""Tag of a run that judged a model in service: the version's URI."""

RETRAINS = "mlops_nb.retrains"
"""Tag of the run that made the version that came out of a retraining: the URI of the one that it is to replace."""

DRIFT_RUN = "mlops_nb.drift_run"
"""Tag of such a run: the report that it answers to."""

SHOWN_LOOKS = 20
"""Reports on a version that a lineage shows: the newest."""

_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{16,}")


@dataclass(frozen=True, slots=True)
class History:
    """A registered model with its versions (newest first) and its audit (oldest first); `model` is None if deleted."""

    name: str
    model: RegisteredModel | None
    versions: list[ModelVersion]
    changes: list[ModelChange]


def history(name: str, space: Workspace | None = None) -> History:
    """Everything that happened to a registered model; a deleted one's audit is still there.

    Raises
    ------
    NotFound
        If there never was one of this name.

    Examples
    --------
    >>> from mlops_nb.registry.governed import create_model
    >>> _ = create_model("churn")
    >>> [change.action for change in history("churn").changes]
    ['create_model']
    """
    space = space or workspaces.current()
    space.flush()
    check_model_name(name)
    changes = space.store.model_changes(name)
    try:
        model = space.store.get_model(name)
    except NotFound:
        if not changes:
            raise
        return History(name, None, [], changes)
    return History(name, model, space.store.model_versions([name]).get(name, []), changes)


def model_lineage(start: str | os.PathLike[str], space: Workspace | None = None, *, depth: int = 12) -> Graph:
    """What a model version, a run or a file came from, and what came from it.

    Parameters
    ----------
    start : str or path
        A file, a digest, a version (``churn/3``, ``models:/churn@champion``), or a run.
    space : Workspace, optional
        Where to look; the current one by default.
    depth : int
        How many steps are followed each way.

    Returns
    -------
    Graph
        Of data (by digest), runs and versions; see `mlops_nb.lineage`.

    Raises
    ------
    NotFound
        If there is nothing of this name.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run(run_name="fit") as run: mlops_nb.log_text("flavors: {}", "model/MLmodel")
    >>> _ = mlops_nb.register_model(run.run_id, "churn")
    >>> [node.label for node in model_lineage("churn/1").nodes.values() if node.kind == "run"]
    ['fit']
    """
    space = space or workspaces.current()
    space.flush()
    store = space.store

    def get_run(run_id: str) -> Run | None:
        try:
            return store.get_run(run_id)
        except NotFound:
            return None

    def versions(run_id: str) -> list[str]:
        found: list[ModelVersion] = store.search_versions(f"run_id = '{run_id}'").items
        return [uri_of(version) for version in found]

    def origin(uri: str) -> str | None:
        return find_version(parse_uri(uri), space).run_id

    def artifacts(run_id: str) -> list[Artifact]:
        return store.artifacts(run_id) if get_run(run_id) is not None else []

    found = lineage(
        _start(start, space),
        store.runs_with_data,
        lambda run_id: store.data(run_id) if get_run(run_id) is not None else [],
        artifacts=artifacts,
        get_run=get_run,
        versions=versions,
        origin=origin,
        after=lambda node: _after(node, space),
        before=lambda node: _before(node, space),
        depth=depth,
    )
    return found.without_loose_files()


def _tagged(space: Workspace, tag: str, value: str) -> list[Run]:
    """The runs that carry a tag, the newest ones, oldest first."""
    quoted = value.replace("'", "''")
    found: list[Run] = space.store.search_runs(None, f"tags.`{tag}` = '{quoted}'", limit=SHOWN_LOOKS).items
    return found[::-1]


def _after(node: str, space: Workspace) -> list[tuple[str, str]]:
    """What followed from a version, a service or a run by the loop: served, monitored, retrained."""
    if node.startswith(SERVICE):
        return [(run.run_id, "monitored") for run in _tagged(space, MONITORS, node.removeprefix(SERVICE))]
    if node.startswith("models:"):
        if _tagged(space, MONITORS, node):
            return [(SERVICE + node, "served")]
        return [(run.run_id, "retrained") for run in _tagged(space, RETRAINS, node) if not run.tags.get(DRIFT_RUN)]
    return [(run.run_id, "retrained") for run in _tagged(space, DRIFT_RUN, node)]


def _before(node: str, space: Workspace) -> list[tuple[str, str]]:
    if node.startswith(SERVICE):
        return [(node.removeprefix(SERVICE), "served")]
    if node.startswith("models:"):
        return []
    try:
        tags = space.store.get_run(node).tags
    except NotFound:
        return []
    if tags.get(MONITORS):
        return [(SERVICE + tags[MONITORS], "monitored")]
    if tags.get(DRIFT_RUN):
        return [(tags[DRIFT_RUN], "retrained")]
    return [(tags[RETRAINS], "retrained")] if tags.get(RETRAINS) else []


def _start(start: str | os.PathLike[str], space: Workspace) -> str:
    """The id of the node that a reference means."""
    text = os.fspath(start)
    if _DIGEST.fullmatch(text):
        return text
    if not text.startswith(("models:", "runs:")) and Path(text).expanduser().exists():
        from mlops_nb.capture.data.digests import digest

        return digest(Path(text).expanduser()).digest
    run = text.removeprefix("runs:/").partition("/")[0] if text.startswith("runs:/") else text
    if any(mark in run for mark in "/@:"):
        return uri_of(find_version(parse_reference(text), space))
    try:
        return find_run(run, space).run_id
    except NotFound:
        if digest_of := _recorded(text, space):
            return digest_of
        raise NotFound(
            f"There is no run, no file here and none that a run touched of the name {text!r}.",
            hint="List runs with: mlops-nb runs",
        ) from None


def _recorded(path: str, space: Workspace) -> str:
    """The digest that a file had when a run touched it last, for one that is not there any more; empty if none did."""
    name = Path(path).name.replace("'", "''")
    for run in space.store.search_runs(None, f"dataset.name = '{name}'", limit=20).items:
        for ref in space.store.data(run.run_id):
            if ref.digest and (ref.path == path or Path(ref.path).name == path):
                return ref.digest
    return ""


def models_from(source: str | os.PathLike[str], space: Workspace | None = None) -> list[ModelVersion]:
    """The model versions that came from a file, a digest or a run, over however many steps; newest first.

    Examples
    --------
    >>> import mlops_nb, pathlib
    >>> _ = pathlib.Path("data.csv").write_text("a,b")
    >>> with mlops_nb.start_run() as run:
    ...     _ = mlops_nb.log_dataset("data.csv"); mlops_nb.log_text("flavors: {}", "model/MLmodel")
    >>> _ = mlops_nb.register_model(run.run_id, "churn")
    >>> [(version.name, version.version) for version in models_from("data.csv")]
    [('churn', 1)]
    """
    space = space or workspaces.current()
    graph = model_lineage(source, space)
    below, queue = {graph.start}, [graph.start]
    while queue:
        for edge in graph.targets_of(queue.pop()):
            if edge.target not in below:
                below.add(edge.target)
                queue.append(edge.target)
    uris = [node.id for node in graph.nodes.values() if node.kind == "version" and node.id in below]
    found = [find_version(parse_uri(uri), space) for uri in uris]
    return sorted(found, key=lambda version: -version.creation_time)
