"""MLflow's routes of files: clients push and fetch bytes through the server, and never learn where they lie.

A path of theirs is ``[anything/]ID/artifacts/PATH``, in which ID is a run or a logged model; there is no other.
"""

from __future__ import annotations

import re
from typing import Any

from mlops_nb.artifacts import check_path, listing, resolve
from mlops_nb.entities import Artifact, Batch
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.server.routing import File, Request, Route
from mlops_nb.server.runs import find_active_run, find_run, read_run_id
from mlops_nb.wire.mlflow import artifact_location, file_json, removed, run_location

ROOT = "/api/2.0/mlflow-artifacts/artifacts"
UPLOAD_LIMIT = 1 << 50

_OWNER = re.compile(r"(?:.*/)?(?P<owner>[0-9a-zA-Z][\w\-]{0,255})/artifacts(?:/(?P<path>.+))?", re.DOTALL)


def split_path(full: str) -> tuple[str, str]:
    """A path of MLflow's clients as the run (or logged model) that owns it, and the path in its tree.

    Parameters
    ----------
    full : str
        Decoded once.

    Returns
    -------
    tuple of str
        The owner's id, and the path; empty for the whole tree.

    Raises
    ------
    InvalidInput
        If the path is not safe.
    NotFound
        If nothing owns it.

    Examples
    --------
    >>> split_path("0/abc/artifacts/plots/a.png")
    ('abc', 'plots/a.png')
    """
    check_path(full, from_url=True)
    # the first "/artifacts" counts: a folder of that name may stand in a tree
    found = _OWNER.fullmatch(full) and re.match(r"(.*?)(?<=/)artifacts(?:/|$)(.*)", full, re.DOTALL)
    if not found or not found[1].strip("/"):
        shape = "EXPERIMENT/RUN/artifacts/PATH"
        raise NotFound(f"No run and no model owns the path {full[:200]!a}.", hint=f"It is {shape}.")
    return found[1].rstrip("/").rpartition("/")[2], found[2]


def list_run(request: Request) -> dict[str, Any]:
    """The files and folders directly below a path of a run."""
    run = find_run(request, read_run_id(request))
    experiment = request.space.store.get_experiment(run.experiment_id)
    root = run_location(artifact_location(experiment), run.run_id)
    return {"root_uri": root, "files": list_tree(request.space.store.artifacts(run.run_id), request.fields.get("path"))}


def list_tree(tree: list[Artifact], path: str | None) -> list[dict[str, Any]]:
    """A listing as MLflow's clients read it; `path` comes from outside."""
    path = (path or "").rstrip("/")
    if path:
        check_path(path, from_url=True)
    return [file_json(each.path, is_folder=each.is_folder, size=each.size) for each in listing(tree, path)]


def list_proxied(request: Request) -> dict[str, Any]:
    """The same, as the file client asks: names come without the folder."""
    owner, path = split_path(request.fields.get("path", "").strip("/") or "nothing")
    files = list_tree(_tree(request, owner), path)
    return {"files": [{**each, "path": each["path"].rpartition("/")[2]} for each in files]}


def download(request: Request) -> File:
    """A file's bytes."""
    owner, path = split_path(request.path["path"])
    if not path:
        raise InvalidInput("The path names no file.")
    found = resolve(_tree(request, owner), path)
    return File(found.digest, found.size, path.rpartition("/")[2])


def upload(request: Request) -> dict[str, Any]:
    """Keep a file: its bytes are there when the tree names it."""
    owner, path = split_path(request.path["path"])
    assert request.upload is not None
    if not path:
        raise InvalidInput("The path names no file.")
    find_active_run(request, owner)
    digest, size = request.upload.commit()
    request.space.store.apply([Batch(owner, "", artifacts=[Artifact(path, digest, size)])], guarded=True)
    return {}


def delete(request: Request) -> dict[str, Any]:
    """Take a file, or all below a folder, out of a tree; the bytes go with the next collection."""
    owner, path = split_path(request.path["path"])
    find_active_run(request, owner)
    tree = _tree(request, owner)
    gone = [each for each in tree if not path or each.path == path or each.path.startswith(f"{path}/")]
    request.space.store.apply([Batch(owner, "", artifacts=[removed(each.path) for each in gone])], guarded=True)
    return {}


def _tree(request: Request, owner: str) -> list[Artifact]:
    return request.space.store.artifacts(find_run(request, owner).run_id)


ROUTES = (
    Route("GET", "/api/2.0/mlflow/artifacts/list", list_run,
          fields={"run_id": "text", "run_uuid": "text", "path": "text", "page_token": "text"}),
    Route("GET", ROOT, list_proxied, fields={"path": "text"}),
    Route("GET", ROOT + "/{path...}", download),
    Route("PUT", ROOT + "/{path...}", upload, "upload", "write", limit=UPLOAD_LIMIT),
    Route("DELETE", ROOT + "/{path...}", delete, "write", "write"),
)  # fmt: skip
