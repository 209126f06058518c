"""What real libraries display and write, twice: the same; and with one value changed: not."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest

from mlops_nb.comparison import Tolerance, same_bytes
from mlops_nb.comparison.outputs import compare_outputs
from tests.comparison.views import display

VALUES, CHANGED = [1.0, 2.5, 4.0], [1.0, 2.5, 4.5]


def differ(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, bool | None]]:
    return [(d.name, d.within) for d in compare_outputs([one], [other], Tolerance())]


def frame(values: list[float]) -> dict[str, Any]:
    pandas = pytest.importorskip("pandas")
    data = pandas.DataFrame({"x": values, "y": ["a", "b", "c"]})
    return display(html=data._repr_html_(), plain=repr(data))


def styled(values: list[float]) -> dict[str, Any]:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("jinja2")
    style = pandas.DataFrame({"x": values}).style.format("{:.1f}")
    return display(html=style._repr_html_(), plain=f"<pandas.io.formats.style.Styler at {hex(id(style))}>")


def figure(values: list[float], kind: str) -> bytes:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(4, 3))
    drawing.subplots().plot(values)
    buffer = io.BytesIO()
    drawing.savefig(buffer, format=kind)
    return buffer.getvalue()


def estimator(alpha: float) -> dict[str, Any]:
    linear = pytest.importorskip("sklearn.linear_model")
    model = linear.Ridge(alpha=alpha)
    return display(html=model._repr_html_(), plain=repr(model))


def test_frames_are_compared_cell_by_cell() -> None:
    assert differ(frame(VALUES), frame(VALUES)) == []
    assert differ(frame(VALUES), frame(CHANGED)) == [("display 1[2, x]", False)]


def test_a_styler_has_another_id_each_time_and_is_the_same() -> None:
    one, same = styled(VALUES), styled(VALUES)
    assert one["data"]["text/html"] != same["data"]["text/html"]
    assert differ(one, same) == []
    assert differ(one, styled(CHANGED)) == [("display 1[2, x]", False)]


def test_figures_are_compared_as_pictures() -> None:
    one, same, other = (base64.b64encode(figure(v, "png")).decode() for v in (VALUES, VALUES, CHANGED))
    assert differ(display(png=one), display(png=same)) == []
    assert differ(display(png=one), display(png=other)) == [("display 1", False)]


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_figures_in_files_are_the_same_twice(kind: str) -> None:
    assert same_bytes(figure(VALUES, kind), figure(VALUES, kind), f"figure.{kind}")
    assert not same_bytes(figure(VALUES, kind), figure(CHANGED, kind), f"figure.{kind}")


def test_an_svg_on_display_is_compared_without_its_ids() -> None:
    one, same, other = (figure(v, "svg").decode() for v in (VALUES, VALUES, CHANGED))
    assert one != same
    assert differ(display(svg=one), display(svg=same)) == []
    assert differ(display(svg=one), display(svg=other)) == [("display 1", False)]


def test_estimators_are_compared_by_their_parameters() -> None:
    assert differ(estimator(1.0), estimator(1.0)) == []
    assert differ(estimator(1.0), estimator(2.0)) == [("display 1", False)]
