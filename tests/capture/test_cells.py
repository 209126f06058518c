"""What the syntax of a cell tells."""

from __future__ import annotations

import ast
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_nb.capture.cells import CellFacts, analyse

LITERALS = [
    ("lr = 0.1", {"lr": 0.1}),
    ("lr: float = 0.1", {"lr": 0.1}),
    ("n = -3", {"n": -3}),
    ("n = +3", {"n": 3}),
    ("day = 60 * 60 * 24", {"day": 86400}),
    ("lr = 1e-3 * 2", {"lr": 0.002}),
    ("n = 2 ** 10", {"n": 1024}),
    ("z = 1 + 2j", {"z": 1 + 2j}),
    ("a, b = 1, 2", {"a": 1, "b": 2}),
    ("(a, [b, c]) = 1, (2, 'x')", {"a": 1, "b": 2, "c": "x"}),
    ("a, *b = 1, 2, 3", {"a": 1, "b": [2, 3]}),
    ("a = b = 3", {"a": 3, "b": 3}),
    ("name = 'a' 'b'", {"name": "ab"}),
    ("flag = True; nothing = None", {"flag": True, "nothing": None}),
    ("layers = (64, 32)", {"layers": (64, 32)}),
    ("grid = {'lr': [0.1, 0.2], 'n': None}", {"grid": {"lr": [0.1, 0.2], "n": None}}),
    ("if fast:\n    n = 10", {"n": 10}),
    ("for fold in folds:\n    depth = 3", {"depth": 3}),
    ("with open(p) as f:\n    n = 10", {"n": 10}),
    ("try:\n    n = 10\nexcept Exception:\n    pass", {"n": 10}),
    ("lr = 0.1\nlr = 0.2", {"lr": 0.2}),
    ("get_ipython().run_cell_magic('time', '', 'lr = 0.1\\nfit(lr)')", {"lr": 0.1}),
    ("%%time\nlr = 0.1\n!ls {lr}", {"lr": 0.1}),
    ("get_ipython().run_line_magic('time', 'lr = 0.1')", {"lr": 0.1}),
    # and what is none
    ("lr: float", {}),
    ("x = f(1)", {}),
    ("x = [a, 1]", {}),
    ("x = {**a}", {}),
    ("x = 1 / 0", {}),
    ("x = 10 ** 10 ** 10", {}),
    ("x = -True", {}),
    ("x = ...", {}),
    ("x = {[]: 1}", {}),
    ("def f():\n    x = 1", {}),
    ("class C:\n    x = 1", {}),
    ("o.x = 1; d['x'] = 1", {}),
    ("loss = 0.0\nfor x in xs:\n    loss += f(x)", {}),
    ("n = 0\nn += 1", {}),
    ("if a:\n    n = 1\nelse:\n    n = 2", {}),
    ("found = False\nfor x in xs:\n    if x:\n        found = True", {}),
    ("history = []\nhistory.append(1)", {}),
    ("best = {}\nbest['x'] = 1", {}),
    ("try:\n    from tqdm import tqdm\nexcept ImportError:\n    tqdm = None", {}),
    ("n = 3\ndef f():\n    global n\n    n = g()", {}),
    ("get_ipython().run_cell_magic('timeit', '', 'lr = 0.1')", {}),
    ("get_ipython().run_cell_magic('bash', '', 'lr=0.1')", {}),
    ("x = = 1", {}),
    ("", {}),
    ("# only a comment", {}),
]


@pytest.mark.parametrize(("source", "expected"), LITERALS)
def test_literals(source: str, expected: dict[str, object]) -> None:
    assert dict(analyse(source).literals) == expected


COMPUTED = [
    ("x = f()", {"x"}),
    ("x: int = f()", {"x"}),
    ("a, b = f()", {"a", "b"}),
    ("a, (b, *c) = f()", {"a", "b", "c"}),
    ("a, b = 1, f()", {"b"}),
    ("x = y = f()", {"x", "y"}),
    ("x += 1", {"x"}),
    ("with f() as x:\n    pass", {"x"}),
    ("if (n := f()) > 3:\n    pass", {"n"}),
    ("[y := f(x) for x in xs]", {"y"}),
    ("x = 1 if a else 2", {"x"}),
    ("match p:\n    case [a, *b]:\n        pass\n    case {'k': c, **d}:\n        pass", {"a", "b", "c", "d"}),
    ("match p:\n    case P(e) as f:\n        pass", {"e", "f"}),
    ("async with f() as x:\n    pass", {"x"}),
    ("correct = 0\nfor x in xs:\n    correct += 1", {"correct"}),
    ("def f():\n    global n\n    n = g()\nf()", {"n"}),
    ("get_ipython().run_cell_magic('time', '', 'acc = f()')", {"acc"}),
    ("get_ipython().run_cell_magic('capture', 'out', 'acc = f()')", {"acc"}),
    ("history = []\nhistory.append(1)", {"history"}),
    ("t = time.time()\nt = time.time() - t", {"t"}),
    # and what is not
    ("import numpy as np\nfrom a import b", set()),
    ("def f():\n    x = g()\nclass C:\n    y = g()", set()),
    ("for i in range(3):\n    pass", set()),
    ("for i, (x, y) in enumerate(d):\n    pass", set()),
    ("i = 0\nwhile i < 10:\n    i += 1", set()),
    ("start = time.perf_counter()", set()),
    ("[x for x in xs]; {k: v for k, v in d}; (g for g in h)", set()),
    ("lambda x: (y := x)", set()),
    ("get_ipython().run_cell_magic('timeit', '', 'acc = f()')", set()),
    ("try:\n    f()\nexcept E as e:\n    pass", set()),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), COMPUTED)
def test_computed(source: str, expected: set[str]) -> None:
    assert analyse(source).computed == expected


READS = [
    ("fit(data, lr)", ["fit", "data", "lr"]),
    ("lr = 0.1\nfit(lr)", ["fit"]),
    ("x = x + 1", ["x"]),
    ("x += y", ["x", "y"]),
    ("a.b.c = d", ["d", "a"]),
    ("a[i] = d", ["d", "a", "i"]),
    ("[x * k for x in xs if x > t]", ["xs", "t", "k"]),
    ("x = [x for x in range(n)]\nx", ["range", "n"]),
    ("def f(a, b=c):\n    return a + d\nd = 1", ["c"]),
    ("def f(a):\n    return a + d", ["d"]),
    ("g = lambda x, y=z: x + k + y", ["z", "k"]),
    ("class A(B):\n    x = k\n    y = x", ["B", "k"]),
    ("@deco\ndef f():\n    pass", ["deco"]),
    ("for x in xs:\n    y = x\ny", ["xs"]),
    ("del x", ["x"]),
    ("if n is None:\n    n = 3", ["n"]),
    ("x: T = v", ["T", "v"]),
    ("f'{lr:.{digits}f}'", ["lr", "digits"]),
    ("await f(x)", ["f", "x"]),
    ("get_ipython().system('train --lr {lr} $depth')", ["lr", "depth"]),
    ("files = get_ipython().getoutput('ls {folder}')", ["folder"]),
    ("get_ipython().run_cell_magic('time', '', 'fit(lr)')", ["fit", "lr"]),
    ("get_ipython().run_cell_magic('timeit', '-n 3 x = k', 'fit(x)')", ["k", "fit"]),
    ("get_ipython().run_line_magic('timeit', '-n 10 -r3 fit(lr)')", ["fit", "lr"]),
    ("get_ipython().run_line_magic('matplotlib', 'inline')", []),
    ("match p:\n    case P.X if t:\n        y", ["p", "P", "t", "y"]),
    ("def f():\n    def g():\n        return a, b\n    a = 1\n    return g", ["b"]),
    ("def f():\n    return [w for w in ws]", ["ws"]),
    ("x = = 1", []),
]


@pytest.mark.parametrize(("source", "expected"), READS)
def test_reads(source: str, expected: list[str]) -> None:
    assert list(analyse(source).reads) == expected


def test_conditional_and_chosen_names_are_told_apart() -> None:
    facts = analyse("if a:\n    n = 1\n    k = 1\nelse:\n    n = 2")
    assert (facts.conditional, facts.chosen) == ({"k"}, {"n"})


def test_deleted() -> None:
    assert analyse("x = 1\ndel x, y.z, d['k']").deleted == {"x"}


RESULTS = [
    ("x = 1", False, ""),
    ("x", True, ""),
    ("x = f()\nx", True, "x"),
    ("x = f()\nround(x, 3)", True, "x"),
    ("round(x, 3)", True, ""),
    ("x = 1\nx", True, ""),
    ("3", True, ""),
    ("accuracy_score(y, p)", True, "accuracy_score"),
    ("metrics.f1_score(y, p)", True, "f1_score"),
    ("model.score(X, y)", True, "score"),
    ("model.best_score_", True, "best_score_"),
    ("report['f1']", True, "f1"),
    ("scores[0]", True, "scores"),
    ("round(model.score(X, y), 3)", True, "score"),
    ("float(loss.item())", True, "loss"),
    ("scores.mean()", True, "scores.mean"),
    ("np.mean(scores)", True, "scores.mean"),
    ("len(df)", True, "df.len"),
    ("(p == y).mean()", True, "mean"),
    ("1 - error", True, "result"),
    ("await fetch()", True, "fetch"),
    ("get_ipython().run_cell_magic('time', '', 'x = 1\\nscore(x)')", True, "score"),
    ("get_ipython().run_cell_magic('timeit', '', 'score(x)')", False, ""),
    ("get_ipython().system('ls')", False, ""),
    ("if x:\n    y", False, ""),
    ("", False, ""),
]


@pytest.mark.parametrize(("source", "shown", "name"), RESULTS)
def test_last_expression(source: str, shown: bool, name: str) -> None:
    facts = analyse(source)
    assert (facts.last_expression, facts.result_name) == (shown, name)


NOT_PYTHON = ["x = (", "\x00", "é = \ud800", "(" * 300, "-" * 100_000 + "1", "x = " + "+".join("a" * 20_000), "%%", "?"]


@pytest.mark.parametrize("source", NOT_PYTHON)
def test_what_cannot_be_walked_is_an_empty_analysis(source: str) -> None:
    facts = analyse(source)
    assert dict(facts.literals) == {} and isinstance(facts, CellFacts)


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_no_text_makes_it_raise(source: str) -> None:
    assert isinstance(analyse(source), CellFacts)


def test_real_source_is_walked_and_every_top_level_literal_found() -> None:
    for module in ("argparse", "ast", "http.client", "inspect", "logging", "typing"):
        __import__(module)
        source = sys.modules[module].__spec__.loader.get_source(module)  # type: ignore[union-attr]
        facts = analyse(source)
        bound = facts.literals.keys() | facts.computed | facts.chosen | facts.counters
        for node in ast.parse(source).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                assert node.targets[0].id in bound, node.targets[0].id
