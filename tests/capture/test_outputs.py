"""What a cell displayed, within budgets."""

from __future__ import annotations

import json
import threading
import tracemalloc
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.capture.outputs import OutputCollector, text_of
from mlops_nb.capture.streams import HeadTail, StreamText, cut_middle


def collect(*messages: tuple[str, dict[str, Any]], **budgets: int) -> list[dict[str, Any]]:
    collector = OutputCollector(**budgets)
    for kind, content in messages:
        collector.add(kind, content)
    found = collector.outputs()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=nbformat.from_dict(found))])
    nbformat.validate(notebook)
    return found


def out(text: str, name: str = "stdout") -> tuple[str, dict[str, Any]]:
    return "stream", {"name": name, "text": text}


def shown(
    data: dict[str, Any], display_id: str | None = None, kind: str = "display_data"
) -> tuple[str, dict[str, Any]]:
    content: dict[str, Any] = {"data": data, "metadata": {}}
    if display_id:
        content["transient"] = {"display_id": display_id}
    if kind == "execute_result":
        content["execution_count"] = 3
    return kind, content


STREAMS = [
    ("a", "a"),
    ("a\nb\n", "a\nb\n"),
    ("a\r\nb", "a\nb"),
    ("10%\r50%\r100%", "100%"),
    ("long line\rhi", "hing line"),
    ("long line\r\x1b[Khi", "hi"),
    ("\x1b[31mlong line\x1b[0m\rhi", "hi"),
    ("abc\b\bX", "aXc"),
    ("a\rb\nc\rd\n", "b\nd\n"),
    ("outer 0\ninner 0\x1b[A\router 1\n\rinner 1", "outer 1\ninner 1"),
    ("x\x1b[2Ky", "y"),
    ("\x1b[99A\x1b[A\b\b", ""),
    ("\x1b[1mbold\x1b[0m\n", "\x1b[1mbold\x1b[0m\n"),
    ("\r\n\r\n", "\n\n"),
]


@pytest.mark.parametrize(("text", "expected"), STREAMS)
def test_streams_end_as_on_a_terminal(text: str, expected: str) -> None:
    whole, pieces = StreamText(10_000), StreamText(10_000)
    whole.write(text)
    assert whole.text() == expected
    if "\x1b" not in text:  # a terminal's codes are written at once
        for letter in text:
            pieces.write(letter)
        assert pieces.text() == expected


@given(st.lists(st.text(alphabet="ab\n", max_size=30), max_size=30))
def test_text_without_controls_is_kept_exactly(chunks: list[str]) -> None:
    stream = StreamText(10_000)
    for chunk in chunks:
        stream.write(chunk)
    assert stream.text() == "".join(chunks)


@given(st.lists(st.text(alphabet="ab", max_size=30), max_size=30), st.integers(2, 40))
def test_head_and_tail_are_exact_and_the_mark_tells_the_truth(chunks: list[str], limit: int) -> None:
    kept, whole = HeadTail(limit), "".join(chunks)
    for chunk in chunks:
        kept.append(chunk)
        kept.text()
    assert kept.text() == cut_middle(whole, limit)
    assert HeadTail(limit).text(whole) == cut_middle(whole, limit)


def test_a_progress_bar_keeps_its_last_state() -> None:
    bar = [out(f"\r{n:3d}%|{'#' * (n // 10):10}| {n}/100", "stderr") for n in range(101)]
    (only,) = collect(*bar, out("\n", "stderr"))
    assert only == {"output_type": "stream", "name": "stderr", "text": "100%|##########| 100/100\n"}


def test_streams_are_joined_where_they_touch() -> None:
    found = collect(out("a"), out("b"), out("c", "stderr"), out("d"), out(""))
    assert [(output["name"], output["text"]) for output in found] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


def test_endless_output_stays_in_constant_memory() -> None:
    collector = OutputCollector(per_output=100_000, total=300_000)
    peaks = []
    tracemalloc.start()
    try:
        for _round in range(2):
            for number in range(3_000):
                collector.add(*out(f"line {number}\n" * 20))
                collector.add(*out("x" * 200))
            peaks.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    text = collector.outputs()[0]["text"]
    assert text.startswith("line 0\nline 0\n") and "characters left out …" in text and text.endswith("x" * 200)
    assert len(text) < 100_100
    assert peaks[1] < peaks[0] + 100_000 and peaks[1] < 2_000_000


def test_a_line_without_end_stays_in_constant_memory() -> None:
    stream = StreamText(1_000)
    for _ in range(3_000):
        stream.write("." * 100)
    assert stream.text() == "." * 500 + "\n… 299,000 characters left out …\n" + "." * 500
    assert len(stream) < 50_000


def test_alternating_streams_and_endless_displays_keep_the_first_and_the_last() -> None:
    messages = [
        message
        for n in range(5_000)
        for message in (out(f"{n}\n"), out(f"{n}\n", "stderr"), shown({"text/plain": f"{n}"}))
    ]
    found = collect(*messages, max_outputs=10)
    assert len(found) == 11
    assert found[0]["text"] == "0\n" and found[-1]["data"]["text/plain"] == "4999"
    assert found[5]["data"]["text/plain"] == "… 14,990 outputs left out …"


def test_total_budget() -> None:
    found = collect(*[shown({"text/plain": str(n) * 40}) for n in range(10)], per_output=200, total=250)
    texts = [output["data"]["text/plain"] for output in found]
    assert texts[0] == "0" * 40 and texts[-1] == "9" * 40 and any("outputs left out" in text for text in texts)
    assert sum(map(len, texts)) < 400


def test_updates_replace_by_display_id() -> None:
    found = collect(
        shown({"text/plain": "1"}, "a"),
        shown({"text/plain": "x"}, "b"),
        shown({"text/plain": "2"}, "a", "execute_result"),
        shown({"text/html": "<b>9</b>"}, "a", "update_display_data"),
        shown({"text/plain": "?"}, "unknown", "update_display_data"),
        shown({"text/plain": "?"}, None, "update_display_data"),
    )
    assert [output["data"] for output in found] == [
        {"text/html": "<b>9</b>"},
        {"text/plain": "x"},
        {"text/html": "<b>9</b>"},
    ]
    assert found[2]["output_type"] == "execute_result" and found[2]["execution_count"] == 3


def test_clear_output() -> None:
    clear, later = ("clear_output", {"wait": False}), ("clear_output", {"wait": True})
    assert collect(out("a"), clear) == []
    assert [output["text"] for output in collect(out("a"), later)] == ["a"]
    assert [output["text"] for output in collect(out("a"), later, out("b"), out("c"))] == ["bc"]
    assert text_of(collect(out("a"), later, shown({"text/plain": "b"}), shown({"text/plain": "c"}))) == "b\nc"


def test_large_content_is_replaced_by_a_note_and_the_rest_stays() -> None:
    data = {
        "image/png": "A" * 5_000,
        "text/plain": "<Figure>",
        "application/json": {"a": [1]},
        "text/html": "<b>" * 1_000,
    }
    (only,) = collect(shown(data), per_output=1_000)
    assert only["data"]["text/plain"] == (
        "<Figure>\n[text/html of 3,000 characters left out: more than the 1,000 that are kept]"
        "\n[image/png of 5,000 characters left out: more than the 1,000 that are kept]"
    )
    assert only["data"]["application/json"] == {"a": [1]}
    assert set(only["data"]) == {"text/plain", "application/json"}


def test_long_plain_text_is_cut() -> None:
    (only,) = collect(shown({"text/plain": "x" * 5_000}), per_output=1_000)
    assert only["data"]["text/plain"] == "x" * 125 + "\n… 4,750 characters left out …\n" + "x" * 125


def test_errors_keep_both_ends_of_the_traceback() -> None:
    content = {"ename": "E", "evalue": "v" * 5_000, "traceback": ["first", *["frame"] * 5_000, "last"]}
    (only,) = collect(("error", content), per_output=1_000)
    assert only["traceback"][0] == "first" and only["traceback"][-1] == "last"
    assert sum(map(len, only["traceback"])) < 1_100 and len(only["evalue"]) < 300


def test_bytes_become_base64() -> None:
    assert collect(shown({"image/png": b"\x89PNG"}))[0]["data"]["image/png"] == "iVBORw=="


def test_what_is_not_json_is_noted() -> None:
    data = collect(shown({"application/x": object(), "text/plain": "o"}))[0]["data"]
    assert "application/x of" in data["text/plain"] and json.dumps(data)


JUNK = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
KINDS = ["stream", "display_data", "update_display_data", "execute_result", "error", "clear_output", "status"]
FIELDS = ["name", "text", "data", "metadata", "transient", "wait", "ename", "evalue", "traceback", "execution_count"]


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=5)), max_size=8)
)
def test_malformed_messages_never_raise(messages: list[tuple[str, dict[str, Any]]]) -> None:
    collector = OutputCollector(per_output=100, total=200, max_outputs=3)
    for kind, content in messages:
        collector.add(kind, content)
    text_of(collector.outputs())


def test_threads_may_write_at_once() -> None:
    collector = OutputCollector()

    def write(letter: str) -> None:
        for _ in range(500):
            collector.add(*out(letter * 10 + "\n"))
            collector.outputs()

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = collector.outputs()[0]["text"].splitlines()
    assert sorted(lines) == ["a" * 10] * 500 + ["b" * 10] * 500 + ["c" * 10] * 500


def test_text_of() -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["\x1b[31mred\x1b[0m\n", "b\n"]},
        {"output_type": "display_data", "data": {"text/html": "<style>x</style><td>1</td><td>2</td>"}},
        {"output_type": "display_data", "data": {"image/png": "xx"}},
        {"output_type": "execute_result", "data": {"text/plain": "3", "text/html": "<b>4</b>"}},
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["..."]},
        {"output_type": "display_data"},
    ]
    assert text_of(outputs) == "red\nb\n1 2\n[image/png]\n3\nValueError: no"
