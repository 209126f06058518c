"""How values of ours that a cell ends with are shown: by views, without those rooms knowing of notebooks."""

from __future__ import annotations

from typing import Any


def register_displays(shell: Any) -> None:
    """Tell IPython how to show evaluations, verdicts and runs; their modules are not imported for it."""
    formatter = shell.display_formatter.mimebundle_formatter
    formatter.for_type_by_name("mlops_nb.models.evaluation", "Evaluation", _show_evaluation)
    formatter.for_type_by_name("mlops_nb.projects.reproduce", "Verdict", _show_verdict)
    formatter.for_type_by_name("mlops_nb.entities", "Run", _show_run)


def _show_evaluation(value: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    from mlops_nb.panels.evaluations import evaluation_view

    return evaluation_view(value.to_json())


def _show_verdict(value: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    from mlops_nb.panels.pages import verdict_view

    return verdict_view(value.as_json(), title=value.run_id)


def _show_run(value: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    from mlops_nb.panels.card import run_card

    return run_card(value)
