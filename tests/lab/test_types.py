"""The front end's types are those of the server's answers."""

from __future__ import annotations

import pytest

from mlops_nb.lab.describing import write_types
from tests.house import ROOT


def test_the_committed_types_are_generated() -> None:
    path = ROOT / "labextension" / "src" / "types.ts"
    if not path.is_file():
        pytest.skip("the front end has no generated types yet")
    assert path.read_text(encoding="utf-8") == write_types(), f"python -m mlops_nb.lab.describing > {path}"
