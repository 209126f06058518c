"""A package, a seed, the recorded numbers themselves are changed on purpose, and the verdict names each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.verbs.lab import ROOT, Lab, running_lab


def install(site: Path, version: str, factor: int) -> None:
    """What an installer leaves behind of a small package, in the place of an earlier version."""
    shutil.rmtree(site, ignore_errors=True)
    (site / "factors").mkdir(parents=True)
    (site / "factors" / "__init__.py").write_text(f"def factor():\n    return {factor}\n")
    facts = site / f"factors-{version}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: factors\nVersion: {version}\n")
    (facts / "RECORD").write_text("factors/__init__.py,,\n")
    (facts / "top_level.txt").write_text("factors\n")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed") / "site"
    install(folder, "1.0", 3)
    return folder


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, site: Path) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("purpose")
    path = os.pathsep.join([str(ROOT), str(site)])
    with running_lab(folder, PYTHONPATH=path, SEED_OF_TODAY="3") as running:
        yield running


def test_a_package_version_is_named(lab: Lab, site: Path) -> None:
    lab.run("import factors")
    lab.run("%%track -n with_package\nresult = factors.factor() * 2.5")
    assert lab.command("reproduce", "with_package", "--json")[1]["verdict"] == "identical"
    install(site, "2.0", 4)
    status, verdict = lab.command("reproduce", "with_package", "--json")
    assert (status, verdict["verdict"], verdict["causes"]) == (1, "diverged", ["environment"]), verdict
    assert verdict["reasons"] == ["factors was 1.0, and is 2.0 now."]
    assert {"name": "factors", "recorded": "1.0", "now": "2.0"} in verdict["environment"]["differences"]
    install(site, "1.0", 5)  # tampered with: no version shows it, and nothing else is blamed
    status, verdict = lab.command("reproduce", "with_package", "--json")
    assert (status, verdict["verdict"], verdict["causes"]) == (1, "diverged", ["unknown"]), verdict
    shutil.rmtree(site)
    status, verdict = lab.command("reproduce", "with_package", "--json")
    assert (status, verdict["verdict"], verdict["causes"]) == (3, "failed", ["environment"]), verdict
    assert verdict["reasons"] == ["factors was 1.0, and is not installed now."]
    assert "No module named 'factors'" in verdict["error"]
    install(site, "1.0", 3)
    assert lab.command("reproduce", "with_package", "--json")[1]["verdict"] == "identical"


def test_a_seed_from_outside_is_named(lab: Lab) -> None:
    lab.run("import os, random\nrandom.seed(int(os.environ['SEED_OF_TODAY']))")
    lab.run("%%track -n seeded_outside\ndraw = random.random()")
    # The numbers are those that were recorded, whatever seed is there now.
    assert lab.command("reproduce", "seeded_outside", "--json", SEED_OF_TODAY="4")[1]["verdict"] == "identical"
    lab.run("%%track -n seeds_itself\nrandom.seed(int(os.environ['SEED_OF_TODAY']))\ndraw = random.random()")
    assert lab.command("reproduce", "seeds_itself", "--json")[1]["verdict"] == "identical"
    status, verdict = lab.command("reproduce", "seeds_itself", "--json", SEED_OF_TODAY="4")
    assert (status, verdict["verdict"], verdict["causes"]) == (1, "diverged", ["randomness"]), verdict
    assert verdict["reasons"] == ["Other random numbers were drawn: the state of random after the cell is another one."]


def test_a_seed_in_numpy_is_named(lab: Lab) -> None:
    lab.run("import numpy as np\nimport os")
    lab.run(
        "%%track -n seeds_numpy\nrng = np.random.default_rng(int(os.environ['SEED_OF_TODAY']))\n"
        "mean = rng.random(9).mean()"
    )
    assert lab.command("reproduce", "seeds_numpy", "--json")[1]["verdict"] == "identical"
    _, verdict = lab.command("reproduce", "seeds_numpy", "--json", SEED_OF_TODAY="4")
    assert (verdict["verdict"], verdict["causes"]) == ("diverged", ["randomness"]), verdict
    assert "generator rng" in verdict["reasons"][0]


def test_a_seed_that_is_a_parameter_is_one_thing_changed(lab: Lab) -> None:
    lab.run("%%track -n with_seed\nimport random\nseed = 7\nrandom.seed(seed)\ndrawn = random.random()")
    status, runs = lab.command("run", "with_seed", "-p", "seed=8", "--json")
    assert status == 0 and runs[0]["params"] == {"seed": 8}
    status, compared = lab.command("compare", runs[0]["parent_run_id"], runs[0]["run_id"], "--json")
    differing = {(row["part"], row["name"]) for row in compared["differences"]}
    assert {("params", "seed"), ("metrics", "drawn")} <= differing, differing
