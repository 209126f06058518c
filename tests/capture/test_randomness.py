"""Random state: taken, given back in a fresh process bit for bit, and missed where nothing seeded it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mlops_nb
from mlops_nb.capture.randomness import (
    EntropyLog,
    apply_seed,
    complete,
    forget_seed,
    process_facts,
    restore,
    seed_calls,
    snapshot,
    thread_environment,
    unpinnable,
    unseeded,
    used,
)
from mlops_nb.errors import InvalidInput


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    state = snapshot({})
    yield
    forget_seed()
    EntropyLog.replay([])
    restore(state, {})


# What a kernel does around a cell: state before, entropy during; the result as bytes.
RECORD = """
import json, sys
from mlops_nb.capture.randomness import EntropyLog, complete, pin_source, snapshot
namespace = {}
setup, cell = json.load(sys.stdin)
exec(setup, namespace)
log = EntropyLog(); log.install()
before = json.loads(json.dumps(snapshot(namespace)))
log.begin()
exec(cell, namespace)
entropy = log.end()
print(json.dumps([namespace["result"], pin_source(complete(before), entropy)]))
"""
PLAIN = """
import json, sys
namespace = {}
for source in json.load(sys.stdin):
    exec(source, namespace)
assert "_restore_randomness" not in namespace
print(json.dumps(namespace["result"]))
"""


def run(program: str, sources: list[str], *, with_us: bool = True) -> object:
    """A fresh process; without mlops_nb on its path unless asked for."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHASHSEED")}
    if with_us:
        environment["PYTHONPATH"] = str(Path(mlops_nb.__file__).parents[1])
    answer = subprocess.run([sys.executable, "-c", program], input=json.dumps([textwrap.dedent(s) for s in sources]),
                            capture_output=True, text=True, env=environment, cwd="/")  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


FOREST = """
    import hashlib
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import cross_val_score, train_test_split
    X, y = make_classification(300, random_state=0)
    A, B, a, b = train_test_split(X, y)
    model = RandomForestClassifier(20, random_state=None, n_jobs=2).fit(A, a)
    result = hashlib.sha256(model.predict_proba(B).tobytes()).hexdigest()
"""
TORCH = """
    import torch
    layer = torch.nn.Linear(8, 4)
    data = torch.utils.data.DataLoader(torch.arange(20), shuffle=True, batch_size=5)
    dropped = torch.nn.functional.dropout(torch.ones(9)).tolist()
    result = [layer.weight.tolist(), [batch.tolist() for batch in data], dropped]
"""
# name: (what ran before, the cell)
CELLS = {
    "import and draw in one cell": ("", "import numpy as np; result = np.random.rand(3).tolist()"),
    "global generators": (
        "import random, numpy as np; random.random(); np.random.normal()",
        """
        items = list(range(50)); random.shuffle(items); np.random.shuffle(items)
        result = [items, random.gauss(0, 1), np.random.normal(size=3).tolist()]
        """,
    ),
    "fresh generators": (
        "",
        """
        import numpy as np
        result = [np.random.default_rng().random(), np.random.RandomState().rand(),
                  np.random.Generator(np.random.MT19937()).random(), np.random.default_rng().spawn(2)[1].random()]
        """,
    ),
    "reseeded from entropy": ("import numpy as np", "np.random.seed(); result = np.random.rand()"),
    "forest": ("", FOREST),
    "torch": ("import torch; torch.rand(3)", TORCH),
    "torch in one cell": ("", TORCH),
}


SLOW = ("forest", "torch", "torch in one cell")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CELLS])
def test_an_unseeded_cell_is_the_same_bit_for_bit_in_a_fresh_process(name: str) -> None:
    setup, cell = CELLS[name]
    for library in ("torch", "sklearn"):
        if library in cell:
            pytest.importorskip(library)
    result, pin = run(RECORD, [setup, cell])  # type: ignore[misc]
    assert run(PLAIN, [setup, pin, cell], with_us=False) == result
    if "torch in one" not in name:  # torch begins with the same seed in every process: nothing to give back
        assert run(PLAIN, [setup, cell], with_us=False) != result


def test_named_generators_come_back_in_place() -> None:
    namespace = {"r": random.Random(1), "g": np.random.default_rng(1), "s": np.random.RandomState(2),
                 "p": np.random.Generator(np.random.Philox(3)), "f": np.random.Generator(np.random.SFC64(4)),
                 "m": np.random.Generator(np.random.MT19937(5)), "other": object(), "n": 1}  # fmt: skip
    state = json.loads(json.dumps(snapshot(namespace)))
    assert set(state["generators"]) == set("rgspfm")

    def draw() -> list[float]:
        return [namespace["r"].gauss(0, 1), namespace["s"].normal(),  # type: ignore[attr-defined]
                *(namespace[name].normal() for name in "gpfm")]  # type: ignore[attr-defined]  # fmt: skip

    first = draw()
    assert restore(state, namespace)["missing"] == []
    assert draw() == first


def test_a_name_that_is_gone_or_another_kind_is_said() -> None:
    state = snapshot({"g": np.random.default_rng(1), "h": np.random.default_rng(1)})
    found = restore(state, {"h": np.random.Generator(np.random.Philox(1))})
    assert found["missing"] == ["g", "h"]


def test_a_snapshot_calls_nothing_of_the_users() -> None:
    class Hostile(random.Random):
        def getstate(self) -> tuple[int]:  # type: ignore[override]
            raise AssertionError("getstate was called")

        def __getattribute__(self, name: str) -> object:
            raise AssertionError(f"{name} was asked for")

    hostile = Hostile.__new__(Hostile)
    assert "generators" not in snapshot({"hostile": hostile, 3: random.Random()})  # type: ignore[dict-item]


def test_a_snapshot_takes_nothing_away() -> None:
    np.random.seed(3)
    random.seed(3)
    expected = random.random(), np.random.rand()
    np.random.seed(3)
    random.seed(3)
    snapshot({"g": np.random.default_rng()})
    assert (random.random(), np.random.rand()) == expected


def test_which_generators_were_used() -> None:
    namespace = {"g": np.random.default_rng(1), "h": np.random.default_rng(2)}
    before = snapshot(namespace)
    assert used(before, snapshot(namespace)) == []
    np.random.rand()
    namespace["g"].random()
    assert used(before, snapshot(namespace)) == ["numpy", "generator:g"]


def test_entropy_is_recorded_in_executions_only_and_replayed_once() -> None:
    log = EntropyLog()
    log.install()
    np.random.default_rng()
    log.begin()
    first = np.random.default_rng().random()
    np.random.default_rng(1)
    drawn = log.end()
    assert len(drawn) == 1 and log.available
    EntropyLog.replay(drawn)
    log.begin()
    assert np.random.default_rng().random() == first
    assert np.random.default_rng().random() != first
    again = log.end()
    assert again[:1] == drawn, "what is replayed is recorded again, for the reproduction of the reproduction"


def test_a_seed_reaches_everything_imported_and_unseeded_generators() -> None:
    def draw() -> list[float]:
        return [random.random(), np.random.rand(), np.random.default_rng().random(), np.random.default_rng().random()]

    first = apply_seed(42)
    assert {"random", "numpy", "numpy.random.default_rng"} <= set(first["seeded"])
    values = draw()
    assert values[2] != values[3]
    apply_seed(42)
    assert draw() == values
    forget_seed()
    assert draw()[2:] != values[2:]


@pytest.mark.parametrize("seed", [-1, 1 << 32, True, 1.0, "1"])
def test_a_seed_that_cannot_be_is_refused(seed: object) -> None:
    with pytest.raises(InvalidInput, match="seed"):
        apply_seed(seed)  # type: ignore[arg-type]


def test_a_seed_reaches_what_is_imported_later() -> None:
    program = """
        import json, sys
        from mlops_nb.capture.randomness import apply_seed, complete, snapshot, unseeded
        before = snapshot({})
        found = apply_seed(7)
        assert found["on_import"] == ["numpy", "torch", "numpy.random.default_rng"], found
        assert not {"numpy", "torch"} & set(sys.modules)
        import numpy as np
        drawn = [np.random.rand(), np.random.default_rng().random()]
        seeded = found["seeded"] + found["on_import"]
        print(json.dumps([drawn, unseeded(complete(before), snapshot({}), [], ["0x1"], seeded=seeded)]))
        """
    first = run(textwrap.dedent(program), [])
    assert first == run(textwrap.dedent(program), [])
    assert first[1] == []  # type: ignore[index]


SEEDING = [
    ("import random; random.seed(1)", {"random"}),
    ("import random; random.seed()", set()),
    ("import numpy as np\nnp.random.seed(SEED)", {"numpy"}),
    ("np.random.seed(None)", set()),
    ("from numpy.random import seed; seed(1)", {"numpy"}),
    ("from random import seed as s; s(1)", {"random"}),
    ("import torch as t; t.manual_seed(1)", {"torch"}),
    ("def seed_all(s):\n    np.random.seed(s); torch.manual_seed(seed=s)", {"numpy", "torch"}),
    ("%%time\nnp.random.seed(0)", {"numpy"}),
    ("!pip list\nnp.random.seed(0)", {"numpy"}),
    ("from transformers import set_seed; set_seed(1)", {"random", "numpy", "torch"}),
    ("rng = np.random.default_rng(0)", set()),
    ("this is no python", set()),
    ("random.seed = 3", set()),
]


@pytest.mark.parametrize(("source", "expected"), SEEDING)
def test_seeds_in_code(source: str, expected: set[str]) -> None:
    assert seed_calls(source) == expected


def test_what_was_drawn_without_a_seed() -> None:
    before = snapshot({})
    np.random.rand(), random.random()
    after = snapshot({})
    assert unseeded(before, after, ["x = 1"]) == ["random", "numpy"]
    assert unseeded(before, after, ["import numpy as N", "N.random.seed(1)"]) == ["random"]
    assert unseeded(before, after, [], seeded=["numpy", "random"]) == []
    assert unseeded(before, before, [], ["0xff"]) == ["numpy.random.default_rng"]


def test_a_library_that_the_cell_imports_counts_from_its_first_state() -> None:
    assert complete({"random": {"a": 1}})["random"] == {"a": 1}
    assert "numpy" in complete({})


def test_what_cannot_be_pinned() -> None:
    source = "from uuid import uuid4\nimport os, random\nuuid4(); os.urandom(3)\nrandom.Random(1); random.seed()"
    assert unpinnable(source) == ["uuid.uuid4", "os.urandom", "random.seed"]


def test_facts_of_the_process_come_back_as_environment() -> None:
    facts = process_facts({"PYTHONHASHSEED": "3", "OMP_NUM_THREADS": "1", "AWS_SECRET_ACCESS_KEY": "x"})
    assert json.loads(json.dumps(facts)) == facts
    assert facts["variables"] == {"OMP_NUM_THREADS": "1"}
    pytest.importorskip("threadpoolctl")
    assert facts["pools"] and facts["pools"][0]["threads"] >= 1
    assert thread_environment(facts)["PYTHONHASHSEED"] == "3"
    assert thread_environment(facts)["OMP_NUM_THREADS"] == "1"


def test_the_order_of_a_set_is_the_same_with_the_recorded_hash_seed() -> None:
    def order(environment: dict[str, str]) -> str:
        source = "print([*{str(i) for i in range(50)}])"
        return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True,
                              env=os.environ | environment).stdout  # fmt: skip

    environment = thread_environment({"hash_seed": None})
    assert order(environment) == order(environment)


def test_a_seeded_legacy_generator_draws_nothing_that_matters() -> None:
    import numpy as np

    log = EntropyLog()
    log.install()
    seed, nothing = 7, None

    class Lazy:
        """As in Optuna's samplers: the generator is made when it is first asked for, and seeded at once."""

        def __init__(self, seed: int | None = None) -> None:
            if seed is not None:
                self.rng.seed(seed=seed)

        @property
        def rng(self) -> np.random.RandomState:
            return np.random.RandomState()

    for make, fresh in (
        (lambda: np.random.RandomState(seed), False),
        (lambda: np.random.RandomState(seed=seed), False),
        (lambda: np.random.RandomState(nothing), True),
        (lambda: Lazy(3), False),
        (lambda: Lazy().rng, True),
        (lambda: Lazy().rng.seed(nothing), True),
        (lambda: np.random.RandomState(), True),
        (lambda: np.random.RandomState(None), True),
        (lambda: np.random.default_rng(), True),
        (lambda: np.random.default_rng(3), False),
    ):
        log.begin()
        make()
        assert log.end().fresh is fresh
