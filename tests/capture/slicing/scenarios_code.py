"""Scenarios of code: functions, classes, generators, text that is run."""

from __future__ import annotations

from tests.capture.slicing.scenario import Scenario

CODE = [
    Scenario(
        "global in a function",
        ["n = 0", "def inc():\n    global n\n    n += 1", "inc()", "inc()", "result = n"],
        [0, 1, 2, 3],
        "2",
    ),
    Scenario("late bound global", ["def area(r): return PI * r", "PI = 3", "PI = 4", "result = area(2)"], [0, 2], "8"),
    Scenario(
        "function redefined",
        [("f", "def f(): return 1"), "a = f()", ("f", "def f(): return 2"), "result = f()"],
        [2],
        "2",
    ),
    Scenario(
        "function calls function",
        ["def g(): return k", "def f(): return g() + 1", "k = 1", "u = 0", "result = f()"],
        [0, 1, 2],
        "2",
    ),
    Scenario("function not called", ["def f(): return unknown_k", "unknown_k = 3", "g = 4", "result = g"], [2], "4"),
    Scenario(
        "closure",
        [
            "def make():\n    n = 0\n    def step():\n        nonlocal n\n        n += 1\n        return n\n    return step",  # noqa: E501
            "s = make()",
            "s()",
            "t = make()",
            "t()",
            "result = s()",
        ],
        [0, 1, 2],
        "2",
    ),
    Scenario(
        "recursion", ["def fact(n): return 1 if n < 2 else n * fact(n - 1)", "x = 5", "result = fact(x)"], [0, 1], "120"
    ),
    Scenario(
        "decorator",
        [
            "calls = []",
            "def deco(f):\n    def w(*a):\n        calls.append(a)\n        return f(*a)\n    return w",
            "@deco\ndef g(x): return x",
            "g(1)",
            "result = calls",
        ],
        [0, 1, 2, 3],
        "list(tuple(1))",
    ),
    Scenario(
        "lru_cache",
        [
            "from functools import lru_cache",
            "@lru_cache\ndef f(x): return x * k",
            "k = 2",
            "f(3)",
            "k = 5",
            "result = f(3)",
        ],
        [0, 1, 2, 3, 4],
        "6",
    ),
    Scenario(
        "lambda in a dict",
        ["ops = {'double': lambda v: v * m}", "m = 2", "j = 7", "result = ops['double'](4)"],
        [0, 1],
        "8",
    ),
    Scenario(
        "class",
        [
            "class P:\n    def __init__(self, x): self.x = x\n    def up(self): self.x += 1",
            "p = P(1)",
            "q = P(5)",
            "p.up()",
            "q.up()",
            "result = p.x",
        ],
        [0, 1, 3],
        "2",
    ),
    Scenario("class attribute", ["class C:\n    n = 0", "a = C()", "C.n = 5", "result = a.n"], [0, 1, 2], "5"),
    Scenario(
        "class monkeypatched",
        ["class C:\n    def v(self): return 1", "c = C()", "def v2(self): return 2", "C.v = v2", "result = c.v()"],
        [0, 1, 2, 3],
        "2",
    ),
    Scenario(
        "class redefined",
        [("c", "class C:\n    v = 1"), "a = C()", ("c", "class C:\n    v = 2"), "result = (a.v, C.v)"],
        [0, 1, 2],
        "tuple(1, 2)",
    ),
    Scenario(
        "instance counter on the class",
        [
            "class C:\n    made = 0\n    def __init__(self): type(self).made += 1",
            "a = C()",
            "b = C()",
            "result = C.made",
        ],
        [0, 1, 2],
        "2",
    ),
    Scenario(
        "inheritance",
        ["class A:\n    def f(self): return K", "class B(A): pass", "K = 3", "b = B()", "result = b.f()"],
        [0, 1, 2, 3],
        "3",
    ),
    Scenario(
        "slots",
        ["class S:\n    __slots__ = ('v',)", "s = S()", "s.v = [1]", "s.v.append(2)", "result = s.v"],
        [0, 1, 2, 3],
        "list(1, 2)",
    ),
    Scenario(
        "property with effect",
        [
            "class P:\n    reads = 0\n    @property\n    def v(self):\n        self.reads += 1\n        return self.reads",  # noqa: E501
            "p = P()",
            "p.v",
            "result = p.v",
        ],
        [0, 1, 2],
        "2",
    ),
    Scenario(
        "dataclass",
        [
            "from dataclasses import dataclass, field",
            "@dataclass\nclass D:\n    xs: list = field(default_factory=list)",
            "d = D()",
            "d.xs.append(1)",
            "result = d.xs",
        ],
        [0, 1, 2, 3],
        "list(1)",
    ),
    Scenario(
        "dict subclass",
        ["class D(dict):\n    pass", "d = D(a=1)", "d.extra = []", "d.extra.append(2)", "result = d.extra"],
        [0, 1, 2, 3],
        "list(2)",
    ),
    Scenario(
        "generator",
        ["def g():\n    yield 1\n    yield 2\n    yield 3", "it = g()", "next(it)", "q = 5", "result = next(it)"],
        [0, 1, 2],
        "2",
    ),
    Scenario(
        "iterator over a list",
        ["xs = [1, 2, 3]", "it = iter(xs)", "next(it)", "xs.append(4)", "result = list(it)"],
        [0, 1, 2, 3],
        "list(2, 3, 4)",
    ),
    Scenario("zip", ["z = zip([1, 2], 'ab')", "next(z)", "result = next(z)"], [0, 1], "tuple(2, 'b')"),
    Scenario(
        "enumerate in a loop",
        ["e = enumerate('abc')", "for i, c in e:\n    if c == 'b':\n        break", "result = list(e)"],
        [0, 1],
        "list(tuple(2, 'c'))",
    ),
    Scenario(
        "itertools.count",
        ["import itertools", "ids = itertools.count()", "next(ids)", "next(ids)", "result = next(ids)"],
        [0, 1, 2, 3],
        "2",
    ),
    Scenario(
        "registry filled by decorator",
        [
            "REG = {}",
            "def reg(f):\n    REG[f.__name__] = f\n    return f",
            "@reg\ndef a(): return 1",
            "@reg\ndef b(): return 2",
            "result = sorted(REG)",
        ],
        [0, 1, 2, 3],
        "list('a', 'b')",
    ),
    Scenario("exec", ["code = 'z = base * 2'", "base = 4", "exec(code)", "result = z"], [0, 1, 2], "8"),
    Scenario("exec of a constant", ["b = 3", "exec('c = b + 1')", "result = c"], [0, 1], "4"),
    Scenario("eval", ["v = 3", "expr = 'v + 1'", "u = 1", "result = eval(expr)"], [0, 1], "4"),
    Scenario("globals by item", ["a = 5", "globals()['hidden'] = a", "result = hidden"], [0, 1], "5"),
    Scenario(
        "getattr by name",
        ["class C: pass", "c = C()", "setattr(c, 'v', 8)", "result = getattr(c, 'v')"],
        [0, 1, 2],
        "8",
    ),
    Scenario("f-string", ["w = 6", "v = 3.14159", "s = f'{v:>{w}.2f}'", "result = s"], [0, 1, 2], "'  3.14'"),
    Scenario(
        "await",
        [
            "import asyncio",
            "async def job(x):\n    await asyncio.sleep(0)\n    return x * scale",
            "scale = 3",
            "r = await job(2)",
            "result = r",
        ],
        [0, 1, 2, 3],
        "6",
    ),
    Scenario(
        "async state",
        ["log = []", "async def add(x):\n    log.append(x)", "await add(1)", "await add(2)", "result = log"],
        [0, 1, 2, 3],
        "list(1, 2)",
    ),
    Scenario(
        "threads",
        [
            "import threading",
            "box = []",
            "t = threading.Thread(target=lambda: box.append(1))",
            "t.start(); t.join()",
            "result = box",
        ],
        [0, 1, 2, 3],
        "list(1)",
    ),
    Scenario(
        "exception kept",
        ["try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    err = e", "n = 2", "result = str(err)"],
        [0],
        "'division by zero'",
    ),
    Scenario(
        "enum",
        ["import enum", "class E(enum.Enum):\n    A = 1", "v = E.A", "u = 2", "result = v.value"],
        [0, 1, 2],
        "1",
    ),
    Scenario("star import", ["from math import *", "x = 2", "result = sqrt(16)"], [0], "4.0"),
    Scenario("import of a part", ["import os.path", "import os", "result = os.path.basename('a/b')"], [0, 1], "'b'"),
    Scenario("import run again", [("i", "import math"), ("i", "import math"), "result = math.floor(2.5)"], [1], "2"),
]
