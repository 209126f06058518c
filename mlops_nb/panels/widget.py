"""What the interactive panels share: one script, answers that never raise, a bundle that outlives the widget."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import anywidget

from mlops_nb.errors import MlopsError
from mlops_nb.panels.format import plain_json
from mlops_nb.panels.markup import style_sheet, tag


@cache
def script(*names: str) -> str:
    """Join the room's browser modules into the one module that a widget is: no build step, nothing to download.

    Examples
    --------
    >>> "export default" in script("elements", "runs_panel")
    True
    """
    folder = files("mlops_nb.panels")
    return "\n".join(folder.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in names)


class Panel(anywidget.AnyWidget):
    """An anywidget that answers messages, one at a time, from whatever thread they come in."""

    _css = style_sheet("panel") + style_sheet("static")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._answering = threading.RLock()
        self.on_msg(self._receive)

    def static_bundle(self) -> dict[str, Any]:
        """The same as static mime types, for where no kernel or no widget is."""
        raise NotImplementedError

    def answer(self, message: Mapping[str, Any]) -> None:
        """Act on a message of the front end."""
        raise NotImplementedError

    def reply(self, message: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Send strict JSON to the front end."""
        self.send(plain_json(dict(message)), list(buffers))

    def _receive(self, _: Any, message: Any, __: Any) -> None:
        if not isinstance(message, Mapping):
            return
        with self._answering:  # a subshell may deliver the next message while this one is being answered
            try:
                self.answer(message)
            except MlopsError as error:
                self.reply({"type": "failed", "message": str(error)})
            except Exception as error:
                # What the panel cannot show belongs into the panel: a traceback here would be printed into some cell.
                self.reply({"type": "failed", "message": f"The panel failed: {type(error).__name__}: {error}"})

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        live, metadata = self._live_bundle(**kwargs)
        return {**live, **self._kept_bundle()}, metadata

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Show the static view and, over it, the panel.

        In one bundle JupyterLab would choose the widget, and say "model not found" in its place when the file is
        opened again. As two outputs the static view stays; the style sheet hides whichever of them is not wanted.
        """
        from IPython.display import display

        kept = self._kept_bundle()
        if "text/html" in kept:
            kept["text/html"] = f"<style>{style_sheet('kept')}</style>" + tag(
                "div", kept["text/html"], cls="mlops-nb-kept"
            )
        display(kept, raw=True)
        live, metadata = self._live_bundle()
        live.pop("text/plain", None)  # the static view has said it
        display(live, raw=True, metadata=metadata)

    def _live_bundle(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        widget = super()._repr_mimebundle_(**kwargs)
        live, metadata = widget if isinstance(widget, tuple) else (widget or {}, {})
        return dict(live), dict(metadata)

    def _kept_bundle(self) -> dict[str, Any]:
        try:
            return self.static_bundle()
        except MlopsError as error:  # the panel itself says it at its place, and can be asked again
            return {"text/plain": str(error)}
