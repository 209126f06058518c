"""``reproduce --env locked``: the environment is rebuilt from the run's lock with uv, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb.errors import MlopsError
from mlops_nb.projects.sites import build_environment
from tests.verbs.lab import Lab, running_lab

pytestmark = [pytest.mark.nightly, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("locked")) as running:
        yield running


def test_the_recorded_environment_is_rebuilt(lab: Lab) -> None:
    lab.run("import numpy as np\nimport sys\nrng = np.random.default_rng(5)")
    lab.run("%%track -n locked\nscore = rng.normal(size=100).mean()\nprint(sys.prefix)")
    status, verdict = lab.command("reproduce", "locked", "--env", "locked", "--json", seconds=1500)
    assert (status, verdict["verdict"], verdict["causes"]) == (0, "identical", []), verdict
    assert verdict["environment"] == {"site": "locked", "differences": []}
    (root,) = [path for path in (lab.folder / ".mlops_nb" / "environments").iterdir() if (path / "complete").exists()]
    _, rerun = lab.command("show", verdict["rerun_id"], "--json")
    assert str(root) in json.dumps(rerun["outputs"]), "the slice ran somewhere else"
    installed = subprocess.run(
        [root / "bin" / "python", "-c", "import numpy; print(numpy.__version__)"],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    here = subprocess.run(
        [sys.executable, "-c", "import numpy; print(numpy.__version__)"], check=True, stdout=subprocess.PIPE, text=True
    )
    assert installed.stdout == here.stdout


def test_a_lock_that_cannot_be_had_is_one_sentence(tmp_path: Path) -> None:

    with pytest.raises(MlopsError, match="uv could not rebuild the environment"):
        build_environment("# mlops_nb lock 1\nno-such-package-of-ours==1.0\n", tmp_path / "environments")
