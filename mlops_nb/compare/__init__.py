"""What differs between runs, and whether a rerun gave the same. Pure: facts in, plain data out."""

from __future__ import annotations

from mlops_nb.compare.views import MISSING, Comparison, Difference, Judgement, Row, RunView, Tolerance

__all__ = ["MISSING", "Comparison", "Difference", "Judgement", "Row", "RunView", "Tolerance"]
