"""Source of a cell to syntax trees: tolerant of errors, and at home in IPython's magics."""

from __future__ import annotations

import ast
import functools
import re
import warnings
from dataclasses import dataclass

from mlops_nb.capture.literals import literal_value
from mlops_nb.capture.scalars import ABSENT

_CODE_MAGICS = frozenset({"time", "timeit", "prun", "capture", "track", "memit", "mprun", "lprun"})
_LOCAL_MAGICS = frozenset({"timeit", "memit"})
_SHELL_CALLS = frozenset({"system", "getoutput", "getoutput_s"})
_SHELL_MAGICS = frozenset({"sx", "sc", "system", "bash", "sh", "script"})

_MAGIC_LINE = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)
_MAGIC_ASSIGNMENT = re.compile(r"^(\s*[\w.,\s\[\]]+?=\s*)[%!].*$", re.MULTILINE)
_HELP_LINE = re.compile(r"^(\s*)[\w.]+\?\??\s*$", re.MULTILINE)
_CELL_MAGIC = re.compile(r"\A\s*%%(\w+)[^\n]*\n?")
_OPTION = re.compile(r"\A\s*-\w+(\s+\d+|=\S+)?\s+|\A\s*-\w+\d+\s+")
_EXPANDED = re.compile(r"(?<!\{)\{\s*([^\W\d]\w*)|(?<![\\$\w])\$\{?([^\W\d]\w*)")


@dataclass(frozen=True, slots=True)
class MagicCall:
    """What a magic call holds: the code that it runs, in its own scope if `local`, and names that its text expands."""

    code: ast.Module | None
    local: bool
    names: tuple[str, ...]


def parse_cell(source: str) -> ast.Module | None:
    """Parse a cell, raw or with its magics already turned into calls.

    Parameters
    ----------
    source : str
        The cell.

    Returns
    -------
    ast.Module or None
        None if it is no Python.

    Examples
    --------
    >>> ast.unparse(parse_cell("%%time\\n!ls\\nx = 1"))
    'pass\\nx = 1'
    >>> parse_cell("x = = 1") is None
    True
    """
    tree = _parse(source)
    if tree is None and any(mark in source for mark in "%!?"):
        tree = _parse(without_magics(source))
    return tree


def _parse(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the cell's own compilation gives the user's warnings, once
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):  # 3.11: threads that parse at once
        return None


def without_magics(source: str) -> str:
    """Raw source with its magic, shell and help lines blanked, line for line.

    Parameters
    ----------
    source : str
        A raw cell, or the body of a cell magic.

    Returns
    -------
    str
        As many lines as before; empty for a cell magic that does not run Python.

    Examples
    --------
    >>> without_magics("files = !ls\\nx = 1")
    'files = None\\nx = 1'
    """
    head = _CELL_MAGIC.match(source)
    if head is not None:
        if head[1] not in _CODE_MAGICS:
            return ""
        source = "\n" + without_magics(source[head.end() :])
    source = _MAGIC_ASSIGNMENT.sub(r"\1None", source)
    source = _HELP_LINE.sub(r"\1pass", source)
    return _MAGIC_LINE.sub(r"\1pass", source)


def magic_call(node: ast.expr) -> MagicCall | None:
    """Look into a ``get_ipython().run_cell_magic(...)``, a line magic or a shell call.

    Parameters
    ----------
    node : ast.expr
        Any expression.

    Returns
    -------
    MagicCall or None
        None if it is not such a call with constant arguments.

    Examples
    --------
    >>> call = ast.parse("get_ipython().run_cell_magic('time', '', 'x = 1')", mode="eval").body
    >>> ast.unparse(magic_call(call).code)
    'x = 1'
    >>> magic_call(ast.parse("get_ipython().system('train --lr {lr}')", mode="eval").body).names
    ('lr',)
    """
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_shell(node.func.value)):
        return None
    texts = [literal_value(argument) for argument in node.args]
    if any(type(text) is not str for text in texts):
        return None
    verb = node.func.attr
    if verb == "run_cell_magic" and len(texts) == 3:
        return _cell_magic(*texts)
    if verb == "run_line_magic" and len(texts) == 2:
        return _line_magic(*texts)
    if verb in _SHELL_CALLS and len(texts) == 1:
        return MagicCall(None, False, expanded_names(texts[0]))
    return None


def code_magic_body(node: ast.Call) -> str | None:
    """The source that a cell magic runs as Python in the notebook's namespace.

    Parameters
    ----------
    node : ast.Call
        Any call.

    Returns
    -------
    str or None
        None if it is not a call of such a magic.

    Examples
    --------
    >>> code_magic_body(ast.parse("get_ipython().run_cell_magic('time', '', 'x = 1')", mode="eval").body)
    'x = 1'
    """
    magic = magic_call(node)
    body = literal_value(node.args[2]) if magic is not None and magic.code is not None and len(node.args) == 3 else None
    return body if type(body) is str else None


def _is_shell(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_ipython"


def _cell_magic(name: str, line: str, body: str) -> MagicCall:
    if name in _CODE_MAGICS:
        setup = f"{_without_options(line)}\n" if name in _LOCAL_MAGICS and line.strip() else ""
        return MagicCall(parse_cell(setup + body) or parse_cell(body), name in _LOCAL_MAGICS, expanded_names(line))
    return MagicCall(None, False, expanded_names(line) + (expanded_names(body) if name in _SHELL_MAGICS else ()))


def _line_magic(name: str, line: str) -> MagicCall:
    code = parse_cell(_without_options(line)) if name in _CODE_MAGICS else None
    return MagicCall(code, name in _LOCAL_MAGICS, expanded_names(line))


def _without_options(line: str) -> str:
    while (option := _OPTION.match(line)) is not None:
        line = line[option.end() :]
    return line.strip()


def expanded_names(text: str) -> tuple[str, ...]:
    """Names that IPython would put into a magic or shell line: ``{name}`` and ``$name``.

    Parameters
    ----------
    text : str
        The line.

    Returns
    -------
    tuple of str
        In order of appearance.

    Examples
    --------
    >>> expanded_names("train {lr:.3f} $depth $$HOME {{json}}")
    ('lr', 'depth')
    """
    if "{" not in text and "$" not in text:
        return ()
    return tuple(braced or dollar for braced, dollar in _EXPANDED.findall(text))


class _Blank(ast.NodeTransformer):
    """Puts ``...`` in the place of every literal, except the names of magics and the text of shell lines."""

    def visit(self, node: ast.AST) -> ast.AST:
        """Blank a literal whole; look into everything else."""
        if isinstance(node, ast.Constant | ast.JoinedStr):
            return ast.Constant(value=...)
        if isinstance(node, ast.expr):
            magic = magic_call(node)
            if magic is not None:
                return node if magic.code is None else self.generic_visit(magic.code)
            if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict | ast.UnaryOp | ast.BinOp):
                is_loaded = not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
                if is_loaded and literal_value(node) is not ABSENT:
                    return ast.Constant(value=...)
        return self.generic_visit(node)


@functools.lru_cache(maxsize=512)
def normalised(source: str) -> str:
    """A text that revisions of one cell have in common, if only literals, comments or white space changed.

    By its digest a cell is known again where the front end gives it no id.

    Parameters
    ----------
    source : str
        The cell, raw or transformed.

    Returns
    -------
    str
        Python-like text; for what is no Python the source with its white space collapsed.

    Examples
    --------
    >>> normalised("lr = 0.1  # try\\nfit(lr)") == normalised("lr = -1\\n\\nfit( lr )")
    True
    """
    tree = parse_cell(source)
    if tree is not None:
        try:
            return ast.unparse(_Blank().visit(tree))
        except (RecursionError, ValueError, TypeError):  # nested too deeply: the text itself is stable enough
            pass
    return " ".join(source.split())
