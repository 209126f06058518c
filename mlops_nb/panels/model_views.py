"""A model that was saved or logged, for a terminal and as static HTML: what it is, what it takes and gives. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_nb.models.signature import SCALARS, type_name
from mlops_nb.panels.format import elide, show_size, show_text
from mlops_nb.panels.markup import document, table, tag, text
from mlops_nb.panels.tables import plain_table

SHOWN_FIELDS = 40
"""Most columns of a signature that are listed."""


def model_view(found: Mapping[str, Any]) -> dict[str, Any]:
    """Show a model that was saved or logged: one line, and what lies behind it to be unfolded.

    Parameters
    ----------
    found : mapping
        As from ``ModelInfo.to_json()``, with its ``note``.

    Returns
    -------
    dict
        A mime bundle of ``text/html`` and ``text/plain``.

    Examples
    --------
    >>> print(model_view({"name": "churn", "flavor": "sklearn", "size": 2048, "uri": "runs:/1/churn"})["text/plain"])
    churn · sklearn · 2.05 kB · runs:/1/churn
    """
    signature: Mapping[str, Any] = found.get("signature") or {}
    needs = [str(each) for each in found.get("requirements") or ()]
    parts = [str(found.get("flavor", "")), show_size(int(found.get("size") or 0))]
    uri, name = str(found.get("uri", "")), str(found.get("name", ""))
    head = [tag("strong", text(name, 60)), *(tag("span", text(each), cls="mute") for each in parts)]
    body = [tag("p", " · ".join(head), " ", tag("code", text(uri, 90)))]
    lines = [" · ".join([show_text(name), *parts, show_text(uri)])]  # the first is all that a short look needs
    rows = _fields(signature)
    if rows:
        label = _counted(signature)
        header = ["", "name", "type"]
        cells = [[tag("td", part, cls="mute"), text(field), tag("code", text(kind))] for part, field, kind in rows]
        body.append(tag("details", tag("summary", label), table(header, cells, row_headers=False)))
        lines += [label, plain_table(header, rows)]
    if needs:
        label = f"{len(needs)} requirement{'s' if len(needs) > 1 else ''}"
        body.append(tag("details", tag("summary", label), tag("p", *(tag("code", text(each)) + " " for each in needs))))
        lines.append(f"{label}: {elide(show_text(', '.join(needs)), 200)}")
    note = str(found.get("note") or "")
    if note:
        body.append(tag("p", text(note, 300), cls="warn"))
        lines.append(f"! {elide(show_text(note), 300)}")
    return {"text/html": document(*body, cls="card t-finished"), "text/plain": "\n".join(lines)}


def _counted(signature: Mapping[str, Any]) -> str:
    counts = [(len(signature.get(part) or ()), part) for part in ("inputs", "outputs", "params")]
    return ", ".join(f"{count} {part if count > 1 else part[:-1]}" for count, part in counts if count)


def _fields(signature: Mapping[str, Any]) -> list[list[str]]:
    found = []
    for part in ("inputs", "outputs", "params"):
        for place, field in enumerate(signature.get(part) or ()):
            found.append([part[:-1], str(field.get("name") or place), _type_of(field)])
    left = len(found) - SHOWN_FIELDS
    return found[:SHOWN_FIELDS] + ([["", f"and {left} more", ""]] if left > 0 else [])


def _type_of(field: Mapping[str, Any]) -> str:
    spec = field.get("tensor-spec")
    if isinstance(spec, Mapping):
        shape: Sequence[Any] = spec.get("shape") or ()
        return f"{spec.get('dtype')} [{', '.join('any' if side == -1 else str(side) for side in shape)}]"
    optional = "" if field.get("required", True) else ", optional"
    default = f" = {field['default']}" if "default" in field else ""
    kind = field.get("type", "")
    return f"{type_name(kind if isinstance(kind, str) and kind in SCALARS else dict(field))}{optional}{default}"
