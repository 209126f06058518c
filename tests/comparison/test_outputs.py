"""Outputs: what never repeats is hidden, what is a result is not."""

from __future__ import annotations

import base64
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.comparison.masks import Window, mask_text
from mlops_nb.comparison.outputs import compare_outputs
from mlops_nb.comparison.tables import read_tables
from mlops_nb.comparison.texts import compare_texts
from mlops_nb.comparison.views import Tolerance
from tests.comparison.views import display, stdout

RAN = Window(*(int(datetime(2026, 11, 18, hour, tzinfo=UTC).timestamp() * 1000) for hour in (12, 13)))
RERAN = Window(*(int(datetime(2026, 11, 25, hour, tzinfo=UTC).timestamp() * 1000) for hour in (7, 8)))


def level(one: str, other: str) -> str:
    return compare_texts(one, other, Tolerance(), (RAN, RERAN)).name


def differences(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[tuple[str, str, bool | None]]:
    return [(d.kind, d.name, d.within) for d in compare_outputs(one, other, Tolerance(), (RAN, RERAN))]


SAME = [
    ("<Model object at 0x7f3a5c0d1e80>", "<Model object at 0x55d0c8f2a1b0>"),
    ("<Axes at 7f3a5c0d1e80>".replace("<Axes", "<Axes object"), "<Axes object at 7f3a5c0d1e99>"),
    ("Wall time: 1.23 s", "Wall time: 980 ms"),
    ("CPU times: user 3 ms, sys: 0 ns\nWall time: 3.1 ms", "CPU times: user 12 ms, sys: 1 µs\nWall time: 9 ms"),
    ("12.3 µs ± 0.1 µs per loop", "13.9 µs ± 0.7 µs per loop"),
    ("done 2026-11-18 12:30:01", "done 2026-11-25 07:11:59"),
    ("done 2026-11-18T12:30:01.123456+00:00", "done 2026-11-25T07:11:59Z"),
    ("Wed Nov 18 12:30:01 2026", "Wed Nov 25 07:11:59 2026"),
    ("Date: Wed, 18 Nov 2026   Time: 12:30:01", "Date: Wed, 25 Nov 2026   Time: 07:11:59"),
    ("started at 1795005000.25", "started at 1795590000.9"),
    ("saved to /tmp/tmpab12/x.csv", "saved to /tmp/tmpzz99/x.csv"),
    ("saved to /var/folders/ab/x.csv.", "saved to /var/folders/cd/y.csv."),
    ("/tmp/ipykernel_12/345.py:3: UserWarning: careful", "/tmp/ipykernel_999/777.py:3: UserWarning: careful"),
    ("  0%|          | 0/3\r100%|██████| 3/3 [00:01<00:00, 2.90it/s]", "100%|██████| 3/3 [00:02<00:00, 1.20it/s]"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("a  \nb\n", "a\nb"),
    ("epoch 1 - 3s 12ms/step - loss: 0.5", "epoch 1 - 4s 15ms/step - loss: 0.5"),
]  # fmt: skip

CLOSE = [
    ("loss 0.30000000000000004", "loss 0.3"),
    ("[1.0, 2.0, 3.0000001]", "[1.0, 2.0, 3.0]"),
    ("array([-0.      ,  1.5])", "array([ 0. ,  1.50000000001])"),
    ("1e-17", "-2.5e-17"),
    ("x     y\n-----\n1.0000000001  2", "x  y\n---\n1.0  2"),
]

FAR = [
    ("loss 0.3", "loss 0.4"),
    ("acc 0.91", "acc 0.9"),
    ("n = 100", "n = 101"),
    ("cat", "dog"),
    ("a", "a b"),
    ("born 2020-01-01", "born 2020-01-02"),
    ("from 2026-11-18", "from 2026-11-19"),
    ("id 0x3", "id 0x4"),
    ("nan", "0.0"),
    ("inf", "1e308"),
    ("v1.2.3", "v1.2.4"),
    ("-0.5", "0.5"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_never_repeats_is_hidden(one: str, other: str) -> None:
    assert level(one, other) == "SAME", (mask_text(one, RAN), mask_text(other, RERAN))


@pytest.mark.parametrize(("one", "other"), CLOSE)
def test_close_numbers_in_text_are_close(one: str, other: str) -> None:
    assert level(one, other) == "CLOSE"


@pytest.mark.parametrize(("one", "other"), FAR)
def test_results_in_text_are_not_hidden(one: str, other: str) -> None:
    assert level(one, other) == "FAR"
    assert level(other, one) == "FAR"


@given(st.text(alphabet="ab 0.5e-:/<>\n\r0x1f", max_size=60))
def test_masking_is_stable(text: str) -> None:
    assert compare_texts(text, text, Tolerance()).name == "SAME"
    assert mask_text(mask_text(text)) == mask_text(text)


def test_streams_are_joined_whatever_their_pieces() -> None:
    err = {"output_type": "stream", "name": "stderr", "text": ["warn", "ing\n"]}
    whole = [stdout("one\ntwo\n"), {**err, "text": "warning\n"}]
    assert differences([stdout("one\n"), err, stdout("two\n")], whole) == []


def test_stderr_is_told_and_not_judged() -> None:
    err = {"output_type": "stream", "name": "stderr", "text": "DeprecationWarning"}
    assert differences([err], []) == [("stderr", "stderr", None)]


def test_execution_counts_and_metadata_are_no_results() -> None:
    one = {"output_type": "execute_result", "execution_count": 3, "metadata": {"a": 1}, "data": {"text/plain": "1"}}
    assert differences([one], [{**one, "execution_count": 9, "metadata": {}}]) == []


def test_run_cards_are_no_results() -> None:
    cards = [
        {
            "output_type": "display_data",
            "data": {"application/vnd.mlops-nb.run+json": {}, "text/plain": f"run {name}"},
            "metadata": {},
        }
        for name in "ab"
    ]
    assert differences([stdout("x"), cards[0]], [stdout("x"), cards[1]]) == []
    assert differences([stdout("x"), cards[0]], [stdout("x")]) == []


def test_a_display_more_is_named_and_the_others_still_pair() -> None:
    figure, table = display(png="aGk="), display(html="<table><tr><td>1</table>")
    assert differences([figure, table], [table]) == [("output", "display 1", False)]
    assert differences([table], [figure, table]) == [("output", "display 1", False)]


def test_generated_ids_in_html_are_no_results() -> None:
    one = '<style>#T_ab12f_row0 {}</style><table id="T_ab12f"><tr><td id="T_ab12f_row0">1</td></tr></table>'
    assert differences([display(html=one)], [display(html=one.replace("ab12f", "99e0c"))]) == []
    assert differences([display(html=one)], [display(html=one.replace(">1<", ">2<"))]) == [
        ("output", "display 1[0, 1]", False)
    ]


def test_html_that_only_looks_different_is_close() -> None:
    one, other = (f'<b style="color:{colour}">1</b>' for colour in ("red", "blue"))
    assert differences([display(html=one)], [display(html=other)]) == [("output", "display 1", True)]


def test_estimators_and_widgets_are_compared_by_their_text() -> None:
    html = '<div id="sk-container-id-{}"><pre>{}</pre></div>'
    one = display(html=html.format(1, "fit in 3s"), plain="Ridge(alpha=1.0)")
    assert differences([one], [display(html=html.format(7, "fit in 9s"), plain="Ridge(alpha=1.0)")]) == []
    assert differences([one], [display(html=html.format(7, ""), plain="Ridge(alpha=2.0)")])
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "a" * 32}, "text/plain": "IntSlider(value=3)"}
    other = {"application/vnd.jupyter.widget-view+json": {"model_id": "b" * 32}, "text/plain": "IntSlider(value=3)"}
    assert differences([display(**widget)], [display(**other)]) == []


def test_structured_displays_are_compared_by_value() -> None:
    kind = "application/vnd.plotly.v1+json"
    one = display(**{kind: {"data": [{"y": [1.0, 2.0], "uid": "a"}]}, "text/html": "<script>1</script>"})
    same = display(**{kind: {"data": [{"y": [1.0, 2.0], "uid": "b"}]}, "text/html": "<script>2</script>"})
    other = display(**{kind: {"data": [{"y": [1.0, 2.5], "uid": "b"}]}, "text/html": "<script>2</script>"})
    assert differences([one], [same]) == []
    assert differences([one], [other]) == [("output", "display 1 data[0].y[1]", False)]


def test_a_table_of_another_shape_is_one_difference() -> None:
    one, other = (display(html=f"<table>{'<tr><td>1<td>2' * rows}</table>") for rows in (2, 3))
    (found,) = compare_outputs([one], [other], Tolerance())
    assert (found.name, found.expected, found.actual) == ("display 1 shape", "2 rows x 2 columns", "3 rows x 2 columns")


def test_a_cell_that_comes_late_in_a_long_table_is_found() -> None:
    def rows(last: str) -> str:
        body = "".join(f"<tr><th>{i}</th><td>{i}.0000000001</td></tr>" for i in range(200))
        return f"<table>{body}<tr><th>last</th><td>{last}</td></tr></table>"

    found = differences([display(html=rows("1"))], [display(html=rows("2").replace(".0000000001", ".0"))])
    assert ("output", "display 1[last, 0.0000000001]", False) in found


def test_tables_are_read_with_spans_and_without_end_tags() -> None:
    html = "<table><tr><th rowspan=2>a<th colspan=2>b<tr><td>c<td>d</table>"
    assert read_tables(html) == [[["a", "b", "b"], ["a", "c", "d"]]]
    assert read_tables("<table><tr><td>x<table><tr><td>in</table></table>")[-1] == [["in"]]
    assert read_tables('<table><tr><td colspan="99999999999">x') == [[["x"]]]


@given(st.lists(st.lists(st.text(alphabet="ab 1.5&<é", max_size=4), min_size=2, max_size=2), min_size=1, max_size=4))
def test_tables_of_pandas_are_read_as_they_were(rows: list[list[str]]) -> None:
    from html import escape

    html = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    assert read_tables(f"<table>{html}</table>") == [[[" ".join(cell.split()) for cell in row] for row in rows]]


def png(draw: Any, size: tuple[int, int] = (320, 240), text: str = "") -> str:
    image_module = pytest.importorskip("PIL.Image")
    from PIL import ImageDraw, PngImagePlugin

    image = image_module.new("RGB", size, "white")
    draw(ImageDraw.Draw(image))
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", text)
    buffer = io.BytesIO()
    image.save(buffer, "png", pnginfo=info)
    return base64.b64encode(buffer.getvalue()).decode()


def curve(shift: int = 0, ink: int = 0) -> Any:
    return lambda pen: pen.line([(0, 200), (100, 80 + shift), (320, 20)], fill=(ink, ink, 200), width=2)


def test_pictures_are_compared_by_pixels() -> None:
    one = display(png=png(curve(), text="one"), plain="<Figure at 0x7f0001>")
    assert differences([one], [display(png=png(curve(), text="other"), plain="<Figure at 0x7f0002>")]) == []
    assert differences([one], [display(png=png(curve(ink=6)))]) == [("output", "display 1", True)]
    assert differences([one], [display(png=png(curve(shift=10)))]) == [("output", "display 1", False)]
    assert differences([one], [display(png=png(curve(), size=(320, 250)))]) == [("output", "display 1", False)]
    assert differences([one], [display(png="bm90IGEgcGljdHVyZQ==")]) == [("output", "display 1", False)]


def test_pictures_inside_html_are_seen() -> None:
    one, other = (display(html=f'<img src="data:image/png;base64,{png(curve(shift))}">') for shift in (0, 30))
    assert differences([one], [one]) == []
    assert differences([one], [other]) == [("output", "display 1 picture 1", False)]


@pytest.mark.parametrize(
    "broken",
    [{}, {"output_type": "display_data"}, {"output_type": "display_data", "data": None}, {"output_type": "stream"}],
)
def test_outputs_without_their_parts_do_not_break_it(broken: dict[str, Any]) -> None:
    assert differences([broken], [broken]) == []
    differences([broken], [display(plain="x"), stdout("y")])
