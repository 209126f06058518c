"""Plots of an evaluation: matplotlib figures that no notebook shows by itself."""

from __future__ import annotations

import importlib.util
from typing import Any

from mlops_nb.models.scores import Answers

_POINTS = 5_000
"""Points of a scatter: beyond that they hide one another."""


def draw(kind: str, targets: Any, answers: Answers, importance: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """The standard plots of a kind of model, by name.

    Parameters
    ----------
    kind : str
        ``classifier`` or ``regressor``.
    targets : array, shape (n,)
    answers : Answers
    importance : dict of str to (float, float)
        Mean and spread by column, the most important first; may be empty.

    Returns
    -------
    dict of str to matplotlib Figure
    """
    if importlib.util.find_spec("matplotlib") is None:
        return {}  # an evaluation is its numbers; pictures are for where they can be drawn
    made = _draw_classes(targets, answers) if kind == "classifier" else _draw_numbers(targets, answers)
    if importance:
        made["permutation_importance"] = _draw_importance(importance)
    return made


def _axes(title: str, x: str, y: str, *, size: tuple[float, float] = (5.0, 4.0)) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # not pyplot: that would show the figure, and take over the backend

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    return figure, axes


def _draw_classes(targets: Any, answers: Answers) -> dict[str, Any]:
    made = {"confusion_matrix": _draw_confusion(targets, answers.predictions)}
    if answers.scores is None or len(answers.classes) != 2:
        return made
    truth, score = targets == answers.classes[1], answers.scores[:, 1]
    if truth.all() or not truth.any():
        return made
    from sklearn import calibration, metrics

    figure, axes = _axes("ROC", "false positive rate", "true positive rate")
    wrong, right, _ = metrics.roc_curve(truth, score)
    axes.plot(wrong, right, label=f"area {metrics.auc(wrong, right):.3f}")
    axes.plot([0, 1], [0, 1], linestyle=":", color="gray")
    axes.legend(loc="lower right")
    made["roc_curve"] = figure
    figure, axes = _axes("Precision and recall", "recall", "precision")
    precision, recall, _ = metrics.precision_recall_curve(truth, score)
    axes.plot(recall, precision, label=f"average precision {metrics.average_precision_score(truth, score):.3f}")
    axes.legend(loc="lower left")
    made["precision_recall_curve"] = figure
    figure, axes = _axes("Calibration", "predicted probability", "observed share")
    observed, predicted = calibration.calibration_curve(truth, score, n_bins=10, strategy="quantile")
    axes.plot(predicted, observed, marker="o")
    axes.plot([0, 1], [0, 1], linestyle=":", color="gray")
    made["calibration_curve"] = figure
    return made


def _draw_confusion(targets: Any, predictions: Any) -> Any:
    from sklearn.metrics import confusion_matrix

    labels = sorted({*targets.tolist(), *predictions.tolist()}, key=str)[:30]
    counts = confusion_matrix(targets, predictions, labels=labels)
    side = 2.5 + 0.5 * len(labels)
    figure, axes = _axes("Confusion matrix", "predicted", "true", size=(side + 0.8, side))
    axes.imshow(counts, cmap="Blues")
    names = [str(label)[:20] for label in labels]
    axes.set_xticks(range(len(labels)), names, rotation=45 if len(labels) > 5 else 0)
    axes.set_yticks(range(len(labels)), names)
    middle = counts.max() / 2
    for row, line in enumerate(counts.tolist()):
        for column, count in enumerate(line):
            axes.text(column, row, f"{count:,}", ha="center", va="center", color="white" if count > middle else "black")
    return figure


def _draw_numbers(targets: Any, answers: Answers) -> dict[str, Any]:
    said = answers.predictions.astype(float)
    truth = targets.astype(float)
    step = max(1, len(truth) // _POINTS)
    figure, axes = _axes("Predicted and true", "predicted", "true")
    axes.scatter(said[::step], truth[::step], s=8, alpha=0.5)
    ends = [min(said.min(), truth.min()), max(said.max(), truth.max())]
    axes.plot(ends, ends, linestyle=":", color="gray")
    second, below = _axes("Residuals", "predicted", "true minus predicted")
    below.scatter(said[::step], (truth - said)[::step], s=8, alpha=0.5)
    below.axhline(0, linestyle=":", color="gray")
    return {"predicted_and_true": figure, "residuals": second}


def _draw_importance(importance: dict[str, tuple[float, float]]) -> Any:
    names = list(importance)[:20][::-1]
    figure, axes = _axes(
        "Permutation importance", "loss of score when shuffled", "", size=(6.0, 1.2 + 0.28 * len(names))
    )
    axes.barh([name[:30] for name in names], [importance[name][0] for name in names],
              xerr=[importance[name][1] for name in names])  # fmt: skip
    return figure
