"""What differs between runs, and whether a rerun gave the same. Pure: facts in, plain data out."""

from __future__ import annotations

from mlops_nb.compare.contents import same_bytes
from mlops_nb.compare.side import compare_runs
from mlops_nb.compare.texts import Aligned, Pair, align_sources, diff_code, side_by_side
from mlops_nb.compare.verdict import find_differences, judge
from mlops_nb.compare.views import MISSING, Comparison, Difference, Judgement, Row, RunView, Tolerance

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
