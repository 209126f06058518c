"""How values of ours that a cell ends with are shown: by views, without those rooms knowing of notebooks."""

from __future__ import annotations

import types
from functools import partialmethod
from typing import Any

from mlops_nb.errors import MlopsError


def register_displays(shell: Any) -> None:
    """Tell IPython how to show models, evaluations, verdicts, runs and refusals; nothing is imported for it."""
    MlopsError._render_traceback_ = partialmethod(_show_refusal, shell)  # type: ignore[attr-defined]
    formatter = shell.display_formatter.mimebundle_formatter
    formatter.for_type_by_name("mlops_nb.models.evaluation", "Evaluation", _show_evaluation)
    formatter.for_type_by_name("mlops_nb.projects.reproduce", "Verdict", _show_verdict)
    formatter.for_type_by_name("mlops_nb.entities", "Run", _show_run)
    formatter.for_type_by_name("mlops_nb.entities", "ModelVersion", _show_version)
    formatter.for_type_by_name("mlops_nb.models.info", "ModelInfo", _show_model)


def _show_refusal(error: MlopsError, shell: Any) -> list[str]:
    """The traceback of a refusal as far as it is the user's: it ends with the line that called us."""
    from mlops_nb.workspace import is_debugging

    steps: list[types.TracebackType] = []
    step = error.__traceback__
    while step is not None:
        steps.append(step)
        step = step.tb_next
    own = [place for place, each in enumerate(steps) if _is_ours(each)]
    shown = error.__traceback__
    if own and own[0] > 0 and not is_debugging():
        shown = None
        for each in reversed(steps[: own[0]]):
            shown = types.TracebackType(shown, each.tb_frame, each.tb_lasti, each.tb_lineno)
    lines: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, shown)
    return lines


def _is_ours(step: types.TracebackType) -> bool:
    return str(step.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == "mlops_nb"


def _show_evaluation(value: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    from mlops_nb.panels.evaluations import evaluation_view

    return evaluation_view(value.to_json())


def _show_verdict(value: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    from mlops_nb.panels.pages import verdict_view

    return verdict_view(value.as_json(), title=value.run_id)


def _show_run(value: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    from mlops_nb.panels.card import run_card

    return run_card(value)


def _show_version(value: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    from mlops_nb.panels.registry_views import version_view

    return version_view(value, f"version {value.version} of {value.name}")


def _show_model(value: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    from mlops_nb.panels.model_views import model_view

    return model_view({**value.to_json(), "note": value.note})
