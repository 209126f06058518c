"""Scenarios of libraries: arrays, frames, models, figures, options, random state."""

from __future__ import annotations

from tests.capture.slicing.scenario import DF, NP, PD, PLT, XY, Scenario

LIBRARIES = [
    Scenario(
        "array in place",
        [NP, "a = np.zeros(3)", "a[0] = 5", "s = a.sum()", "result = a"],
        [0, 1, 2],
        "array([5.0, 0.0, 0.0])",
    ),
    Scenario(
        "view",
        [NP, "a = np.zeros(4)", "v = a[2:]", "v[:] = 1", "result = a"],
        [0, 1, 2, 3],
        "array([0.0, 0.0, 1.0, 1.0])",
    ),
    Scenario(
        "reshape is a view",
        [NP, "a = np.arange(4)", "b = a.reshape(2, 2)", "b[0, 0] = 9", "result = a"],
        [0, 1, 2, 3],
        "array([9, 1, 2, 3])",
    ),
    Scenario(
        "copy is none", [NP, "a = np.zeros(2)", "b = a.copy()", "b[0] = 1", "result = a"], [0, 1], "array([0.0, 0.0])"
    ),
    Scenario("ufunc out", [NP, "a = np.ones(2)", "np.add(a, 1, out=a)", "result = a"], [0, 1, 2], "array([2.0, 2.0])"),
    Scenario("array sort", [NP, "a = np.array([2, 1])", "a.sort()", "result = a"], [0, 1, 2], "array([1, 2])"),
    Scenario(
        "object array",
        [
            NP,
            "a = np.array([[], []], dtype=object)\na = np.empty(2, dtype=object)\na[0] = []",
            "a[0].append(1)",
            "result = a[0]",
        ],
        [0, 1, 2],
        "list(1)",
    ),
    Scenario(
        "new column", [PD, DF, "df['c'] = df.a * 2", "m = df.mean()", "result = df.c.sum()"], [0, 1, 2], "array(12)"
    ),
    Scenario("loc", [PD, DF, "df.loc[0, 'a'] = 10", "result = df.a.sum()"], [0, 1, 2], "array(15)"),
    Scenario(
        "inplace", [PD, DF, "df.drop(columns='b', inplace=True)", "result = list(df.columns)"], [0, 1, 2], "list('a')"
    ),
    Scenario(
        "not in place",
        [PD, DF, "df.drop(columns='b')", "e = df.sort_values('a')", "df.head()", "result = list(df.columns)"],
        [0, 1],
        "list('a', 'b')",
    ),
    Scenario("index name", [PD, DF, "df.index.name = 'i'", "result = df.index.name"], [0, 1, 2], "'i'"),
    Scenario("columns renamed", [PD, DF, "df.columns = ['x', 'y']", "result = list(df)"], [0, 1, 2], "list('x', 'y')"),
    Scenario("attrs", [PD, DF, "df.attrs['u'] = 'kg'", "result = df.attrs"], [0, 1, 2], "{'u': 'kg'}"),
    Scenario(
        "column taken out",
        [PD, DF, "s = df['a']", "t = s * 2", "df['a'] = 0", "result = t.sum()"],
        [0, 1, 2, 3],
        "array(12)",
    ),
    Scenario(
        "categories",
        [
            PD,
            "s = pd.Series(['u', 'v'], dtype='category')",
            "s = s.cat.rename_categories({'u': 'w'})",
            "result = list(s)",
        ],
        [0, 1, 2],
        "list('w', 'v')",
    ),
    Scenario(
        "dates",
        [
            PD,
            "d = pd.to_datetime(pd.Series(['2024-01-01', '2024-02-01']))",
            "d.iloc[0] = pd.Timestamp('2025-01-01')",
            "result = str(d.max().date())",
        ],
        [0, 1, 2],
        "'2025-01-01'",
    ),
    Scenario(
        "query with a name",
        [PD, DF, "lim = 1", "other = 2", "q = df.query('a > @lim')", "result = len(q)"],
        [0, 1, 2, 4],
        "2",
    ),
    Scenario(
        "groupby",
        [PD, DF, "g = df.groupby('a')", "z = 1", "result = g.b.sum().tolist()"],
        [0, 1, 2],
        "list(4.0, 5.0, 6.0)",
    ),
    Scenario(
        "apply a function",
        [PD, DF, "k = 10", "def f(v): return v + k", "df['c'] = df.a.apply(f)", "result = df.c.tolist()"],
        [0, 1, 2, 3, 4],
        "list(11, 12, 13)",
    ),
    Scenario(
        "fit",
        [
            NP,
            XY,
            "from sklearn.linear_model import LinearRegression",
            "m = LinearRegression()",
            "m.fit(X, y)",
            "p = m.predict(X)",
            "result = round(float(m.coef_.sum()), 6)",
        ],
        [0, 1, 2, 3, 4],
        "0.075758",
    ),
    Scenario(
        "fit again",
        [
            NP,
            XY,
            "from sklearn.linear_model import LinearRegression",
            "m = LinearRegression().fit(X, y)",
            "m.fit(X, -y)",
            "result = round(float(m.coef_.sum()), 3)",
        ],
        [0, 1, 2, 3, 4],
        "-0.076",
    ),
    Scenario(
        "forest predicts without change",
        [
            NP,
            XY,
            "from sklearn.ensemble import RandomForestClassifier",
            "rf = RandomForestClassifier(3, random_state=0).fit(X, y)",
            "p = rf.predict(X)",
            "pp = rf.predict_proba(X)",
            "result = rf.score(X, y)",
        ],
        [0, 1, 2, 3],
        "1.0",
    ),
    Scenario(
        "set_params",
        ["from sklearn.linear_model import Ridge", "m = Ridge()", "m.set_params(alpha=3)", "result = m.alpha"],
        [0, 1, 2],
        "3",
    ),
    Scenario(
        "scaler",
        [
            NP,
            XY,
            "from sklearn.preprocessing import StandardScaler",
            "s = StandardScaler()",
            "Z = s.fit_transform(X)",
            "w = 4",
            "result = s.mean_",
        ],
        [0, 1, 2, 3, 4],
        "array([9.0, 10.0])",
    ),
    Scenario(
        "figure by pyplot",
        [PLT, "fig, ax = plt.subplots()", "plt.plot([1, 2])", "x = 3", "result = len(ax.lines)"],
        [0, 1, 2],
        "1",
    ),
    Scenario(
        "figure by axes",
        [
            PLT,
            "fig, ax = plt.subplots()",
            "ax.plot([1, 2])",
            "ax.set_title('t')",
            "result = (len(fig.axes[0].lines), ax.get_title())",
        ],
        [0, 1, 2, 3],
        "tuple(1, 't')",
    ),
    Scenario("current figure", [PLT, "plt.figure()", "plt.plot([3])", "result = len(plt.gca().lines)"], [0, 1, 2], "1"),
    Scenario(
        "rcParams",
        [PLT, "plt.rcParams['lines.linewidth'] = 7", "k = 2", "l = plt.plot([1])[0]", "result = l.get_linewidth()"],
        [0, 1, 3],
        "7.0",
    ),
    Scenario(
        "pandas options",
        [
            PD,
            "pd.set_option('display.max_rows', 7)",
            DF,
            "k = 1",
            "result = (pd.get_option('display.max_rows'), len(df))",
        ],
        [0, 1, 2],
        "tuple(7, 3)",
    ),
    Scenario(
        "numpy errors", [NP, "np.seterr(all='ignore')", "k = 1", "result = np.geterr()['divide']"], [0, 1], "'ignore'"
    ),
    Scenario(
        "printoptions",
        [NP, "np.set_printoptions(precision=2)", "result = str(np.array([1.23456]))"],
        [0, 1],
        "'[1.23]'",
    ),
    Scenario(
        "decimal context",
        ["import decimal", "decimal.getcontext().prec = 3", "k = 2", "result = str(decimal.Decimal(1) / 3)"],
        [0, 1],
        "'0.333'",
    ),
    Scenario(
        "library class patched",
        [
            PD,
            "pd.DataFrame.twice = lambda self: self * factor",
            "factor = 2",
            DF,
            "z = 9",
            "result = df.twice().a.sum()",
        ],
        [0, 1, 2, 3],
        "array(12)",
    ),
    Scenario("module attribute", ["import math", "math.tau2 = 12", "k = 1", "result = math.tau2"], [0, 1], "12"),
    Scenario(
        "accessor registered",
        [
            PD,
            "@pd.api.extensions.register_series_accessor('mine')\nclass Mine:\n    def __init__(self, s): self.s = s\n    def top(self): return self.s.max()",  # noqa: E501
            DF,
            "z = 1",
            "result = df.a.mine.top()",
        ],
        [0, 1, 2],
        "array(3)",
    ),
    Scenario(
        "sqlite",
        [
            "import sqlite3",
            "c = sqlite3.connect(':memory:')",
            "c.execute('create table t (x)')",
            "c.execute('insert into t values (4)')",
            "k = 3",
            "result = c.execute('select sum(x) from t').fetchone()",
        ],
        [0, 1, 2, 3],
        "tuple(4)",
    ),
    Scenario(
        "sqlite cursor",
        [
            "import sqlite3",
            "c = sqlite3.connect(':memory:')",
            "cur = c.cursor()",
            "cur.execute('create table t (x)')",
            "cur.execute('insert into t values (4)')",
            "result = c.execute('select x from t').fetchall()",
        ],
        [0, 1, 2, 3, 4],
        "list(tuple(4))",
    ),
]

RANDOM = [
    Scenario(
        "seeded chain",
        [NP, "np.random.seed(0)", "a = np.random.rand(3)", "b = np.random.rand(2)", "result = b"],
        [0, 1, 2, 3],
        "array([0.5448831829968969, 0.4236547993389047])",
    ),
    Scenario(
        "seeded again",
        [NP, "np.random.seed(0)", "a = np.random.rand(3)", "np.random.seed(1)", "b = np.random.rand(1)", "result = b"],
        [0, 3, 4],
        "array([0.417022004702574])",
    ),
    Scenario(
        "seed in the cell",
        [NP, "np.random.rand()", "np.random.seed(1)\nb = np.random.rand(1)", "result = b"],
        [0, 2],
        "array([0.417022004702574])",
    ),
    Scenario(
        "random module",
        ["import random", "random.seed(3)", "a = random.random()", "k = 4", "result = random.randint(0, 1000)"],
        [0, 1, 2],
        "557",
    ),
    Scenario(
        "seed by a function",
        [
            "import random\nimport numpy as np",
            "def seed_all(s):\n    random.seed(s)\n    np.random.seed(s)",
            "np.random.rand(5)",
            "seed_all(7)",
            "x = np.random.rand(1)",
            "result = x",
        ],
        [0, 1, 3, 4],
        "array([0.07630828937395717])",
    ),
    Scenario(
        "generator object",
        [NP, "rng = np.random.default_rng(0)", "a = rng.random()", "k = 2", "result = rng.random()"],
        [0, 1, 2],
        "0.2697867137638703",
    ),
    Scenario(
        "generator not drawn from",
        [NP, "rng = np.random.default_rng(0)", "print(type(rng))", "result = rng.random()"],
        [0, 1],
        "0.6369616873214543",
    ),
    Scenario(
        "Random instance",
        ["import random", "r = random.Random(1)", "r.random()", "result = round(r.random(), 6)"],
        [0, 1, 2],
        "0.847434",
    ),
    Scenario(
        "no randomness drawn",
        [NP, "np.random.seed(0)", "a = np.random.rand()", "result = np.arange(3)"],
        [0],
        "array([0, 1, 2])",
    ),
    Scenario(
        "shuffle",
        ["import random", "random.seed(0)", "xs = list(range(5))", "random.shuffle(xs)", "result = xs"],
        [0, 1, 2, 3],
        "list(2, 1, 0, 4, 3)",
    ),
    Scenario(
        "sample of a frame",
        [PD, NP, DF, "np.random.seed(5)", "s = df.sample(2)", "result = s.index.tolist()"],
        [0, 1, 2, 3, 4],
        "list(0, 1)",
    ),
]
