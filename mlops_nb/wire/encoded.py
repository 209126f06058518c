"""A plain value as its JSON text: what nobody looks into is not parsed on its way from a cell to its row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Encoded:
    """A JSON value in ASCII, without blanks.

    Examples
    --------
    >>> Encoded('{"a":1}').value()
    {'a': 1}
    """

    text: str

    def value(self) -> Any:
        """The value itself."""
        return json.loads(self.text)
