from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from mlops_nb.panels.card import Card
from mlops_nb.panels.terminal import make_console, make_progress, print_compare, print_run, print_runs
from tests.panels.fakes import HARM, NOW, make_run, make_runs


def _console(width: int) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width, force_terminal=True, color_system="standard", markup=False, emoji=False), out


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_table_fits_the_terminal(width: int) -> None:
    console, out = _console(width)
    print_runs(make_runs(100), console, now=NOW, total=5000)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert max(cell_len(line) for line in plain.splitlines()) <= width
    assert "4,900 more runs" in plain
    if width <= 120:
        assert "not shown for width" in plain
    if width >= 80:
        assert "accuracy" in plain.splitlines()[0]


def test_a_pipe_gets_plain_text_uncut() -> None:
    out = io.StringIO()
    run = make_run(1, params={f"param_{i}": i for i in range(8)})
    print_runs([run], make_console(out), now=NOW)
    assert "\x1b" not in out.getvalue() and "param_7" in out.getvalue()


def test_no_color_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True)
    print_runs(make_runs(5), console, now=NOW)
    assert "\x1b[3" not in out.getvalue()  # bold and dim are no colours


@pytest.mark.parametrize("harm", HARM)
def test_nothing_moves_the_cursor_or_is_read_as_markup(harm: str) -> None:
    out = io.StringIO()
    run = make_run(1, name=harm, params={harm: harm}, metrics={harm: 1.0}, tags={harm: harm})
    console = make_console(out)
    print_runs([run], console, now=NOW)
    print_run(run, console, card=Card(notes=[harm], error=harm), sections={harm: [(harm, harm)]})
    print_compare([run, make_run(2, params={harm: "x"})], console, sections={harm: [(harm, [harm, None])]})
    shown = out.getvalue()
    assert "\x1b" not in shown and "\x00" not in shown and "\u202e" not in shown
    shown.encode("utf-8")
    if harm.startswith("[bold"):
        assert shown.count("[bold red]markup[/]") >= 5


def test_asked_columns_are_all_shown() -> None:
    console, out = _console(60)
    print_runs(make_runs(3), console, columns=["name", "metrics.accuracy", "params.model", "params.lr", "tags.team"])
    assert "not shown for width" not in out.getvalue()


def test_no_runs_says_so() -> None:
    out = io.StringIO()
    print_runs([], make_console(out))
    assert out.getvalue() == "No runs found.\n"


def test_code_in_a_pipe_is_the_code() -> None:
    out = io.StringIO()
    print_run(make_run(1), make_console(out), code="if x:\n    y = '[red]'")
    assert "  if x:\n      y = '[red]'\n" in out.getvalue()


def test_progress_is_seen_in_a_terminal_only() -> None:
    console, out = _console(80)
    with make_progress(console) as progress:
        progress.advance(progress.add_task("[cells]", total=2))
    assert "1/2" in out.getvalue() and "[cells]" in out.getvalue()
    pipe = io.StringIO()
    with make_progress(make_console(pipe)) as progress:
        progress.advance(progress.add_task("cells", total=2))
    assert pipe.getvalue() == ""
