"""Metrics of predictions, through scikit-learn, under MLflow's names. Pure: arrays in, numbers out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_nb.errors import InvalidInput

CLASSES_LIMIT = 50
"""Different whole numbers up to which targets are taken for classes."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model said of some rows.

    Attributes
    ----------
    predictions : array, shape (n,)
    scores : array, shape (n, k), or None
        Probabilities by class, in the order of `classes`.
    classes : array, shape (k,), or None
    """

    predictions: Any
    scores: Any = None
    classes: Any = None

    def take(self, rows: Any) -> Answers:
        """The answers for some rows."""
        return Answers(self.predictions[rows], None if self.scores is None else self.scores[rows], self.classes)


def kind_of_task(targets: Any, *, classes: bool = False) -> str:
    """``classifier`` or ``regressor``, by the targets; `classes` says that the model knows classes.

    Examples
    --------
    >>> import numpy as np
    >>> kind_of_task(np.array(["a", "b"])), kind_of_task(np.array([0.5, 2.0]))
    ('classifier', 'regressor')
    """
    import numpy

    if classes or targets.dtype.kind in "OUSb" or not hasattr(targets.dtype, "itemsize"):
        return "classifier"
    whole = targets.dtype.kind in "iu" or bool(
        numpy.isfinite(targets).all() and (targets == numpy.floor(targets)).all()
    )
    return (
        "classifier"
        if whole and len(numpy.unique(targets)) <= min(CLASSES_LIMIT, max(2, len(targets) // 5))
        else "regressor"
    )


def measure(
    kind: str, targets: Any, answers: Answers, extra: Mapping[str, Callable[[Any, Any], float]] | None = None
) -> dict[str, float]:
    """All metrics of a kind, and the user's own.

    Parameters
    ----------
    kind : str
        ``classifier`` or ``regressor``.
    targets : array, shape (n,)
    answers : Answers
    extra : mapping of str to function, optional
        Each is given targets and predictions.

    Returns
    -------
    dict
        What cannot be computed for these rows (a curve with one class only) is left out.

    Examples
    --------
    >>> import numpy as np
    >>> measure("regressor", np.array([1.0, 2.0]), Answers(np.array([1.0, 3.0])))["mean_absolute_error"]
    0.5
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that some slice does not have
        found = _measure_classes(targets, answers) if kind == "classifier" else _measure_numbers(targets, answers)
    for name, function in (extra or {}).items():
        try:
            found[name] = float(function(targets, answers.predictions))
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"The metric {name!r} failed: {error}.", hint="It is given targets and predictions, and gives a number."
            ) from error
    found["example_count"] = float(len(targets))
    return {name: value for name, value in found.items() if not math.isnan(value)}


def _measure_classes(targets: Any, answers: Answers) -> dict[str, float]:
    from sklearn import metrics

    said = answers.predictions
    labels = sorted({*targets.tolist(), *said.tolist()}, key=str)
    binary = len(labels) <= 2 and len(labels) > 0
    options: dict[str, Any] = {"zero_division": 0}
    options |= {"average": "binary", "pos_label": labels[-1]} if binary else {"average": "macro"}
    found = {
        "accuracy_score": metrics.accuracy_score(targets, said),
        "balanced_accuracy_score": metrics.balanced_accuracy_score(targets, said),
        "precision_score": metrics.precision_score(targets, said, **options),
        "recall_score": metrics.recall_score(targets, said, **options),
        "f1_score": metrics.f1_score(targets, said, **options),
        "matthews_corrcoef": metrics.matthews_corrcoef(targets, said),
    }
    if answers.scores is not None and len(set(targets.tolist())) > 1:
        found |= _measure_scores(targets, answers)
    return {name: float(value) for name, value in found.items()}


def _measure_scores(targets: Any, answers: Answers) -> dict[str, float]:
    from sklearn import metrics

    classes = list(answers.classes)
    if not set(targets.tolist()) <= set(classes):
        return {}  # rows of a class that the model has never seen: probabilities say nothing of them
    found = {"log_loss": metrics.log_loss(targets, answers.scores, labels=classes)}
    if len(classes) == 2:
        truth, score = targets == classes[1], answers.scores[:, 1]
        found["roc_auc"] = metrics.roc_auc_score(truth, score)
        found["precision_recall_auc"] = metrics.average_precision_score(truth, score)
        found["brier_score"] = metrics.brier_score_loss(truth, score)
    elif set(targets.tolist()) == set(classes):
        found["roc_auc"] = metrics.roc_auc_score(targets, answers.scores, multi_class="ovr", labels=classes)
    return found


def _measure_numbers(targets: Any, answers: Answers) -> dict[str, float]:
    from sklearn import metrics

    said = answers.predictions
    found = {
        "mean_absolute_error": metrics.mean_absolute_error(targets, said),
        "mean_squared_error": metrics.mean_squared_error(targets, said),
        "root_mean_squared_error": math.sqrt(metrics.mean_squared_error(targets, said)),
        "median_absolute_error": metrics.median_absolute_error(targets, said),
        "max_error": metrics.max_error(targets, said),
        "mean_absolute_percentage_error": metrics.mean_absolute_percentage_error(targets, said),
    }
    if len(targets) > 1:
        found["r2_score"] = metrics.r2_score(targets, said)
    return {name: float(value) for name, value in found.items()}


LOWER_IS_BETTER = ("error", "loss", "brier")


def is_better(name: str, one: float, other: float) -> bool:
    """Whether `one` is better than `other`, by the metric's name.

    Examples
    --------
    >>> is_better("log_loss", 0.1, 0.2), is_better("f1_score", 0.1, 0.2)
    (True, False)
    """
    return one < other if any(part in name for part in LOWER_IS_BETTER) else one > other


def paired_difference(kind: str, targets: Any, one: Answers, other: Answers) -> dict[str, float]:
    """How much better one model is than another on the same rows: the mean difference, with its 95 % interval.

    For classes the difference of the shares that are right; for numbers the difference of the mean absolute errors,
    turned so that more is better in both.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([1.0, 2.0, 3.0])
    >>> paired_difference("regressor", truth, Answers(truth), Answers(truth + 1))["mean"]
    1.0
    """
    import numpy

    def gain(answers: Answers) -> Any:
        if kind == "classifier":
            return (answers.predictions == targets).astype(float)
        return -numpy.abs(answers.predictions.astype(float) - targets.astype(float))

    steps = gain(one) - gain(other)
    mean = float(steps.mean())
    error = float(steps.std(ddof=1) / math.sqrt(len(steps))) if len(steps) > 1 else math.inf
    return {"mean": mean, "low": mean - 1.96 * error, "high": mean + 1.96 * error}
