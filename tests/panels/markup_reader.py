"""Reading HTML back, as a browser would and as a site that strips styles and pictures would."""

from __future__ import annotations

import re
from html.parser import HTMLParser

ALLOWED = set(
    "bdi br caption circle code details div h4 img line p path pre rect span strong style summary svg table tbody "
    "td text th thead time title tr".split()
)


class MarkupReader(HTMLParser):
    """Collects the elements, the attributes and the text of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read_markup(html: str) -> MarkupReader:
    """Parse, and check what holds for all our HTML: balanced, no script, no handler, nothing from outside."""
    reader = MarkupReader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    assert set(reader.tags) <= ALLOWED, set(reader.tags) - ALLOWED
    for key, value in reader.attributes:
        assert not key.startswith("on"), key
        assert key != "src" or value.startswith("data:image/svg+xml,"), value[:60]
        assert key != "style", "inline styles are stripped by the sites that we want to be readable on"
    html.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", html), "a hidden character is left"
    return reader


def stripped_text(html: str) -> str:
    """What is left to read where style sheets and inline pictures are taken out."""
    bare = re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", html, flags=re.S)
    return re.sub(r"\s+", " ", "".join(read_markup(bare).words)).strip()
