"""Sessions with their expected slices: (name, cells in the order in which they ran, expected earlier cells, expected value).

The last cell is the target and binds ``result``; expected slices are positions from 0. A cell is its text, or (cell id, text)
where the same cell runs again.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Scenario(NamedTuple):
    """A session, what its last cell should need, and the text of the value that it makes."""

    name: str
    cells: list[Any]
    slice: list[int]
    value: str


def _(name: str, cells: list[Any], expected: list[int], value: str) -> Scenario:
    return Scenario(name, cells, expected, value)


NP, PD, PLT = "import numpy as np", "import pandas as pd", "import matplotlib.pyplot as plt"
DF = "df = pd.DataFrame({'a': [1, 2, 3], 'b': [4.0, 5.0, 6.0]})"
XY = "X = np.arange(20.0).reshape(10, 2)\ny = (X[:, 0] > 9).astype(int)"

STATE = [
    _("linear", ["a = 1", "b = a + 1", "c = 99", "result = b * 2"], [0, 1], "4"),
    _("unrelated cells go", ["x = 1", "y = 2", "z = 3", "w = y", "result = x"], [0], "1"),
    _("rerun of a counter", [("a", "n = 0"), ("b", "n += 1"), ("b", "n += 1"), ("b", "n += 1"), "result = n"], [0, 1, 2, 3], "3"),
    _("counter reset", ["n = 0", "n += 1", "n = 10", "n += 1", "result = n"], [2, 3], "11"),
    _("rerun of a definition", [("a", "x = [1]"), ("a", "x = [1]"), "result = x"], [1], "list(1)"),
    _("edited cell", [("a", "k = 1"), "v = k * 10", ("a", "k = 2"), "result = (v, k)"], [0, 1, 2], "tuple(10, 2)"),
    _("edited cell, old value gone", [("a", "k = 1"), ("a", "k = 2"), "result = k"], [1], "2"),
    _("out of order", ["f = lambda: base + 1", "base = 5", "result = f()"], [0, 1], "6"),
    _("overwritten name", ["x = 1", "y = x", "x = 2", "result = y"], [0, 1], "1"),
    _("deleted name", ["x = 1", "y = x + 1", "del x", "result = y"], [0, 1], "2"),
    _("deleted name is missed", ["x = 1", "del x", "try:\n    result = x\nexcept NameError:\n    result = 'gone'"], [0, 1], "'gone'"),
    _("failing cell changed state", ["a = []", "a.append(1)\nraise ValueError", "a.append(2)", "result = a"], [0, 1, 2], "list(1, 2)"),
    _("failing cell that did nothing", ["a = [1]", "b = a[5]", "result = a"], [0], "list(1)"),
    _("failing before the binding", ["x = 1", "x = 2\ny = 1 / 0\nx = 3", "result = x"], [1], "2"),
    _("conditional binding not taken", ["x = 1", "flag = False", "if flag:\n    x = 2", "result = x"], [0], "1"),
    _("conditional binding taken", ["x = 1", "flag = True", "if flag:\n    x = 2", "result = x"], [1, 2], "2"),
    _("loop", ["s = 0", "for i in range(4):\n    s += i", "t = 1", "result = (s, i)"], [0, 1], "tuple(6, 3)"),
    _("while", ["n = 3", "out = []", "while n:\n    out.append(n)\n    n -= 1", "result = out"], [0, 1, 2], "list(3, 2, 1)"),
    _("walrus", ["data = [5, 6]", "if (m := len(data)) > 1:\n    pass", "result = m"], [0, 1], "2"),
    _("walrus in a comprehension", ["d = [1, 2]", "sq = [last := v * v for v in d]", "result = last"], [0, 1], "4"),
    _("comprehension scope", ["x = 7", "ys = [x for x in range(3)]", "result = x"], [0], "7"),
    _("unpacking", ["a, (b, *c) = 1, (2, 3, 4)", "d = 5", "result = c"], [0], "list(3, 4)"),
    _("augmented assignment in place", ["a = [1]", "b = a", "a += [2]", "result = b"], [0, 1, 2], "list(1, 2)"),
    _("augmented assignment of a tuple", ["a = (1,)", "b = a", "a += (2,)", "result = b"], [0, 1], "tuple(1)"),
    _("match", ["p = {'k': 4}", "match p:\n    case {'k': v}:\n        pass", "result = v"], [0, 1], "4"),
    _("with", ["import contextlib", "@contextlib.contextmanager\ndef cm():\n    yield 3", "with cm() as c:\n    d = c", "result = d"], [0, 1, 2], "3"),
    _("suppressed", ["import contextlib", "x = 1", "with contextlib.suppress(ZeroDivisionError):\n    1 / 0\n    x = 2", "result = x"], [1], "1"),
    _("future annotations", ["from __future__ import annotations", "def f(a: nothing): return a", "result = f(2)"], [0, 1], "2"),
    _("chained state", ["a = 1", "b = a + 1", "a = 10", "c = a + b", "result = c"], [0, 1, 2, 3], "12"),
    _("dunder all the names", ["a = 1", "b = 2", "names = sorted(n for n in globals() if n in ('a', 'b'))", "result = names"], [0, 1, 2], "list('a', 'b')"),
]

MUTATION = [
    _("append", ["a = [1]", "b = 2", "a.append(3)", "result = sum(a)"], [0, 2], "4"),
    _("read only", ["a = [1]", "n = len(a)", "print(a)", "s = sorted(a)", "result = a"], [0], "list(1)"),
    _("alias", ["a = []", "b = a", "b.append(1)", "result = a"], [0, 1, 2], "list(1)"),
    _("alias made later", ["a = []", "a.append(1)", "b = a", "b.append(2)", "a = 5", "result = b"], [0, 1, 2, 3], "list(1, 2)"),
    _("shared inner list", ["row = [0]", "grid = {'x': row, 'y': row}", "grid['x'].append(1)", "result = grid['y']"], [0, 1, 2], "list(0, 1)"),
    _("element taken out", ["d = {'k': []}", "e = d['k']", "e.append(4)", "result = d"], [0, 1, 2], "{'k': list(4)}"),
    _("dict update", ["d = {}", "d['a'] = 1", "e = 5", "d.update(b=2)", "result = d"], [0, 1, 3], "{'a': 1, 'b': 2}"),
    _("set", ["s = set()", "s.add(1)", "t = 3", "s |= {2}", "result = s"], [0, 1, 3], "set(['1', '2'])"),
    _("pop keeps its source", ["q = [1, 2, 3]", "p = q.pop()", "result = q"], [0, 1], "list(1, 2)"),
    _("popped value", ["q = [1, 2, 3]", "q.pop()", "p = q.pop()", "result = p"], [0, 1, 2], "2"),
    _("sort in place", ["a = [3, 1]", "a.sort()", "result = a"], [0, 1], "list(1, 3)"),
    _("sorted already", ["a = [1, 3]", "a.sort()", "result = a"], [0], "list(1, 3)"),
    _("deque", ["from collections import deque, defaultdict", "q = deque([1])", "q.appendleft(0)", "result = list(q)"], [0, 1, 2], "list(0, 1)"),
    _("defaultdict fills on read", ["from collections import defaultdict", "d = defaultdict(list)", "d['x']", "result = dict(d)"], [0, 1, 2], "{'x': list()}"),
    _("bytearray", ["b = bytearray(b'ab')", "b[0] = 122", "result = bytes(b)"], [0, 1], "b'zb'"),
    _("default argument", ["def f(x, seen=[]):\n    seen.append(x)\n    return list(seen)", "f(1)", "f(2)", "result = f(3)"], [0, 1, 2], "list(1, 2, 3)"),
    _("function attribute", ["def f():\n    f.calls += 1\n    return f.calls", "f.calls = 0", "f()", "result = f()"], [0, 1, 2], "2"),
    _("bound method kept", ["a = []", "add = a.append", "add(3)", "result = a"], [0, 1, 2], "list(3)"),
    _("partial", ["from functools import partial", "log = []", "p = partial(log.append, 9)", "p()", "result = log"], [0, 1, 2, 3], "list(9)"),
    _("cyclic", ["a = []", "a.append(a)", "b = [a, 1]", "b[1] = 2", "result = b[1]"], [0, 1, 2, 3], "2"),
    _("dict view", ["d = {'a': 1}", "v = d.values()", "d['b'] = 2", "result = list(v)"], [0, 1, 2], "list(1, 2)"),
    _("string buffer", ["import io", "s = io.StringIO()", "s.write('a')", "n = s.tell()", "s.write('b')", "result = s.getvalue()"], [0, 1, 2, 4], "'ab'"),
    _("heap", ["import heapq", "h = [5, 6]", "heapq.heappush(h, 1)", "result = h[0]"], [0, 1, 2], "1"),
    _("old object changed, then rebound", ["a = [1]", "b = a", "a.append(2)\na = 0", "result = b"], [0, 1, 2], "list(1, 2)"),
    _("object behind a closed name", ["a = [1]", "b = {'l': a}", "del a", "b['l'].append(2)", "result = b"], [0, 1, 3], "{'l': list(1, 2)}"),
]

CODE = [
    _("global in a function", ["n = 0", "def inc():\n    global n\n    n += 1", "inc()", "inc()", "result = n"], [0, 1, 2, 3], "2"),
    _("late bound global", ["def area(r): return PI * r", "PI = 3", "PI = 4", "result = area(2)"], [0, 2], "8"),
    _("function redefined", [("f", "def f(): return 1"), "a = f()", ("f", "def f(): return 2"), "result = f()"], [2], "2"),
    _("function calls function", ["def g(): return k", "def f(): return g() + 1", "k = 1", "u = 0", "result = f()"], [0, 1, 2], "2"),
    _("function not called", ["def f(): return unknown_k", "unknown_k = 3", "g = 4", "result = g"], [2], "4"),
    _("closure", ["def make():\n    n = 0\n    def step():\n        nonlocal n\n        n += 1\n        return n\n    return step", "s = make()", "s()", "t = make()", "t()", "result = s()"], [0, 1, 2], "2"),
    _("recursion", ["def fact(n): return 1 if n < 2 else n * fact(n - 1)", "x = 5", "result = fact(x)"], [0, 1], "120"),
    _("decorator", ["calls = []", "def deco(f):\n    def w(*a):\n        calls.append(a)\n        return f(*a)\n    return w", "@deco\ndef g(x): return x", "g(1)", "result = calls"], [0, 1, 2, 3], "list(tuple(1))"),
    _("lru_cache", ["from functools import lru_cache", "@lru_cache\ndef f(x): return x * k", "k = 2", "f(3)", "k = 5", "result = f(3)"], [0, 1, 2, 3, 4], "6"),
    _("lambda in a dict", ["ops = {'double': lambda v: v * m}", "m = 2", "j = 7", "result = ops['double'](4)"], [0, 1], "8"),
    _("class", ["class P:\n    def __init__(self, x): self.x = x\n    def up(self): self.x += 1", "p = P(1)", "q = P(5)", "p.up()", "q.up()", "result = p.x"], [0, 1, 3], "2"),
    _("class attribute", ["class C:\n    n = 0", "a = C()", "C.n = 5", "result = a.n"], [0, 1, 2], "5"),
    _("class monkeypatched", ["class C:\n    def v(self): return 1", "c = C()", "def v2(self): return 2", "C.v = v2", "result = c.v()"], [0, 1, 2, 3], "2"),
    _("class redefined", [("c", "class C:\n    v = 1"), "a = C()", ("c", "class C:\n    v = 2"), "result = (a.v, C.v)"], [0, 1, 2], "tuple(1, 2)"),
    _("instance counter on the class", ["class C:\n    made = 0\n    def __init__(self): type(self).made += 1", "a = C()", "b = C()", "result = C.made"], [0, 1, 2], "2"),
    _("inheritance", ["class A:\n    def f(self): return K", "class B(A): pass", "K = 3", "b = B()", "result = b.f()"], [0, 1, 2, 3], "3"),
    _("slots", ["class S:\n    __slots__ = ('v',)", "s = S()", "s.v = [1]", "s.v.append(2)", "result = s.v"], [0, 1, 2, 3], "list(1, 2)"),
    _("property with effect", ["class P:\n    reads = 0\n    @property\n    def v(self):\n        self.reads += 1\n        return self.reads", "p = P()", "p.v", "result = p.v"], [0, 1, 2], "2"),
    _("dataclass", ["from dataclasses import dataclass, field", "@dataclass\nclass D:\n    xs: list = field(default_factory=list)", "d = D()", "d.xs.append(1)", "result = d.xs"], [0, 1, 2, 3], "list(1)"),
    _("dict subclass", ["class D(dict):\n    pass", "d = D(a=1)", "d.extra = []", "d.extra.append(2)", "result = d.extra"], [0, 1, 2, 3], "list(2)"),
    _("generator", ["def g():\n    yield 1\n    yield 2\n    yield 3", "it = g()", "next(it)", "q = 5", "result = next(it)"], [0, 1, 2], "2"),
    _("iterator over a list", ["xs = [1, 2, 3]", "it = iter(xs)", "next(it)", "xs.append(4)", "result = list(it)"], [0, 1, 2, 3], "list(2, 3, 4)"),
    _("zip", ["z = zip([1, 2], 'ab')", "next(z)", "result = next(z)"], [0, 1], "tuple(2, 'b')"),
    _("enumerate in a loop", ["e = enumerate('abc')", "for i, c in e:\n    if c == 'b':\n        break", "result = list(e)"], [0, 1], "list(tuple(2, 'c'))"),
    _("itertools.count", ["import itertools", "ids = itertools.count()", "next(ids)", "next(ids)", "result = next(ids)"], [0, 1, 2, 3], "2"),
    _("registry filled by decorator", ["REG = {}", "def reg(f):\n    REG[f.__name__] = f\n    return f", "@reg\ndef a(): return 1", "@reg\ndef b(): return 2", "result = sorted(REG)"], [0, 1, 2, 3], "list('a', 'b')"),
    _("exec", ["code = 'z = base * 2'", "base = 4", "exec(code)", "result = z"], [0, 1, 2], "8"),
    _("exec of a constant", ["b = 3", "exec('c = b + 1')", "result = c"], [0, 1], "4"),
    _("eval", ["v = 3", "expr = 'v + 1'", "u = 1", "result = eval(expr)"], [0, 1], "4"),
    _("globals by item", ["a = 5", "globals()['hidden'] = a", "result = hidden"], [0, 1], "5"),
    _("getattr by name", ["class C: pass", "c = C()", "setattr(c, 'v', 8)", "result = getattr(c, 'v')"], [0, 1, 2], "8"),
    _("f-string", ["w = 6", "v = 3.14159", "s = f'{v:>{w}.2f}'", "result = s"], [0, 1, 2], "'  3.14'"),
    _("await", ["import asyncio", "async def job(x):\n    await asyncio.sleep(0)\n    return x * scale", "scale = 3", "r = await job(2)", "result = r"], [0, 1, 2, 3], "6"),
    _("async state", ["log = []", "async def add(x):\n    log.append(x)", "await add(1)", "await add(2)", "result = log"], [0, 1, 2, 3], "list(1, 2)"),
    _("threads", ["import threading", "box = []", "t = threading.Thread(target=lambda: box.append(1))", "t.start(); t.join()", "result = box"], [0, 1, 2, 3], "list(1)"),
    _("exception kept", ["try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    err = e", "n = 2", "result = str(err)"], [0], "'division by zero'"),
    _("enum", ["import enum", "class E(enum.Enum):\n    A = 1", "v = E.A", "u = 2", "result = v.value"], [0, 1, 2], "1"),
    _("star import", ["from math import *", "x = 2", "result = sqrt(16)"], [0], "4.0"),
    _("import of a part", ["import os.path", "import os", "result = os.path.basename('a/b')"], [0, 1], "'b'"),
    _("import run again", [("i", "import math"), ("i", "import math"), "result = math.floor(2.5)"], [1], "2"),
]

LIBRARIES = [
    _("array in place", [NP, "a = np.zeros(3)", "a[0] = 5", "s = a.sum()", "result = a"], [0, 1, 2], "array([5.0, 0.0, 0.0])"),
    _("view", [NP, "a = np.zeros(4)", "v = a[2:]", "v[:] = 1", "result = a"], [0, 1, 2, 3], "array([0.0, 0.0, 1.0, 1.0])"),
    _("reshape is a view", [NP, "a = np.arange(4)", "b = a.reshape(2, 2)", "b[0, 0] = 9", "result = a"], [0, 1, 2, 3], "array([9, 1, 2, 3])"),
    _("copy is none", [NP, "a = np.zeros(2)", "b = a.copy()", "b[0] = 1", "result = a"], [0, 1], "array([0.0, 0.0])"),
    _("ufunc out", [NP, "a = np.ones(2)", "np.add(a, 1, out=a)", "result = a"], [0, 1, 2], "array([2.0, 2.0])"),
    _("array sort", [NP, "a = np.array([2, 1])", "a.sort()", "result = a"], [0, 1, 2], "array([1, 2])"),
    _("object array", [NP, "a = np.array([[], []], dtype=object)\na = np.empty(2, dtype=object)\na[0] = []", "a[0].append(1)", "result = a[0]"], [0, 1, 2], "list(1)"),
    _("new column", [PD, DF, "df['c'] = df.a * 2", "m = df.mean()", "result = df.c.sum()"], [0, 1, 2], "array(12)"),
    _("loc", [PD, DF, "df.loc[0, 'a'] = 10", "result = df.a.sum()"], [0, 1, 2], "array(15)"),
    _("inplace", [PD, DF, "df.drop(columns='b', inplace=True)", "result = list(df.columns)"], [0, 1, 2], "list('a')"),
    _("not in place", [PD, DF, "df.drop(columns='b')", "e = df.sort_values('a')", "df.head()", "result = list(df.columns)"], [0, 1], "list('a', 'b')"),
    _("index name", [PD, DF, "df.index.name = 'i'", "result = df.index.name"], [0, 1, 2], "'i'"),
    _("columns renamed", [PD, DF, "df.columns = ['x', 'y']", "result = list(df)"], [0, 1, 2], "list('x', 'y')"),
    _("attrs", [PD, DF, "df.attrs['u'] = 'kg'", "result = df.attrs"], [0, 1, 2], "{'u': 'kg'}"),
    _("column taken out", [PD, DF, "s = df['a']", "t = s * 2", "df['a'] = 0", "result = t.sum()"], [0, 1, 2, 3], "array(12)"),
    _("categories", [PD, "s = pd.Series(['u', 'v'], dtype='category')", "s = s.cat.rename_categories({'u': 'w'})", "result = list(s)"], [0, 1, 2], "list('w', 'v')"),
    _("dates", [PD, "d = pd.to_datetime(pd.Series(['2024-01-01', '2024-02-01']))", "d.iloc[0] = pd.Timestamp('2025-01-01')", "result = str(d.max().date())"], [0, 1, 2], "'2025-01-01'"),
    _("query with a name", [PD, DF, "lim = 1", "other = 2", "q = df.query('a > @lim')", "result = len(q)"], [0, 1, 2, 4], "2"),
    _("groupby", [PD, DF, "g = df.groupby('a')", "z = 1", "result = g.b.sum().tolist()"], [0, 1, 2], "list(4.0, 5.0, 6.0)"),
    _("apply a function", [PD, DF, "k = 10", "def f(v): return v + k", "df['c'] = df.a.apply(f)", "result = df.c.tolist()"], [0, 1, 2, 3, 4], "list(11, 12, 13)"),
    _("fit", [NP, XY, "from sklearn.linear_model import LinearRegression", "m = LinearRegression()", "m.fit(X, y)", "p = m.predict(X)", "result = round(float(m.coef_.sum()), 6)"], [0, 1, 2, 3, 4], "0.075758"),
    _("fit again", [NP, XY, "from sklearn.linear_model import LinearRegression", "m = LinearRegression().fit(X, y)", "m.fit(X, -y)", "result = round(float(m.coef_.sum()), 3)"], [0, 1, 2, 3, 4], "-0.076"),
    _("forest predicts without change", [NP, XY, "from sklearn.ensemble import RandomForestClassifier", "rf = RandomForestClassifier(3, random_state=0).fit(X, y)", "p = rf.predict(X)", "pp = rf.predict_proba(X)", "result = rf.score(X, y)"], [0, 1, 2, 3], "1.0"),
    _("set_params", ["from sklearn.linear_model import Ridge", "m = Ridge()", "m.set_params(alpha=3)", "result = m.alpha"], [0, 1, 2], "3"),
    _("scaler", [NP, XY, "from sklearn.preprocessing import StandardScaler", "s = StandardScaler()", "Z = s.fit_transform(X)", "w = 4", "result = s.mean_"], [0, 1, 2, 3, 4], "array([9.0, 10.0])"),
    _("figure by pyplot", [PLT, "fig, ax = plt.subplots()", "plt.plot([1, 2])", "x = 3", "result = len(ax.lines)"], [0, 1, 2], "1"),
    _("figure by axes", [PLT, "fig, ax = plt.subplots()", "ax.plot([1, 2])", "ax.set_title('t')", "result = (len(fig.axes[0].lines), ax.get_title())"], [0, 1, 2, 3], "tuple(1, 't')"),
    _("current figure", [PLT, "plt.figure()", "plt.plot([3])", "result = len(plt.gca().lines)"], [0, 1, 2], "1"),
    _("rcParams", [PLT, "plt.rcParams['lines.linewidth'] = 7", "k = 2", "l = plt.plot([1])[0]", "result = l.get_linewidth()"], [0, 1, 3], "7.0"),
    _("pandas options", [PD, "pd.set_option('display.max_rows', 7)", DF, "k = 1", "result = (pd.get_option('display.max_rows'), len(df))"], [0, 1, 2], "tuple(7, 3)"),
    _("numpy errors", [NP, "np.seterr(all='ignore')", "k = 1", "result = np.geterr()['divide']"], [0, 1], "'ignore'"),
    _("printoptions", [NP, "np.set_printoptions(precision=2)", "result = str(np.array([1.23456]))"], [0, 1], "'[1.23]'"),
    _("decimal context", ["import decimal", "decimal.getcontext().prec = 3", "k = 2", "result = str(decimal.Decimal(1) / 3)"], [0, 1], "'0.333'"),
    _("library class patched", [PD, "pd.DataFrame.twice = lambda self: self * factor", "factor = 2", DF, "z = 9", "result = df.twice().a.sum()"], [0, 1, 2, 3], "array(12)"),
    _("module attribute", ["import math", "math.tau2 = 12", "k = 1", "result = math.tau2"], [0, 1], "12"),
    _("accessor registered", [PD, "@pd.api.extensions.register_series_accessor('mine')\nclass Mine:\n    def __init__(self, s): self.s = s\n    def top(self): return self.s.max()", DF, "z = 1", "result = df.a.mine.top()"], [0, 1, 2], "array(3)"),
    _("sqlite", ["import sqlite3", "c = sqlite3.connect(':memory:')", "c.execute('create table t (x)')", "c.execute('insert into t values (4)')", "k = 3", "result = c.execute('select sum(x) from t').fetchone()"], [0, 1, 2, 3], "tuple(4)"),
    _("sqlite cursor", ["import sqlite3", "c = sqlite3.connect(':memory:')", "cur = c.cursor()", "cur.execute('create table t (x)')", "cur.execute('insert into t values (4)')", "result = c.execute('select x from t').fetchall()"], [0, 1, 2, 3, 4], "list(tuple(4))"),
]

RANDOM = [
    _("seeded chain", [NP, "np.random.seed(0)", "a = np.random.rand(3)", "b = np.random.rand(2)", "result = b"], [0, 1, 2, 3], "array([0.5448831829968969, 0.4236547993389047])"),
    _("seeded again", [NP, "np.random.seed(0)", "a = np.random.rand(3)", "np.random.seed(1)", "b = np.random.rand(1)", "result = b"], [0, 3, 4], "array([0.417022004702574])"),
    _("seed in the cell", [NP, "np.random.rand()", "np.random.seed(1)\nb = np.random.rand(1)", "result = b"], [0, 2], "array([0.417022004702574])"),
    _("random module", ["import random", "random.seed(3)", "a = random.random()", "k = 4", "result = random.randint(0, 1000)"], [0, 1, 2], "557"),
    _("seed by a function", ["import random\nimport numpy as np", "def seed_all(s):\n    random.seed(s)\n    np.random.seed(s)", "np.random.rand(5)", "seed_all(7)", "x = np.random.rand(1)", "result = x"], [0, 1, 3, 4], "array([0.07630828937395717])"),
    _("generator object", [NP, "rng = np.random.default_rng(0)", "a = rng.random()", "k = 2", "result = rng.random()"], [0, 1, 2], "0.2697867137638703"),
    _("generator not drawn from", [NP, "rng = np.random.default_rng(0)", "print(type(rng))", "result = rng.random()"], [0, 1], "0.6369616873214543"),
    _("Random instance", ["import random", "r = random.Random(1)", "r.random()", "result = round(r.random(), 6)"], [0, 1, 2], "0.847434"),
    _("no randomness drawn", [NP, "np.random.seed(0)", "a = np.random.rand()", "result = np.arange(3)"], [0], "array([0, 1, 2])"),
    _("shuffle", ["import random", "random.seed(0)", "xs = list(range(5))", "random.shuffle(xs)", "result = xs"], [0, 1, 2, 3], "list(2, 1, 0, 4, 3)"),
    _("sample of a frame", [PD, NP, DF, "np.random.seed(5)", "s = df.sample(2)", "result = s.index.tolist()"], [0, 1, 2, 3, 4], "list(0, 1)"),
]

WORLD = [
    _("written file", ["with open('t.txt', 'w') as f:\n    f.write('hi')", "x = 1", "result = open('t.txt').read()"], [0], "'hi'"),
    _("file written twice", ["open('t.txt', 'w').write('one')", "open('t.txt', 'w').write('two!')", "result = open('t.txt').read()"], [1], "'two!'"),
    _("file appended", ["open('t.txt', 'w').write('one')", "open('t.txt', 'a').write('two')", "result = open('t.txt').read()"], [0, 1], "'onetwo'"),
    _("another file", ["open('a.txt', 'w').write('a')", "open('b.txt', 'w').write('b')", "result = open('b.txt').read()"], [1], "'b'"),
    _("path in a name", ["p = 'out.txt'", "open(p, 'w').write('x')", "q = 1", "result = open(p).read()"], [0, 1], "'x'"),
    _("pathlib", ["from pathlib import Path", "base = Path('d')", "base.mkdir()", "(base / 'f.txt').write_text('z')", "result = (base / 'f.txt').read_text()"], [0, 1, 2, 3], "'z'"),
    _("open handle", ["f = open('h.txt', 'w')", "f.write('ab')", "k = 1", "f.write('cd'); f.close()", "result = open('h.txt').read()"], [0, 1, 3], "'abcd'"),
    _("csv through pandas", [PD, DF, "df.to_csv('t.csv', index=False)", "df = None", "e = pd.read_csv('t.csv')", "result = e.a.sum()"], [0, 1, 2, 4], "array(6)"),
    _("glob", ["import glob", "open('p1.log', 'w').write('1')", "open('p2.log', 'w').write('2')", "open('x.txt', 'w').write('3')", "result = sorted(glob.glob('*.log'))"], [0, 1, 2], "list('p1.log', 'p2.log')"),
    _("environ", ["import os", "os.environ['MODE'] = 'fast'", "k = 1", "result = os.environ.get('MODE')"], [0, 1], "'fast'"),
    _("environ by a function", ["import os", "def mode(): return os.getenv('MODE')", "os.environ['MODE'] = 'slow'", "result = mode()"], [0, 1, 2], "'slow'"),
    _("cwd", ["import os", "os.mkdir('sub')", "os.chdir('sub')", "k = 1", "result = os.path.basename(os.getcwd())"], [0, 1, 2], "'sub'"),
    _("cwd and a file", ["import os\nos.mkdir('s')\nos.chdir('s')", "open('f.txt', 'w').write('in s')", "result = open('f.txt').read()"], [0, 1], "'in s'"),
    _("%cd", ["!mkdir -p deep", "%cd deep", "k = 4", "import os", "result = os.path.basename(os.getcwd())"], [0, 1, 3], "'deep'"),
    _("%env", ["%env LEVEL=3", "import os", "result = os.environ['LEVEL']"], [0, 1], "'3'"),
    _("%%time", ["x = 4", "%%time\ny = x + 1", "z = 0", "result = y"], [0, 1], "5"),
    _("%%capture", ["x = 4", "%%capture cap\nprint(x)", "result = cap.stdout"], [0, 1], "'4\\n'"),
    _("%time", ["a = 2", "%time b = a * 3", "result = b"], [0, 1], "6"),
    _("%%timeit leaves nothing", ["a = 2", "%%timeit -n1 -r1\na + 1", "result = a"], [0], "2"),
    _("%%writefile and import", ["%%writefile helper_mod.py\nK = 5\ndef f(): return K", "import helper_mod", "z = 1", "result = helper_mod.f()"], [0, 1], "5"),
    _("local module's state", ["%%writefile state_mod.py\nlog = []\ndef add(x): log.append(x)", "import state_mod", "from state_mod import add", "add(1)", "result = state_mod.log"], [0, 1, 2, 3], "list(1)"),
    _("shell with a name", ["word = 'hey'", "out = !echo {word}", "result = list(out)"], [0, 1], "list('hey')"),
    _("shell writes a file", ["!echo 42 > n.txt", "k = 1", "result = int(open('n.txt').read())"], [0], "42"),
    _("harmless shell", ["!ls", "x = 1", "!pwd", "result = x"], [1], "1"),
    _("Out", ["1 + 2", "4", "Out[1] + _2", "result = _3 + 1"], [0, 1, 2], "8"),
    _("underscore", ["10 * 4", "x = 3", "result = _ + 2"], [0], "42"),
    _("Out holds a list", ["[1]", "Out[1].append(5)", "result = _1"], [0, 1], "list(1, 5)"),
    _("In", ["x = 1", "y = 2", "result = In[1]"], [0], "'x = 1'"),
    _("sys.path", ["import sys, os", "os.mkdir('lib')\nopen('lib/far_mod.py', 'w').write('V = 6')", "sys.path.insert(0, 'lib')", "k = 1", "import far_mod", "result = far_mod.V"], [0, 1, 2, 4], "6"),
    _("warning filters", ["import warnings", "warnings.simplefilter('error')", "try:\n    warnings.warn('w')\n    r = 'quiet'\nexcept UserWarning:\n    r = 'raised'", "result = r"], [0, 1, 2], "'raised'"),
    _("logging level", ["import logging", "logging.getLogger('app').setLevel(logging.ERROR)", "k = 1", "result = logging.getLogger('app').isEnabledFor(logging.INFO)"], [0, 1], "False"),
    _("recursion limit", ["import sys", "sys.setrecursionlimit(4321)", "result = sys.getrecursionlimit()"], [0, 1], "4321"),
    _("contextvars", ["import contextvars", "v = contextvars.ContextVar('v', default=0)", "k = 2", "result = v.get()"], [0, 1], "0"),
]

SCENARIOS = [*STATE, *MUTATION, *CODE, *LIBRARIES, *RANDOM, *WORLD]
