"""A document as data, written as Markdown and as one HTML page that needs nothing else. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_MARKS = re.compile(r"([\\`*_{}\[\]<>|#~])")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; `quiet` ones are remarks."""

    words: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below a header; a header of empty texts is not shown."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be shown as it is; `language` is what Markdown calls it."""

    text: str
    language: str = ""


Block = Text | Table | Code


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks below a title."""

    title: str
    blocks: Sequence[Block]


def to_markdown(title: str, sections: Sequence[Section]) -> str:
    """The document as Markdown; no text in it can become markup.

    Examples
    --------
    >>> print(to_markdown("churn 3", [Section("Metrics", [Table(["name", "value"], [["auc", "0.9"]])])]))
    # churn 3
    <BLANKLINE>
    ## Metrics
    <BLANKLINE>
    | name | value |
    | --- | --- |
    | auc | 0.9 |
    <BLANKLINE>
    """
    parts = [f"# {_plain(title)}"]
    for section in sections:
        parts += [f"## {_plain(section.title)}", *map(_block_markdown, section.blocks)]
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(_visible(text).split()))


def _visible(text: str) -> str:
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _block_markdown(block: Block) -> str:
    if isinstance(block, Text):
        return f"*{_plain(block.words)}*" if block.quiet else _plain(block.words)
    if isinstance(block, Code):
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", block.text)), default=0))
        return f"{fence}{block.language}\n{_visible(block.text).rstrip()}\n{fence}"
    lines = [block.header, ["---"] * len(block.header)]
    lines += [[_plain(cell) for cell in row] for row in block.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 16%, transparent); }
body { font: 15px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
body { max-width: 62em; margin: 2em auto; padding: 0 1.2em; }
h1 { font-size: 1.7em; margin: 0 0 .3em; }
h2 { font-size: 1.1em; margin: 1.8em 0 .4em; border-bottom: 1px solid var(--line); }
table { border-collapse: collapse; font-size: 14px; display: block; overflow-x: auto; }
th, td { text-align: left; padding: 3px 18px 3px 0; vertical-align: top; font-variant-numeric: tabular-nums; }
td { overflow-wrap: anywhere; }
tbody tr { border-top: 1px solid var(--line); }
thead th { font-weight: 600; opacity: .65; font-size: 12px; }
td:first-child { font-weight: 500; }
pre { background: color-mix(in srgb, currentColor 6%, transparent); padding: .8em 1em; border-radius: 6px; }
pre { font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-x: auto; }
.quiet { opacity: .65; font-size: 14px; }
"""


def to_html(title: str, sections: Sequence[Section]) -> str:
    """The document as one page, readable in light and dark; no text in it can become markup.

    Examples
    --------
    >>> "<h2>A &lt;b&gt;</h2>" in to_html("churn 3", [Section("A <b>", [Text("words")])])
    True
    """
    body = "".join(
        f"<h2>{_html(section.title)}</h2>{''.join(map(_block_html, section.blocks))}" for section in sections
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{_html(title)}</title><style>{_STYLE}</style></head><body><h1>{_html(title)}</h1>{body}</body></html>\n"
    )


def _html(text: str) -> str:
    return escape(_visible(text))


def _block_html(block: Block) -> str:
    if isinstance(block, Text):
        return f'<p class="quiet">{_html(block.words)}</p>' if block.quiet else f"<p>{_html(block.words)}</p>"
    if isinstance(block, Code):
        return f"<pre>{_html(block.text.rstrip())}</pre>"
    head = "".join(f"<th>{_html(cell)}</th>" for cell in block.header) if any(block.header) else ""
    cells = ["".join(f"<td dir='auto'>{_html(cell)}</td>" for cell in row) for row in block.rows]
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"
