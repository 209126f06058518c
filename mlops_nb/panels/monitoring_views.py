"""Reports of monitoring and of retraining, for a terminal, a notebook and as a page of their own. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mlops_nb.monitoring import ColumnFinding, Report, Retraining
from mlops_nb.panels.charts import sparkline
from mlops_nb.panels.drift_charts import points_of, then_and_now, time_chart
from mlops_nb.panels.format import show_change, show_number, show_text
from mlops_nb.panels.markup import document, number_cell, picture, style_sheet, table, tag, text
from mlops_nb.panels.registry_views import checks_table
from mlops_nb.panels.tables import plain_table

Bundle = dict[str, Any]

SHOWN = 60
"""Columns that are shown; the gravest come first."""

PICTURES = 16
"""Columns that are shown with their distribution at once; those of the others unfold."""

MARKS = {"drift": ("▲", "err"), "slight": ("△", "warn"), "same": ("✓", "ok"), "unknown": ("?", "mute")}
HEADS = {
    "drift": ("▲", "drift", "t-failed", "err"),
    "no drift": ("✓", "no drift", "t-finished", "ok"),
    "unknown": ("?", "could not judge", "t-killed", "warn"),
}


def monitoring_view(report: Report) -> Bundle:
    """A report as HTML and as plain text.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict
        A mime bundle of ``text/html`` and ``text/plain``.

    Examples
    --------
    >>> print(monitoring_view(Report("models:/churn/3", reasons=["there are no answers"]))["text/plain"])
    ? could not judge: models:/churn/3
      there are no answers
    """
    return {"text/html": document(*_parts(report), cls="page monitoring"), "text/plain": monitoring_text(report)}


def monitoring_page(report: Report) -> str:
    """A report as one HTML page that needs nothing else: no script, no address.

    Examples
    --------
    >>> monitoring_page(Report("models:/<b>/3")).count("<b>")
    0
    """
    title = f"{HEADS[report.verdict][1]}: {report.model}"
    body = tag("div", *_parts(report), cls="mlops-nb page monitoring")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(show_text(title))}</title><style>{_PAGE}{style_sheet('static')}</style></head>"
        f"<body>{body}</body></html>\n"
    )


_PAGE = (
    ":root{color-scheme:light dark}body{margin:24px auto;max-width:1120px;padding:0 20px;background:Canvas;"
    'color:CanvasText;font:14px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}'
)


def _parts(report: Report) -> list[str]:
    symbol, words, tone, colour = HEADS[report.verdict]
    period = f"{_when(report.since)} to {_when(report.until)}" if report.since else ""
    about = [text(report.model, 80), f"{report.rows:,} answers", period]
    if report.reference.get("source"):
        about.append(f"beside {text(str(report.reference['source']), 80)} ({report.reference['rows']:,} rows)")
    head = tag(
        "p", tag("span", f"{symbol} {words}", cls=f"st {colour}"), " ", " · ".join(filter(None, about)), cls="verdict"
    )
    why = "".join(tag("p", "• ", text(each, 300), cls="wrap") for each in report.reasons[:8])
    more = tag("p", f"and {len(report.reasons) - 8} more", cls="mute") if len(report.reasons) > 8 else ""
    parts = [tag("div", head, tag("div", why, more, cls="why"), _tiles(report), cls=f"mlops-nb card {tone}")]
    parts += _column_parts(report)
    parts += _curve_parts(report)
    if report.notes:
        parts.append(tag("p", " ".join(text(f"{each}.", 300) for each in report.notes if each), cls="mute"))
    if report.columns:
        parts.append(tag("details", tag("summary", "How this is judged"), _method(report.settings)))
    return parts


def _when(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _tiles(report: Report) -> str:
    judged = [each for each in report.columns if each.verdict != "unknown"]
    service = report.service
    tiles = []
    if judged:
        tiles.append(("columns that drifted", f"{len(report.drifted)} of {len(judged)}"))
        tiles.append(("with faulty data", str(len(report.faulty))))
    for name, value in (report.performance.get("metrics") or {}).items():
        before = (report.performance.get("baseline") or {}).get(name)
        tiles.append(
            (name.replace("_", " "), show_number(value, 3) + (f" (was {show_number(before, 3)})" if before else ""))
        )
    if service.get("requests"):
        tiles.append(("requests", f"{service['requests']:,}"))
        tiles.append(("errors", f"{service['errors'] / service['requests'] * 100:.2g} %"))
        if service["latency_ms"]["p95"] is not None:
            tiles.append(("latency p95", f"{show_number(service['latency_ms']['p95'], 3)} ms"))
    rows = [[text(name, 40), tag("td", text(value, 40), cls="v")] for name, value in tiles]
    return table([], rows, cls="tiles") if rows else ""


def _column_parts(report: Report) -> list[str]:
    if not report.columns:
        return []
    header = ["column", "verdict", "PSI", "training and now", "PSI over time", "in words"]
    rows = [_column_row(each, number < PICTURES) for number, each in enumerate(report.columns[:SHOWN])]
    left = len(report.columns) - SHOWN
    more = tag("p", f"{left} more columns stand in monitoring.json.", cls="mute") if left > 0 else ""
    legend = tag("p", tag("span", cls="then"), "training", tag("span", cls="today"), "now", cls="legend")
    return [tag("h4", "Columns"), legend, tag("div", table(header, rows, cls="columns"), cls="scroll"), more]


def _column_row(found: ColumnFinding, with_picture: bool) -> list[str]:
    symbol, colour = MARKS[found.verdict]
    output = found.role == "output" and found.name != "prediction"
    role = tag("span", f" {found.kind}, output" if output else f" {found.kind}", cls="mute")
    chart = then_and_now(found.bins, kind=found.kind) if found.bins else ""
    shown = picture(chart) if chart and with_picture else ""
    if chart and not with_picture:
        shown = tag("details", tag("summary", "show"), picture(chart))
    curve = [each for each in found.over_time if each is not None]
    over = picture(sparkline(points_of(found.over_time), 110, 30, within=(0.0, 0.2))) if len(curve) > 1 else ""
    words = [tag("div", text(_sentence(found), 240), cls="wrap")]
    if found.quality == "fault":
        words.append(tag("div", tag("span", "▲ ", cls="err"), text(found.quality_why, 240), cls="wrap"))
    if "mean" in found.numbers and found.numbers.get("mean_reference") is not None:
        moved = f"mean {show_number(found.numbers['mean_reference'], 3)} → {show_number(found.numbers['mean'], 3)}"
        words.append(tag("div", moved, cls="mute"))
    psi = found.numbers.get("psi")
    return [
        tag("td", tag("strong", text(found.name, 32)), role),
        tag("td", tag("span", f"{symbol} {found.verdict}", cls=f"st {colour}")),
        number_cell("" if psi is None or not found.numbers.get("test") else f"{psi:.2f}"),
        tag("td", shown, cls="pic"),
        tag("td", over, cls="pic"),
        tag("td", *words, cls="wrap"),
    ]


def _sentence(found: ColumnFinding) -> str:
    return found.why[:1].upper() + found.why[1:]


def _curve_parts(report: Report) -> list[str]:
    charts = []
    over = report.performance.get("over_time") or []
    if any(each is not None for each in over):
        classes = report.performance["kind"] == "classifier"
        name = "accuracy_score" if classes else "mean_absolute_error"
        title = "accuracy" if classes else "mean absolute error"
        limit = (report.performance.get("baseline") or {}).get(name)
        title += " (dashed: in the evaluation)" if limit is not None else ""
        charts.append(time_chart({title: over}, report.windows, title=title, limit=limit, percent=classes))
    service = report.service.get("over_time") or {}
    if service:
        latency = {name: service[name] for name in ("p50", "p95", "p99")}
        charts.append(time_chart(latency, report.windows, title="latency, ms"))
        charts.append(time_chart({"errors": service["errors"]}, report.windows, title="share of errors", percent=True))
        charts.append(time_chart({"requests": service["requests"]}, report.windows, title="requests"))
    charts = [picture(each) for each in charts if each]
    said = report.performance.get("why")
    parts = [tag("h4", "Performance and service")] if charts or said else []
    if said:
        symbol, colour = {"worse": ("▲", "err"), "same": ("✓", "ok")}.get(report.performance["verdict"], ("?", "mute"))
        parts.append(tag("p", tag("span", symbol, cls=f"st {colour}"), " ", text(str(said), 300)))
    elif report.rows:
        parts.append(tag("p", "No truth is known of these answers: POST it to /feedback, or name a table with --truth.",
                         cls="mute"))  # fmt: skip
    return [*parts, tag("div", *charts, cls="pictures")] if charts else parts


def _method(settings: Mapping[str, Any]) -> str:
    alpha, psi = settings.get("alpha"), settings.get("psi")
    share, blind, quality = (f"{float(settings.get(key, 0)) * 100:g} %" for key in ("alpha", "blind", "quality"))
    lines = [
        "A column has drifted if its difference from training is both more than chance and large.",
        "More than chance: the p-value of the test (Kolmogorov-Smirnov for what has an order, else chi-square), "
        f"adjusted for all columns after Benjamini and Hochberg, is at most {alpha}: of the columns called changed, no "
        f"more than {share} are expected to be false alarms.",
        "Large: the population stability index (PSI) over ten bins, less what chance gives, is at least "
        f"{psi}. Below 0.1 it is called small, from 0.2 on a shift, as in credit scoring.",
        f"Too little data to tell: only shifts of the distribution of more than {blind} could have been seen.",
        f"Faulty data: at least {quality} of rows more than in training are missing, outside its range, unknown, or of "
        "another type, and that is more than chance.",
    ]
    return "".join(tag("p", escape(each), cls="wrap") for each in lines)


def monitoring_text(report: Report) -> str:
    """A report for a terminal.

    Examples
    --------
    >>> monitoring_text(Report("models:/churn/3")).splitlines()[0]
    '? could not judge: models:/churn/3'
    """
    symbol, words, _, _ = HEADS[report.verdict]
    lines = [show_text(f"{symbol} {words}: {report.model}")]
    if report.rows:
        lines[0] += f" · {report.rows:,} answers, {_when(report.since)} to {_when(report.until)} UTC"
    lines += [f"  {show_text(each)}" for each in report.reasons[:8]]
    if report.columns:
        rows = [
            [
                each.name, f"{MARKS[each.verdict][0]} {each.verdict}",
                f"{each.numbers['psi']:.2f}" if each.numbers.get("test") else "",
            ]
            for each in report.columns[:SHOWN]
        ]  # fmt: skip
        said = ["in words"]
        said += ["; ".join(filter(None, (each.why, each.quality_why))) for each in report.columns[:SHOWN]]
        shown = plain_table(["column", "verdict", "PSI"], rows).splitlines()
        wide = max(map(len, shown))
        lines += ["", *(f"{left:<{wide}}  {show_text(right)}" for left, right in zip(shown, said, strict=True))]
    if report.performance:
        lines += ["", show_text(f"performance: {report.performance['why']}")]
    if report.service.get("requests"):
        service = report.service
        known = [(name, value) for name, value in service["latency_ms"].items() if value is not None]
        latency = ", ".join(f"{name} {show_number(value, 3)} ms" for name, value in known)
        lines.append(f"service: {service['requests']:,} requests, {service['errors']:,} errors, {latency}")
    lines += [f"note: {show_text(each)}" for each in report.notes if each]
    return "\n".join(lines)


def comparison_rows(found: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> list[list[str]]:
    """Metrics of several models side by side, a row a metric.

    Examples
    --------
    >>> comparison_rows({"champion": {"auc": 0.8}, "challenger": {"auc": 0.9}}, ["champion", "challenger"])
    [['auc', '0.8', '0.9']]
    """
    metrics = dict.fromkeys(metric for name in names for metric in found.get(name, {}) if metric != "example_count")
    return [
        [metric, *(show_number(found[name][metric]) if metric in found.get(name, {}) else "" for name in names)]
        for metric in metrics
    ]


def retraining_view(made: Retraining) -> Bundle:
    """Champion beside challenger, the gates, and what came of it.

    Parameters
    ----------
    made : Retraining

    Returns
    -------
    dict
        A mime bundle of ``text/html`` and ``text/plain``.

    Examples
    --------
    >>> print(retraining_view(Retraining("churn", 1, 2, "r", reason="no gate"))["text/plain"])
    ✗ version 2 of churn stays challenger of version 1: no gate
    """
    good = made.passed
    mark = tag("span", "✓" if good else "✗", cls=f"st {'ok' if good else 'err'}")
    head = tag("p", mark, " ", tag("strong", text(_outcome(made), 200)), cls="verdict")
    header = ["", f"champion {made.champion}", f"challenger {made.challenger}"]
    rows = comparison_rows(made.metrics, ["champion", "challenger"])
    cells = [[text(row[0].replace("_", " "), 40), number_cell(row[1]), _beside(made, row)] for row in rows]
    parts = [head]
    if made.reason and not good:
        parts.append(tag("p", text(made.reason[:1].upper() + made.reason[1:].rstrip(".") + ".", 400)))
    if rows:
        source = f"on {made.holdout['rows']:,} held-out rows: {made.holdout['source']}"
        parts += [tag("p", text(source, 200), cls="mute"), table(header, cells, cls="beside")]
    if made.difference:
        parts.append(tag("p", text(_interval(made.difference), 200), cls="mute"))
    parts += [checks_table(made.checks)] if made.checks else []
    html = document(*parts, cls=f"card {'t-finished' if good else 't-failed'}")
    return {"text/html": html, "text/plain": retraining_text(made)}


def _outcome(made: Retraining) -> str:
    if made.promoted:
        return f"version {made.challenger} of {made.name} is the champion now, in place of version {made.champion}"
    if made.passed:
        return f"version {made.challenger} of {made.name} passes, and may replace version {made.champion}"
    return f"version {made.challenger} of {made.name} stays challenger of version {made.champion}"


def _beside(made: Retraining, row: Sequence[str]) -> str:
    change = show_change(row[0], made.metrics["challenger"].get(row[0], 0.0), made.metrics["champion"].get(row[0]))
    return number_cell(row[2], change.trend if change is not None and row[2] != row[1] else "")


def _interval(difference: Mapping[str, float]) -> str:
    low, high = difference["low"], difference["high"]
    sure = "" if low > 0 or high < 0 else "; it may be chance"
    return f"the challenger is better by {difference['mean']:.3g} a row (95 % interval {low:.3g} to {high:.3g}{sure})"


def retraining_text(made: Retraining) -> str:
    """The same for a terminal."""
    lines = [show_text(f"{'✓' if made.passed else '✗'} {_outcome(made)}" + ("" if made.passed else f": {made.reason}"))]
    rows = comparison_rows(made.metrics, ["champion", "challenger"])
    if rows:
        header = ["", f"champion {made.champion}", f"challenger {made.challenger}"]
        lines += [show_text(f"on {made.holdout['rows']:,} held-out rows: {made.holdout['source']}")]
        lines += [plain_table(header, rows)]
    if made.difference:
        lines.append(_interval(made.difference))
    lines += [show_text(f"{'✓' if each.passed else '✗'} {each.check}: {each.text}") for each in made.checks]
    return "\n".join(lines)
