"""How good a model is: metrics and plots on given data, by slice, and beside another model; kept as a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlops_nb.errors import InvalidInput, require
from mlops_nb.models.inputs import kind_of, plain_frame
from mlops_nb.models.loaded import LoadedModel
from mlops_nb.models.loading import load_folder
from mlops_nb.models.scores import Answers, is_better, kind_of_task, measure, paired_difference

Metric = Callable[[Any, Any], float]

_IMPORTANCE_ROWS, _IMPORTANCE_COLUMNS, _REPEATS = 1_000, 40, 3
_SLICES = 20
"""Values of a column that get metrics of their own; the rest is ``(other)``."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found.

    Attributes
    ----------
    kind : str
        ``classifier`` or ``regressor``.
    metrics : dict of str to float
    slices : list of dict
        ``column``, ``value``, ``rows``, ``metrics``.
    comparison : dict
        With another model: its ``metrics``, the ``better`` ones of ours, and the ``difference`` with its interval.
    importance : dict of str to (float, float)
        Mean and spread of the loss of score when a column is shuffled.
    data_digest : str
        Of the data that it was made on: evaluations with the same can be compared.
    run_id : str
        The run that it is kept as; empty if it is not.
    model : str
        What was evaluated.
    """

    kind: str
    metrics: dict[str, float]
    slices: list[dict[str, Any]] = field(default_factory=list)
    comparison: dict[str, Any] = field(default_factory=dict)
    importance: dict[str, tuple[float, float]] = field(default_factory=dict)
    data_digest: str = ""
    run_id: str = ""
    model: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def evaluate(
    model: Any,
    data: Any,
    targets: Any,
    *,
    kind: str | None = None,
    slices: str | Sequence[str] | None = None,
    compare_to: Any = None,
    extra: Mapping[str, Metric] | None = None,
    name: str | None = None,
    log: bool = True,
) -> Evaluation:
    """Evaluate a model on data whose truth is known.

    Parameters
    ----------
    model : LoadedModel, fitted estimator, function, or a model's folder
    data : frame or array, shape (n, k)
    targets : array, shape (n,), or str
        The truth; a str names a column of `data`, which the model is not given then.
    kind : str, optional
        ``classifier`` or ``regressor``; by default told from the model and the targets.
    slices : str or sequence of str, optional
        Columns whose values get metrics of their own; numbers are cut at their quartiles.
    compare_to : model, optional
        Another model, asked about the same rows.
    extra : mapping of str to function, optional
        Metrics of one's own, each given targets and predictions.
    name : str, optional
        Of the run.
    log : bool
        Keep it as a run: metrics, plots, data, and what is said here.

    Returns
    -------
    Evaluation

    Raises
    ------
    InvalidInput
        If data and targets do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> found = evaluate(lambda rows: rows[:, 0] > 0, np.array([[1.0], [-1.0]]), np.array([True, False]), log=False)
    >>> found.kind, found.metrics["accuracy_score"]
    ('classifier', 1.0)
    """
    require("sklearn", "sklearn", purpose="evaluate a model")
    model = load_folder(model) if isinstance(model, (str, Path)) else model
    rows, truth, columns = _prepare(data, targets, slices)
    answers = ask(model, rows)
    task = kind or kind_of_task(truth, classes=answers.classes is not None)
    if task not in ("classifier", "regressor"):
        raise InvalidInput(f"There is no kind {task!r}.", hint="There are: classifier, regressor.")
    answers = _settle(task, truth, answers)
    found = Evaluation(
        task,
        measure(task, truth, answers, extra),
        _measure_slices(task, truth, answers, columns, extra),
        _compare(task, truth, answers, compare_to, rows, extra),
        _importance(task, model, rows, truth),
        _digest(rows, truth),
        model=_label(model),
    )
    return _record(found, truth, answers, rows, name) if log else found


def _prepare(data: Any, targets: Any, slices: str | Sequence[str] | None) -> tuple[Any, Any, dict[str, Any]]:
    """The rows for the model, the truth, and the columns to slice by."""
    import numpy

    if kind_of(data) in ("polars", "arrow", "mapping", "records"):
        data = plain_frame(data)
    if isinstance(targets, str):
        if kind_of(data) != "frame" or targets not in data.columns:
            raise InvalidInput(
                f"The data has no column {targets!r}.", hint="Give the targets as an array, or name a column."
            )
        data, targets = data.drop(columns=[targets]), data[targets]
    truth = numpy.asarray(plain_frame(targets).iloc[:, 0] if kind_of(targets) in ("frame", "polars") else targets)
    truth = truth.ravel()
    if len(truth) != len(data):
        raise InvalidInput(f"The data has {len(data):,} rows and there are {len(truth):,} targets.")
    if not len(truth):
        raise InvalidInput("There is no row to evaluate on.")
    wanted = [slices] if isinstance(slices, str) else list(slices or ())
    absent = [each for each in wanted if kind_of(data) != "frame" or each not in data.columns]
    if absent:
        raise InvalidInput(f"The data has no column {absent[0]!r} to slice by.")
    return data, truth, {each: data[each] for each in wanted}


def ask(model: Any, data: Any) -> Answers:
    """A model's predictions, with probabilities where it has them.

    Examples
    --------
    >>> import numpy as np
    >>> ask(lambda rows: [0, 1], np.zeros((2, 1))).predictions.tolist()
    [0, 1]
    """
    import numpy

    native, given = model, data
    if isinstance(model, LoadedModel):
        native, given = model.native, model.enforcer(data)
    predict = model.predict if hasattr(model, "predict") else model
    said = predict(data)
    said = said.to_numpy() if hasattr(said, "to_numpy") else numpy.asarray(said)
    if hasattr(native, "predict_proba") and hasattr(native, "classes_"):
        return Answers(said.ravel(), numpy.asarray(native.predict_proba(given)), numpy.asarray(native.classes_))
    if said.ndim == 2 and said.shape[1] > 1:  # a network's probabilities
        return Answers(said.argmax(axis=1), said, numpy.arange(said.shape[1]))
    return Answers(said.ravel())


def _settle(task: str, truth: Any, answers: Answers) -> Answers:
    """Probabilities of the second of two classes (as boosters and networks give them) become classes and scores."""
    import numpy

    classes = numpy.unique(truth)
    said = answers.predictions
    if (
        task == "classifier" and answers.scores is None and said.dtype.kind == "f" and len(classes) == 2
        and ((said >= 0) & (said <= 1)).all() and not set(numpy.unique(said).tolist()) <= set(classes.tolist())
    ):  # fmt: skip
        return Answers(numpy.where(said >= 0.5, classes[1], classes[0]), numpy.column_stack([1 - said, said]), classes)
    return answers


def _measure_slices(
    task: str, truth: Any, answers: Answers, columns: Mapping[str, Any], extra: Mapping[str, Metric] | None
) -> list[dict[str, Any]]:
    import numpy

    found = []
    for name, column in columns.items():
        labels = _bins(column)
        for label in list(dict.fromkeys(labels.tolist())):
            rows = numpy.flatnonzero(labels == label)
            made = measure(task, truth[rows], answers.take(rows), extra)
            found.append({"column": name, "value": label, "rows": len(rows), "metrics": made})
    return found


def _bins(column: Any) -> Any:
    """A label for each row: the value, its quartile, ``(missing)`` or ``(other)``."""
    import numpy
    import pandas

    missing = column.isna().to_numpy()
    if column.dtype.kind in "iuf" and column.nunique() > _SLICES:
        labels = pandas.qcut(column, 4, duplicates="drop").astype(str).to_numpy(dtype=object)
    else:
        labels = column.astype(str).to_numpy(dtype=object)
        common = set(column.astype(str)[~missing].value_counts().index[:_SLICES])
        labels = numpy.where([label in common for label in labels], labels, "(other)")
    return numpy.where(missing, "(missing)", labels)


def _compare(
    task: str, truth: Any, answers: Answers, other: Any, rows: Any, extra: Mapping[str, Metric] | None
) -> dict[str, Any]:
    if other is None:
        return {}
    other = load_folder(other) if isinstance(other, (str, Path)) else other
    theirs = _settle(task, truth, ask(other, rows))
    ours, beside = measure(task, truth, answers, extra), measure(task, truth, theirs, extra)
    return {
        "model": _label(other),
        "metrics": beside,
        "better": [each for each in ours if each in beside and is_better(each, ours[each], beside[each])],
        "difference": paired_difference(task, truth, answers, theirs),
    }


class _Asked:
    """A model as scikit-learn's inspection asks for it."""

    def __init__(self, model: Any, task: str) -> None:
        self.model, self.task = model, task

    def fit(self, data: Any, targets: Any) -> _Asked:
        """It is fitted already."""
        return self

    def score(self, data: Any, targets: Any) -> float:
        """Accuracy, or R2."""
        found = measure(self.task, targets, _settle(self.task, targets, ask(self.model, data)))
        return found["accuracy_score"] if self.task == "classifier" else found.get("r2_score", 0.0)


def _importance(task: str, model: Any, rows: Any, truth: Any) -> dict[str, tuple[float, float]]:
    """Of a sample, and only where there are named columns, not too many."""
    if kind_of(rows) != "frame" or not 1 < rows.shape[1] <= _IMPORTANCE_COLUMNS or len(rows) < 10:
        return {}
    from sklearn.inspection import permutation_importance

    step = max(1, len(rows) // _IMPORTANCE_ROWS)
    sample, known = rows.iloc[::step], truth[::step]
    found = permutation_importance(_Asked(model, task), sample, known, n_repeats=_REPEATS, random_state=0)
    order = (-found.importances_mean).argsort().tolist()
    names = list(rows.columns)
    return {str(names[i]): (float(found.importances_mean[i]), float(found.importances_std[i])) for i in order}


def _digest(rows: Any, truth: Any) -> str:
    import hashlib

    from mlops_nb.capture.data.frames import frame_digest

    frame = plain_frame(rows)
    parts = f"{frame_digest(frame)}\n{frame_digest(truth)}"
    return f"sha256:{hashlib.sha256(parts.encode()).hexdigest()}"


def _label(model: Any) -> str:
    if isinstance(model, LoadedModel):
        return model.name
    return str(getattr(model, "__name__", type(model).__name__))


def _record(found: Evaluation, truth: Any, answers: Answers, rows: Any, name: str | None) -> Evaluation:
    """As a run, nested in the one that is active."""
    from dataclasses import replace

    from mlops_nb.models.figures import draw
    from mlops_nb.tracking import active_run, start_run
    from mlops_nb.tracking.files import log_dataset, log_dict, log_figure

    tags = {"mlops_nb.evaluates": found.model, "mlops_nb.data_digest": found.data_digest}
    with start_run(run_name=name or f"evaluate {found.model}", nested=active_run() is not None, tags=tags) as run:
        found = replace(found, run_id=run.run_id)
        run.log_params({"kind": found.kind, "model": found.model})
        run.log_metrics(found.metrics)
        log_dataset(plain_frame(rows), "evaluation data", "evaluation")
        for plot, figure in draw(found.kind, truth, answers, found.importance).items():
            log_figure(figure, f"plots/{plot}.png")
        plain = json.loads(json.dumps(found.to_json(), default=str))
        log_dict(plain, "evaluation.json")
        run.fact("evaluation", plain)
    return found
