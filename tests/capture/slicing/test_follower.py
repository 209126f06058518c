"""The follower beside sessions that are hard to follow: hostile objects, big ones, threads, nested runs, what came
before."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from mlops_nb.capture.slicing import Follower
from mlops_nb.capture.slicing.resources import snapshot
from tests.capture.slicing.sessions import Sessions, sessions

HOSTILE = """
CALLS = []
def hostile(name):
    def call(*args, **kwargs):
        CALLS.append(name)
        raise RuntimeError(name)
    return call
NAMES = ('eq ne lt hash repr str getattr reduce reduce_ex getstate setstate len iter bool dir sizeof format call int'
         ' index float contains getitem enter copy deepcopy array array_interface dataframe instancecheck').split()
METHODS = {f'__{name}__': hostile(name) for name in NAMES}
class Meta(type):
    __eq__ = hostile('metaclass eq')
    def __hash__(cls):
        CALLS.append('metaclass hash')
        return 1
    __instancecheck__ = hostile('metaclass instancecheck')
    def __getattribute__(cls, name):
        CALLS.append('metaclass ' + name)
        return type.__getattribute__(cls, name)
def getattribute(self, name):
    CALLS.append('attribute ' + name)
    raise RuntimeError(name)
Plain = type('Plain', (), {**METHODS, '__getattribute__': getattribute, 'prop': property(hostile('property')),
                           '__class__': property(hostile('class')), '__init__': lambda self: object.__setattr__(self,
                           'v', [1])})
Dict = type('Dict', (dict,), {**METHODS, **{name: hostile(name) for name in ('items', 'keys', 'values')}})
List = type('List', (list,), {**METHODS, '__getattribute__': getattribute})
Text = type('Text', (str,), METHODS)
Number = type('Number', (int,), METHODS)
Hidden = type('Hidden', (), {'__dict__': property(hostile('dict'))})
Odd = Meta('Odd', (), {'x': 1})
class Descriptor:
    __get__ = hostile('descriptor')
class Described:
    d = Descriptor()
del CALLS[:]
"""
USE = """
things = [Plain(), Dict(a=1), List([1]), Text('t'), Number(3), Hidden(), Odd(), Described(), Odd, Plain]
many = [Plain() for _ in range(100)]
mixed = [Odd(), 1] * 50
nested = {'k': things[0], 'm': things}
del CALLS[:]
"""


@pytest.fixture(scope="module")
def shell() -> Iterator[Sessions]:
    with sessions(("numpy", "pandas")) as started:
        yield started


def follow(cells: list[str], space: dict[str, Any] | None = None, **options: Any) -> tuple[Follower, dict[str, Any]]:
    """Run cells with plain `exec`."""
    space = {"__name__": "__main__"} if space is None else space
    follower = Follower(space, **options)
    for count, cell in enumerate(cells, 1):
        token = follower.before(cell, cell, count, None)
        error = None
        try:
            exec(compile(cell, "<cell>", "exec"), space)
        except Exception as raised:
            error = raised
        follower.after(token, error)
    return follower, space


def needed(follower: Follower, **options: Any) -> list[int]:
    return [e["index"] for e in follower.slice_of(follower.last_index, **options).executions]


def test_no_code_of_hostile_objects_runs() -> None:
    follower, space = follow(
        [HOSTILE, USE, "x = (things, many, mixed, nested)", "dict.__setitem__(things[1], 'b', 2)", "r = things"]
    )
    assert space["CALLS"] == []
    assert needed(follower) == [0, 1, 3]


def test_million_small_objects_stay_within_the_budget(shell: Sessions) -> None:
    cells = ["big = [{'a': i} for i in range(10**6)]", "x = 1", "big[5]['a'] = 9", "e = big[7]", "e['a'] = -1", "y = 2"]
    answer = shell.prove([*cells, "result = (big[7]['a'], big[5]['a'])"])
    assert answer["replayed"] == answer["value"] == "tuple(-1, 9)"
    assert answer["slice"] == [0, 2, 3, 4]
    assert any("big" in note and "too big" in note for note in answer["notes"])
    assert sum(answer["overheads"][1:]) < 0.2


def test_long_chains_and_cycles_do_not_recurse(shell: Sessions) -> None:
    chain = "class N: pass\nhead = c = N()\nfor i in range(20000):\n    c.next = N(); c.next.back = c; c = c.next"
    answer = shell.prove([chain, "head.v = 3", "result = head.v"])
    assert answer["replayed"] == answer["value"] == "3"
    assert answer["slice"] == [0, 1]


def test_big_frame_untouched_costs_nothing_and_touched_is_exact(shell: Sessions) -> None:
    frame = "import numpy as np, pandas as pd\ndf = pd.DataFrame(np.zeros((4_000_000, 10)))"
    answer = shell.prove([frame, "x = 1", "y = [x]", "df.iloc[0, 0] = 5", "m = df[0].mean()", "result = df[0].sum()"])
    assert answer["replayed"] == answer["value"] == "array(5.0)"
    assert max(answer["overheads"][1:3]) < 0.03  # 320 MB: hashing them takes longer


def test_frame_over_budget_is_taken_as_changed(shell: Sessions) -> None:
    frame = "import numpy as np, pandas as pd\ndf = pd.DataFrame(np.zeros((1_000_000, 10)))"
    options = {"follower": {"base": 0.001, "share": 0.0}}
    answer = shell.prove([frame, "x = 1", "df.iloc[0, 0] = 5", "m = df.apply(len)", "result = df[0].sum()"], **options)
    assert answer["replayed"] == answer["value"] == "array(5.0)"
    assert answer["slice"] == [0, 2, 3]
    assert any("too big" in note and "df" in note for note in answer["notes"])


def test_threads_that_change_the_namespace(shell: Sessions) -> None:
    churn = (
        "import threading\nstop = []\ndef churn():\n    space = globals(); i = 0\n    while not stop:\n"
        "        space['t%d' % (i % 500)] = i; i += 1\n        space.pop('t%d' % (i * 7 % 500), None)\n"
        "th = threading.Thread(target=churn, daemon=True); th.start()"
    )
    answer = shell.prove([churn, *["a = [1]", "a.append(2)", "b = 3"] * 3, "stop.append(1); th.join()", "result = a"])
    assert set(answer["errors"]) == {"NoneType"}
    assert {7, 8} <= set(answer["slice"]) <= {0, 7, 8}
    assert answer["replayed"] == answer["value"] == "list(1, 2)"


def test_cell_that_runs_a_cell_is_one_execution(shell: Sessions) -> None:
    answer = shell.prove(["get_ipython().run_cell('inner = [1]')\nouter = inner", "inner.append(2)", "result = outer"])
    assert answer["slice"] == [0, 1]
    assert answer["replayed"] == answer["value"] == "list(1, 2)"


def test_restored_random_state_frees_from_consumers() -> None:
    follower, _ = follow(["import random", "random.seed(1)", "a = random.random()", "b = random.random()"])
    assert needed(follower) == [0, 1, 2]
    assert needed(follower, restore_random=True) == [0]
    assert follower.slice_of(follower.last_index).random == [3, 4]


def test_unseeded_randomness_is_said_and_needs_no_earlier_draws() -> None:
    follower, _ = follow(["import random", "a = random.random()", "b = random.random()"])
    assert needed(follower) == [0]
    assert any("no cell has seeded" in note for note in follower.slice_of(follower.last_index).notes)


def test_a_random_number_beside_an_import_is_in_no_result_that_only_needs_the_import() -> None:
    from mlops_nb.capture.slicing.definitions import carriers

    cells = [
        "import numpy as np\nfrom math import sqrt\nx = np.random.rand(3)\nn = 3\nm = 1\nm = x.sum()\n"
        "def f(a): return a + n",
        "y = f(np.arange(n).sum()) + sqrt(4)",
        "z = x.sum()",
        "w = y + 1",
        "v = m + n",
        "def g(): return x",
        "u = g()",
    ]
    follower, _ = follow(cells)
    unseeded = []
    for index in range(1, len(cells)):
        needed = {part["index"] for part in follower.slice_of(index).executions}
        assert 0 in needed or index in (5,)
        related = carriers(follower.ledger.executions, index, needed | {index})
        unseeded.append(any(follower.ledger.executions[i].unseeded for i in related))
    assert unseeded == [False, True, False, True, False, True]


def test_a_seed_that_a_support_vector_machine_takes_and_does_not_use_is_no_randomness() -> None:
    cells = {
        "import numpy as np\nfrom sklearn.svm import SVC\nfrom sklearn.linear_model import SGDClassifier\n"
        "X = np.arange(40.0).reshape(20, 2) % 7; y = (X[:, 0] > 3).astype(int)": False,
        "m = SVC().fit(X, y)": False,
        "clf = SVC(gamma=0.1)": False,
        "clf.fit(X, y); p = clf.score(X, y)": False,
        "w = SVC(probability=True).fit(X, y)": True,
        "d = SGDClassifier().fit(X, y)": True,
        "b = [SVC().fit(X, y), SGDClassifier().fit(X, y)]": True,
        "q = SVC().fit(X, y); z = np.random.rand()": True,
        "i = np.random.randint(5); j = clf.predict(X)": True,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        follower, _ = follow(list(cells))
    assert [entry.unseeded for entry in follower.ledger.executions] == list(cells.values())


def test_a_seed_that_comes_after_other_calls_is_one() -> None:
    cells = [
        "import random, numpy as np\nnp.set_printoptions(precision=3)\nrandom.seed(1); np.random.seed(1)",
        "x = np.random.rand(3), random.random()",
        "y = np.random.rand(3); np.random.seed(2)",
    ]
    follower, _ = follow(cells)
    assert [entry.unseeded for entry in follower.ledger.executions] == [False, False, False]
    follower, _ = follow(["import numpy as np", "y = np.random.rand(3); np.random.seed(5)", "z = np.random.rand()"])
    assert [entry.unseeded for entry in follower.ledger.executions][1]


def test_boosters_are_changed_by_training_and_not_by_looking() -> None:
    pytest.importorskip("xgboost")
    pytest.importorskip("lightgbm")
    cells = [
        "import numpy as np, xgboost as xgb, lightgbm as lgb\n"
        "X = np.arange(80.0).reshape(40, 2) % 7; y = (X[:, 0] > 3) * 1",
        "d = xgb.DMatrix(X, label=y)\nb = xgb.train({}, d, 2)",
        "m = lgb.LGBMClassifier(n_estimators=2, min_child_samples=2, verbose=-1).fit(X, y)",
        "p = b.predict(d); q = b.get_score(); r = m.predict(X); s = m.feature_importances_",
        "b.update(d, 2)",
        "d.set_label(1 - y)",
        "t = b.predict(d), m.predict(X), d.get_label()",
    ]
    follower, _ = follow(cells)
    assert needed(follower) == [0, 1, 2, 4, 5]


def test_what_ran_before_is_judged_by_its_text() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    history = ["import math", "a = [1]", "b = 2", "a.append(math.pi)"]
    for cell in history:
        exec(cell, space)
    follower, _ = follow(["r = len(a)"], space, history=[(cell, n, None) for n, cell in enumerate(history, 1)])
    assert needed(follower) == [0, 1, 3]
    assert any("before mlops_nb was loaded" in note for note in follower.slice_of(4).notes)


def test_names_of_unknown_origin_are_said() -> None:
    follower, _ = follow(["r = given + 1"], {"__name__": "__main__", "given": 4})
    assert follower.session()[0]["undefined"] == ["given"]


def test_files_that_others_saw() -> None:
    space = {"__name__": "__main__"}
    follower = Follower(space)
    for source, read, written in [
        ("x = 1", (), ["/data/a.parquet"]),
        ("y = 2", (), ()),
        ("z = 3", ["/data/a.parquet"], ()),
    ]:
        token = follower.before(source, source, None, None)
        follower.after(token, None, files_read=read, files_written=written)
    assert needed(follower) == [0]


def test_torchs_switches_are_a_resource() -> None:
    torch = pytest.importorskip("torch")
    before = snapshot()["@torch.options"]
    with torch.no_grad():
        assert snapshot()["@torch.options"] != before
    assert snapshot()["@torch.options"] == before is not None


def test_session_is_plain_and_bounded() -> None:
    follower, _ = follow(["a = 1", "b = a"])
    entry = follower.session()[1]
    assert entry["needs"] == [0]
    assert entry["source"] == "b = a"
    assert entry["writes"] == ["b"]


def test_objects_die_when_the_cell_lets_them_go() -> None:
    space: dict[str, Any] = {}
    gone = "import weakref\nclass Big: pass\nbig = Big()\nref = weakref.ref(big)"
    follow([gone, "n = big", "del n, big", "alive = ref() is not None"], space)
    assert space["alive"] is False


def test_own_fault_makes_the_slice_bigger_and_never_reaches_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    follower, space = follow(["a = [1]", "b = 2"])

    def broken(*_: Any) -> None:
        raise LookupError

    monkeypatch.setattr("mlops_nb.capture.slicing.follower.read_names", broken)
    token = follower.before("a.append(3)", "a.append(3)", 3, None)
    space["a"].append(3)
    follower.after(token, None)
    monkeypatch.undo()
    token = follower.before("r = a", "r = a", 4, None)
    exec("r = a", space)
    follower.after(token, None)
    assert needed(follower) == [0, 1, 2]
    assert any("LookupError" in note for note in follower.slice_of(follower.last_index).notes)
