"""Verbs of the registry: models, register, promote, approve, rollback, describe, gates, history."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.entities import ModelVersion, Run
from mlops_nb.errors import InvalidInput
from mlops_nb.registry import governed, promotion
from mlops_nb.registry.card import card
from mlops_nb.registry.checking import PromotionRefused
from mlops_nb.registry.gates import check_target, gates_of, set_gates
from mlops_nb.registry.history import history, model_lineage, models_from
from mlops_nb.registry.names import parse_reference
from mlops_nb.registry.resolving import find_version
from mlops_nb.registry.shapes import change_json, model_json, version_json
from mlops_nb.tracking.reading import find_run, say_namesakes
from mlops_nb.verbs.table import Result

DEFAULT_LIMIT = 100


def _version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version", metavar="NAME/VERSION", help="a version: churn/3, churn@champion or models:/churn/3")


def _comment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--comment", default="", metavar="TEXT", help="why; the audit keeps it")


def add_models(parser: argparse.ArgumentParser) -> None:
    """Options of ``models``."""
    parser.add_argument("filter", nargs="?", default="", metavar="FILTER", help="for instance: \"name LIKE 'churn%%'\"")
    parser.add_argument(
        "--limit", type=int, default=DEFAULT_LIMIT, metavar="N", help=f"at the most so many ({DEFAULT_LIMIT})"
    )


def do_models(asked: argparse.Namespace) -> Result:
    """List registered models with their versions."""
    if asked.limit < 1:
        raise InvalidInput(f"--limit takes a number from 1 on, not {asked.limit}.")
    store = workspaces.current().store
    models = store.search_models(asked.filter, limit=asked.limit).items
    if not asked.json:
        return Result("models", models, None)  # a list needs no more than what the models themselves say
    versions = store.model_versions([model.name for model in models])
    return Result("models", models, [model_json(model, versions.get(model.name, [])) for model in models])


def add_register(parser: argparse.ArgumentParser) -> None:
    """Options of ``register``."""
    parser.add_argument("run", metavar="RUN", help="a run, a model's URI (runs:/RUN/PATH) or a folder")
    parser.add_argument("name", metavar="NAME", help="the registered model; made if there is none")
    parser.add_argument("--path", metavar="PATH", help="where the model is in the run, if it has several")
    parser.add_argument("--description", default="", metavar="TEXT", help="what this version is")
    parser.add_argument("-t", "--tag", action="append", default=[], metavar="NAME=VALUE", help="a tag of the version")
    _comment(parser)


def do_register(asked: argparse.Namespace) -> Result:
    """Make a run's model a version."""
    uri = asked.run
    if asked.path:
        uri = uri if uri.startswith("runs:/") else f"runs:/{uri}"
        uri = f"{uri.rstrip('/')}/{asked.path}"
    version = governed.register_model(
        uri, asked.name, tags=_tags(asked.tag), description=asked.description, comment=asked.comment
    )
    card(version.name, version.version)
    twins = _twins(version)
    notes = [f"its bytes are those of version {', '.join(twins)}."] if twins else []
    words = f"registered version {version.version} of {version.name}"
    if version.run_id:
        run = find_run(version.run_id)
        words += f", from run {run.name} ({run.run_id[:12]})"
        notes += [note] if (note := say_namesakes(asked.run, run)) else []
    return _moved(version, words, " ".join(notes))


def _tags(words: list[str]) -> dict[str, str]:
    for word in words:
        if "=" not in word:
            raise InvalidInput(f"-t takes NAME=VALUE, not {word!r}.", hint="For instance: -t team=risk")
    return dict(word.split("=", 1) for word in words)


def _twins(version: ModelVersion) -> list[str]:
    """Other versions of the model that have the same bytes."""
    versions = workspaces.current().store.model_versions([version.name])[version.name]
    return [str(v.version) for v in versions if v.digest == version.digest and v.version != version.version][:5]


def _moved(version: ModelVersion, words: str, note: str = "") -> Result:
    return Result("version", (version, words), {"name": version.name, **version_json(version)}, note=note)


def add_promote(parser: argparse.ArgumentParser) -> None:
    """Options of ``promote``."""
    _version(parser)
    parser.add_argument("--alias", metavar="ALIAS", help="for instance champion")
    parser.add_argument("--stage", metavar="STAGE", help="None, Staging, Production, Archived or one of your own")
    parser.add_argument("--archive", action="store_true", help="archive the versions that are in the stage now")
    parser.add_argument("--force", action="store_true", help="although a check fails; needs --comment")
    _comment(parser)


def do_promote(asked: argparse.Namespace) -> Result:
    """Give a version an alias or a stage, if it passes the gates."""
    name, version = promotion.split_reference(asked.version)
    try:
        moved = promotion.promote(
            name, version, asked.alias, asked.stage, asked.comment, asked.archive, asked.force, execute=execute_notebook
        )
    except PromotionRefused as refused:
        return Result("refusal", refused, promotion.refusal_json(refused), status=1)
    card(moved.name, moved.version)  # with the aliases and the history that it has now
    where = " and ".join(part for part in (asked.alias and f"@{asked.alias}", asked.stage and moved.stage) if part)
    return _moved(moved, f"version {moved.version} of {moved.name} is {where}")


def execute_notebook(path: str, params: dict[str, Any], tags: dict[str, str]) -> Run:
    """Execute the notebook that a gate asks for, as a tracked run; its path is relative to the project."""
    from mlops_nb.projects.events import NotebookFailed
    from mlops_nb.projects.rerun import run_notebook

    space = workspaces.current()
    try:
        return run_notebook(space.project / path, params=params, tags=tags, workspace=space)
    except NotebookFailed as failed:
        if failed.run_id is None:
            raise
        return space.store.get_run(failed.run_id)


def add_approve(parser: argparse.ArgumentParser) -> None:
    """Options of ``approve``."""
    _version(parser)
    _comment(parser)


def do_approve(asked: argparse.Namespace) -> Result:
    """Say that a version may be promoted."""
    change = promotion.approve(asked.version, comment=asked.comment)
    words = f"{change.by.user} approves version {change.version} of {change.name}"
    return Result("text", words, change_json(change))


def add_rollback(parser: argparse.ArgumentParser) -> None:
    """Options of ``rollback``."""
    parser.add_argument(
        "target", metavar="NAME@ALIAS|NAME/STAGE", help="what goes back to the version that had it before"
    )
    _comment(parser)


def do_rollback(asked: argparse.Namespace) -> Result:
    """Give an alias or a stage back to the version that had it before."""
    found = parse_reference(asked.target)
    if found.kind not in ("alias", "stage"):
        raise InvalidInput(
            f"{asked.target!r} names no alias and no stage.", hint="For instance: rollback churn@champion"
        )
    target = f"@{found.at}" if found.kind == "alias" else found.at
    moved = promotion.roll_back(found.name, target, comment=asked.comment)
    return _moved(moved, f"version {moved.version} of {moved.name} is {target} again")


def add_describe(parser: argparse.ArgumentParser) -> None:
    """Options of ``describe``."""
    parser.add_argument("reference", metavar="NAME[/VERSION]", help="a registered model, or a version of it")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the description")
    parser.add_argument(
        "-t", "--tag", action="append", default=[], metavar="NAME=VALUE", help="a tag; NAME= takes it away"
    )


def do_describe(asked: argparse.Namespace) -> Result:
    """Describe or tag a registered model or a version."""
    tags: dict[str, str | None] = {key: value or None for key, value in _tags(asked.tag).items()}
    if asked.text is None and not tags:
        raise InvalidInput("describe needs a text or a tag.", hint="For instance: describe churn/3 'trained on June'")
    found = None
    if asked.text is not None:
        found = governed.describe(asked.reference, asked.text)
    if tags:
        found = governed.set_tags(asked.reference, tags)
    if isinstance(found, ModelVersion):
        return _moved(found, f"version {found.version} of {found.name}: {found.description}".rstrip(": "))
    assert found is not None
    return Result("text", f"{found.name}: {found.description}".rstrip(": "), model_json(found, []))


def add_gates(parser: argparse.ArgumentParser) -> None:
    """Options of ``gates``."""
    parser.add_argument("name", metavar="NAME", help="the registered model")
    parser.add_argument("--on", metavar="TARGET", help="@ALIAS or a STAGE that the options below are about")
    parser.add_argument("--min", action="append", default=[], metavar="METRIC=X", help="a metric is at least X")
    parser.add_argument("--max", action="append", default=[], metavar="METRIC=X", help="a metric is at most X")
    parser.add_argument("--better", action="append", default=[], metavar="METRIC[=BY]",
                        help="more than that of the version that is there now, on the same data")  # fmt: skip
    parser.add_argument("--lower", action="append", default=[], metavar="METRIC[=BY]", help="less than it")
    parser.add_argument("--reproduced", action="store_true", help="the run was reproduced: identical or equivalent")
    parser.add_argument("--notebook", action="append", default=[], metavar="PATH",
                        help="this notebook, executed on the version (parameter model_uri), does not fail")  # fmt: skip
    parser.add_argument("--approver", action="append", default=[], metavar="USER", help="one of these users approves")
    parser.add_argument("--set", metavar="CHECKS", help="all checks at once: a JSON list, or a file with one")
    parser.add_argument("--clear", action="store_true", help="forget the checks that were there")
    parser.add_argument(
        "--try", dest="tried", metavar="VERSION", help="try the checks on a version; nothing is changed"
    )
    _comment(parser)


def do_gates(asked: argparse.Namespace) -> Result:
    """Show, set or try the checks that a version has to pass."""
    space = workspaces.current()
    model = space.store.get_model(asked.name)
    wanted = _checks(asked)
    if (wanted or asked.clear) and not asked.on:
        raise InvalidInput(
            "gates needs to know what is guarded.", hint="For instance: gates churn --on @champion --min auc=0.8"
        )
    if asked.tried:
        return _try_gates(asked)
    if wanted or asked.clear:
        kept = [] if asked.clear or asked.set else gates_of(model).get(check_target(asked.on, space), [])
        set_gates(asked.name, asked.on, [*kept, *wanted], comment=asked.comment)
        model = space.store.get_model(asked.name)
    gates = gates_of(model)
    return Result("gates", (asked.name, gates), {"name": asked.name, "gates": gates})


def _try_gates(asked: argparse.Namespace) -> Result:
    space = workspaces.current()
    reference = asked.tried if asked.name in asked.tried else f"{asked.name}/{asked.tried}"
    version = find_version(parse_reference(reference), space)
    targets = [check_target(asked.on, space)] if asked.on else list(gates_of(space.store.get_model(asked.name)))
    found = promotion.try_gates(version, targets, execute=execute_notebook)
    failed = any(not each.passed for several in found.values() for each in several)
    plain = {target: [each.as_json() for each in several] for target, several in found.items()}
    return Result("checks", (version, found), plain, status=1 if failed else 0)


def _checks(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """The checks that the options name."""
    found: list[dict[str, Any]] = []
    for side in ("min", "max"):
        for word in getattr(asked, side):
            metric, mark, value = word.rpartition("=")
            found.append({"check": "metric", "metric": metric, side: _number(f"--{side}", value if mark else word)})
    for option, mode in (("better", "max"), ("lower", "min")):
        for word in getattr(asked, option):
            metric, mark, value = word.rpartition("=")
            margin = {"by": _number(f"--{option}", value)} if mark else {}
            found.append({"check": "better", "metric": metric if mark else word, "mode": mode, **margin})
    found += [{"check": "verdict"}] if asked.reproduced else []
    found += [{"check": "notebook", "path": path} for path in asked.notebook]
    found += [{"check": "approver", "users": asked.approver}] if asked.approver else []
    return found + (_read_checks(asked.set) if asked.set else [])


def _number(option: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise InvalidInput(
            f"{option} takes METRIC=NUMBER, not {word!r}.", hint=f"For instance: {option} auc=0.8"
        ) from None


def _read_checks(words: str) -> list[dict[str, Any]]:
    try:
        text = words if words.lstrip().startswith("[") else Path(words).read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"The checks {words[:60]!r} cannot be read: {error}.", hint="Give a JSON list.") from None
    if not isinstance(found, list):
        raise InvalidInput("The checks are no list.", hint='For instance: [{"check": "verdict"}]')
    return found


def add_card(parser: argparse.ArgumentParser) -> None:
    """Options of ``card``."""
    _version(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there: .md or .html")


def do_card(asked: argparse.Namespace) -> Result:
    """Make the model card of a version, and keep it with the version."""
    made = card(asked.version)
    plain: dict[str, Any] = {"name": made.version.name, "version": made.version.version, "markdown": made.markdown}
    if not asked.output:
        return Result("card", made, plain)
    target = Path(asked.output)
    if target.suffix.lower() not in (".md", ".html"):
        raise InvalidInput(
            f"A card is written as .md or .html, not {target.suffix!r}.", hint="For instance: -o card.html"
        )
    target.write_text(made.html if target.suffix.lower() == ".html" else made.markdown, encoding="utf-8")
    return Result("text", f"Written to {target}", plain)


def add_history(parser: argparse.ArgumentParser) -> None:
    """Options of ``history``."""
    words = "a model: who moved what when and why; a version: what it came from; a file: which models came from it"
    parser.add_argument("name", metavar="NAME|NAME/VERSION|FILE", help=words)


def do_history(asked: argparse.Namespace) -> Result:
    """The audit of a model, the lineage of a version, or the models that came from a file."""
    if Path(asked.name).is_file():
        found = models_from(asked.name)
        plain = [{"name": version.name, **version_json(version)} for version in found]
        return Result("lineage", model_lineage(asked.name), plain)
    if any(mark in asked.name for mark in "/@:"):
        graph = model_lineage(asked.name)
        return Result("lineage", graph, graph.as_json())
    found_history = history(asked.name)
    plain_history: dict[str, Any] = {"name": asked.name, "deleted": found_history.model is None}
    if found_history.model is not None:
        plain_history |= model_json(found_history.model, found_history.versions)
    plain_history["history"] = [change_json(change) for change in found_history.changes]
    return Result("history", found_history, plain_history)
