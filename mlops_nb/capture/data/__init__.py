"""Which data an execution read and wrote, its digests, and its profiles. Imports nothing heavy; writes nothing."""

from __future__ import annotations

from mlops_nb.capture.data.accesses import Access, quiet
from mlops_nb.capture.data.watch import DataWatch

__all__ = ["Access", "DataWatch", "quiet"]
