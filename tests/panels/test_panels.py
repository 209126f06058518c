"""The kernel's side of the panels: what is asked, what is answered, what is kept in the file."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from mlops_nb.errors import InvalidInput
from mlops_nb.panels.compare_panel import ComparePanel
from mlops_nb.panels.compare_record import compare_record
from mlops_nb.panels.grid import LOADED, PAGE, RunsPanel, run_columns
from mlops_nb.panels.widget import Panel, script
from tests.panels.fakes import HARM, FakeSource, make_run, make_runs
from tests.panels.markup_reader import read_markup, stripped_text

Sent = list[tuple[dict[str, Any], list[bytes]]]


def _listen(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> Sent:
    sent: Sent = []
    monkeypatch.setattr(panel, "send", lambda content, buffers=None: sent.append((content, list(buffers or []))))
    return sent


def _ask(panel: Panel, **message: Any) -> None:
    panel._handle_custom_msg(message, [])


def test_a_query_answers_in_pages_and_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = RunsPanel(FakeSource(LOADED + 700))
    sent = _listen(panel, monkeypatch)
    _ask(panel, type="query", query=1, filter="", order_by=[])
    counts = [len(json.loads(buffers[0])["run_id"]) for _, buffers in sent]
    assert counts == [PAGE] * (LOADED // PAGE)
    assert [message["first"] for message, _ in sent] == [True, *[False] * 4]
    assert not any(message["complete"] for message, _ in sent)


def test_an_empty_store_answers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = RunsPanel(FakeSource(0))
    sent = _listen(panel, monkeypatch)
    _ask(panel, type="query", query=1, filter="", order_by=[])
    assert len(sent) == 1 and sent[0][0]["complete"] and json.loads(sent[0][1][0])["run_id"] == []


def test_a_filter_that_does_not_parse_is_refused_at_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = RunsPanel(FakeSource(5))
    sent = _listen(panel, monkeypatch)
    _ask(panel, type="query", query=7, filter="what", order_by=[])
    assert [(m["type"], m["query"]) for m, _ in sent] == [("refused", 7)]
    assert "character 1" in sent[0][0]["message"]


def test_columns_are_ordered_in_the_stores_words(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FakeSource(5)
    panel = RunsPanel(source)
    _listen(panel, monkeypatch)
    _ask(panel, type="query", query=1, filter="", order_by=["metrics.val/acc at 5 DESC"])
    _ask(panel, type="query", query=2, filter="", order_by=["name ASC"])
    assert [asked[1] for asked in source.asked] == [("metrics.`val/acc at 5` DESC",), ("attributes.run_name ASC",)]


def test_the_order_that_was_asked_for_holds_until_a_head_is_clicked(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FakeSource(5)
    panel = RunsPanel(source, order_by=["metrics.loss DESC"])
    _listen(panel, monkeypatch)
    _ask(panel, type="query", query=1, filter="", order_by=[])
    _ask(panel, type="query", query=2, filter="", order_by=["name ASC"])
    panel.static_bundle()
    assert [asked[1] for asked in source.asked] == [
        ("metrics.loss DESC",), ("attributes.run_name ASC",), ("metrics.loss DESC",)
    ]  # fmt: skip


def test_a_page_of_a_run_and_curves_come_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FakeSource(5)
    panel = RunsPanel(source)
    sent = _listen(panel, monkeypatch)
    run_id = source.runs[0].run_id
    _ask(panel, type="open", run_id=run_id)
    _ask(panel, type="curves", key="accuracy", run_ids=[run_id])
    assert "fit(lr)" in stripped_text(sent[0][0]["html"])
    read_markup(sent[0][0]["html"])
    assert 2 < len(sent[1][0]["curves"][run_id]) <= 40


@pytest.mark.parametrize(
    "message", [{"type": "open", "run_id": "gone"}, {"type": "open"}, {"type": "compare", "run_ids": ["gone", "x"]}]
)
def test_what_cannot_be_answered_is_said_in_the_panel(message: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    panel = RunsPanel(FakeSource(5))
    sent = _listen(panel, monkeypatch)
    _ask(panel, **message)
    assert [m["type"] for m, _ in sent] == ["failed"]


def test_messages_from_many_threads_are_answered_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = RunsPanel(FakeSource(50))
    sent = _listen(panel, monkeypatch)
    threads = [
        threading.Thread(target=_ask, args=(panel,), kwargs={"type": "query", "query": n, "filter": "", "order_by": []})
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(message["query"] for message, _ in sent) == list(range(8))


def test_the_browser_gets_no_character_that_hides() -> None:
    columns = run_columns(make_runs(200))
    text = json.dumps(columns, ensure_ascii=False)
    assert "\x1b" not in text and "\u202e" not in text
    text.encode("utf-8")
    assert max(len(name) for name in columns["name"]) <= 200


def test_a_saved_panel_keeps_its_rows_without_a_kernel() -> None:
    bundle, _ = RunsPanel(FakeSource(200))._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    read_markup(bundle["text/html"])
    assert "gbm-200" in stripped_text(bundle["text/html"]) or "forest-200" in stripped_text(bundle["text/html"])
    assert bundle["text/plain"].count("\n") >= 50


def test_a_panel_with_a_filter_that_is_refused_is_still_shown() -> None:
    bundle, _ = RunsPanel(FakeSource(5), filter="what")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle and "does not parse" in bundle["text/plain"]


def test_a_comparison_has_everything_that_is_drawn() -> None:
    source = FakeSource(30)
    ids = [run.run_id for run in source.runs[:4]]
    record = compare_record(source, ids)
    json.dumps(record, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert [run["run_id"] for run in record["runs"]] == ids
    assert set(record["curves"]) == {"accuracy", "log_loss"}
    titles = [section["title"] for section in record["sections"]]
    assert titles[:2] == ["metrics", "params"] and "environment" in titles
    environment = next(s for s in record["sections"] if s["title"] == "environment")
    assert not any(row["differs"] for row in environment["rows"])
    assert len(record["blocks"]) == 3 and "<svg" in record["parallel"]
    assert [part["kind"] for part in record["outputs"][0]["parts"]] == ["html"]


def test_names_in_a_comparison_do_not_hide() -> None:
    source = FakeSource(3)
    source.by_id = {
        str(i): make_run(i, run_id=str(i), name=harm, params={harm: harm, "lr": i}) for i, harm in enumerate(HARM)
    }
    record = compare_record(source, list(source.by_id))
    text = json.dumps(record, ensure_ascii=False)
    text.encode("utf-8")
    assert "\x1b" not in text and "\u202e" not in text
    read_markup(record["parallel"])
    for _, html in record["blocks"]:
        read_markup(html)


@pytest.mark.parametrize("count", [0, 1, 51])
def test_a_comparison_of_too_few_or_too_many_is_refused(count: int) -> None:
    with pytest.raises(InvalidInput, match="2 to 50 runs"):
        ComparePanel(FakeSource(3), [str(i) for i in range(count)])


def test_the_compare_panel_keeps_its_table_without_a_kernel() -> None:
    source = FakeSource(30)
    panel = ComparePanel(source, [run.run_id for run in source.runs[:3]])
    bundle, _ = panel._repr_mimebundle_()
    assert "accuracy" in stripped_text(bundle["text/html"])
    read_markup(bundle["text/html"])


def test_the_script_of_a_panel_is_one_module_that_asks_for_nothing() -> None:
    for names in (
        ("elements", "plot", "compare", "grid", "runs_panel"),
        ("elements", "plot", "compare", "compare_panel"),
    ):
        source = script(*names)
        assert source.count("export default") == 1
        assert "import " not in source and "http://" not in source.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in source and "eval(" not in source
