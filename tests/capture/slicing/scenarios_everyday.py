"""Scenarios from everyday notebooks: looks at things between the cells that matter change nothing."""

from __future__ import annotations

from tests.capture.slicing.scenario import NP, Scenario

EVERYDAY = [
    Scenario(
        "a named tuple is looked at",
        ["from typing import NamedTuple", "class P(NamedTuple):\n    x: int", "P(1)", "result = P(2).x"],
        [0, 1],
        "2",
    ),
    Scenario(
        "a namespace is looked at",
        ["from types import SimpleNamespace as NS", "c = NS(lr=1)", "c.lr", "c.lr = 2", "c", "result = c.lr"],
        [0, 1, 3],
        "2",
    ),
    Scenario(
        "objects of a class are pickled and copied",
        [
            "import pickle, copy",
            "class C:\n    pass",
            "c = C()",
            "s = pickle.dumps(c), copy.deepcopy(c)",
            "result = c.__class__.__name__",
        ],
        [1, 2],
        "'C'",
    ),
    Scenario(
        "how a cache does is looked at",
        [
            "from functools import lru_cache",
            "@lru_cache\ndef f(n):\n    return [n]",
            "f(3)",
            "f.cache_info()",
            "f(3).append(1)",
            "i = f.cache_info()",
            "result = f(3)",
        ],
        [0, 1, 2, 4],
        "list(3, 1)",
    ),
    Scenario(
        "a thread's own values",
        ["import threading", "own = threading.local()", "own.a = 1", "own.a", "own.b = 2", "result = own.a + own.b"],
        [0, 1, 2, 4],
        "3",
    ),
]

EVERYDAY_HEAVY = [
    Scenario(
        "a masked array is shown",
        [NP, "m = np.ma.array([1, 2], mask=[0, 1])", "s = repr(m)", "result = int(m.sum())"],
        [0, 1],
        "1",
    ),
    Scenario(
        "a picture is shown and drawn on",
        [
            "from PIL import Image, ImageDraw",
            "im = Image.new('L', (4, 4), 1)",
            "p = im._repr_png_()",
            "ImageDraw.Draw(im).point((0, 0), fill=9)",
            "im.size",
            "result = sum(im.tobytes())",
        ],
        [0, 1, 3],
        "24",
    ),
]
