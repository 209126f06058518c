"""The panel of models: versions, who moved which where and why, and all that may be done with them, by clicks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from mlops_nb.errors import InvalidInput
from mlops_nb.models.data_files import read_frame
from mlops_nb.panels.compare_record import compare_record
from mlops_nb.panels.graph import Node, lineage_view
from mlops_nb.panels.markup import style_sheet
from mlops_nb.panels.models_record import checks_record, model_record, models_record, offers_record
from mlops_nb.panels.registry_views import models_view
from mlops_nb.panels.source import RunsSource
from mlops_nb.panels.widget import Panel, script
from mlops_nb.registry import evaluate, governed, promotion
from mlops_nb.registry.card import card
from mlops_nb.registry.checking import Execute, PromotionRefused
from mlops_nb.registry.gates import set_gates
from mlops_nb.registry.history import model_lineage
from mlops_nb.workspace import Workspace

STATIC_MODELS = 50


class ModelsPanel(Panel):
    """Registered models, to be looked at, compared, promoted and rolled back.

    Parameters
    ----------
    space : Workspace
        Where the models are.
    source : RunsSource
        Where their runs come from, for comparisons.
    execute : callable, optional
        Executes the notebooks that gates ask for.
    model : str
        The model that is shown at first.
    names : mapping, optional
        The notebook's names: frames among them can be evaluated on.

    Examples
    --------
    >>> from mlops_nb.workspace import current
    >>> ModelsPanel(current(), None).static_bundle()["text/plain"]
    'No registered models yet. Register one with: mlops-nb register RUN NAME'
    """

    _esm = script("elements", "plot", "compare", "models_actions", "models", "models_panel")
    _css = Panel._css + style_sheet("models")
    model = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self, space: Workspace, source: RunsSource | None, *, execute: Execute | None = None, model: str = "",
        names: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._names = {} if names is None else names
        self._space = space
        self._source = source
        self._execute = execute
        super().__init__(model=model)

    def static_bundle(self) -> dict[str, Any]:
        """The list of models as static HTML and plain text."""
        return models_view(self._space.store.search_models(limit=STATIC_MODELS).items)

    def answer(self, message: Mapping[str, Any]) -> None:
        """Act on a message of the front end: list, model, lineage, card, compare, offers, or one of the changes."""
        kind = str(message.get("type"))
        looks: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "list": self._list,
            "model": self._model,
            "lineage": self._lineage,
            "card": self._card,
            "compare": self._compare,
            "offers": self._offers,
            "frames": self._frames,
        }
        if kind in looks:
            looks[kind](message)
        elif kind in _CHANGES:
            self._change(kind, message)

    def _list(self, message: Mapping[str, Any]) -> None:
        self._space.flush()
        search = str(message.get("search", ""))
        self.reply({"type": "list", "search": search, "models": models_record(self._space, search)})

    def _model(self, message: Mapping[str, Any]) -> None:
        self.reply({"type": "model", "record": model_record(self._space, str(message["name"]))})

    def _lineage(self, message: Mapping[str, Any]) -> None:
        graph = model_lineage(_reference(message), self._space)
        nodes = [Node(n.id, n.label, n.kind, n.detail, n.id == graph.start) for n in graph.nodes.values()]
        drawn = lineage_view(nodes, [(edge.source, edge.target) for edge in graph.edges])
        self.reply({"type": "lineage", "version": message["version"], "html": drawn["text/html"]})

    def _card(self, message: Mapping[str, Any]) -> None:
        made = card(_reference(message), space=self._space)
        self.reply({"type": "card", "version": message["version"], "html": made.html})

    def _compare(self, message: Mapping[str, Any]) -> None:
        if self._source is None:
            raise InvalidInput("There are no runs to compare here.")
        run_ids = [str(run_id) for run_id in message["run_ids"]]
        self.reply({"type": "compare", "record": compare_record(self._source, run_ids)})

    def _offers(self, message: Mapping[str, Any]) -> None:
        self._space.flush()
        self.reply({"type": "offers", "offers": offers_record(self._space)})

    def _frames(self, message: Mapping[str, Any]) -> None:
        """The notebook's frames and columns of numbers, which an evaluation may be made on."""
        kinds = {name: type(value).__name__ for name, value in list(self._names.items()) if not name.startswith("_")}
        frames = [name for name, kind in kinds.items() if kind in ("DataFrame", "ndarray")]
        targets = [name for name, kind in kinds.items() if kind in ("Series", "ndarray")]
        self.reply({"type": "frames", "frames": frames, "targets": targets})

    def _change(self, kind: str, message: Mapping[str, Any]) -> None:
        """Make a change; the answer tells what was done, and gives the model as it is now."""
        try:
            name, words = _CHANGES[kind](self, message)
        except PromotionRefused as refused:
            checks = checks_record({"": refused.checks})[0]["checks"]
            self.reply({"type": "refused", "message": refused.message.split(": ")[0] + ".", "checks": checks})
            return
        models, record = models_record(self._space), model_record(self._space, name)
        self.reply({"type": "done", "words": words, "models": models, "record": record})

    def _register(self, message: Mapping[str, Any]) -> tuple[str, str]:
        version = governed.register_model(
            str(message["uri"]),
            str(message["name"]),
            description=str(message.get("description", "")),
            comment=str(message.get("comment", "")),
            space=self._space,
        )
        return version.name, f"Version {version.version} of {version.name} is registered."

    def _promote(self, message: Mapping[str, Any]) -> tuple[str, str]:
        moved = promotion.promote(
            str(message["name"]),
            int(message["version"]),
            message.get("alias") or None,
            message.get("stage") or None,
            str(message.get("comment", "")),
            bool(message.get("archive")),
            bool(message.get("force")),
            execute=self._execute,
            space=self._space,
        )
        where = " and ".join(
            part for part in (message.get("alias") and f"@{message['alias']}", message.get("stage")) if part
        )
        return moved.name, f"Version {moved.version} is {where} now."

    def _roll_back(self, message: Mapping[str, Any]) -> tuple[str, str]:
        name, target = str(message["name"]), str(message["target"])
        moved = promotion.roll_back(name, target, comment=str(message.get("comment", "")), space=self._space)
        return name, f"{target} is version {moved.version} again."

    def _approve(self, message: Mapping[str, Any]) -> tuple[str, str]:
        change = promotion.approve(_reference(message), comment=str(message.get("comment", "")), space=self._space)
        return change.name, f"You have approved version {change.version}."

    def _evaluate(self, message: Mapping[str, Any]) -> tuple[str, str]:
        data, target = str(message["data"]).strip(), str(message["target"]).strip()
        rows = self._names[data] if data in self._names else read_frame(data)
        truth = self._names[target] if target in self._names and target not in getattr(rows, "columns", ()) else target
        beside = f"models:/{message['name']}{message['compare_to']}" if message.get("compare_to") else None
        if beside:
            evaluate(beside, rows, truth, space=self._space)  # its own numbers on these rows: gates ask for them
        found = evaluate(f"models:/{_reference(message)}", rows, truth, compare_to=beside, space=self._space)
        shown = ", ".join(f"{key} {value:.4g}" for key, value in list(found.metrics.items())[:3])
        return str(message["name"]), f"Version {message['version']} is evaluated: {shown}."

    def _describe(self, message: Mapping[str, Any]) -> tuple[str, str]:
        governed.describe(_reference(message), str(message["text"]), space=self._space)
        return str(message["name"]), "The description is saved."

    def _tag(self, message: Mapping[str, Any]) -> tuple[str, str]:
        value = message.get("value")
        governed.set_tags(_reference(message), {str(message["key"]): value}, space=self._space)
        return str(message["name"]), "The tag is saved." if value is not None else "The tag is gone."

    def _delete(self, message: Mapping[str, Any]) -> tuple[str, str]:
        gone = governed.delete_version(_reference(message), comment=str(message.get("comment", "")), space=self._space)
        return gone.name, f"Version {gone.version} is deleted."

    def _drop_alias(self, message: Mapping[str, Any]) -> tuple[str, str]:
        name, alias = str(message["name"]), str(message["alias"])
        governed.drop_alias(name, alias, comment=str(message.get("comment", "")), space=self._space)
        return name, f"@{alias} is taken away."

    def _gates(self, message: Mapping[str, Any]) -> tuple[str, str]:
        name, target = str(message["name"]), str(message["target"])
        set_gates(name, target, list(message["checks"]), space=self._space)
        return name, f"The gate of {target} is saved."


_CHANGES: dict[str, Callable[[ModelsPanel, Mapping[str, Any]], tuple[str, str]]] = {
    "register": ModelsPanel._register,
    "promote": ModelsPanel._promote,
    "roll_back": ModelsPanel._roll_back,
    "approve": ModelsPanel._approve,
    "describe": ModelsPanel._describe,
    "evaluate": ModelsPanel._evaluate,
    "tag": ModelsPanel._tag,
    "delete": ModelsPanel._delete,
    "drop_alias": ModelsPanel._drop_alias,
    "gates": ModelsPanel._gates,
}


def _reference(message: Mapping[str, Any]) -> str:
    """The model, or the version of it, that a message is about."""
    version = message.get("version")
    return str(message["name"]) if version is None else f"{message['name']}/{int(version)}"
