"""Objects of libraries that keep their state behind a handle in C, and give it away as bytes when they are asked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

TREES = 1_000
"""Boosters with more trees are not written down after each cell: reading one then counts as changing it."""


def _xgboost_booster(probe: Any, value: Any) -> None:
    """The model with its configuration: what is pickled."""
    probe.reach(value)
    if value.num_boosted_rounds() > TREES:
        probe.opaque = True
        return
    _put(probe, bytes(value.__getstate__()["handle"] or b""))
    _attributes(probe, value, "handle")


def _xgboost_matrix(probe: Any, value: Any) -> None:
    """Its features never change; labels, weights and names do."""
    probe.reach(value)
    probe.put(("matrix", value.handle.value, value.num_row(), value.num_col()))
    for name in ("label", "weight", "base_margin", "label_lower_bound", "label_upper_bound"):
        _put(probe, value.get_float_info(name).tobytes())
    _put(probe, value.get_uint_info("group_ptr").tobytes())
    probe.put((tuple(value.feature_names or ()), tuple(value.feature_types or ())))
    _attributes(probe, value, "handle")


def _lightgbm_booster(probe: Any, value: Any) -> None:
    probe.reach(value)
    if value.num_trees() > TREES:
        probe.opaque = True
        return
    _put(probe, value.model_to_string(num_iteration=-1).encode())
    _attributes(probe, value, "_handle", "handle")


def _put(probe: Any, state: bytes) -> None:
    """If to write it down took what time there was, it is not done each time."""
    if probe.affords(max(len(state), 1 << 16)):
        probe.put(state)


def _attributes(probe: Any, value: Any, *left_out: str) -> None:
    for name, part in list(vars(value).items()):
        if name not in left_out:
            probe.put(name)
            probe.push(part)


def _trait_handler(probe: Any, value: Any) -> None:
    """It belongs to a class: what two widgets have in common by it is nothing that one changes for the other."""
    _attributes(probe, value)


def _image(probe: Any, value: Any) -> None:
    """A picture's pixels; one whose file nobody has loaded yet is that file."""
    probe.reach(value)
    own = vars(value)
    is_loaded = own.get("_im", own.get("im")) is not None
    width, height = value.size
    probe.put((value.mode, width, height, is_loaded, value.tell()))
    if is_loaded and probe.affords(4 * width * height):
        probe.put(value.tobytes())
        palette = value.getpalette() if value.mode in ("P", "PA") else None
        probe.put(tuple(palette or ()))
    probe.push(value.info)
    plain = (int, float, str, bool, tuple, dict, list)
    for name, part in list(own.items()):
        if type(part) in plain and name not in _PICTURE_PLUMBING:
            probe.put(name)
            probe.push(part)


_PICTURE_PLUMBING = frozenset(
    "info tile _readonly encoderconfig encoderinfo _default_encoderinfo decoderconfig decodermaxblock map".split()
)
"""Attributes of pictures that saving, showing and loading set."""


def _torch_generator(probe: Any, value: Any) -> None:
    """The one that torch shares is the process's random state, and followed as such."""
    torch = sys.modules["torch"]
    if value is torch.default_generator:
        probe.put("default generator")
    elif value.device.type == "cpu":
        probe.reach(value)
        probe.put(value.get_state().numpy().tobytes())
    else:
        probe.opaque = True


HANDLES: dict[str, dict[str, Callable[[Any, Any], None]]] = {
    "xgboost": {"Booster": _xgboost_booster, "DMatrix": _xgboost_matrix},
    "lightgbm": {"Booster": _lightgbm_booster},
    "PIL": {"Image": _image},
    "torch": {"Generator": _torch_generator},
    "traitlets": {"EventHandler": _trait_handler},
}
"""How an object of a library is written into a fingerprint, by package and class."""
