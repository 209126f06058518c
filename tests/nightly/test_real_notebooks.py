"""Real notebooks that we did not write: every cell's slice runs alone and gives what the cell gave, at little cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nightly.real_notebooks import NOTEBOOKS, Proof, RealNotebook, as_row, prove

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]

PROOFS: list[Proof] = []


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


COUNTING = pytest.mark.xfail(strict=True, reason="control numbers its systems by a counter of its own: sys[10]")
CASES = [
    pytest.param(each, id=each.name, marks=COUNTING if each.name == "interconnect_tutorial" else ())
    for each in NOTEBOOKS
]


@pytest.mark.parametrize("notebook", CASES)
def test_every_slice_runs_alone_and_a_run_is_proved(notebook: RealNotebook, downloads: Path, tmp_path: Path) -> None:
    proof = prove(notebook, downloads, tmp_path)
    PROOFS.append(proof)
    print(as_row(proof))  # noqa: T201 - pytest -rP shows it
    assert not proof.failed_cells, "the notebook itself does not run"
    assert not proof.unsound
    assert [verdict["verdict"] for verdict in proof.verdicts] == ["identical"], proof.verdicts


def test_following_and_tracking_cost_little() -> None:
    """Of all notebooks together, since one of a few seconds measures the machine more than us."""
    if not PROOFS:
        pytest.skip("no notebook was measured in this session")
    allowed = sum(proof.allowed for proof in PROOFS)
    assert sum(proof.overhead for proof in PROOFS) <= allowed, [as_row(proof) for proof in PROOFS]
