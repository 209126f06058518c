"""What the model was trained on, as its run recorded it: the profile that answers are compared with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_nb.capture.data.profiles import profile_frame
from mlops_nb.entities import DataRef
from mlops_nb.errors import InvalidInput, MlopsError, NotFound, require
from mlops_nb.models.snapshot import REFERENCE, take_snapshot
from mlops_nb.registry import Resolved, load_model
from mlops_nb.serving.tables import INPUT
from mlops_nb.workspace import Workspace

SEEN_ROWS = 200_000
"""Rows of a reference file that are read."""

_HINT = (
    "Name the training data with --reference FILE; models logged with input_example=X_train (or in a tracked cell) "
    "bring it along."
)


class NoReference(NotFound):
    """Nothing is known of what the model was trained on."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What to compare with.

    Attributes
    ----------
    inputs, outputs : dict of str to dict
        Entries of a profile by column (see `mlops_nb.capture.data.profiles`).
    source : str
        Where it is from, in words.
    rows : int
    run_id : str
    note : str
        What it lacks.
    """

    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    source: str = ""
    rows: int = 0
    run_id: str = ""
    note: str = ""


def find_reference(
    found: Resolved, space: Workspace, *, file: str | None = None, columns: Sequence[str] = ()
) -> Reference:
    """The reference of a model: a file that is named, else what the run recorded.

    In this order: the snapshot that was taken when the model was logged; a frame or file that the run (or the run of
    the notebook around it) read, with all of the model's columns.

    Parameters
    ----------
    found : Resolved
    space : Workspace
    file : str, optional
        CSV, Parquet, JSON lines.
    columns : sequence of str
        The model's inputs, if it says; else what the log has.

    Raises
    ------
    NoReference
        If nothing was recorded.
    InvalidInput
        If the file cannot be read, or has none of the columns.

    Examples
    --------
    >>> import mlops_nb, pandas as pd
    >>> frame = pd.DataFrame({"a": range(100)})
    >>> with mlops_nb.start_run() as run:
    ...     info = mlops_nb.log_model(lambda rows: rows["a"], "double", input_example=frame, requirements=[])
    >>> from mlops_nb.registry import resolve
    >>> from mlops_nb import workspace
    >>> workspace.current().flush()
    True
    >>> find_reference(resolve(info.uri), workspace.current()).rows
    100
    """
    if file is not None:
        return _from_file(file, found, space, columns)
    if found.run_id is None:
        raise NoReference(f"No run is known that made {found.uri}.", hint=_HINT)
    store = space.store
    snapshot = store.facts(found.run_id, [f"{REFERENCE}{found.path}"]).get(f"{REFERENCE}{found.path}")
    if isinstance(snapshot, dict) and snapshot.get("inputs"):
        return Reference(
            by_name(snapshot["inputs"]), by_name(snapshot.get("outputs") or {}), "the training data of the run",
            int(snapshot.get("rows") or 0), found.run_id,
        )  # fmt: skip
    for run_id in _runs_around(found.run_id, space):
        best = choose(store.data(run_id), columns)
        if best is not None:
            note = "what the model said in training was not recorded: its predictions are compared with nothing"
            rows = int(best.profile.get("rows") or 0)
            source = f"{best.name or best.path}, which the run read"
            return Reference(by_name(best.profile), {}, source, rows, run_id, note)
    raise NoReference(f"The run {found.run_id} did not record what {found.uri} was trained on.", hint=_HINT)


def inputs_of(found: Resolved, names: Iterable[str], space: Workspace) -> list[str]:
    """The model's inputs: by its signature, else by the names of the log's columns."""
    if found.run_id is not None:
        fact = space.store.facts(found.run_id, [f"model:{found.path}"]).get(f"model:{found.path}") or {}
        inputs = (fact.get("signature") or {}).get("inputs") or []
        named = [str(each["name"]) for each in inputs if isinstance(each, dict) and each.get("name")]
        if named and len(named) == len(inputs):
            return named
    return [name.removeprefix(INPUT) for name in names if name.startswith(INPUT)]


def _runs_around(run_id: str, space: Workspace) -> list[str]:
    parent = space.store.get_run(run_id).parent_run_id
    return [run_id, parent] if parent else [run_id]


def choose(refs: Iterable[DataRef], columns: Sequence[str]) -> DataRef | None:
    """The data with most of the model's columns: what is called training data first, then the most rows.

    Examples
    --------
    >>> profile = {"rows": 9, "columns": [{"name": "a", "kind": "numeric", "histogram": {}}]}
    >>> choose([DataRef("X_train", "", 0, profile=profile)], ["a"]).path
    'X_train'
    """
    ranked = []
    for ref in refs:
        names = {str(each["name"]) for each in ref.profile.get("columns") or () if each.get("kind")}
        if ref.mode not in ("read", "log") or not names or (columns and not set(columns) <= names):
            continue
        training = "train" in f"{ref.context} {ref.name}".lower()
        testing = any(word in f"{ref.context} {ref.name}".lower() for word in ("test", "valid", "holdout", "eval"))
        ranked.append(((training, not testing, int(ref.profile.get("rows") or 0)), ref))
    return max(ranked, key=lambda each: each[0])[1] if ranked else None


def by_name(profile: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The columns of a profile by their names."""
    return {str(each["name"]): dict(each) for each in profile.get("columns") or () if each.get("kind")}


def _from_file(file: str, found: Resolved, space: Workspace, columns: Sequence[str]) -> Reference:
    frame = read_table(file, rows=SEEN_ROWS)
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise InvalidInput(
            f"The reference {file} lacks the model's column {absent[0]!r}.", hint="Name what it was trained on."
        )
    inputs = frame[list(columns)] if columns else frame
    note, snapshot = "", {}
    try:
        snapshot = take_snapshot(load_model(found.uri, space=space).predict, inputs)
    except MlopsError as error:
        note = f"the model could not be asked about the reference: {error.message}"
    profile = snapshot.get("inputs") or profile_frame(inputs, seconds=60.0)
    return Reference(by_name(profile), by_name(snapshot.get("outputs") or {}), str(file), len(frame), "", note)


def read_table(path: str | os.PathLike[str], *, rows: int | None = None) -> Any:
    """A table from a file: Parquet, CSV (also packed), JSON lines, by its name.

    Parameters
    ----------
    path : path
    rows : int, optional
        Only the first ones.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    NotFound, InvalidInput
        If there is no such file, or it is not what its name says.

    Examples
    --------
    >>> _ = Path("a.csv").write_text("x,y\\n1,2\\n")
    >>> read_table("a.csv").columns.tolist()
    ['x', 'y']
    """
    import pandas

    file = Path(path).expanduser()
    if not file.is_file():
        raise NotFound(f"There is no file {str(path)!r}.", hint="Check the path.")
    ending = file.name.lower().removesuffix(".gz").rpartition(".")[2]
    try:
        if ending == "parquet":
            require("pyarrow", "monitor", purpose="read Parquet files")
            frame = pandas.read_parquet(file)
            return frame if rows is None else frame.head(rows)
        if ending in ("jsonl", "ndjson"):
            return pandas.read_json(file, lines=True, nrows=rows)
        if ending in ("csv", "tsv", "txt"):
            return pandas.read_csv(file, sep="\t" if ending == "tsv" else ",", nrows=rows)
    except MlopsError:
        raise
    except Exception as error:  # each reader has its own errors for what is not its format
        raise InvalidInput(f"The file {str(path)!r} cannot be read: {str(error).splitlines()[0][:200]}.") from None
    raise InvalidInput(f"The file {str(path)!r} is of no known kind.", hint="Give .parquet, .csv, .tsv or .jsonl.")
