"""Walk an InferenceService through the classes of KServe's own SDK: each field has to be one that its schema knows.

A script for an interpreter that has ``kserve``: ``python kserve_schema.py inferenceservice.yaml``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any


def walk(kind: str, value: Any, where: str) -> Any:
    """The value as what the schema says it is; an AssertionError, or pydantic's, where it is not."""
    import kserve.models as ours
    import kubernetes.client.models as theirs

    if inner := re.fullmatch(r"list\[(.+)\]", kind):
        assert isinstance(value, list), f"{where} is no list"
        return [walk(inner[1], each, f"{where}[]") for each in value]
    if kind in ("str", "int", "bool", "float", "object"):
        assert kind == "object" or type(value).__name__ == kind, f"{where} is no {kind}"
        return value
    if kind.startswith("dict("):
        assert isinstance(value, dict), f"{where} is no mapping"
        return value
    model = getattr(ours, kind, None)
    if model is None:  # Kubernetes' own
        model = getattr(theirs, kind)
        again = model.model_validate(value).model_dump(by_alias=True, exclude_none=True)
        assert again == value, f"{where}: {again} is not {value}"
        return value
    fields = {wire: (name, model.openapi_types[name]) for name, wire in model.attribute_map.items()}
    unknown = value.keys() - fields.keys()
    assert not unknown, f"{where} has no {sorted(unknown)}"
    parts = {fields[wire][0]: walk(fields[wire][1], part, f"{where}.{wire}") for wire, part in value.items()}
    return model(**parts)


if __name__ == "__main__":
    import yaml

    found = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.stdout.write(type(walk("V1beta1InferenceService", found, found["kind"])).__name__ + "\n")
