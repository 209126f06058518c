"""Trying the gates: each check of a promotion, with the numbers that decided it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.entities import DataRef, ModelVersion, Run, Status
from mlops_nb.errors import InvalidState, MlopsError, NotFound
from mlops_nb.registry.governed import uri_of
from mlops_nb.registry.names import ModelUri
from mlops_nb.registry.resolving import find_version
from mlops_nb.workspace import Workspace

EVALUATES = "mlops_nb.evaluates"
"""Tag of a run that measured a model: the digest of the model's tree, the version's URI, or ``NAME/VERSION``."""

MEASURED_ON = "mlops_nb.data_digest"
"""Tag of such a run: the digest of the rows and targets."""

VERDICT = "mlops_nb.verdict"
_EVALUATION = ("evaluation", "validation", "eval", "test", "holdout")

Execute = Callable[[str, dict[str, Any], dict[str, str]], Run]
"""Executes a notebook: its path, params and tags of its run; gives the run, also when a cell failed."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check: `text` says it with the numbers, which `numbers` holds as plain JSON."""

    check: str
    passed: bool
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As plain JSON.

        Examples
        --------
        >>> Checked("verdict", True, "identical").as_json()
        {'check': 'verdict', 'passed': True, 'text': 'identical'}
        """
        return {"check": self.check, "passed": self.passed, "text": self.text, **self.numbers}


class PromotionRefused(InvalidState):
    """A version did not pass the gates; `checks` holds every check, with its numbers."""

    def __init__(self, version: ModelVersion, target: str, checks: Sequence[Checked]) -> None:
        self.checks = list(checks)
        failed = "; ".join(check.text for check in checks if not check.passed)
        super().__init__(
            f"Version {version.version} of {version.name!r} was not promoted to {target}: {failed}.",
            hint="Override it with --force and a --comment, which the audit keeps.",
        )


@dataclass(slots=True)
class Candidate:
    """A version that is to be promoted to `target` (``@champion`` or a stage), by `user`."""

    version: ModelVersion
    target: str
    user: str
    space: Workspace
    execute: Execute | None = None
    _runs: dict[str, list[Run]] = field(default_factory=dict)

    def try_all(self, checks: Iterable[Mapping[str, Any]]) -> list[Checked]:
        """Try every check; notebooks last, and only if nothing else failed."""
        ordered = sorted(checks, key=lambda check: check["check"] == "notebook")
        found: list[Checked] = []
        for check in ordered:
            if check["check"] == "notebook" and not all(each.passed for each in found):
                text = f"the notebook {check['path']} was not executed, since others failed"
                found.append(Checked("notebook", False, text, {"path": check["path"]}))
            else:
                found.append(_TRIES[check["check"]](self, check))
        return found

    def evidence(self, version: ModelVersion) -> list[Run]:
        """The runs that say something of a version, newest first: those that evaluated it, and the one that made it."""
        uri = uri_of(version)
        if uri not in self._runs:
            store = self.space.store
            runs: list[Run] = store.search_runs(None, evaluations_of(version), limit=100).items
            if version.run_id is not None:
                try:
                    runs = [*runs, store.get_run(version.run_id)]
                except NotFound:
                    pass  # the run was purged: what evaluations say still holds
            self._runs[uri] = runs
        return self._runs[uri]

    def measures(self, version: ModelVersion, metric: str) -> Iterator[tuple[Run, float]]:
        """Runs that measured a metric of a version, newest first."""
        for run in self.evidence(version):
            if metric in run.metrics:
                yield run, run.metrics[metric]


def evaluations_of(*versions: ModelVersion) -> str:
    """The filter for the runs that measured these versions.

    Examples
    --------
    >>> evaluations_of(ModelVersion("churn", 3))
    "tags.`mlops_nb.evaluates` IN ('models:/churn/3', 'churn/3')"
    """
    names = [name for version in versions for name in names_in_tags(version)]
    quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in dict.fromkeys(names))
    return f"tags.`{EVALUATES}` IN ({quoted})"


def names_in_tags(version: ModelVersion) -> list[str]:
    """What the runs that measured a version call it.

    Examples
    --------
    >>> names_in_tags(ModelVersion("churn", 3, digest="sha256:0"))
    ['models:/churn/3', 'churn/3', 'sha256:0']
    """
    uri = uri_of(version)
    return [name for name in (uri, uri.removeprefix("models:/"), version.digest) if name]


def _try_metric(candidate: Candidate, check: Mapping[str, Any]) -> Checked:
    metric = check["metric"]
    run, value = next(candidate.measures(candidate.version, metric), (None, None))
    if run is None or value is None:
        return Checked("metric", False, f"{metric} was not measured", {"metric": metric, "value": None})
    fault = _outside(value, check)
    text = f"{metric} is {value:.6g}{fault}"
    return Checked(
        "metric", not fault, text, {"metric": metric, "value": value, "run_id": run.run_id, **_limits(check)}
    )


def _outside(value: float, check: Mapping[str, Any]) -> str:
    """How a value breaks the limits of a check; empty if it does not. NaN breaks every limit."""
    if "min" in check and not value >= check["min"]:
        return f", less than {check['min']}"
    if "max" in check and not value <= check["max"]:
        return f", more than {check['max']}"
    return ""


def _limits(check: Mapping[str, Any]) -> dict[str, Any]:
    return {key: check[key] for key in ("min", "max") if key in check}


def _try_better(candidate: Candidate, check: Mapping[str, Any]) -> Checked:
    metric, margin, mode = check["metric"], check.get("by", 0), check.get("mode", "max")
    than = check.get("than", candidate.target)
    champion = _holder(candidate, than)
    numbers: dict[str, Any] = {"metric": metric, "by": margin, "mode": mode, "than": than}
    if champion is None or champion.version == candidate.version.version:
        return Checked("better", True, f"no other version is {than}", numbers)
    numbers["champion"] = champion.version
    pairs = [
        (mine, theirs)
        for mine in candidate.measures(candidate.version, metric)
        for theirs in candidate.measures(champion, metric)
    ]
    if not pairs:
        missing = next((v for v in (candidate.version, champion) if not list(candidate.measures(v, metric))), champion)
        return Checked("better", False, f"{metric} of version {missing.version} was not measured", numbers)
    if check.get("same_data", True):
        fair = [pair for pair in pairs if _same_data(candidate, pair[0][0], pair[1][0], check.get("data", ""))]
        if not fair:
            numbers_of = f"{candidate.version.version} and {champion.version}"
            text = f"{metric} of versions {numbers_of} was not measured on the same data"
            return Checked("better", False, text, numbers)
        pairs = fair
    (mine, value), (theirs, other) = pairs[0]
    gain = value - other if mode == "max" else other - value
    numbers |= {"value": value, "champion_value": other, "run_id": mine.run_id, "champion_run_id": theirs.run_id}
    passed = gain >= margin and (gain > 0 or margin > 0)
    text = f"{metric} is {value:.6g}, version {champion.version} ({than}) has {other:.6g}"
    asked = f", and at least {margin} {'more' if mode == 'max' else 'less'} is asked" if margin else ""
    return Checked("better", passed, text + ("" if passed else asked or " already"), numbers)


def _holder(candidate: Candidate, target: str) -> ModelVersion | None:
    """The version that is at an alias or in a stage now."""
    kind, at = ("alias", target[1:]) if target.startswith("@") else ("stage", target)
    try:
        return find_version(ModelUri(target, kind, candidate.version.name, at), candidate.space)
    except NotFound:
        return None


def _same_data(candidate: Candidate, one: Run, other: Run, name: str) -> bool:
    told = [run.tags.get(MEASURED_ON) for run in (one, other)]
    if all(told) and not name:
        return told[0] == told[1]
    digests = [_data_of(candidate.space.store.data(run.run_id), name) for run in (one, other)]
    return bool(digests[0]) and digests[0] == digests[1]


def _data_of(refs: Sequence[DataRef], name: str) -> set[str]:
    """Digests of what a run was measured on: the named data, else what it calls its test data, else all it read."""
    inputs = [
        ref for ref in refs if ref.mode in ("read", "log") and not ref.sampled and ref.profile.get("kind") != "code"
    ]
    if name:
        return {ref.digest for ref in inputs if name in (ref.name, ref.context, ref.path)}
    meant = {ref.digest for ref in inputs if ref.context.lower() in _EVALUATION}
    files = {ref.digest for ref in inputs if ref.profile.get("kind") != "frame"}  # frames are made of them
    return meant or files or {ref.digest for ref in inputs}


def _try_verdict(candidate: Candidate, check: Mapping[str, Any]) -> Checked:
    accepted = check.get("accept") or ["identical", "equivalent"]
    run_id = candidate.version.run_id
    runs = [run for run in candidate.evidence(candidate.version) if run.run_id == run_id]
    if not runs:
        return Checked("verdict", False, "no run is known that could be reproduced", {"verdict": None})
    verdict = runs[0].tags.get(VERDICT)
    if verdict is None:
        text = f"the run was not reproduced yet (mlops-nb reproduce {run_id})"
        return Checked("verdict", False, text, {"verdict": None, "run_id": run_id})
    return Checked("verdict", verdict in accepted, f"the verdict is {verdict}", {"verdict": verdict, "run_id": run_id})


def _try_notebook(candidate: Candidate, check: Mapping[str, Any]) -> Checked:
    path = check["path"]
    numbers: dict[str, Any] = {"path": path}
    if candidate.execute is None:
        return Checked("notebook", False, f"the notebook {path} cannot be executed from here", numbers)
    uri = uri_of(candidate.version)
    params = {**check.get("params", {}), check.get("parameter", "model_uri"): uri}
    try:
        run = candidate.execute(path, params, {EVALUATES: uri})
    except MlopsError as error:
        return Checked(
            "notebook", False, f"the notebook {path} could not be executed: {error.message.rstrip('.')}", numbers
        )
    numbers["run_id"] = run.run_id
    if run.status is not Status.FINISHED:
        return Checked("notebook", False, f"the notebook {path} failed{_reason(candidate, run)}", numbers)
    metric = check.get("metric")
    if metric is None:
        return Checked("notebook", True, f"the notebook {path} was executed", numbers)
    value = run.metrics.get(metric)
    numbers |= {"metric": metric, "value": value, **_limits(check)}
    if value is None:
        return Checked("notebook", False, f"the notebook {path} gave no {metric}", numbers)
    fault = _outside(value, check)
    return Checked("notebook", not fault, f"{metric} of the notebook {path} is {value:.6g}{fault}", numbers)


def _reason(candidate: Candidate, run: Run) -> str:
    try:
        error = candidate.space.store.facts(run.run_id, ["error"]).get("error") or {}
    except NotFound:
        return ""
    return f": {error.get('ename', '')}: {error.get('evalue', '')}"[:200] if error else ""


def _try_approver(candidate: Candidate, check: Mapping[str, Any]) -> Checked:
    allowed = check.get("users") or []
    version = candidate.version
    changes = candidate.space.store.model_changes(version.name, version=version.version)
    users = [candidate.user, *(change.by.user for change in changes if change.action == "approve")]
    barred = {version.user} if check.get("other_than_author") else set()
    found = next((user for user in users if user not in barred and (not allowed or user in allowed)), None)
    numbers = {"users": list(allowed), "approved_by": found}
    if found is not None:
        return Checked("approver", True, f"{found} approves", numbers)
    whom = f"one of {', '.join(allowed)}" if allowed else f"somebody else than {version.user}"
    return Checked(
        "approver", False, f"{whom} has to approve (mlops-nb approve {version.name}/{version.version})", numbers
    )


_TRIES: Mapping[str, Callable[[Candidate, Mapping[str, Any]], Checked]] = {
    "metric": _try_metric,
    "better": _try_better,
    "verdict": _try_verdict,
    "notebook": _try_notebook,
    "approver": _try_approver,
}
