"""HTML that is safe, and readable with its styles stripped: escaping, elements, the style sheet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from urllib.parse import quote

from mlops_nb.entities import Run
from mlops_nb.panels.format import STATUS_SYMBOLS, elide, iso_time, show_text, show_time

TITLE_LIMIT = 1000
"""Longest text kept in a tooltip."""


def tag(name: str, *content: str, cls: str = "", **attributes: str | int | None) -> str:
    """Build an element from content that is HTML already; attribute values are text and are escaped here.

    Examples
    --------
    >>> tag("td", "1", cls="num", title='a "b"')
    '<td class="num" title="a &quot;b&quot;">1</td>'
    """
    shown = f' class="{_quoted(cls)}"' if cls else ""
    for key, value in attributes.items():
        if value is not None:
            shown += f' {key.strip("_").replace("_", "-")}="{escape(show_text(str(value)))}"'
    return f"<{name}{shown}>{''.join(content)}</{name}>"


_quoted = lru_cache(maxsize=256)(escape)


def text(value: str, limit: int = 60) -> str:
    """Escape text for HTML: nothing in it runs, hides or reorders; long text is cut and whole in the tooltip.

    Examples
    --------
    >>> text("<b>x</b>")
    '&lt;b&gt;x&lt;/b&gt;'
    >>> text("abcdefghijkl", 8)
    '<span title="abcdefghijkl">abcd…jkl</span>'
    """
    seen = show_text(elide(value, TITLE_LIMIT * 2))
    short = elide(seen, limit)
    shown = escape(short)
    if not value.isascii():
        shown = f'<bdi dir="auto">{shown}</bdi>'  # right-to-left names must not reorder what stands beside them
    return shown if short == seen else f'<span title="{escape(elide(seen, TITLE_LIMIT))}">{shown}</span>'


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, cls: str = "", caption: str = "", row_headers: bool = True
) -> str:
    """Build a table from cells that are HTML already; a cell that is a whole ``<td>`` or ``<th>`` stays as it is.

    Examples
    --------
    >>> table(["a"], [["1"]], row_headers=False)
    '<table><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>'
    """
    head = "".join(_cell(cell, "th", "col") for cell in header)
    body = ""
    for row in rows:
        first = _cell(row[0], "th", "row") if row_headers else _cell(row[0], "td", "")
        body += f"<tr>{first}{''.join(_cell(cell, 'td', '') for cell in row[1:])}</tr>"
    title = tag("caption", caption) if caption else ""
    return tag("table", title, f"<thead><tr>{head}</tr></thead>" if header else "", f"<tbody>{body}</tbody>", cls=cls)


def _cell(content: str, name: str, scope: str) -> str:
    if content.startswith(("<td", "<th")):
        return content
    return tag(name, content, scope=scope or None)


def number_cell(content: str, cls: str = "") -> str:
    """Build a right-aligned cell.

    Examples
    --------
    >>> number_cell("1.5")
    '<td class="num">1.5</td>'
    """
    return tag("td", content, cls=f"num {cls}".strip())


def status_mark(run: Run, *, word: bool = True) -> str:
    """Show a run's status by symbol, colour and word, so that none of them is needed alone.

    Examples
    --------
    >>> from mlops_nb.entities import Status
    >>> status_mark(Run("1", "n", "0", "e", Status.FAILED, 0))
    '<span class="st st-failed" title="FAILED">✗ <span class="w">FAILED</span></span>'
    """
    name = str(run.status.value)
    symbol = STATUS_SYMBOLS[run.status]
    label = tag("span", name, cls="w") if word else ""
    return tag("span", f"{symbol} {label}".strip(), cls=f"st st-{name.lower()}", title=name)


def time_mark(timestamp: int) -> str:
    """Show an absolute time: in a saved file "3 min ago" would soon be wrong.

    Examples
    --------
    >>> time_mark(0).startswith('<time datetime="1970-01-01T00:00:00.000Z"')
    True
    """
    return tag("time", show_time(timestamp), datetime=iso_time(timestamp), title=iso_time(timestamp))


def document(*parts: str, cls: str = "") -> str:
    """Put the style sheet in front of parts, wrapped into the root that it is scoped by unless no class is given.

    Examples
    --------
    >>> document("<p>x</p>", cls="card").endswith('<div class="mlops-nb card"><p>x</p></div>')
    True
    """
    body = tag("div", *parts, cls=f"mlops-nb {cls}") if cls else "".join(parts)
    return f"<style>{style_sheet('static')}</style>{body}"


@cache
def style_sheet(name: str) -> str:
    """Read one of the room's style sheets, without comments and line breaks.

    Examples
    --------
    >>> ".mlops-nb" in style_sheet("static")
    True
    """
    sheet = files("mlops_nb.panels").joinpath(f"{name}.css").read_text(encoding="utf-8")
    return re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", sheet, flags=re.S))).strip()


def picture(svg: str, *, style: str = "") -> str:
    """Turn a chart into an image that survives where inline SVG is stripped and its labels would be left as litter.

    An image knows no theme, so its colours are mid-tones with enough contrast on white and on black.

    Examples
    --------
    >>> picture('<svg xmlns="http://www.w3.org/2000/svg" aria-label="a curve"></svg>')[:47]
    '<img class="picture" alt="a curve" src="data:im'
    """
    label = re.search(r'aria-label="([^"]*)"', svg)
    head, end, body = svg.partition(">")
    styled = f"{head}{end}<style>{style_sheet('picture')}</style>{body}"
    source = "data:image/svg+xml," + quote(styled, safe=" ='/:;,().#-".replace("#", ""))
    look = f' style="{style}"' if style else ""
    return f'<img class="picture" alt="{label.group(1) if label else ""}"{look} src="{source}">'
