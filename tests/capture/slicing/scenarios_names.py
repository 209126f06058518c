"""Scenarios of names: hidden state, bindings, and objects changed in place."""

from __future__ import annotations

from tests.capture.slicing.scenario import Scenario

STATE = [
    Scenario("linear", ["a = 1", "b = a + 1", "c = 99", "result = b * 2"], [0, 1], "4"),
    Scenario("unrelated cells go", ["x = 1", "y = 2", "z = 3", "w = y", "result = x"], [0], "1"),
    Scenario(
        "rerun of a counter",
        [("a", "n = 0"), ("b", "n += 1"), ("b", "n += 1"), ("b", "n += 1"), "result = n"],
        [0, 1, 2, 3],
        "3",
    ),
    Scenario("counter reset", ["n = 0", "n += 1", "n = 10", "n += 1", "result = n"], [2, 3], "11"),
    Scenario("rerun of a definition", [("a", "x = [1]"), ("a", "x = [1]"), "result = x"], [1], "list(1)"),
    Scenario(
        "edited cell", [("a", "k = 1"), "v = k * 10", ("a", "k = 2"), "result = (v, k)"], [0, 1, 2], "tuple(10, 2)"
    ),
    Scenario("edited cell, old value gone", [("a", "k = 1"), ("a", "k = 2"), "result = k"], [1], "2"),
    Scenario("out of order", ["f = lambda: base + 1", "base = 5", "result = f()"], [0, 1], "6"),
    Scenario("overwritten name", ["x = 1", "y = x", "x = 2", "result = y"], [0, 1], "1"),
    Scenario("deleted name", ["x = 1", "y = x + 1", "del x", "result = y"], [0, 1], "2"),
    Scenario(
        "deleted name is missed",
        ["x = 1", "del x", "try:\n    result = x\nexcept NameError:\n    result = 'gone'"],
        [0, 1],
        "'gone'",
    ),
    Scenario(
        "failing cell changed state",
        ["a = []", "a.append(1)\nraise ValueError", "a.append(2)", "result = a"],
        [0, 1, 2],
        "list(1, 2)",
    ),
    Scenario("failing cell that did nothing", ["a = [1]", "b = a[5]", "result = a"], [0], "list(1)"),
    Scenario("failing before the binding", ["x = 1", "x = 2\ny = 1 / 0\nx = 3", "result = x"], [1], "2"),
    Scenario("conditional binding not taken", ["x = 1", "flag = False", "if flag:\n    x = 2", "result = x"], [0], "1"),
    Scenario("conditional binding taken", ["x = 1", "flag = True", "if flag:\n    x = 2", "result = x"], [1, 2], "2"),
    Scenario("loop", ["s = 0", "for i in range(4):\n    s += i", "t = 1", "result = (s, i)"], [0, 1], "tuple(6, 3)"),
    Scenario(
        "while",
        ["n = 3", "out = []", "while n:\n    out.append(n)\n    n -= 1", "result = out"],
        [0, 1, 2],
        "list(3, 2, 1)",
    ),
    Scenario("walrus", ["data = [5, 6]", "if (m := len(data)) > 1:\n    pass", "result = m"], [0, 1], "2"),
    Scenario(
        "walrus in a comprehension", ["d = [1, 2]", "sq = [last := v * v for v in d]", "result = last"], [0, 1], "4"
    ),
    Scenario("comprehension scope", ["x = 7", "ys = [x for x in range(3)]", "result = x"], [0], "7"),
    Scenario("unpacking", ["a, (b, *c) = 1, (2, 3, 4)", "d = 5", "result = c"], [0], "list(3, 4)"),
    Scenario("augmented assignment in place", ["a = [1]", "b = a", "a += [2]", "result = b"], [0, 1, 2], "list(1, 2)"),
    Scenario("augmented assignment of a tuple", ["a = (1,)", "b = a", "a += (2,)", "result = b"], [0, 1], "tuple(1)"),
    Scenario("match", ["p = {'k': 4}", "match p:\n    case {'k': v}:\n        pass", "result = v"], [0, 1], "4"),
    Scenario(
        "with",
        [
            "import contextlib",
            "@contextlib.contextmanager\ndef cm():\n    yield 3",
            "with cm() as c:\n    d = c",
            "result = d",
        ],
        [0, 1, 2],
        "3",
    ),
    Scenario(
        "suppressed",
        [
            "import contextlib",
            "x = 1",
            "with contextlib.suppress(ZeroDivisionError):\n    1 / 0\n    x = 2",
            "result = x",
        ],
        [1],
        "1",
    ),
    Scenario(
        "future annotations",
        ["from __future__ import annotations", "def f(a: nothing): return a", "result = f(2)"],
        [0, 1],
        "2",
    ),
    Scenario("chained state", ["a = 1", "b = a + 1", "a = 10", "c = a + b", "result = c"], [0, 1, 2, 3], "12"),
    Scenario(
        "dunder all the names",
        ["a = 1", "b = 2", "names = sorted(n for n in globals() if n in ('a', 'b'))", "result = names"],
        [0, 1, 2],
        "list('a', 'b')",
    ),
]

MUTATION = [
    Scenario("append", ["a = [1]", "b = 2", "a.append(3)", "result = sum(a)"], [0, 2], "4"),
    Scenario("read only", ["a = [1]", "n = len(a)", "print(a)", "s = sorted(a)", "result = a"], [0], "list(1)"),
    Scenario("alias", ["a = []", "b = a", "b.append(1)", "result = a"], [0, 1, 2], "list(1)"),
    Scenario(
        "alias made later",
        ["a = []", "a.append(1)", "b = a", "b.append(2)", "a = 5", "result = b"],
        [0, 1, 2, 3],
        "list(1, 2)",
    ),
    Scenario(
        "shared inner list",
        ["row = [0]", "grid = {'x': row, 'y': row}", "grid['x'].append(1)", "result = grid['y']"],
        [0, 1, 2],
        "list(0, 1)",
    ),
    Scenario(
        "element taken out", ["d = {'k': []}", "e = d['k']", "e.append(4)", "result = d"], [0, 1, 2], "{'k': list(4)}"
    ),
    Scenario(
        "dict update", ["d = {}", "d['a'] = 1", "e = 5", "d.update(b=2)", "result = d"], [0, 1, 3], "{'a': 1, 'b': 2}"
    ),
    Scenario("set", ["s = set()", "s.add(1)", "t = 3", "s |= {2}", "result = s"], [0, 1, 3], "set(['1', '2'])"),
    Scenario("pop keeps its source", ["q = [1, 2, 3]", "p = q.pop()", "result = q"], [0, 1], "list(1, 2)"),
    Scenario("popped value", ["q = [1, 2, 3]", "q.pop()", "p = q.pop()", "result = p"], [0, 1, 2], "2"),
    Scenario("sort in place", ["a = [3, 1]", "a.sort()", "result = a"], [0, 1], "list(1, 3)"),
    Scenario("sorted already", ["a = [1, 3]", "a.sort()", "result = a"], [0], "list(1, 3)"),
    Scenario(
        "deque",
        ["from collections import deque, defaultdict", "q = deque([1])", "q.appendleft(0)", "result = list(q)"],
        [0, 1, 2],
        "list(0, 1)",
    ),
    Scenario(
        "defaultdict fills on read",
        ["from collections import defaultdict", "d = defaultdict(list)", "d['x']", "result = dict(d)"],
        [0, 1, 2],
        "{'x': list()}",
    ),
    Scenario("bytearray", ["b = bytearray(b'ab')", "b[0] = 122", "result = bytes(b)"], [0, 1], "b'zb'"),
    Scenario(
        "default argument",
        ["def f(x, seen=[]):\n    seen.append(x)\n    return list(seen)", "f(1)", "f(2)", "result = f(3)"],
        [0, 1, 2],
        "list(1, 2, 3)",
    ),
    Scenario(
        "function attribute",
        ["def f():\n    f.calls += 1\n    return f.calls", "f.calls = 0", "f()", "result = f()"],
        [0, 1, 2],
        "2",
    ),
    Scenario("bound method kept", ["a = []", "add = a.append", "add(3)", "result = a"], [0, 1, 2], "list(3)"),
    Scenario(
        "partial",
        ["from functools import partial", "log = []", "p = partial(log.append, 9)", "p()", "result = log"],
        [0, 1, 2, 3],
        "list(9)",
    ),
    Scenario("cyclic", ["a = []", "a.append(a)", "b = [a, 1]", "b[1] = 2", "result = b[1]"], [0, 1, 2, 3], "2"),
    Scenario(
        "dict view", ["d = {'a': 1}", "v = d.values()", "d['b'] = 2", "result = list(v)"], [0, 1, 2], "list(1, 2)"
    ),
    Scenario(
        "string buffer",
        ["import io", "s = io.StringIO()", "s.write('a')", "n = s.tell()", "s.write('b')", "result = s.getvalue()"],
        [0, 1, 2, 4],
        "'ab'",
    ),
    Scenario("heap", ["import heapq", "h = [5, 6]", "heapq.heappush(h, 1)", "result = h[0]"], [0, 1, 2], "1"),
    Scenario(
        "old object changed, then rebound",
        ["a = [1]", "b = a", "a.append(2)\na = 0", "result = b"],
        [0, 1, 2],
        "list(1, 2)",
    ),
    Scenario(
        "object behind a closed name",
        ["a = [1]", "b = {'l': a}", "del a", "b['l'].append(2)", "result = b"],
        [0, 1, 3],
        "{'l': list(1, 2)}",
    ),
]
