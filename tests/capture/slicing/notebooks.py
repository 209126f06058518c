"""Makes small notebooks at random, whose cells share, change, rebind, delete and hide state in the ways that people
do."""

from __future__ import annotations

import random

NAMES = ["a", "b", "c", "d", "e"]

STEPS = [
    "{x} = {y}",
    "{x} = [{y}, 1]",
    "{x} = {{'k': {y}}}",
    "{x} = copy.deepcopy({y})",
    "{x} = [{n}, [{m}]]",
    "{x} = {n}",
    "{x} = np.arange({n}.0)",
    "{x} = {y}[1:]",
    "{x} = {y}[0]",
    "{x}, {y} = {y}, {x}",
    "{x}.append({n})",
    "{x}.append({y})",
    "{x}[0] = {n}",
    "{x}[0].append({n})",
    "{x}['k'] = {y}",
    "{x}['k'].append({n})",
    "{x}[:] = {n}",
    "{x} += 1",
    "{x} += [{n}]",
    "{x} *= 2",
    "{x}.sort()",
    "{x} = {y}.pop()",
    "{x} = len({y})",
    "{x} = [v for v in range({n}) if v % 2]",
    "del {x}",
    "if {n} > 4:\n    {x} = {n}",
    "if len({y}) > 1:\n    {x} = {y}",
    "for i in range(3):\n    {x} = [i, {n}]",
    "try:\n    {x}.append({n})\n    raise ValueError\nexcept ValueError:\n    {y} = 0",
    "try:\n    {x} = {y}[7]\nexcept Exception:\n    {x} = None",
    "{x} = {y} if type({y}) is list else [{n}]",
    "def f{i}():\n    return {y}",
    "def f{i}():\n    {y}.append({n})\n    return {y}",
    "def f{i}(seen=[]):\n    seen.append({n})\n    return seen",
    "def f{i}():\n    global {x}\n    {x} = {n}",
    "f{i} = lambda: [{y}]",
    "def f{i}():\n    return f{j}()",
    "{x} = f{i}()",
    "f{i}()",
    "def make(n=0):\n    def step():\n        nonlocal n\n        n += 1\n        return n\n    return step\ng ="
    " make()",
    "{x} = g()",
    "class K:\n    shared = []\n    def add(self, v):\n        self.shared.append(v)\n        return self.shared\nk"
    " = K()",
    "{x} = k.add({n})",
    "K.shared = [{n}]",
    "k.own = {y}",
    "{x} = k.own",
    "k = K()",
    "random.seed({n})",
    "{x} = random.randint(0, 99)",
    "np.random.seed({n})",
    "{x} = np.random.rand(2)",
    "exec('{x} = {y}')",
    "exec('{x}.append({n})')",
    "globals()['{x}'] = {n}",
    "it = iter([1, 2, 3, 4, 5, 6])",
    "{x} = next(it, None)",
    "it = (v for v in {y})",
    "{n} * 10",
    "{y}",
    "{x} = _",
    "{x} = eval('{y}')",
    "with open('{x}.txt', 'w') as h:\n    h.write('{n}')",
    "with open('{x}.txt', 'a') as h:\n    h.write('{n}')",
    "{x} = open('{y}.txt').read()",
    "os.environ['V'] = '{n}'",
    "{x} = os.environ.get('V')",
    "%time {x} = [{y}]",
    "print({x}, {y})",
    "{x} = list(map(lambda v: (v, {y}), [1, 2]))",
    "{x} = {{**{y}}} if type({y}) is dict else {{'k': [{n}]}}",
    "({x} := [{n}]).append({m})",
    "def f{i}(v):\n    v.append({n})\nf{i}({x})",
    "from functools import partial\nf{i} = partial(lambda v: v, {y})",
    "{x} = f{i}",
]
"""Cells with holes for names (x, y), small numbers (n, m) and functions (i, j)."""


def make_notebook(seed: int, length: int = 16) -> list[str]:
    """Cells in the order in which they run; the last one binds ``result`` to what some of the names hold.

    Parameters
    ----------
    seed : int
        Equal seeds give equal notebooks.
    length : int
        How many cells lie between the first and the last.

    Returns
    -------
    list of str

    Examples
    --------
    >>> make_notebook(1) == make_notebook(1)
    True
    """
    dice = random.Random(seed)
    cells = ["import copy, os, random\nimport numpy as np", "random.seed(0)\nnp.random.seed(0)"]
    for name in NAMES:
        cells.append(
            fill(
                dice, dice.choice(["{x} = [1, [2]]", "{x} = {{'k': [1]}}", "{x} = {n}", "{x} = np.arange(4.0)"]), x=name
            )
        )
    ran: list[str] = []
    for _ in range(length):
        if ran and dice.random() < 0.2:
            cells.append(dice.choice(ran))
            continue
        cells.append("\n".join(fill(dice, dice.choice(STEPS)) for _ in range(dice.choice([1, 1, 1, 2]))))
        ran.append(cells[-1])
    wanted = dice.choice(NAMES)
    missing = "except NameError:\n    result = 'missing'"
    cells.append(f"try:\n    result = repr({wanted})\n{missing}\nresult = result.split(' at 0x')[0]")
    return cells


def fill(dice: random.Random, step: str, x: str | None = None) -> str:
    """A step with its holes filled.

    Examples
    --------
    >>> fill(random.Random(0), "{x} = {n}", x="a")[:4]
    'a = '
    """
    return step.format(
        x=x or dice.choice(NAMES),
        y=dice.choice(NAMES),
        n=dice.randint(1, 9),
        m=dice.randint(1, 9),
        i=dice.randint(1, 3),
        j=dice.randint(1, 3),
    )
