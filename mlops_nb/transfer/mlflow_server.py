"""A server that speaks MLflow's REST API: MLflow's own, or one of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlencode

from mlops_nb.connection import Connection
from mlops_nb.errors import InvalidInput, MlopsError
from mlops_nb.transfer.parcels import File

Json = dict[str, Any]
API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
DEPTH = 64
"""Most folders above one another that are listed."""


class MlflowServer:
    """A `Source` over HTTP.

    Parameters
    ----------
    url : str
        ``http(s)://[user:password@]host[:port]``.
    token : str
        As for `Connection`.
    """

    def __init__(self, url: str, *, token: str = "") -> None:
        self._connection = Connection(url, token=token)
        self._connection.ask("POST", f"{API}/experiments/search", body={"max_results": 1})

    def total(self) -> int:
        """How many runs there are is not told; -1."""
        return -1

    def experiments(self) -> Iterable[Json]:
        """All experiments."""
        return self._pages("POST", "experiments/search", "experiments", {"view_type": "ALL", "max_results": 1000})

    def runs(self, experiment_id: str) -> Iterable[Json]:
        """All runs of an experiment."""
        asked = {"experiment_ids": [experiment_id], "run_view_type": "ALL", "max_results": 1000}
        return self._pages("POST", "runs/search", "runs", {**asked, "order_by": ["attributes.start_time ASC"]})

    def whole(self, run: Json) -> Json:
        """A run of a listing with what MLflow's listings leave out: the logged models that it read."""
        answer = self._connection.ask("GET", f"{API}/runs/get", query={"run_id": run["info"]["run_id"]}, again=True)
        return {**run, **{key: answer["run"][key] for key in ("inputs", "outputs") if key in answer["run"]}}

    def history(self, run: Json, key: str) -> Iterable[Json]:
        """All points of a metric."""
        asked = {"run_id": run["info"]["run_id"], "metric_key": key, "max_results": 25_000}
        return self._pages("GET", "metrics/get-history", "metrics", asked)

    def files(self, run: Json) -> Iterator[File]:
        """The files of a run."""
        info = run["info"]
        asked = {"run_id": info["run_id"]}
        direct = {"run_uuid": info["run_id"]}
        return self._walk(f"{API}/artifacts/list", asked, "path", str(info.get("artifact_uri", "")), direct, "")

    def logged_models(self, experiment_id: str) -> Iterable[Json]:
        """The logged models of an experiment; none where the server is older than they are."""
        try:
            asked = {"experiment_ids": [experiment_id], "max_results": 50}
            yield from self._pages("POST", "logged-models/search", "models", asked)
        except MlopsError as error:
            if "status 404" not in str(error):
                raise

    def logged_files(self, model: Json) -> Iterator[File]:
        """The files of a logged model."""
        info = model["info"]
        path = f"{API}/logged-models/{quote(str(info['model_id']), safe='')}/artifacts/directories"
        location = str(info.get("artifact_uri", ""))
        return self._walk(path, {}, "artifact_directory_path", location, {}, str(info["model_id"]))

    def models(self) -> Iterable[Json]:
        """The registered models."""
        return self._pages("GET", "registered-models/search", "registered_models", {"max_results": 100})

    def versions(self, name: str) -> Iterable[Json]:
        """The versions of a registered model."""
        asked = {"filter": f"name = {_quoted(name)}", "max_results": 1000}
        for each in self._pages("GET", "model-versions/search", "model_versions", asked):
            if each.get("name") == name:
                yield each

    def left_behind(self) -> Iterable[str]:
        """Nothing that a server tells of."""
        return ()

    def _pages(self, method: str, path: str, field: str, asked: Json) -> Iterator[Json]:
        token = ""
        while True:
            given = {**asked, **({"page_token": token} if token else {})}
            whole = {"query": given} if method == "GET" else {"body": given}
            answer = self._connection.ask(method, f"{API}/{path}", **whole, again=True)
            found = answer.get(field, [])
            yield from found
            before, token = token, str(answer.get("next_page_token") or "")
            if not token or not found or token == before:
                return

    def _walk(
        self, listing: str, asked: Json, named: str, location: str, direct: Json, model_id: str, folder: str = ""
    ) -> Iterator[File]:
        """Files below a folder, listed a folder at a time."""
        given = {**asked, **({named: folder} if folder else {})}
        answer = self._connection.ask("GET", listing, query=given, again=True)
        for each in answer.get("files", []):
            path = str(each["path"])
            if ".." in path.split("/") or path.count("/") > DEPTH or (folder and not path.startswith(f"{folder}/")):
                raise InvalidInput(f"the server names {path[:100]!a} among the files below {folder[:100]!a}")
            if each.get("is_dir"):
                yield from self._walk(listing, asked, named, location, direct, model_id, path)
            else:
                address = self._address(location, path, direct, model_id)
                opened = partial(self._connection.fetch, address, quoted=True)
                yield File(path, int(each.get("file_size") or 0), cast("Any", partial(_open, opened)))

    def _address(self, location: str, path: str, direct: Json, model_id: str) -> str:
        """Through the server's proxy, where its files are behind one; else by the routes of its pages."""
        if found := re.match(r"mlflow-artifacts:(?://[^/]*)?/(.*)", location):
            return f"{FILES}/{quote(found[1])}/{quote(path)}"
        if model_id:
            query = urlencode({"artifact_file_path": path})
            return f"/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files?{query}"
        return f"/get-artifact?{urlencode({**direct, 'path': path})}"


def _open(fetch: Any) -> AbstractContextManager[BinaryIO]:
    return cast("AbstractContextManager[BinaryIO]", fetch())


def _quoted(name: str) -> str:
    return '"' + name + '"' if "'" in name else f"'{name}'"
