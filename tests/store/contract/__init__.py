"""What every store of runs must do, whatever it is built on.

A backend's test module makes a fixture ``store`` (an open, empty store) and takes all classes in::

    from tests.store.contract import *  # noqa: F403
"""

from tests.store.contract.changing import TestChanges, TestExperiments, TestRuns
from tests.store.contract.searching import TestFilters, TestOrder, zoo
from tests.store.contract.sharing import TestBesideAPage, TestGuardedWrites
from tests.store.contract.summing import TestSummaries
from tests.store.contract.values import TestMetrics, TestParams
from tests.store.contract.writing import TestApply

__all__ = [
    "TestApply",
    "TestBesideAPage",
    "TestChanges",
    "TestExperiments",
    "TestFilters",
    "TestGuardedWrites",
    "TestMetrics",
    "TestOrder",
    "TestParams",
    "TestRuns",
    "TestSummaries",
    "zoo",
]
