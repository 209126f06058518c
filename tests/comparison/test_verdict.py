"""The verdict: identical is identical, everything that differs is named, and the tolerance is what it says."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.comparison import judge
from mlops_nb.entities import DataRef, Status
from mlops_nb.errors import CorruptData, InvalidInput
from tests.comparison.views import HTML, START, display, stdout, view

FLOATS = st.floats() | st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan])
LEAVES = st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=5)
PLAIN = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def names(judgement: Any) -> set[tuple[str, str]]:
    return {(difference["kind"], difference["name"]) for difference in judgement.differences}


def test_a_run_is_identical_to_itself() -> None:
    verdict = judge(view(), view())
    assert (verdict.verdict, verdict.differences, verdict.suspects) == ("identical", [], ())


def test_what_was_written_before_following_began_is_compared_with_what_was_read_of_it() -> None:
    one = view(data=[DataRef("raw.csv", "sha256:raw", 5)])
    same = [DataRef("raw.csv", "sha256:raw", 5, "write"), DataRef("raw.csv", "sha256:raw", 5)]
    assert judge(one, view(data=same)).verdict == "identical"
    other = [DataRef("raw.csv", "sha256:new", 5, "write"), DataRef("raw.csv", "sha256:new", 5)]
    assert ("written", "raw.csv") in names(judge(one, view(data=other)))
    more = view(data=[*same, DataRef("log.txt", "sha256:log", 5, "write")])
    assert judge(one, more).verdict == "diverged"
    info = {"notes": ["In [1]: ran before mlops_nb was loaded; what it touched is judged from its text alone."]}
    late = view(data=[DataRef("raw.csv", "sha256:raw", 5)], slice_info=info)
    assert judge(late, more).verdict == "identical"


@given(
    metrics=st.dictionaries(st.text(max_size=5), FLOATS, max_size=4),
    params=st.dictionaries(st.text(max_size=5), PLAIN, max_size=4),
    text=st.text(max_size=50),
    facts=PLAIN,
    tolerance=st.none() | st.floats(0, 1),
)
def test_whatever_was_recorded_is_identical_to_itself(
    metrics: dict[str, float], params: dict[str, Any], text: str, facts: Any, tolerance: float | None
) -> None:
    changes = {
        "outputs": [stdout(text), display(plain=text, html=text)],
        "models": [facts],
        "environment": {"x": facts},
    }
    one, same = (view(metrics=metrics, params=params, **changes) for _ in range(2))
    assert judge(one, same, tolerance).differences == []


CHANGES: dict[str, tuple[dict[str, Any], tuple[str, str], str, tuple[str, ...]]] = {
    "metric": ({"metrics": {"acc": 0.8, "n_rows": 100.0}}, ("metric", "acc"), "diverged", ()),
    "metric gone": ({"metrics": {"acc": 0.9}}, ("metric", "n_rows"), "diverged", ()),
    "metric new": ({"metrics": {"acc": 0.9, "n_rows": 100.0, "f1": 1.0}}, ("metric", "f1"), "diverged", ()),
    "metric nan": ({"metrics": {"acc": math.nan, "n_rows": 100.0}}, ("metric", "acc"), "diverged", ()),
    "metric close": ({"metrics": {"acc": 0.9 + 1e-9, "n_rows": 100.0}}, ("metric", "acc"), "equivalent", ()),
    "stdout": ({"outputs": [stdout("acc 0.8\n"), view().facts["outputs"][1]]}, ("output", "stdout"), "diverged", ()),
    "cell of a table": (
        {"outputs": [stdout("acc 0.9\n"), display(html=HTML.format("1.75"))]},
        ("output", "display 1[mean, price]"),
        "diverged",
        (),
    ),
    "display gone": ({"outputs": [stdout("acc 0.9\n")]}, ("output", "display 1"), "diverged", ()),
    "artifact": (
        {"files": {"model.txt": b"w = 0.6\n", "plot.bin": b"\1\2"}},
        ("artifact", "model.txt"),
        "diverged",
        (),
    ),
    "artifact close": (
        {"files": {"model.txt": b"w = 0.50000001\n", "plot.bin": b"\1\2"}},
        ("artifact", "model.txt"),
        "equivalent",
        (),
    ),
    "artifact gone": ({"files": {"model.txt": b"w = 0.5\n"}}, ("artifact", "plot.bin"), "diverged", ()),
    "written": (
        {"data": [DataRef("in.csv", "sha256:in", 5), DataRef("out.csv", "sha256:other", 5, "write")]},
        ("written", "out.csv"),
        "diverged",
        (),
    ),
    "model": (
        {"models": [{"name": "model", "class": "Ridge", "params": {"alpha": 1.0}, "predictions": [0.5, 1.6]}]},
        ("model", "model.predictions[1]"),
        "diverged",
        (),
    ),
    "model gone": ({"models": []}, ("model", "model"), "diverged", ()),
    "status": ({"status": Status.FAILED}, ("status", "status"), "diverged", ()),
    "error": ({"error": {"ename": "ValueError", "evalue": "no"}}, ("error", "exception"), "diverged", ()),
    "param": ({"params": {"lr": 0.2, "n": 5, "kind": "rbf"}}, ("param", "lr"), "identical", ("code",)),
    "type of a param": ({"params": {"lr": 0.1, "n": "5", "kind": "rbf"}}, ("param", "n"), "identical", ("code",)),
    "code": ({"code": "model.fit(X)\nacc = 1"}, ("code", "cell"), "identical", ("code",)),
    "slice": ({"slice": [{"execution_count": 1, "source": "X = 1"}]}, ("code", "slice"), "identical", ("code",)),
    "data": (
        {"data": [DataRef("in.csv", "sha256:new", 5), DataRef("out.csv", "sha256:out", 5, "write")]},
        ("data", "in.csv"),
        "identical",
        ("data",),
    ),
    "package": (
        {"environment": view().facts["environment"] | {"packages": {"numpy": "2.2.0", "pandas": "3.1.1"}}},
        ("environment", "numpy"),
        "identical",
        ("environment",),
    ),
    "python": (
        {"environment": view().facts["environment"] | {"python": "3.12.0"}},
        ("environment", "python"),
        "identical",
        ("environment",),
    ),
    "git": ({"git": {"commit": "def", "branch": "main", "dirty": False}}, ("git", "commit"), "identical", ()),
    "seed": (
        {"randomness": {"numpy": list(range(100)), "seed": 8}},
        ("randomness", "seed"),
        "identical",
        ("randomness",),
    ),
    "state": ({"randomness": {"numpy": [1], "seed": 7}}, ("randomness", "numpy"), "identical", ("randomness",)),
}


def test_files_that_are_named_anew_each_time_are_compared_with_each_other() -> None:
    pairs = [
        ("/tmp/tmpk2x9_a0q/x.csv", "/tmp/tmp7ab0ccd1/x.csv"),
        ("/tmp/tmpk2x9_a0q.txt", "/tmp/tmp_1b0ccd1.txt"),
        ("out/run_20261118_122640.csv", "out/run_20261118_184102.csv"),
        ("2026-11-18T12-26-40/m.pkl", "2026-11-18T18-41-02/m.pkl"),
        ("m_1795000000.pkl", "m_1795000001.pkl"),
        (f"m_{'0a' * 16}.pkl", f"m_{'1b' * 16}.pkl"),
    ]
    for first, second in pairs:
        one, other = (view(data=[DataRef(path, "sha256:same", 5, "write")]) for path in (first, second))
        assert judge(one, other).verdict == "identical", first
        changed = view(data=[DataRef(second, "sha256:other", 5, "write")])
        assert judge(one, changed).differences[0]["name"] == first
    for first, second in [("out/a.csv", "out/b.csv"), ("2020-01-01.csv", "2020-01-02.csv")]:
        one, other = (view(data=[DataRef(path, "sha256:same", 5, "write")]) for path in (first, second))
        assert judge(one, other).verdict == "diverged", first


def test_files_written_in_formats_with_stamps_are_compared_by_what_they_say(tmp_path: Path) -> None:
    import pandas as pd
    from matplotlib.figure import Figure

    from mlops_nb.comparison.stamps import content_digest

    figure = Figure()
    figure.subplots().plot([1, 2])
    frame = pd.DataFrame({"a": [1, 2]})
    writers: dict[str, Callable[[Path], object]] = {
        "t.xlsx": frame.to_excel,
        "t.csv.gz": frame.to_csv,
        "f.pdf": figure.savefig,
        "f.svg": figure.savefig,
        "p.html": lambda path: path.write_text(f'<div id="{uuid.uuid4()}">1</div>'),
    }
    views = []
    for turn in range(3):
        refs = []
        frame.loc[0, "a"] += turn == 2
        for name, write in writers.items():
            write(tmp_path / name)
            profile = {"content": content_digest(tmp_path / name)}
            refs.append(DataRef(name, f"sha256:{name}{turn}", 5, "write", profile=profile))
        views.append(view(data=refs))
    assert judge(views[0], views[1]).verdict == "identical"
    found = {each["name"] for each in judge(views[0], views[2]).differences if each["within"] is False}
    assert found == {"t.xlsx", "t.csv.gz"}


@pytest.mark.parametrize("change", CHANGES)
def test_each_thing_that_is_changed_is_named_and_nothing_else(change: str) -> None:
    changes, named, verdict, suspects = CHANGES[change]
    found = judge(view(), view(**changes))
    assert names(found) == {named}
    assert (found.verdict, found.suspects) == (verdict, suspects)
    back = judge(view(**changes), view())
    assert names(back) == {named} and back.verdict == verdict
    for there, here in zip(found.differences, back.differences, strict=True):
        assert (there["expected"], there["actual"]) == (here["actual"], here["expected"]) or math.nan in there.values()


@given(st.sampled_from(sorted(CHANGES)), st.sampled_from(sorted(CHANGES)))
def test_the_worse_of_two_changes_decides(first: str, second: str) -> None:
    if CHANGES[first][0].keys() & CHANGES[second][0].keys():
        return
    order = ["identical", "equivalent", "diverged"]
    found = judge(view(), view(**CHANGES[first][0], **CHANGES[second][0]))
    assert found.verdict == max(CHANGES[first][2], CHANGES[second][2], key=order.index)
    assert names(found) == {CHANGES[first][1], CHANGES[second][1]}


@pytest.mark.parametrize(
    ("expected", "actual", "tolerance", "verdict"),
    [
        (1.0, 1.0 + 1e-7, None, "equivalent"),
        (1.0, 1.0 + 1e-5, None, "diverged"),
        (1.0, 1.0 + 1e-5, 1e-4, "equivalent"),
        (1.0, 1.0 + 1e-15, 0, "diverged"),
        (1e-17, -3e-17, None, "equivalent"),
        (100, 101, None, "diverged"),
        (1e9, 1e9 + 1, None, "equivalent"),
        (10**9, 10**9 + 1, None, "diverged"),
        (100, 101, 0.02, "equivalent"),
        (math.nan, math.nan, None, "identical"),
        (math.inf, math.inf, None, "identical"),
        (math.inf, -math.inf, 1.0, "diverged"),
        (math.inf, 1e308, 1.0, "diverged"),
        (0.0, -0.0, 0, "identical"),
        (-1e308, 1e308, 0.5, "diverged"),
        (10**400, 10**400 + 1, 0.1, "diverged"),
    ],
)
def test_numbers_are_held_to_the_tolerance(
    expected: float, actual: float, tolerance: float | None, verdict: str
) -> None:
    found = judge(view(metrics={"m": expected}), view(metrics={"m": actual}), tolerance)
    assert found.verdict == verdict


@given(FLOATS, FLOATS, st.none() | st.floats(0, 2))
def test_judging_numbers_is_symmetric(one: float, other: float, tolerance: float | None) -> None:
    there = judge(view(metrics={"m": one}), view(metrics={"m": other}), tolerance)
    assert there.verdict == judge(view(metrics={"m": other}), view(metrics={"m": one}), tolerance).verdict


@pytest.mark.parametrize("tolerance", [-1.0, math.nan, math.inf])
def test_a_tolerance_that_makes_no_sense_is_refused(tolerance: float) -> None:
    with pytest.raises(InvalidInput, match="makes no sense"):
        judge(view(), view(), tolerance)


def test_the_verdict_states_its_tolerance() -> None:
    found = judge(view(), view(metrics={"acc": 0.91, "n_rows": 100.0}), 0.05)
    assert found.tolerance.relative == 0.05
    assert found.explain() == "equivalent: 1 results differ, all within the tolerance (relative 0.05, absolute 1e-09)."
    assert found.differences[0]["delta"] == pytest.approx(0.01) and found.differences[0]["within"] is True


def test_measured_times_are_told_and_not_judged() -> None:
    one = view(metrics={"fit_time": 1.0, "elapsed_ms": 3.0, "acc": 1.0})
    other = view(metrics={"fit_time": 2.0, "elapsed_ms": 5.0, "acc": 1.0})
    found = judge(one, other)
    assert found.verdict == "identical" and {d["kind"] for d in found.differences} == {"duration"}
    assert judge(view(metrics={"time_to_failure": 1.0}), view(metrics={"time_to_failure": 2.0})).verdict == "diverged"


def test_results_come_before_what_they_were_made_from() -> None:
    found = judge(view(), view(code="x", metrics={"acc": 0.1, "n_rows": 100.0 + 1e-6}))
    assert [d["within"] for d in found.differences] == [False, True, None]


def test_what_is_not_kept_is_judged_by_its_digest() -> None:
    def refuse(digest: str) -> bytes:
        raise CorruptData("gone")

    one, other = view(files={"t.txt": b"0.5"}), view(files={"t.txt": b"0.50000001"})
    assert judge(one, other).verdict == "equivalent"
    from dataclasses import replace

    for read in (None, refuse):
        found = judge(replace(one, read=read), replace(other, read=read))
        assert found.verdict == "diverged" and found.differences[0]["detail"] == "compared by digest"


def test_artifacts_that_are_no_results_can_be_left_out() -> None:
    one, other = view(files={"nb/out.ipynb": b"1"}), view(files={"nb/out.ipynb": b"2"})
    assert judge(one, other).verdict == "diverged"
    assert judge(one, other, ignore=["*.ipynb"]).verdict == "identical"


def test_errors_are_compared_by_what_they_say() -> None:
    one = view(error={"ename": "ValueError", "evalue": "bad <A at 0x7f00112233>", "traceback": ["a"]})
    same = view(error={"ename": "ValueError", "evalue": "bad <A at 0x7f00998877>", "traceback": ["b"]})
    other = view(error={"ename": "ValueError", "evalue": "worse"})
    assert judge(one, same).verdict == "identical"
    assert names(judge(one, other)) == {("error", "message")}


def test_packages_may_be_listed_either_way() -> None:
    listed = [{"name": "NumPy", "version": "2.1.0", "editable": False}, {"name": "pandas", "version": "3.1.1"}]
    other = view(environment=view().facts["environment"] | {"packages": listed})
    assert judge(view(), other).differences == []


def test_where_an_environment_lies_is_told_and_no_suspect() -> None:
    other = view(environment=view().facts["environment"] | {"executable": "/elsewhere/python"})
    found = judge(view(), other)
    assert names(found) == {("environment", "executable")} and found.suspects == ()


@pytest.mark.parametrize("facts", [{}, {"code": None, "slice": None, "outputs": None, "models": None, "git": None}])
def test_a_run_of_which_little_is_known_is_judged_too(facts: dict[str, Any]) -> None:
    from mlops_nb.comparison import RunView

    bare = RunView(view(start_time=START).run, facts)
    assert judge(bare, bare).verdict == "identical"
    assert judge(bare, view()).verdict == "diverged"
