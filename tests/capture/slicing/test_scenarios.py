"""Every scenario is run in a real IPython shell; its slice is then run in a fresh process and must give the same
value."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.capture.slicing.notebooks import make_notebook
from tests.capture.slicing.scenario import Scenario
from tests.capture.slicing.scenarios_beside import BESIDE
from tests.capture.slicing.scenarios_code import CODE
from tests.capture.slicing.scenarios_everyday import EVERYDAY, EVERYDAY_HEAVY
from tests.capture.slicing.scenarios_hidden import HIDDEN_HEAVY, HIDDEN_LIGHT
from tests.capture.slicing.scenarios_hooks import HOOKS_HEAVY, HOOKS_LIGHT
from tests.capture.slicing.scenarios_libraries import LIBRARIES, RANDOM
from tests.capture.slicing.scenarios_names import MUTATION, STATE
from tests.capture.slicing.scenarios_nasty import NASTY_HEAVY, NASTY_LIGHT
from tests.capture.slicing.scenarios_unseen import UNSEEN
from tests.capture.slicing.scenarios_world import WORLD
from tests.capture.slicing.sessions import sessions

LIGHT = [*STATE, *MUTATION, *CODE, *NASTY_LIGHT, *HIDDEN_LIGHT, *HOOKS_LIGHT, *BESIDE, *EVERYDAY]
HEAVY = [*LIBRARIES, *RANDOM, *WORLD, *UNSEEN, *NASTY_HEAVY, *HIDDEN_HEAVY, *HOOKS_HEAVY, *EVERYDAY_HEAVY]
SCENARIOS = [*LIGHT, *HEAVY]
SEEDS = range(1000, 1040)


@pytest.fixture(scope="module")
def proved() -> dict[str, dict[str, Any]]:
    """What each scenario gave, by name: two zygotes, so that two cores work."""

    def prove(scenarios: list[Scenario], preload: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        with sessions(preload) as shell:
            return {scenario.name: shell.prove(scenario.cells) for scenario in scenarios}

    libraries = (
        "numpy", "pandas", "matplotlib.pyplot", "sklearn.linear_model", "sklearn.ensemble", "sqlite3", "scipy.stats",
    )  # fmt: skip
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(prove, [LIGHT, HEAVY], [("sqlite3",), libraries])
        return {name: answer for result in results for name, answer in result.items()}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_slice_is_least_and_replays_to_the_recorded_value(
    scenario: Scenario, proved: dict[str, dict[str, Any]]
) -> None:
    answer = proved[scenario.name]
    assert answer["value"] == scenario.value
    assert answer["replayed"] == scenario.value
    assert answer["slice"] == scenario.slice


def test_names_of_scenarios_are_unique() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS) >= 80


def test_random_notebooks_replay_to_the_recorded_value() -> None:
    with sessions(("numpy",)) as shell:
        for seed in SEEDS:
            answer = shell.prove(make_notebook(seed))
            assert answer["replayed"] == answer["value"], f"seed {seed}, slice {answer['slice']}"


@pytest.fixture(scope="module")
def heavy_shell() -> Any:
    with sessions(("numpy", "pandas", "matplotlib.pyplot", "sqlite3")) as shell:
        yield shell


SCRIPTS = [
    "linear", "rerun of a counter", "failing cell changed state", "future annotations", "await", "%cd", "%env", "%%time",  # noqa: E501
    "%%capture", "%time", "%%writefile and import", "shell with a name", "Out", "underscore", "Out holds a list", "closure",  # noqa: E501
    "new column", "figure by axes", "seeded chain", "sqlite", "star import", "deleted name is missed",
]  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_runs_as_it_is(name: str, heavy_shell: Any) -> None:
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    answer = heavy_shell.ask("session", scenario.cells)
    assert heavy_shell.ask("script", answer["script"])["value"] == scenario.value
