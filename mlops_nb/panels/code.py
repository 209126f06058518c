"""Code and diffs, coloured if pygments is there (IPython brings it), plain text when styles are stripped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import import_module
from typing import Any

from mlops_nb.panels.format import show_lines
from mlops_nb.panels.markup import document, tag, text

SHOWN_CHARACTERS = 100_000
"""Longest source that is shown whole."""


def code_view(
    cells: str | Sequence[tuple[int | None, str]], *, title: str = "", lexer: str = "python"
) -> dict[str, Any]:
    """Show code: one source, or the cells of a slice with their execution counts.

    Parameters
    ----------
    cells : str or sequence of (execution count or None, source)
        In the order in which they ran.
    title : str
        Above the code.
    lexer : str
        The language, by pygments' name.

    Returns
    -------
    dict
        A mime bundle of ``text/html`` and ``text/plain``; the plain text is the code as it is, to be copied and run.

    Examples
    --------
    >>> print(code_view([(1, "x = 1"), (3, "y = x + 1")])["text/plain"])
    # In [1]
    x = 1
    <BLANKLINE>
    # In [3]
    y = x + 1
    """
    listed = [(None, cells)] if isinstance(cells, str) else list(cells)
    html = tag("p", tag("strong", text(title, 200))) if title else ""
    plain = []
    for count, source in listed:
        mark = "" if count is None else f"# In [{count}]\n"
        label = "" if count is None else tag("span", f"In [{count}]", cls="mute")
        html += label + tag("pre", highlight(source, lexer), cls="code")
        plain.append(mark + source)
    return {"text/html": document(html, cls="page"), "text/plain": "\n\n".join(plain)}


def highlight(source: str, lexer: str = "python") -> str:
    """Colour code by classes, as HTML for a ``<pre>``; only escaped if pygments is not there.

    Examples
    --------
    >>> highlight("<b>", "text")
    '&lt;b&gt;'
    """
    cut = source[:SHOWN_CHARACTERS]
    shown = show_lines(cut)
    if len(source) > len(cut):
        shown += f"\n… {len(source) - len(cut):,} more characters"
    try:
        pygments = import_module("pygments")
        formatters, lexers = import_module("pygments.formatters"), import_module("pygments.lexers")
    except ImportError:  # colour is all that is lost
        return escape(shown)
    marked = pygments.highlight(
        shown, lexers.get_lexer_by_name(lexer, stripnl=False), formatters.HtmlFormatter(nowrap=True)
    )
    return str(marked).rstrip("\n")


def diff_block(diff: str) -> str:
    """Show a unified diff; added and removed lines keep their + and -, so that colour is not needed.

    Examples
    --------
    >>> diff_block("-a\\n+b")
    '<pre class="code"><span class="del">-a</span>\\n<span class="add">+b</span></pre>'
    """
    lines = []
    for line in diff[:SHOWN_CHARACTERS].rstrip("\n").split("\n"):
        cls = "mute" if line.startswith(("+++", "---", "@@")) else {"+": "add", "-": "del"}.get(line[:1], "")
        shown = escape(show_lines(line))
        lines.append(tag("span", shown, cls=cls) if cls else shown)
    return tag("pre", "\n".join(lines), cls="code")
