"""The form of a notebook's parameters: a field for each by its type, checked as it is typed, and a button to run it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import ipywidgets as widgets

from mlops_nb.errors import MlopsError
from mlops_nb.panels.format import show_text
from mlops_nb.panels.markup import document, tag, text
from mlops_nb.projects.events import Failure, Silence
from mlops_nb.projects.kinds import Text
from mlops_nb.projects.parameters import Contract, Parameter, recordable

__all__ = ["RunForm"]

NAME_WIDTH = "140px"
FIELD_WIDTH = "260px"

STYLE = """<style>[data-jp-theme-light="false"] .mlops-nb-form {
--jp-widgets-dropdown-arrow: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18'%3E\
%3Cpath fill='%23bdbdbd' d='M5 7h8l-4 5z'/%3E%3C/svg%3E"); }</style>"""
"""The arrow of ipywidgets' lists of choices is dark in every theme."""

Execute = Callable[[dict[str, Any], Silence], dict[str, Any]]
"""Runs the notebook with typed values, followed by a listener; gives the view of its runs as a mime bundle."""


class RunForm(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """What ``%mlops run NOTEBOOK`` shows where the notebook takes parameters.

    Parameters
    ----------
    stated : Contract
        What the notebook takes.
    execute : callable
        Runs it with typed values; called in a thread of its own, so that the kernel stays free.

    Examples
    --------
    >>> from mlops_nb.projects.declarations import read_parameters
    >>> form = RunForm(Contract("nb.ipynb", read_parameters("lr = 0.1  # (0, 1]")), lambda values, listener: {})
    >>> form.fields["lr"].value = "2"
    >>> form.problems()
    ['lr=2 is not in (0, 1]']
    """

    def __init__(self, stated: Contract, execute: Execute) -> None:
        self.stated = stated
        self._execute = execute
        self._thread: threading.Thread | None = None
        taken = [each for each in stated.parameters.values() if not each.computed]
        self.fields: dict[str, Any] = {each.name: _field(each) for each in taken}
        self._first = {name: field.value for name, field in self.fields.items()}
        self._notes = {name: widgets.HTML() for name in self.fields}
        self.button = widgets.Button(description="Run", icon="play", button_style="primary")
        self.bar = widgets.IntProgress(layout=widgets.Layout(visibility="hidden", width=FIELD_WIDTH))
        self.message = widgets.HTML()
        self.result = widgets.HTML()
        for name, field in self.fields.items():
            field.observe(lambda change, name=name: self._check(name), names="value")
        self.button.on_click(lambda _: self.start())
        title = widgets.HTML(f"{STYLE}<b>{text(stated.notebook, 120)}</b>")
        rows = [_row(each, self.fields[each.name], self._notes[each.name]) for each in taken]
        super().__init__([title, *rows, widgets.HBox([self.button, self.bar]), self.message, self.result])
        self.add_class("mlops-nb-form")

    def values(self) -> dict[str, Any]:
        """What was filled in, as the contract's check takes it; a field that was left alone is not given."""
        found = {name: _value(field) for name, field in self.fields.items() if self._is_given(name)}
        return {name: value for name, value in found.items() if value is not None and not self._is_left_empty(name)}

    def _is_left_empty(self, name: str) -> bool:
        """A field of a parameter without default in which nothing was typed; 0, False and an empty path are values."""
        return self.stated.parameters[name].required and self.fields[name].value in (None, "")

    def problems(self) -> list[str]:
        """What does not fit, a sentence for each field."""
        return [problem for name in self.fields if (problem := self._problem(name))]

    def start(self) -> None:
        """Run the notebook, if all fits; the fields can be used again when it is over."""
        if self._thread is not None and self._thread.is_alive():
            return
        try:
            values = self.stated.check(self.values())
        except MlopsError as error:
            self.message.value = _said(str(error), "bad")
            return
        self.button.disabled, self.message.value, self.result.value = True, "", ""
        self._thread = threading.Thread(target=self._run, args=(values,), name="mlops_nb-form", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until a run that was started is over."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, values: dict[str, Any]) -> None:
        try:
            bundle = self._execute(values, _Follower(self.bar, self.message))
            self.result.value = str(bundle.get("text/html", ""))
            self.message.value = ""
        except Exception as error:  # shown where the form is: a thread's traceback would go nowhere
            words = str(error) if isinstance(error, MlopsError) else f"{type(error).__name__}: {error}"
            self.message.value = _said(words, "bad")
        finally:
            self.bar.layout.visibility = "hidden"
            self.button.disabled = False

    def _is_given(self, name: str) -> bool:
        return bool(self.fields[name].value != self._first[name]) or self.stated.parameters[name].required

    def _check(self, name: str) -> None:
        problem = self._problem(name)
        self._notes[name].value = _said(problem, "bad") if problem else _note(self.stated.parameters[name])
        self.button.disabled = bool(self.problems())

    def _problem(self, name: str) -> str:
        value = _value(self.fields[name])
        if not self._is_given(name):
            return ""
        if value is None or value == "":
            return f"{name} is needed" if self.stated.parameters[name].required else ""
        try:
            self.stated.parameters[name].convert(value)
        except ValueError as error:
            return f"{name}={show_text(str(value))} {error}"
        return ""

    def _repr_mimebundle_(self, **options: Any) -> Any:
        made = super()._repr_mimebundle_(**options)
        bundle, metadata = made if isinstance(made, tuple) else (made or {}, {})
        words = self.stated.describe()
        return {**bundle, "text/plain": words, "text/html": document(tag("pre", text(words, 20_000)))}, metadata


class _Follower(Silence):
    """Shows how far a notebook is."""

    def __init__(self, bar: Any, message: Any) -> None:
        self._bar, self._message = bar, message

    def on_start(self, total: int) -> None:
        """Begin."""
        self._bar.max, self._bar.value, self._bar.layout.visibility = max(1, total), 0, "visible"

    def on_cell(self, index: int, source: str) -> None:
        """Name the cell."""
        lines = [line.strip() for line in source.splitlines() if line.strip() and not line.strip().startswith("#")]
        self._message.value = _said(lines[0] if lines else "", "mute")

    def on_cell_done(self, index: int) -> None:
        """One more."""
        self._bar.value += 1

    def on_output(self, index: int, output: Mapping[str, Any]) -> None:
        """Show the last line that was printed."""
        if output["output_type"] == "stream" and (lines := str(output["text"]).strip().splitlines()):
            self._message.value = _said(lines[-1], "mute")

    def on_end(self, status: Any, failure: Failure | None) -> None:
        """It is over."""
        self._message.value = _said("keeping what it gave", "mute")


def _field(parameter: Parameter) -> Any:
    """The widget for a parameter; what has none of its own is typed as on a command line."""
    layout, kind = widgets.Layout(width=FIELD_WIDTH), parameter.type.name
    default = None if parameter.required else parameter.default
    if parameter.choices and parameter.type.scalar is parameter.type:
        options = [(str(choice), choice) for choice in parameter.choices]
        options = [*([("", None)] if default is None else []), *options]
        return widgets.Dropdown(options=options, value=default, layout=layout)
    if kind == "bool" and isinstance(default, bool):
        return widgets.Checkbox(value=default, indent=False, layout=layout)
    if kind == "date" and (default is None or type(default) is date):
        return widgets.DatePicker(value=default, layout=layout)
    return widgets.Text(
        value=_shown(default), layout=layout, continuous_update=True, placeholder=_placeholder(parameter)
    )


def _shown(value: Any) -> str:
    if value is None:
        return ""
    plain = recordable(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _placeholder(parameter: Parameter) -> str:
    return "needed" if parameter.required else "None" if parameter.default is None else ""


def _value(field: Any) -> Any:
    value = field.value
    if isinstance(field, widgets.Text):
        return Text(value)
    return value.isoformat() if isinstance(value, date | datetime) else value


def _row(parameter: Parameter, field: Any, note: Any) -> Any:
    name = widgets.HTML(f"<code>{text(parameter.name)}</code>", layout=widgets.Layout(width=NAME_WIDTH))
    note.value = _note(parameter)
    return widgets.HBox([name, field, note])


def _note(parameter: Parameter) -> str:
    shown = str(parameter.type) + (f" in {parameter.range}" if parameter.range else "")
    return _said(f"{shown} · {parameter.help}" if parameter.help else shown, "mute")


def _said(words: str, kind: str) -> str:
    colour = "var(--jp-error-color1, #c62828)" if kind == "bad" else "var(--jp-ui-font-color2, #757575)"
    return f'<span style="color:{colour}">{text(words, 300)}</span>'
