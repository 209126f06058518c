"""The page of an executed notebook."""

from __future__ import annotations

import re

import nbformat

from mlops_nb.projects.page import render_page
from tests.projects.notebooks import book

VIEW = "application/vnd.jupyter.widget-view+json"


def test_a_page_needs_nothing_from_elsewhere() -> None:
    notebook = book("x = 1\nx")
    notebook.cells.append(nbformat.v4.new_markdown_cell("# Title\n$x^2$\n```mermaid\ngraph TD\n```"))
    outputs = [
        nbformat.v4.new_output(
            "display_data", {VIEW: {"model_id": "m"}, "text/html": "<b>card</b>", "text/plain": "card"}
        ),
        nbformat.v4.new_output("display_data", {VIEW: {"model_id": "m"}, "text/plain": "IntSlider(value=3)"}),
        nbformat.v4.new_output("display_data", {"image/png": "aGk="}),
        nbformat.v4.new_output("stream", name="stdout", text="\x1b[31mred\x1b[0m <tag>"),
    ]
    notebook.cells[0].outputs = outputs
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    before = notebook.copy()
    page = render_page(notebook, "A <title>")
    assert "<script" not in page
    assert re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page) == []
    assert "<title>A &lt;title&gt;</title>" in page
    assert "<b>card</b>" in page and "IntSlider(value=3)" in page
    assert "data:image/png;base64,aGk=" in page
    assert "&lt;tag&gt;" in page and "red</span>" in page
    assert notebook == before
