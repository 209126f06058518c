"""The run card: what stands under a tracked cell. Two to five quiet lines; the rest folds out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from mlops_nb.entities import DataRef, Points, Run, Status
from mlops_nb.panels.charts import sparkline
from mlops_nb.panels.columns import show_param
from mlops_nb.panels.format import (
    STATUS_SYMBOLS,
    VERDICT_SYMBOLS,
    better_direction,
    elide,
    plain_json,
    short_id,
    show_change,
    show_duration,
    show_number,
    show_size,
    show_text,
    show_value,
)
from mlops_nb.panels.markup import document, status_mark, table, tag, text, time_mark
from mlops_nb.panels.record import curve_record, run_record
from mlops_nb.panels.sampling import text_curve

RUN_MIME = "application/vnd.mlops-nb.run+json"
SHOWN_METRICS = 6
SHOWN_PARAMS = 8
_SEPARATOR = '<span class="sep"> · </span>'


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that a card shows beside the run itself. What is not known is left out.

    `badge` is ``clean`` or the reasons why "Restart and Run All" would not give this; `verdict` that of ``reproduce``.
    `best` holds the best value so far of a metric (other runs), `models` mappings with ``name`` and, if there is one,
    ``variable`` and ``params``; `error` is one line, or a mapping with ``ename`` and ``evalue``.
    """

    previous: Run | None = None
    best: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Points] = field(default_factory=dict)
    models: Sequence[Mapping[str, Any]] = ()
    data: Sequence[DataRef] = ()
    badge: str | Sequence[str] | None = None
    verdict: str | None = None
    redactions: int = 0
    notes: Sequence[str] = ()
    error: str | Mapping[str, Any] | None = None
    outputs_kept: int | None = None

    @property
    def reasons(self) -> list[str] | None:
        """Why the notebook would not give this again; empty if it would, None if that is not known."""
        if self.badge is None:
            return None
        reasons = [self.badge] if isinstance(self.badge, str) else list(self.badge)
        return [reason for reason in reasons if reason != "clean"]

    @property
    def error_line(self) -> str:
        """The exception in one line."""
        if isinstance(self.error, Mapping):
            value = str(self.error.get("evalue", "")).strip().partition("\n")[0]
            return f"{self.error.get('ename', 'Error')}: {value}".rstrip(": ")
        return (self.error or "").strip().partition("\n")[0]


def run_card(run: Run, **known: Any) -> dict[str, Any]:
    """Make the card of a run, for every front end at once.

    Parameters
    ----------
    run : Run
        The run, over or still running.
    **known
        The fields of `Card`: ``previous, best, curves, models, data, badge, verdict, redactions, notes, error,
        outputs_kept``.

    Returns
    -------
    dict
        A mime bundle: ``text/html`` (no script, readable without styles), ``text/plain``, and our own JSON
        (``application/vnd.mlops-nb.run+json``) for front ends that draw it themselves.

    Examples
    --------
    >>> run = Run("0198c2f4a1b27cde", "fit", "1", "churn", Status.FINISHED, 0, 1200, metrics={"acc": 0.953})
    >>> print(run_card(run, best={"acc": 0.94})["text/plain"])
    ✓ fit · churn · 1.20 s · 0198c2f4a1b2
      acc 0.953 (best so far)
    """
    card = Card(**known)
    return {
        "text/html": document(card_html(run, card)),
        "text/plain": card_text(run, card),
        RUN_MIME: card_record(run, card),
    }


def card_record(run: Run, card: Card) -> dict[str, Any]:
    """Everything on the card as versioned plain JSON; NaN and infinities are strings.

    Examples
    --------
    >>> card_record(Run("1", "n", "0", "e", Status.FAILED, 0), Card(error="ValueError: x"))["error"]
    'ValueError: x'
    """
    record: dict[str, Any] = plain_json(
        {
            "version": 1,
            "duration_ms": run.duration_ms,
            "best": dict(card.best),
            "models": [dict(model) for model in card.models],
            "data": [{"path": d.path, "digest": d.digest, "size": d.size, "mode": d.mode} for d in card.data],
            "restart_run_all": None if card.reasons is None else card.reasons or "clean",
            "verdict": card.verdict,
            "redactions": card.redactions,
            "notes": list(card.notes),
            "error": card.error_line or None,
            "outputs_kept": card.outputs_kept,
        }
    )
    record["run"] = _record_of(run)
    record["previous"] = None if card.previous is None else _record_of(card.previous)
    # A saved notebook's keys are sorted: what comes first, and what of many is shown, is said beside them.
    record["order"] = {"metrics": [*record["run"]["metrics"]], "params": [*record["run"]["params"]]}
    record["curves"] = {show_text(key): curve_record(points) for key, points in card.curves.items()}
    return record


def _record_of(run: Run) -> dict[str, Any]:
    """A run's record; that of the run before stood on the last card."""
    known = next((record for each, record in _recent if each is run), None)
    if known is None:
        known = run_record(run)
        _recent.append((run, known))
    return dict(known)


_recent: deque[tuple[Run, dict[str, Any]]] = deque(maxlen=4)


def card_text(run: Run, card: Card) -> str:
    """The card as a few lines of plain text, for terminals, e-mail and search.

    Examples
    --------
    >>> card_text(Run("1", "n", "0", "e", Status.RUNNING, 0), Card())
    '● RUNNING n · e · 1'
    """
    word = "" if run.status is Status.FINISHED else f"{run.status.value} "
    head = [f"{STATUS_SYMBOLS[run.status]} {word}{show_value(run.name)}", show_value(run.experiment)]
    head += [show_duration(run.duration_ms)] if run.duration_ms is not None else []
    lines = [" · ".join([*head, short_id(run.run_id)])]
    metrics = [_metric_text(run, card, key) for key in list(run.metrics)[:SHOWN_METRICS]]
    params = [f"{show_value(k, 30)}={show_param(v, 30)}" for k, v in list(run.params.items())[:SHOWN_PARAMS]]
    lines += ["  " + " · ".join(metrics + _more(len(run.metrics) - SHOWN_METRICS))] if metrics else []
    lines += ["  " + ", ".join(params + _more(len(run.params) - SHOWN_PARAMS))] if params else []
    lines += [f"  {elide(show_text(card.error_line), 160)}"] if card.error_line else []
    foot = [words for words, _ in card_remarks(card)]
    return "\n".join(lines + (["  " + " · ".join(foot)] if foot else []))


def _metric_text(run: Run, card: Card, key: str) -> str:
    value = run.metrics[key]
    change = show_change(key, value, card.previous.metrics.get(key) if card.previous else None)
    beside = [part for part in ((change.text if change else ""), _best_text(key, value, card)) if part]
    return f"{show_value(key, 30)} {show_number(value)}" + (f" ({', '.join(beside)})" if beside else "")


def _best_text(key: str, value: float, card: Card) -> str:
    best = card.best.get(key)
    if best is None:
        return ""
    direction = better_direction(key)
    if direction and not (best - value) * direction > 0 and value == value:
        return "best so far"
    return f"best {show_number(best)}"


def _more(count: int) -> list[str]:
    return [f"+{count} more"] if count > 0 else []


def card_remarks(card: Card) -> list[tuple[str, str]]:
    """The small print under a run: the text of each remark, and whether it is ``ok``, ``warn`` or neither.

    Examples
    --------
    >>> card_remarks(Card(badge="clean", redactions=1))
    [('✓ Restart & Run All: clean', 'ok'), ('1 secret redacted', 'warn')]
    """
    remarks: list[tuple[str, str]] = []
    if card.reasons is not None:
        why = "; ".join(show_value(reason, 110) for reason in card.reasons[:3])
        remarks.append((f"⚠ Restart & Run All: {why}", "warn") if why else ("✓ Restart & Run All: clean", "ok"))
    if card.verdict:
        kind = "ok" if card.verdict in ("identical", "equivalent") else "warn"
        remarks.append((f"{VERDICT_SYMBOLS.get(card.verdict, '?')} reproduced: {show_value(card.verdict)}", kind))
    remarks += [(_model_name(model), "") for model in card.models[:3]]
    remarks += [(f"{len(card.models) - 3} more models", "")] if len(card.models) > 3 else []
    read = [ref for ref in card.data if ref.mode != "write"]
    if read:
        names = ", ".join(f"{show_value(_base_name(ref), 40)} ({show_size(ref.size)})" for ref in read[:2])
        remarks.append((f"data {names}" + (f" +{len(read) - 2}" if len(read) > 2 else ""), ""))
    if card.outputs_kept:
        remarks.append((_count(card.outputs_kept, "output") + " kept", ""))
    if card.redactions:
        remarks.append((_count(card.redactions, "secret") + " redacted", "warn"))
    return remarks + [(show_value(note, 200), "") for note in card.notes]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _base_name(ref: DataRef) -> str:
    return ref.name or ref.path.rstrip("/").replace("\\", "/").rpartition("/")[2] or ref.path


def _model_name(model: Mapping[str, Any]) -> str:
    name, variable = show_value(str(model.get("name", "model")), 40), str(model.get("variable") or "")
    if variable and variable != name:
        return f"{show_value(variable, 30)} = {name}"
    return name if name == "model" else f"model {name}"


def card_html(run: Run, card: Card) -> str:
    """The card as an element, without the style sheet in front.

    Examples
    --------
    >>> card_html(Run("1", "n", "0", "e", Status.RUNNING, 0), Card())[:39]
    '<div class="mlops-nb card t-running"><p'
    """
    foot = [tag("span", escape(words), cls=kind) for words, kind in card_remarks(card)]
    return tag(
        "div",
        _head(run),
        tag("p", escape(elide(show_text(card.error_line), 240)), cls="error") if card.error_line else "",
        _tiles(run, card),
        _chips(run, card),
        tag("div", tag("p", _SEPARATOR.join(foot), cls="foot") if foot else "", _details(run, card), cls="end"),
        cls=f"mlops-nb card t-{run.status.value.lower()}",
    )


def _head(run: Run) -> str:
    parts = [
        status_mark(run, word=run.status is not Status.FINISHED),
        tag("strong", text(run.name), cls="name"),
        tag("span", text(run.experiment, 40), cls="mute", title="experiment"),
    ]
    if run.revision > 1:
        parts.append(tag("span", f"revision {run.revision}", cls="mute", title="runs of this cell"))
    if run.duration_ms is not None:
        parts.append(tag("span", show_duration(run.duration_ms), cls="mute", title="duration"))
    parts.append(tag("code", text(short_id(run.run_id)), cls="id mute", title=run.run_id))
    # Without styles the status, the name and the rest still read as one line.
    return tag("p", parts[0] + " " + _SEPARATOR.join(parts[1:]), cls="head")


def _tiles(run: Run, card: Card) -> str:
    if not run.metrics:
        return ""
    curves = any(len(card.curves.get(key, ())) > 1 for key in run.metrics)
    shown = list(run.metrics)[:SHOWN_METRICS]
    changes = {key: show_change(key, run.metrics[key], _earlier(card, key)) for key in shown}
    header = ["metric", "value", *(["change"] if any(changes.values()) else []), *(["best"] if card.best else [])]
    rows = []
    for key in shown:
        value, change = run.metrics[key], changes[key]
        row = [tag("th", text(key, 32), scope="row"), tag("td", show_number(value), cls="v", title=repr(value))]
        if any(changes.values()):
            tip = f"last run of this cell: {show_number(_earlier(card, key) or 0.0)}" if change else None
            row.append(tag("td", change.text if change else "", cls=f"d {change.trend if change else ''}", title=tip))
        row += [tag("td", _best_text(key, value, card), cls="b")] if card.best else []
        row += [tag("td", _spark(card.curves.get(key)), cls="c")] if curves else []
        rows.append(row)
    return table([*header, *(["curve"] if curves else [])], rows, cls="tiles")


def _earlier(card: Card, key: str) -> float | None:
    return card.previous.metrics.get(key) if card.previous else None


def _spark(points: Points | None) -> str:
    if points is None or len(points) < 2:
        return ""
    return sparkline(points, 84, 20) + tag("span", text_curve(points), cls="alt", aria_hidden="true")


def _chips(run: Run, card: Card) -> str:
    chips = []
    before = card.previous.params if card.previous else run.params
    for key, value in list(run.params.items())[:SHOWN_PARAMS]:
        shown, cls, tip = text(show_param(value, 400), 40), "", show_value(value, 400)
        if key in before and _differs(before[key], value):
            shown = f'<span class="mute">{text(show_param(before[key], 400), 16)} →</span> {shown}'
            cls, tip = "diff", f"{tip}: changed since the last run of this cell"
        chips.append(tag("code", f'<span class="k">{text(key, 32)} =</span> {shown}', cls=cls, title=tip))
    if len(run.params) > SHOWN_PARAMS:
        chips.append(tag("span", f"+{len(run.params) - SHOWN_PARAMS} more", cls="mute"))
    return tag("p", " ".join(chips), cls="chips") if chips else ""


def _differs(one: Any, two: Any) -> bool:
    return type(one) is not type(two) or repr(one) != repr(two)  # by text, so that NaN equals itself


def _details(run: Run, card: Card) -> str:
    rows = [["run", tag("td", tag("code", text(run.run_id)))], ["started", time_mark(run.start_time)]]
    rows += [["notebook", text(run.notebook, 100)]] if run.notebook else []
    rows += [["stage", text(run.stage)]] if run.stage else []
    rows += [[tag("th", "param " + text(k, 40)), _long(v)] for k, v in list(run.params.items())[SHOWN_PARAMS:60]]
    rows += [
        [tag("th", "metric " + text(k, 40)), show_number(v)] for k, v in list(run.metrics.items())[SHOWN_METRICS:60]
    ]
    rows += [[tag("th", "tag " + text(k, 40)), _long(v)] for k, v in list(run.tags.items())[:30]]
    for ref in card.data[:20]:
        rows.append([f"data {text(ref.mode)}", f"{text(ref.path, 80)} · {show_size(ref.size)}"])
    for model in card.models[:10]:
        params = ", ".join(f"{k}={show_value(v, 30)}" for k, v in (model.get("params") or {}).items())
        rows.append([text(_model_name(model)), tag("td", text(params, 400), cls="wrap")])
    rows += [["", tag("td", f"⚠ {text(reason, 200)}", cls="wrap")] for reason in card.reasons or []]
    return tag("details", tag("summary", "details"), table([], rows))


def _long(value: Any) -> str:
    return tag("td", tag("code", text(show_value(value, 2000), 120)), cls="wrap")
