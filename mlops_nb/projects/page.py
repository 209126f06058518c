"""The executed notebook as one HTML file that needs nothing else: no script and no address outside it."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["render_page", "warm_up"]

# nbconvert's own page loads MathJax, require.js, Mermaid and the widgets' manager from elsewhere: a page kept with a
# run has to look the same in ten years, and without a network. Formulas stay as their source.
_TEMPLATE = """{% extends 'lab/index.html.j2' %}
{% block html_head_js %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
"""

# A widget's view needs its manager; what it carries beside it, HTML or text, is shown instead.
_SHOWN = [
    "text/html",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "image/gif",
    "text/markdown",
    "text/latex",
    "application/javascript",
    "text/plain",
]


def render_page(notebook: NotebookNode, title: str = "Notebook") -> str:
    """A notebook as a self-contained HTML page.

    Parameters
    ----------
    notebook : NotebookNode
        With its outputs; not changed.
    title : str
        The page's title.

    Returns
    -------
    str
        About 300 kB of style, and the notebook.

    Examples
    --------
    >>> import nbformat.v4 as v4
    >>> page = render_page(v4.new_notebook(cells=[v4.new_code_cell("6 * 7")]), "Sums")
    >>> "<title>Sums</title>" in page, "<script" in page
    (True, False)
    """
    kind = type(notebook)
    metadata = {key: value for key, value in notebook.metadata.items() if key != "widgets"}
    with warnings.catch_warnings():
        # A widget has no page of its own; the static view beside it is what the page shows.
        warnings.filterwarnings("ignore", message="Your element with mimetype")
        body, _ = _exporter().from_notebook_node(kind({**notebook, "metadata": kind({**metadata, "title": title})}))
    return str(body)


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    settings = Config()
    settings.NbConvertBase.display_data_priority = _SHOWN
    return HTMLExporter(config=settings, raw_template=_TEMPLATE, embed_images=True, exclude_anchor_links=True)


def warm_up() -> None:
    """Do what the first page costs, about a second, while a kernel works anyway.

    Examples
    --------
    >>> warm_up()
    """
    from nbformat import from_dict

    code: dict[str, Any] = {"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": None}
    text: dict[str, Any] = {"cell_type": "markdown", "source": "# 1", "metadata": {}}
    render_page(from_dict({"cells": [text, code], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
