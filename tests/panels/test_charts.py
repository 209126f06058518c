from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from array import array

import pytest

from mlops_nb.entities import Points
from mlops_nb.panels.charts import bar_chart, line_chart, make_scale, parallel_coordinates, scatter, sparkline
from mlops_nb.panels.graph import Node, draw_graph, lineage_view
from mlops_nb.panels.markup import picture
from tests.panels.fakes import HARM, make_points
from tests.panels.markup_reader import read_markup

TOP = 1.7e308
CURVES = {
    "one": Points(array("d", [1.0]), array("q", [5]), array("q", [0])),
    "none": Points(),
    "constant": make_points(lambda i: 3.0),
    "gaps": make_points(lambda i: math.nan if i % 7 == 0 else float(i)),
    "no number": make_points(lambda i: math.nan),
    "infinite": make_points(lambda i: math.inf if i % 2 else -math.inf),
    "huge": make_points(lambda i: TOP if i % 2 else -TOP),
    "tiny": make_points(lambda i: 5e-324 * i),
    "negative": make_points(lambda i: float(-i)),
    "long": make_points(lambda i: math.sin(i / 50), 5000),
}


def _read(svg: str) -> ET.Element:
    """Parse as XML, and check that no coordinate is missing or outside of what can be drawn."""
    root = ET.fromstring(svg)
    for element in root.iter():
        for key, value in element.attrib.items():
            if key in ("d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"):
                assert not re.search("nan|inf", value), (element.tag, key, value)
                assert all(abs(float(n)) < 5000 for n in re.findall(r"-?[\d.]+", value)), value
    return root


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("log", [False, True])
def test_any_curve_is_drawn(name: str, log: bool) -> None:
    _read(sparkline(CURVES[name]))
    _read(line_chart({name: CURVES[name]}, log=log, title=name))


def test_all_curves_in_one_chart_have_a_legend() -> None:
    root = _read(line_chart(CURVES))
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(CURVES) <= set(words)


def test_a_gap_breaks_the_line() -> None:
    svg = sparkline(Points(array("d", [1, math.nan, 2, 3]), array("q", range(4)), array("q", [0] * 4)))
    path = re.search(r' d="([^"]*)"', svg)
    assert path and path.group(1).count("M") == 2 and path.group(1).count("h.01") == 1


def test_a_sparkline_holds_no_text_that_stripping_would_leave_as_litter() -> None:
    assert "<text" not in sparkline(CURVES["constant"]) and "<title" not in sparkline(CURVES["constant"])


@pytest.mark.parametrize("harm", HARM)
def test_names_that_mean_harm_are_text(harm: str) -> None:
    points = CURVES["constant"]
    charts = [
        line_chart({harm: points, "b": points}, title=harm),
        scatter([(1, 2, harm)], x_label=harm, y_label=harm),
        bar_chart({harm: 1.0}, title=harm),
        parallel_coordinates([(harm, {harm: harm}), ("b", {harm: 1})], [harm, "x"]),
        draw_graph([Node("a", harm, note=harm), Node("b", harm, kind=harm)], [("a", "b")]),
    ]
    for svg in charts:
        _read(svg)
        read_markup(svg)
        read_markup(picture(svg))


def test_ticks_are_round_and_inside() -> None:
    for low, high in [(0.0, 1.0), (0.13, 0.92), (-5.0, 1e6), (1e-12, 3e-12), (99.9999, 100.0001)]:
        ticks = make_scale([low, high], 0, 100).ticks
        assert 2 <= len(ticks) <= 7 and low <= ticks[0] and ticks[-1] <= high
        wide = make_scale([low, high], 0, 100, wide=True)
        assert wide.low <= low and wide.high >= high and wide.ticks[0] == wide.low and wide.ticks[-1] == wide.high


def test_parallel_coordinates_mix_numbers_names_and_missing_values() -> None:
    rows = [("a", {"lr": 0.001, "m": "gbm", "acc": 0.9}), ("b", {"lr": 10.0, "m": None}), ("c", {})]
    svg = parallel_coordinates(rows, ["lr", "m", "acc"])
    assert _read(svg) is not None
    assert svg.count("data-run=") == 3


def test_a_graph_with_a_cycle_strangers_and_doubles_is_drawn_in_layers() -> None:
    nodes = [Node(key, key) for key in "abcd"]
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("a", "a"), ("a", "zzz"), ("a", "b")]
    view = lineage_view(nodes, edges, title="t")
    assert view["text/plain"].count("→") == 4
    svg = draw_graph(nodes, [edge for edge in edges if edge[1] != "zzz" and edge[0] != edge[1]])
    at = {m.group(2): float(m.group(1)) for m in re.finditer(r'class="nm" x="(\d+)"[^>]*>(\w)<', svg)}
    assert at["a"] < at["b"] < at["c"] < at["d"]


def test_names_stay_in_their_boxes_and_layers_are_as_wide_as_their_names() -> None:
    nodes = [Node("a", "co2/data/co2_weekly_and_more_and_more.csv", "data"), Node("b", "fit"), Node("c", "model")]
    svg = draw_graph(nodes, [("a", "b"), ("b", "c")])
    wide = [int(found) for found in re.findall(r'<rect [^>]*width="(\d+)"', svg)]
    shown = re.findall(r'class="nm"[^>]*>([^<]*)<', svg)
    assert all(width >= 20 + 7 * len(name) for width, name in zip(wide, shown, strict=True)), (wide, shown)
    assert wide[1] < 80 < wide[0] < 200


def test_an_axis_of_few_values_is_labelled_with_them() -> None:
    rows = [("a", {"depth": 2, "loss": 9.99}), ("b", {"depth": 4, "loss": 7.4}), ("c", {"depth": 4, "loss": 4.29})]
    labels = re.findall(r'class="tk halo"[^>]*>([^<]*)<', parallel_coordinates(rows, ["depth", "loss"]))
    assert labels == ["2", "4", "4.29", "7.4", "9.99"]


def test_a_long_chain_does_not_recurse() -> None:
    nodes = [Node(str(i), str(i)) for i in range(3000)]
    assert "200 nodes" in lineage_view(nodes, [(str(i), str(i + 1)) for i in range(2999)])["text/html"]


def test_no_lineage_says_so() -> None:
    assert "No lineage" in lineage_view([], [])["text/plain"]
