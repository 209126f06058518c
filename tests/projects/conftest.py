"""Kernels of these tests import the checkout, as they would an installed package."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.house import ROOT


@pytest.fixture(autouse=True, scope="session")
def _kernels_see_the_checkout() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
        yield
