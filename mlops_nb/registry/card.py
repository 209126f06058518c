"""The model card: what a version is, made of what was recorded, and kept with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.comparison import RunView
from mlops_nb.entities import Artifact, DataRef, ModelChange, ModelVersion, Run
from mlops_nb.errors import MlopsError, NotFound
from mlops_nb.lineage import Graph, draw_mermaid, draw_tree
from mlops_nb.registry.checking import Candidate
from mlops_nb.registry.documents import Block, Code, Section, Table, Text, to_html, to_markdown
from mlops_nb.registry.governed import uri_of
from mlops_nb.registry.history import model_lineage
from mlops_nb.registry.names import parse_reference
from mlops_nb.registry.resolving import MLMODEL, find_version
from mlops_nb.registry.words import change_words, short_digest
from mlops_nb.tracking.reading import load_view
from mlops_nb.tracking.shapes import iso_time
from mlops_nb.workspace import Workspace

MARKDOWN, HTML = "card.md", "card.html"
SHOWN_COLUMNS = 60
SHOWN_DATA = 30
SHOWN_CHANGES = 50
SHOWN_CODE = 20_000


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A version's card in both forms; shown as itself in a notebook."""

    version: ModelVersion
    markdown: str
    html: str

    def _repr_markdown_(self) -> str:
        return self.markdown

    def __str__(self) -> str:
        return self.markdown


@dataclass(frozen=True, slots=True)
class Known:
    """All that a card is made of."""

    version: ModelVersion
    description: str
    view: RunView | None
    mlmodel: Mapping[str, Any]
    requirements: str
    evaluations: Sequence[Run]
    changes: Sequence[ModelChange]
    graph: Graph | None


def card(
    name: str, version: int | str | None = None, *, keep: bool = True, space: Workspace | None = None
) -> ModelCard:
    """Make the card of a version, and keep it with the version as ``card.md`` and ``card.html``.

    Parameters
    ----------
    name : str
        The registered model; or the whole reference (``churn/3``, ``churn@champion``) if no version is given.
    version : int or str, optional
        Its version, an alias (``@champion``) or a stage.
    keep : bool, default True
        Whether it is kept.
    space : Workspace, optional
        Where; the current one by default.

    Returns
    -------
    ModelCard

    Raises
    ------
    NotFound
        If there is no such version.

    Examples
    --------
    >>> import mlops_nb
    >>> with mlops_nb.start_run(run_name="fit") as run:
    ...     mlops_nb.log_metric("auc", 0.9); mlops_nb.log_text("flavors: {}", "model/MLmodel")
    >>> _ = mlops_nb.register_model(run.run_id, "churn")
    >>> card("churn", 1).markdown.splitlines()[0]
    '# churn, version 1'
    """
    space = space or workspaces.current()
    space.flush()
    reference = name if version is None else f"{name}{version}" if str(version).startswith("@") else f"{name}/{version}"
    found = find_version(parse_reference(reference), space)
    title = f"{found.name}, version {found.version}"
    known = _gather(found, space)
    made = ModelCard(found, to_markdown(title, _sections(known, draw_mermaid)), to_html(title, _sections(known, None)))
    if keep:
        texts = {MARKDOWN: made.markdown, HTML: made.html}
        files = [Artifact(path, *space.artifacts.put_bytes(text.encode())) for path, text in texts.items()]
        space.store.keep_notes(found.name, found.version, files)
    return made


def _gather(version: ModelVersion, space: Workspace) -> Known:
    view = None
    if version.run_id is not None:
        try:
            view = load_view(version.run_id, space)
        except NotFound:
            pass  # the run was purged; the card says what is left
    files = {entry.path: entry.digest for entry in space.store.version_files(version.name, version.version)}
    evaluations = Candidate(version, "", "", space).evidence(version)
    return Known(
        version,
        space.store.get_model(version.name).description,
        view,
        _read_mlmodel(files, space),
        _read_text(files.get("requirements.txt"), space),
        [run for run in evaluations if run.run_id != version.run_id],
        space.store.model_changes(version.name, version=version.version),
        model_lineage(uri_of(version), space, depth=6),
    )


def _read_text(digest: str | None, space: Workspace) -> str:
    if digest is None:
        return ""
    try:
        return space.artifacts.read(digest).decode("utf-8", "replace")
    except MlopsError as error:
        return f"cannot be read: {error.message}"


def _read_mlmodel(files: Mapping[str, str], space: Workspace) -> dict[str, Any]:
    """Flavors and signature out of the MLmodel file; what cannot be read is no reason to have no card."""
    from mlops_nb.models.mlmodel import read_mlmodel

    if MLMODEL not in files:
        return {}
    try:
        with tempfile.TemporaryDirectory(prefix="mlops_nb-") as folder:
            space.artifacts.fetch(files[MLMODEL], Path(folder, MLMODEL))
            found = read_mlmodel(Path(folder))
    except MlopsError as error:
        return {"fault": error.message}
    signature = found.signature.to_plain() if found.signature is not None else None
    return {"flavors": found.flavors, "signature": signature, "metadata": found.metadata}


def _sections(known: Known, diagram: Callable[[Graph], str] | None) -> list[Section]:
    """The card's sections; the lineage as a Mermaid diagram where there is one, else as a tree."""
    made = [
        Section("What it is", _what(known)),
        Section("Metrics", _metrics(known)),
        Section("Data", _data(known)),
        Section("Signature", _signature(known.mlmodel)),
        Section("How it was made", _making(known)),
        Section("Code", _code(known.view)),
        Section("Environment", _environment(known)),
        Section("Lineage", _lineage(known.graph, diagram)),
        Section("History", _history(known.changes)),
    ]
    return [section for section in made if section.blocks]


def _pairs(rows: Sequence[tuple[str, Any]]) -> list[Block]:
    shown = [[key, str(value)] for key, value in rows if value not in (None, "", [], {})]
    return [Table(["", ""], shown)] if shown else []


def _what(known: Known) -> list[Block]:
    version = known.version
    blocks: list[Block] = [Text(words) for words in (known.description, version.description) if words]
    flavors = ", ".join(str(name) for name in known.mlmodel.get("flavors", {}) if name != "python_function")
    rows = [
        ("model", f"models:/{version.name}/{version.version}"),
        ("aliases", ", ".join(f"@{alias}" for alias in version.aliases)),
        ("stage", version.stage if version.stage != "None" else ""),
        ("flavor", flavors or ("python_function" if known.mlmodel.get("flavors") else "")),
        ("registered", f"{iso_time(version.creation_time)} by {version.user or 'unknown'}"),
        ("run", f"{known.view.run.name} ({version.run_id})" if known.view else version.run_id),
        ("size", f"{version.size:,} bytes"),
        ("digest", version.digest),
        *(("tag " + key, value) for key, value in version.tags.items()),
    ]
    blocks += _pairs(rows)
    fault = known.mlmodel.get("fault")
    return [*blocks, Text(f"The MLmodel file cannot be read: {fault}", quiet=True)] if fault else blocks


def _metrics(known: Known) -> list[Block]:
    runs = [*([known.view.run] if known.view else []), *known.evaluations]
    rows = [[key, f"{value:.6g}", run.name] for run in runs for key, value in run.metrics.items()]
    return [Table(["metric", "value", "measured in"], rows)] if rows else []


def _data(known: Known) -> list[Block]:
    refs = [ref for ref in known.view.data if ref.profile.get("kind") != "code"] if known.view else []
    rows = [
        [ref.mode, ref.name or ref.path, ref.context, _rows(ref), f"{ref.size:,}", short_digest(ref.digest)]
        for ref in refs[:SHOWN_DATA]
    ]
    blocks: list[Block] = [Table(["", "data", "for", "rows", "bytes", "digest"], rows)] if rows else []
    for ref in refs[:SHOWN_DATA]:
        columns = ref.profile.get("columns")
        if isinstance(columns, list) and any(isinstance(each, dict) and "count" in each for each in columns):
            blocks += [Text(f"{ref.name or ref.path}, {len(columns)} columns:"), _profile(columns)]
    return blocks


def _rows(ref: DataRef) -> str:
    rows = ref.profile.get("rows")
    return f"{rows:,}" if isinstance(rows, int) else ""


def _profile(columns: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for column in columns[:SHOWN_COLUMNS]:
        span = f"{_short(column['min'])} … {_short(column['max'])}" if "min" in column and "max" in column else ""
        missing = f"{column['missing']:,}" if column.get("missing") else ""
        numbers = [_short(column.get(key)) for key in ("mean", "std")]
        rows.append([str(column.get("name", "")), str(column.get("dtype", "")), missing, *numbers, span])
    return Table(["column", "type", "missing", "mean", "std", "range"], rows)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else "" if value is None else str(value)[:40]


def _signature(mlmodel: Mapping[str, Any]) -> list[Block]:
    rows = []
    for part, fields in (mlmodel.get("signature") or {}).items():
        for field in (fields or ())[:SHOWN_COLUMNS]:
            spec = field.get("tensor-spec")
            kind = f"{spec['dtype']} {spec['shape']}" if isinstance(spec, dict) else str(field.get("type", ""))
            note = "" if field.get("required", True) else "may be missing"
            rows.append([part, str(field.get("name") or ""), kind, note])
    return [Table(["", "name", "type", ""], rows)] if rows else []


def _making(known: Known) -> list[Block]:
    if known.view is None:
        return [Text("It was registered from a folder: no run is known.", quiet=True)]
    run, facts = known.view.run, known.view.facts
    clean = facts.get("restart_run_all")
    rows: list[tuple[str, Any]] = [
        ("experiment", run.experiment),
        ("notebook", run.notebook),
        ("by", run.user),
        ("started", iso_time(run.start_time)),
        ("restart and run all", "clean" if clean == "clean" else "; ".join(clean) if isinstance(clean, list) else ""),
        ("reproduced", run.tags.get("mlops_nb.verdict", "not tried yet")),
    ]
    params = [[key, repr(value) if isinstance(value, str) else str(value)] for key, value in run.params.items()]
    return [*_pairs(rows), *([Table(["param", "value"], params)] if params else [])]


def _code(view: RunView | None) -> list[Block]:
    if view is None:
        return []
    cells = view.facts.get("slice") or []
    source = "\n\n".join(str(cell.get("source", "")) for cell in cells) or str(view.facts.get("code") or "")
    return [Code(source[:SHOWN_CODE], "python")] if source else []


def _environment(known: Known) -> list[Block]:
    facts = known.view.facts if known.view else {}
    environment, git = facts.get("environment") or {}, facts.get("git") or {}
    rows: list[tuple[str, Any]] = [(key, environment.get(key)) for key in ("python", "platform", "cpu")]
    rows += [(f"git {key}", git.get(key)) for key in ("commit", "branch", "remote")]
    rows.append(("git", "with changes that were not committed" if git.get("diff") or git.get("dirty") else ""))
    return [*_pairs(rows), *([Code(known.requirements)] if known.requirements else [])]


def _lineage(graph: Graph | None, diagram: Callable[[Graph], str] | None) -> list[Block]:
    if graph is None or not graph.edges:
        return []
    return [Code(draw_tree(graph)) if diagram is None else Code(diagram(graph), "mermaid")]


def _history(changes: Sequence[ModelChange]) -> list[Block]:
    rows = [
        [str(iso_time(change.by.time)), change.by.user, change_words(change), change.by.why]
        for change in changes[-SHOWN_CHANGES:]
    ]
    return [Table(["when", "who", "what", "why"], rows)] if rows else []
