"""A slice as something that runs: one script, or the cells of a notebook."""

from __future__ import annotations

import ast
import re
import textwrap
from typing import Any

from mlops_nb.capture.slicing.commands import TRANSPARENT
from mlops_nb.capture.slicing.ledger import SliceResult

_TRACKING = re.compile(r"^\s*%%track\b")
_MAGIC = re.compile(r"^\s*(?:[\w, ]+=\s*)?[%!]", re.MULTILINE)


def slice_script(result: SliceResult) -> str:
    """The slice and its target as one script, each execution under its ``# In [n]`` mark.

    Parameters
    ----------
    result : SliceResult
        From `Follower.slice_of`.

    Returns
    -------
    str
        Python; where the cells use magics, IPython's Python (run it with ``ipython FILE.ipy``). Cells that failed in
        the session are allowed to fail again. Notes stand on top as comments.

    Examples
    --------
    >>> first = {"index": 0, "execution_count": 1, "cell_id": None, "source": "a = 1", "transformed": "", "error": ""}
    >>> second = {**first, "index": 1, "execution_count": 3, "source": "print(a)"}
    >>> print(slice_script(SliceResult(second, [first])))
    # In [1]
    a = 1
    <BLANKLINE>
    # In [3]
    print(a)
    <BLANKLINE>
    """
    parts = [*result.executions, result.target]
    bodies = [_body(part, result.outputs) for part in parts]
    futures: list[str] = []
    bodies = [_take_futures(body, futures) for body in bodies]
    head = [f"# {note}" for note in result.notes]
    if any(_MAGIC.search(body) or "get_ipython()" in body for body in bodies) or any(map(_awaits, bodies)):
        head.insert(0, "# IPython's syntax is used: run this as `ipython FILE.ipy`.")
    start = ["Out = globals().get('Out', {})  # outputs that later cells read"] if result.outputs else []
    blocks = ["\n".join(block) for block in (head, futures, start) if block]
    for part, body in zip(parts, bodies, strict=True):
        blocks.append(f"# In [{_count(part)}]\n{body}".rstrip())
    return "\n\n".join(blocks) + "\n"


def slice_cells(result: SliceResult) -> list[dict[str, Any]]:
    """The slice and its target as cells, in the order in which they ran.

    Parameters
    ----------
    result : SliceResult
        From `Follower.slice_of`.

    Returns
    -------
    list of dict
        Each with ``source`` (the ``%%track`` line commented out, so that it runs where mlops_nb is not loaded),
        ``execution_count``, ``cell_id``, and ``may_fail``: the error that it ended with in the session, or "".

    Examples
    --------
    >>> target = {"index": 0, "execution_count": 1, "cell_id": "a", "source": "%%track demo\\nx = 1", "error": ""}
    >>> slice_cells(SliceResult(target, []))[0]["source"]
    '# %%track demo\\nx = 1'
    """
    return [
        {
            "source": without_tracking(part["source"]),
            "execution_count": part["execution_count"],
            "cell_id": part["cell_id"],
            "may_fail": part["error"],
        }
        for part in (*result.executions, result.target)
    ]


def without_tracking(source: str) -> str:
    """The cell with its ``%%track`` line as a comment.

    Examples
    --------
    >>> without_tracking("x = 1")
    'x = 1'
    """
    return re.sub(r"^(\s*)%%track", r"\1# %%track", source, count=1) if _TRACKING.match(source) else source


def _count(part: dict[str, Any]) -> str:
    return " " if part["execution_count"] is None else str(part["execution_count"])


def _body(part: dict[str, Any], outputs: frozenset[int]) -> str:
    source = _without_cell_magic(without_tracking(part["source"]))
    if part["execution_count"] in outputs and not part["error"]:
        source = _keep_output(source, part["execution_count"])
    return _allow_failure(source, part["error"]) if part["error"] else source


def _without_cell_magic(source: str) -> str:
    """In the middle of a script a cell magic has to be a call; those that only wrap the body go."""
    match = re.match(r"^\s*%%(\w+)[ \t]*([^\n]*)\n?(.*)$", source, re.DOTALL)
    if not match:
        return source
    name, line, body = match.groups()
    binds = name == "capture" and bool(re.sub(r"--\S+", "", line).strip())
    if name in TRANSPARENT and name not in ("timeit", "memit") and not binds:
        return f"# %%{name} {line}".rstrip() + "\n" + _without_cell_magic(body)
    return f"get_ipython().run_cell_magic({name!r}, {line.strip()!r}, {body!r})"


def _keep_output(source: str, count: int) -> str:
    """Bind the value of the last expression as IPython does, for cells that read ``Out[n]`` or ``_``."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        return source
    last = tree.body[-1]
    lines = source.encode().split(b"\n")
    before = b"\n".join([*lines[: last.lineno - 1], lines[last.lineno - 1][: last.col_offset]]).decode()
    value = ast.get_source_segment(source, last) or ""
    return f"{before}_ = _{count} = Out[{count}] = (\n{value}\n)"


def _allow_failure(source: str, error: str) -> str:
    lines = source.split("\n")
    if '"""' in source or "'''" in source or any(line.endswith("\\") for line in lines):
        code = (
            f"exec(compile({source!r}, '<cell>', 'exec'))"
            if not _MAGIC.search(source)
            else f"get_ipython().run_cell({source!r})"
        )
    else:
        code = source
    body = textwrap.indent(code, "    ")
    allowed = f"except BaseException as _error:  # it ended with {error} in the session too\n    print(repr(_error))"
    return f"try:\n{body}\n{allowed}"


def _take_futures(body: str, futures: list[str]) -> str:
    """``from __future__`` must come first in a script."""
    kept = []
    for line in body.split("\n"):
        if re.match(r"^from __future__ import [\w, ]+$", line):
            if line not in futures:
                futures.append(line)
            continue
        kept.append(line)
    return "\n".join(kept)


def _awaits(body: str) -> bool:
    try:
        compile(body, "<cell>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return "await" in str(error) or "async" in str(error)
    except ValueError:
        return False
    return False
