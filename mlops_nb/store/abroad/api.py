"""MLflow's REST API as a few calls: pages, limits, files, and whose id is whose."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import quote

from mlops_nb.connection import Connection
from mlops_nb.entities import Artifact
from mlops_nb.errors import InvalidInput, InvalidState, NotFound
from mlops_nb.wire.foreign import ID_TAG
from mlops_nb.wire.mlflow import read_tags

Json = dict[str, Any]
API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
AT_TAG = "mlops_nb.at."
"""With the digits of a journal: how far it has been delivered."""

_PROXIED = re.compile(r"mlflow-artifacts:(?://[^/]*)?/(.*)")


@dataclass(slots=True)
class Remote:
    """A run as it is on the server: its id there, where its files go, and what it has."""

    run_id: str
    location: str
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Abroad:
    """The calls that all parts of the store share.

    Parameters
    ----------
    url, token : str
        As for `Connection`.
    bytes_of : callable, optional
        As for `open_abroad`.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        bytes_of: Callable[[str], AbstractContextManager[BinaryIO]] | None = None,
    ) -> None:
        self._connection = Connection(url, token=token)
        self._bytes_of = bytes_of
        self._runs: dict[str, Remote] = {}
        self._home: dict[str, str] = {}
        self._models: dict[str, str] = {}
        self.losses: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise InvalidState(
            f"A server of MLflow has no way to do this ({name.replace('_', ' ')}).",
            hint="Import it into a store of your own with: mlops-nb import mlflow URL",
        )

    def post(self, path: str, body: Json, *, method: str = "POST", again: bool = False) -> Json:
        """A call with a body."""
        return dict(self._connection.ask(method, f"{API}/{path}", body=body, again=again))

    def get(self, path: str, /, **query: Any) -> Json:
        """A call that only reads."""
        return dict(self._connection.ask("GET", f"{API}/{path}", query=query, again=True))

    def pages(self, method: str, path: str, field: str, asked: Json) -> Iterator[Json]:
        """Everything of a listing."""
        token = ""
        while True:
            given = {**asked, **({"page_token": token} if token else {})}
            answer = self.get(path, **given) if method == "GET" else self.post(path, given, again=True)
            found = answer.get(field, [])
            yield from found
            before, token = token, str(answer.get("next_page_token") or "")
            if not token or not found or token == before:
                return

    def lose(self, text: str) -> None:
        """What cannot be carried over, in a sentence."""
        if text not in self.losses:
            self.losses.append(text)

    # -- whose id is whose --------------------------------------------------------------------------------------------

    def all_experiments(self) -> list[str]:
        """The ids of all experiments on the server."""
        asked = {"view_type": "ALL", "max_results": 1000}
        return [str(each["experiment_id"]) for each in self.pages("POST", "experiments/search", "experiments", asked)]

    def remote(self, run_id: str) -> Remote | None:
        """The run on the server that is ours of this id, or has this id itself."""
        if (known := self._runs.get(run_id)) is not None:
            return known
        try:
            return self.learn(self.get("runs/get", run_id=run_id)["run"])
        except (NotFound, InvalidInput):
            pass
        if not re.fullmatch(r"[\w-]{1,64}", run_id):
            return None
        asked = {"experiment_ids": self.all_experiments(), "run_view_type": "ALL", "max_results": 2}
        answer = self.post("runs/search", {**asked, "filter": f"tags.`{ID_TAG}` = '{run_id}'"}, again=True)
        return next(map(self.learn, answer.get("runs", [])), None)

    def learn(self, run: Json) -> Remote:
        """Remember a run that the server told of."""
        info, data = run["info"], run.get("data", {})
        tags = read_tags(data.get("tags", []))
        theirs = str(info["run_id"])
        found = Remote(theirs, str(info.get("artifact_uri", "")), read_tags(data.get("params", [])), tags)
        home = tags.get(ID_TAG, theirs)
        self._runs[home] = found
        self._home[theirs] = home
        return found

    def need_remote(self, run_id: str) -> Remote:
        """The run on the server, or `NotFound`."""
        found = self.remote(run_id)
        if found is None:
            raise NotFound(f"There is no run {run_id[:80]!r} on {self._connection.url}.")
        return found

    def remote_model(self, model_id: str) -> str | None:
        """The id on the server of a logged model of ours."""
        if model_id in self._models:
            return self._models[model_id]
        try:
            self.get(f"logged-models/{quote(model_id, safe='')}")
            self._models[model_id] = model_id
            return model_id
        except (NotFound, InvalidInput):
            pass
        if not re.fullmatch(r"m-[0-9a-f]{32}", model_id):
            return None
        asked = {"experiment_ids": self.all_experiments(), "filter": f"tags.`{ID_TAG}` = '{model_id}'"}
        found = self.post("logged-models/search", asked, again=True).get("models", [])
        if not found:
            return None
        self._models[model_id] = str(found[0]["info"]["model_id"])
        return self._models[model_id]

    def home_model(self, theirs: str) -> str:
        """The id at home of a logged model on the server."""
        home = next((mine for mine, abroad in self._models.items() if abroad == theirs), None)
        if home is None:
            try:
                info = self.get(f"logged-models/{quote(theirs, safe='')}")["model"]["info"]
            except NotFound:
                return theirs
            home = read_tags(info.get("tags", [])).get(ID_TAG, theirs)
            self._models[home] = theirs
        return home

    # -- files --------------------------------------------------------------------------------------------------------

    def send_files(self, location: str, files: Sequence[Artifact], whose: str) -> None:
        """Send files to where a run's (or a logged model's) files go; one without a digest is taken away."""
        if not files:
            return
        found = _PROXIED.fullmatch(location)
        if found is None or self._bytes_of is None:
            place = location.split("@")[-1][:100]
            self.lose(f"{len(files)} files of {whose}: the server does not take them itself, it keeps them at {place}.")
            return
        for each in files:
            address = f"{FILES}/{found[1]}/{each.path}"
            if re.search(r"[#?;%\\]", each.path):
                self.lose(f"The file {each.path[:100]!a} of {whose}: MLflow does not take such a name.")
            elif not each.digest:
                self._connection.ask("DELETE", quote(address))
            else:
                with self._bytes_of(each.digest) as data:
                    self._connection.send_file("PUT", address, data, each.size)

    def send_bytes(self, location: str, path: str, data: bytes) -> bool:
        """Send a small file; False if the server does not take files."""
        found = _PROXIED.fullmatch(location)
        if found is None:
            return False
        self._connection.send_file("PUT", f"{FILES}/{found[1]}/{path}", io.BytesIO(data), len(data))
        return True

    def list_files(self, run: Remote, folder: str = "") -> Iterator[tuple[str, int]]:
        """Paths and sizes of a run's files."""
        query = {"run_id": run.run_id, **({"path": folder} if folder else {})}
        for each in self.get("artifacts/list", **query).get("files", []):
            path = str(each["path"])
            if folder and not path.startswith(f"{folder}/"):
                raise InvalidInput(f"The server names {path[:100]!a} among the files below {folder[:100]!a}.")
            if each.get("is_dir"):
                yield from self.list_files(run, path)
            else:
                yield path, int(each.get("file_size") or 0)

    def read_file(self, run: Remote, path: str, most: int) -> bytes:
        """A small file of a run."""
        found = _PROXIED.fullmatch(run.location)
        if found is None:
            return b""
        with self._connection.fetch(f"{FILES}/{found[1]}/{path}") as answer:
            return answer.read(most)

    def close(self) -> None:
        """Give back the connection of this thread."""
        self._connection.close()
