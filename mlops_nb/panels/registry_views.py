"""Registered models, versions, gates and their history, for a terminal and as static HTML. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mlops_nb.entities import ModelChange, ModelVersion, RegisteredModel
from mlops_nb.panels.format import short_id, show_text, show_time
from mlops_nb.panels.markup import document, number_cell, table, tag, text, time_mark
from mlops_nb.panels.tables import plain_table
from mlops_nb.registry.card import ModelCard
from mlops_nb.registry.checking import Checked, PromotionRefused
from mlops_nb.registry.history import History
from mlops_nb.registry.words import change_words, check_words, short_digest

Bundle = dict[str, Any]

SHOWN_VERSIONS = 50
SHOWN_CHANGES = 200


def models_view(models: Sequence[RegisteredModel]) -> Bundle:
    """Registered models, each with its newest version and where its aliases and stages are.

    Examples
    --------
    >>> print(models_view([RegisteredModel("churn", aliases={"champion": 3}, versions=1, latest=3)])["text/plain"])
    model  versions  newest  where         description
    churn  1         3       @champion: 3
    """
    if not models:
        empty = "No registered models yet. Register one with: mlops-nb register RUN NAME"
        return {"text/html": document(tag("p", escape(empty), cls="mute"), cls="page"), "text/plain": empty}
    header = ["model", "versions", "newest", "where", "description"]
    rows, cells = [], []
    for model in models:
        count, newest = str(model.versions), str(model.latest) if model.latest else ""
        rows.append([model.name, count, newest, ", ".join(places(model)), model.description])
        marks = " ".join(map(chip, places(model)))
        cells.append(
            [
                tag("td", tag("strong", text(model.name, 60))),
                number_cell(count),
                number_cell(newest),
                tag("td", marks, cls="wrap"),
                tag("td", text(model.description, 80), cls="wrap"),
            ]
        )
    return {"text/html": document(table(header, cells), cls="page"), "text/plain": plain_table(header, rows)}


def places(model: RegisteredModel) -> list[str]:
    """Which version each alias and each stage in use stands for; of several in a stage the newest, with their number.

    Examples
    --------
    >>> places(RegisteredModel("m", aliases={"champion": 1}, stages={"Production": (3, 7)}))
    ['@champion: 1', 'Production: 7 +2']
    """
    found = [f"@{alias}: {version}" for alias, version in sorted(model.aliases.items())]
    for stage, (count, latest) in model.stages.items():
        if stage not in ("None", "Archived"):
            found.append(f"{stage}: {latest}" + (f" +{count - 1}" if count > 1 else ""))
    return found


def chip(words: str) -> str:
    """A small mark with words in it, as HTML.

    Examples
    --------
    >>> chip("@champion")
    '<code class="chip">@champion</code>'
    """
    return tag("code", text(words, 60), cls="chip")


def version_view(version: ModelVersion, words: str) -> Bundle:
    """What was done to a version, and what it is now.

    Examples
    --------
    >>> print(version_view(ModelVersion("churn", 3, aliases=("champion",)), "version 3 is @champion")["text/plain"])
    ✓ version 3 is @champion
    """
    marks = [f"@{alias}" for alias in version.aliases] + ([version.stage] if version.stage != "None" else [])
    line = f"✓ {show_text(words)}"
    facts = [chip(mark) for mark in marks]
    if version.digest:
        facts.append(tag("code", escape(short_digest(version.digest)), cls="mute", title=version.digest))
    html = tag("p", tag("span", "✓", cls="st ok"), " ", tag("strong", text(words, 200)), " ", " ".join(facts))
    return {"text/html": document(html, cls="card t-finished"), "text/plain": line}


def refusal_view(refused: PromotionRefused) -> Bundle:
    """Why a promotion was refused: every check, with its numbers.

    Examples
    --------
    >>> checks = [Checked("metric", False, "auc is 0.7, less than 0.8"), Checked("verdict", True, "identical")]
    >>> print(refusal_view(PromotionRefused(ModelVersion("churn", 3), "@champion", checks))["text/plain"])
    Version 3 of 'churn' was not promoted to @champion.
    ✗ metric: auc is 0.7, less than 0.8
    ✓ verdict: identical
    Override it with --force and a --comment, which the audit keeps.
    """
    head = refused.message.split(": ")[0] + "."
    lines = [head, *map(_check_line, refused.checks), refused.hint]
    html = tag("p", tag("span", "✗", cls="st err"), " ", tag("strong", text(head, 300))) + checks_table(refused.checks)
    html += tag("p", text(refused.hint, 200), cls="mute")
    return {"text/html": document(html, cls="card t-failed"), "text/plain": "\n".join(lines)}


def checks_view(version: ModelVersion, found: Mapping[str, Sequence[Checked]]) -> Bundle:
    """What the gates of a model say to a version.

    Examples
    --------
    >>> print(checks_view(ModelVersion("m", 1), {"@a": [Checked("verdict", True, "identical")]})["text/plain"])
    @a
      ✓ verdict: identical
    """
    if not found:
        words = f"{version.name} has no gates: any version may be promoted."
        return {
            "text/html": document(tag("p", text(words, 200), cls="mute"), cls="page"),
            "text/plain": show_text(words),
        }
    lines, html = [], []
    for target, checks in found.items():
        lines += [target, *(f"  {_check_line(check)}" for check in checks)]
        html += [tag("h4", text(target)), checks_table(checks)]
    return {"text/html": document(*html, cls="page"), "text/plain": "\n".join(lines)}


def _check_line(check: Checked) -> str:
    return f"{'✓' if check.passed else '✗'} {check.check}: {show_text(check.text)}"


def checks_table(checks: Sequence[Checked]) -> str:
    """Checks as an HTML table.

    Examples
    --------
    >>> "identical" in checks_table([Checked("verdict", True, "identical")])
    True
    """
    rows = [
        [
            tag("td", tag("span", "✓" if check.passed else "✗", cls=f"st {'ok' if check.passed else 'err'}")),
            tag("td", text(check.check), cls="mute"),
            tag("td", text(check.text, 300), cls="wrap"),
        ]
        for check in checks
    ]
    return table([], rows)


def gates_view(name: str, gates: Mapping[str, Sequence[Mapping[str, Any]]]) -> Bundle:
    """The checks that versions of a model have to pass.

    Examples
    --------
    >>> print(gates_view("churn", {"@champion": [{"check": "metric", "metric": "auc", "min": 0.8}]})["text/plain"])
    target     check
    @champion  auc is at least 0.8
    """
    if not gates:
        words = f"{name} has no gates: any version may be promoted."
        return {
            "text/html": document(tag("p", text(words, 200), cls="mute"), cls="page"),
            "text/plain": show_text(words),
        }
    rows = [[target, check_words(check)] for target, checks in gates.items() for check in checks]
    cells = [[chip(target), tag("td", text(words, 300), cls="wrap")] for target, words in rows]
    html = table(["target", "check"], cells, caption=text(name, 80))
    lines = [
        f"{target:<{max(len(row[0]) for row in rows)}}  {show_text(words)}"
        for target, words in [["target", "check"], *rows]
    ]
    return {"text/html": document(html, cls="page"), "text/plain": "\n".join(lines)}


def history_view(found: History) -> Bundle:
    """A model's versions and audit, newest first.

    Examples
    --------
    >>> found = History("churn", None, [], [ModelChange(1, "churn", "delete_model")])
    >>> print(history_view(found)["text/plain"].splitlines()[0])
    churn (deleted)
    """
    title = found.name + ("" if found.model is not None else " (deleted)")
    header = ["version", "stage", "aliases", "run", "created", "by"]
    versions = [
        [
            str(v.version),
            v.stage,
            " ".join(f"@{a}" for a in v.aliases),
            short_id(v.run_id or ""),
            show_time(v.creation_time),
            v.user,
        ]
        for v in found.versions[:SHOWN_VERSIONS]
    ]
    changes = list(reversed(found.changes))[:SHOWN_CHANGES]
    rows = [[show_time(c.by.time), c.by.user, change_words(c), c.by.why] for c in changes]
    plain = [title]
    plain += [plain_table(header, versions), ""] if versions else []
    width = max((len(row[1]) for row in rows), default=0)
    plain += [
        f"{when}  {who:<{width}}  {show_text(what)}" + (f"\n{'':{20 + width}}“{show_text(why)}”" if why else "")
        for when, who, what, why in rows
    ]
    html = [tag("h4", text(title, 100))]
    if found.model is not None and found.model.description:
        html.append(tag("p", text(found.model.description, 400)))
    if versions:
        cells = [[number_cell(row[0]), *(text(cell, 60) for cell in row[1:])] for row in versions]
        html.append(tag("div", table(header, cells, row_headers=False), cls="scroll"))
    html.append(changes_table(changes))
    return {"text/html": document(*html, cls="page"), "text/plain": "\n".join(plain)}


def changes_table(changes: Sequence[ModelChange]) -> str:
    """Entries of the audit as an HTML table.

    Examples
    --------
    >>> "registered" in changes_table([ModelChange(1, "churn", "register", 3)])
    True
    """
    rows = []
    for change in changes:
        forced = tag("span", " forced", cls="warn") if change.by.forced else ""
        why = tag("td", text(change.by.why, 300), cls="wrap mute")
        what = tag("td", text(change_words(change, forced=False), 200), forced, cls="wrap")
        rows.append([tag("td", time_mark(change.by.time)), tag("td", text(change.by.user, 40)), what, why])
    return tag("div", table(["when", "who", "what", "why"], rows), cls="scroll")


def card_view(made: ModelCard) -> Bundle:
    """A model card, as Markdown that front ends draw with its diagram.

    Examples
    --------
    >>> card_view(ModelCard(ModelVersion("churn", 3), "# churn", "<h1>churn</h1>"))
    {'text/markdown': '# churn', 'text/plain': '# churn'}
    """
    return {"text/markdown": made.markdown, "text/plain": made.markdown}


REGISTRY_KINDS = ("card", "models", "version", "refusal", "checks", "gates", "history")


def registry_view(kind: str, data: Any) -> Bundle:
    """The view of a result of one of the registry's verbs, by its kind.

    Examples
    --------
    >>> registry_view("models", [])["text/plain"]
    'No registered models yet. Register one with: mlops-nb register RUN NAME'
    """
    if kind in ("card", "models", "refusal", "history"):
        one = {"card": card_view, "models": models_view, "refusal": refusal_view, "history": history_view}[kind]
        return one(data)  # type: ignore[operator,no-any-return]
    several = {"version": version_view, "checks": checks_view, "gates": gates_view}[kind]
    return several(*data)  # type: ignore[operator,no-any-return]
