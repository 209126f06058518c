"""What differs between runs, and whether a rerun gave the same. Pure: facts in, plain data out.

Loading a notebook's extension passes here for `RunView`, so what does the comparing is loaded on first touch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mlops_nb.comparison.views import MISSING, Comparison, Difference, Judgement, Row, RunView, Tolerance

if TYPE_CHECKING:
    from mlops_nb.comparison.contents import same_bytes
    from mlops_nb.comparison.side import compare_runs
    from mlops_nb.comparison.texts import Aligned, Pair, align_sources, diff_code, side_by_side
    from mlops_nb.comparison.verdict import find_differences, judge

__all__ = [
    "MISSING",
    "Aligned",
    "Comparison",
    "Difference",
    "Judgement",
    "Pair",
    "Row",
    "RunView",
    "Tolerance",
    "align_sources",
    "compare_runs",
    "diff_code",
    "find_differences",
    "judge",
    "same_bytes",
    "side_by_side",
]

_ROOMS = {
    "same_bytes": "contents",
    "compare_runs": "side",
    "Aligned": "texts",
    "Pair": "texts",
    "align_sources": "texts",
    "diff_code": "texts",
    "side_by_side": "texts",
    "find_differences": "verdict",
    "judge": "verdict",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
