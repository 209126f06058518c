"""The shape of a scenario: a session whose last cell is the target and binds ``result``.

Expected slices are positions from 0. A cell is its text, or (cell id, text) where the same cell runs again.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Scenario(NamedTuple):
    """A session, what its last cell should need, and the text of the value that it makes."""

    name: str
    cells: list[Any]
    slice: list[int]
    value: str


NP, PD, PLT = "import numpy as np", "import pandas as pd", "import matplotlib.pyplot as plt"
DF = "df = pd.DataFrame({'a': [1, 2, 3], 'b': [4.0, 5.0, 6.0]})"
XY = "X = np.arange(20.0).reshape(10, 2)\ny = (X[:, 0] > 9).astype(int)"
