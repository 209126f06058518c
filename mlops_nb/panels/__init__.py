"""What the user sees: nouns in, text, HTML, SVG and panels out. Reads no store; callers hand over plain data.

`format`, `charts`, `card`, `tables` and `pages` are pure and light. `terminal` needs rich, `grid` and `comparison`
need anywidget: import them when they are shown.
"""
