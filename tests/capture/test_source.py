"""Source of cells: magics, and the text that revisions have in common."""

from __future__ import annotations

import pytest

from mlops_nb.capture.source import expanded_names, normalised, parse_cell, without_magics

SAME = [
    ("lr = 0.1", "lr = -1  # try"),
    ("fit(x, n=3)", "fit( x,\n  n='a')"),
    ("layers = (64,)", "layers = [64, 32]"),
    ("f'{x:.3f} a'", "f'{y}'"),
    ("get_ipython().run_cell_magic('time', '', 'lr = 1')", "get_ipython().run_cell_magic('time', '-q', 'lr = 2')"),
    ("x = = 1", "x  =  =  1\n"),
]
DIFFERENT = [
    ("fit(x)", "fit(y)"),
    ("a = 1", "b = 1"),
    ("a = 1", "a = f()"),
    ("get_ipython().run_cell_magic('time', '', 'f()')", "get_ipython().run_cell_magic('time', '', 'g()')"),
    ("get_ipython().system('ls')", "get_ipython().system('pwd')"),
    ("", "x"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_revisions_are_the_same_cell(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_cells_are_others(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_deep_nesting_has_a_normal_form_too() -> None:
    source = "x = " + "+".join("a" * 20_000)
    assert normalised(source) == source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("  !ls", "  pass"),
        ("a, b = %prun f()", "a, b = None"),
        ("df?", "pass"),
        ("%%bash\nls", ""),
        ("%%time\nx = 1\n%time y", "\nx = 1\npass"),
        ("x = a % b", "x = a % b"),
    ],
)
def test_raw_magics_are_blanked_line_for_line(source: str, expected: str) -> None:
    assert without_magics(source) == expected


def test_percent_signs_in_python_stay() -> None:
    tree = parse_cell("x = '''\n%time\n'''\ny = a % b")
    assert tree is not None and len(tree.body) == 2


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{a} {b.c} {d['x']} {e!r:>{w}}", ("a", "b", "d", "e", "w")),
        ("$a ${b}", ("a", "b")),
        ("{{a}} $$b {1}", ()),
        ("", ()),
    ],
)
def test_names_in_shell_lines(text: str, names: tuple[str, ...]) -> None:
    assert expanded_names(text) == names
