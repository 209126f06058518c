"""MLflow's routes of files: clients push and fetch bytes through the server, and never learn where they lie.

A path of theirs is ``[anything/]ID/artifacts/PATH``, in which ID is a run or a logged model; there is no other.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from mlops_nb.artifacts import check_path, listing, resolve
from mlops_nb.entities import Artifact, Batch
from mlops_nb.errors import InvalidInput, NotFound
from mlops_nb.server.faults import Refusal
from mlops_nb.server.routing import File, Request, Route
from mlops_nb.server.runs import find_active_run, find_run, read_run_id
from mlops_nb.wire.mlflow import artifact_location, file_json, removed, run_location

PROXY = "/api/2.0/mlflow-artifacts"
ROOT = f"{PROXY}/artifacts"
UPLOAD_LIMIT = 1 << 50
URL_SECONDS = 900
"""How long a presigned address works."""

_ID = re.compile(r"(m-)?[0-9a-f]{32}")


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
    _check(full)
    parts = full.split("/")
    places = [place for place in range(1, len(parts)) if parts[place] == "artifacts"]
    # a folder of that name may stand in a location, or in a tree: the first one behind an id counts
    place = next((each for each in places if _ID.fullmatch(parts[each - 1])), places[0] if places else 0)
    if not place:
        shape = "EXPERIMENT/RUN/artifacts/PATH"
        raise NotFound(f"No run and no model owns the path {full[:200]!a}.", hint=f"It is {shape}.")
    path = "/".join(parts[place + 1 :])
    return parts[place - 1], _check(path) if path else ""


def _check(path: str) -> str:
    """A path that means the same to every program on its way, however often it decodes."""
    check_path(path, from_url=True)
    seen = path
    while (decoded := unquote(seen, errors="surrogateescape")) != seen:
        if cut := re.search("[#?;]", decoded):
            problem = f"The artifact path {path[:80]!a} has an encoded {cut.group()!r}."
            raise InvalidInput(problem, hint="Rename the file.")
        seen = decoded
    return path


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
        _check(path)
    return [file_json(each.path, is_folder=each.is_folder, size=each.size) for each in listing(tree, path)]


def list_proxied(request: Request) -> dict[str, Any]:
    """The same, as the file client asks: names come without the folder."""
    owner, path = split_path(request.fields.get("path", "").rstrip("/") or "nothing")
    files = list_tree(_find_tree(request, owner), path)
    return {"files": [{**each, "path": each["path"].rpartition("/")[2]} for each in files]}


def download(request: Request) -> File:
    """A file's bytes."""
    owner, path = split_path(request.path["path"])
    if not path:
        raise InvalidInput("The path names no file.")
    found = resolve(_find_tree(request, owner), path)
    return File(found.digest, found.size, path.rpartition("/")[2])


def presign(request: Request) -> dict[str, Any]:
    """Where a client may fetch a file itself, for a while, if the server was started so and the place can do it."""
    owner, path = split_path(request.path["path"])
    found = resolve(_find_tree(request, owner), path) if path else None
    url = request.space.artifacts.presign(found.digest, seconds=URL_SECONDS) if found and request.presigned else None
    if found is None or url is None:
        # MLflow's clients know this beginning, and go on without
        raise Refusal("NOT_IMPLEMENTED", "Presigned download is not supported for the current artifact repository.")
    return {"url": url, "headers": {}, "file_size": found.size}


def refuse_parts(request: Request) -> dict[str, Any]:
    """Uploads go through the server, which has to see the bytes to name them: large ones are streamed."""
    raise Refusal("NOT_IMPLEMENTED", "Multipart upload is not supported for the current artifact repository.")


def upload(request: Request) -> dict[str, Any]:
    """Keep a file: its bytes are there when the tree names it."""
    owner, path = split_path(request.path["path"])
    assert request.upload is not None
    if not path:
        raise InvalidInput("The path names no file.")
    _find_tree(request, owner, to_write=True)
    digest, size = request.upload.commit()
    _keep(request, owner, [Artifact(path, digest, size)])
    return {}


def delete(request: Request) -> dict[str, Any]:
    """Take a file, or all below a folder, out of a tree; the bytes go with the next collection."""
    owner, path = split_path(request.path["path"])
    tree = _find_tree(request, owner, to_write=True)
    gone = [each for each in tree if not path or each.path == path or each.path.startswith(f"{path}/")]
    _keep(request, owner, [removed(each.path) for each in gone])
    return {}


def _find_tree(request: Request, owner: str, *, to_write: bool = False) -> list[Artifact]:
    """The files of a run, or of a logged model."""
    store = request.space.store
    if owner.startswith("m-"):
        return store.logged_model_files(owner)
    run = (find_active_run if to_write else find_run)(request, owner)
    return store.artifacts(run.run_id)


def _keep(request: Request, owner: str, files: list[Artifact]) -> None:
    store = request.space.store
    if owner.startswith("m-"):
        store.keep_logged_files(owner, files)
    else:
        store.apply([Batch(owner, "", artifacts=files)], guarded=True)


ROUTES = (
    Route("GET", "/api/2.0/mlflow/artifacts/list", list_run,
          fields={"run_id": "text", "run_uuid": "text", "path": "text", "page_token": "text"}),
    Route("GET", ROOT, list_proxied, fields={"path": "text"}),
    Route("GET", ROOT + "/{path...}", download),
    Route("GET", PROXY + "/presigned/{path...}", presign),
    Route("POST", PROXY + "/mpu/create/{path...}", refuse_parts, "direct", "write",
          fields={"path": "text", "num_parts": "int"}),
    Route("PUT", ROOT + "/{path...}", upload, "upload", "write", limit=UPLOAD_LIMIT),
    Route("DELETE", ROOT + "/{path...}", delete, "write", "write"),
)  # fmt: skip
