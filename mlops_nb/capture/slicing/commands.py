"""IPython's magics and shell lines, as they stand in a transformed cell: what each reads, runs and changes."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass

TRANSPARENT = frozenset(
    {"time", "timeit", "capture", "prun", "memit", "mprun", "track", "mlops", "py-spy", "pyinstrument"}
)
"""Magics whose argument or body is Python that runs in the namespace."""

SHELLS = frozenset({"bash", "sh", "script", "system", "sx", "!", "perl", "ruby"})

_QUIET = frozenset(
    "who whos who_ls pwd ls ll history hist pinfo pinfo2 psearch page lsmagic quickref magic pdoc pdef psource"
    " pfile notebook"
    " dirs doctest_mode debug pdb tb rerun recall save pastebin mlops track html markdown latex javascript js svg HTML"
    " memit prun lprun mprun time timeit capture cd env set_env run store reset reset_selective xdel edit sql"
    " writefile file".split()
)
"""Magics that leave nothing behind, or only what the difference of states sees."""

_INERT_SHELL = frozenset(
    "ls pwd cat head tail wc echo grep find which whoami date df du free uname nvidia-smi file stat tree hostname"
    " id env"
    " printenv lscpu true sort uniq diff".split()
)
_INSTALLS = re.compile(r"\b(install|add|sync|remove|uninstall|update|upgrade|create)\b")
_INSTALLERS = frozenset({"pip", "pip3", "conda", "mamba", "uv", "apt", "apt-get", "poetry"})
_MAGIC_LINE = re.compile(r"^(\s*)(?:([\w, ]+?)\s*=\s*)?%(\w[\w.]*)[ \t]*(.*)$")
_SHELL_LINE = re.compile(r"^(\s*)(?:([\w, ]+?)\s*=\s*)?!(.*)$")


@dataclass(frozen=True, slots=True)
class Command:
    """One magic or shell line. `kind` is ``line``, ``cell`` or ``shell``; `body` is a cell magic's text."""

    kind: str
    name: str
    line: str
    body: str = ""

    @property
    def is_shell(self) -> bool:
        """Whether a child process runs, whose effects nothing here can see."""
        return self.kind == "shell" or self.name in SHELLS

    def code(self) -> str:
        """The Python that it runs in the namespace, or an empty string."""
        if self.name not in TRANSPARENT:
            return ""
        if self.kind == "cell":
            return translate(self.body)
        return translate(_without_options(self.line)) if self.name in ("time", "timeit", "prun", "memit") else ""

    def standing_effect(self) -> str:
        """What it changes for good and no difference of states shows: a resource's name, or an empty string."""
        if self.is_shell:
            return self._shell_effect()
        if self.name in ("pip", "conda", "mamba", "uv"):
            return "@install" if _INSTALLS.search(self.line) else ""
        if self.name == "matplotlib" or (self.name == "config" and "InlineBackend" in self.line):
            return "@lib:matplotlib"
        if self.name in ("load_ext", "reload_ext") and self.line.strip() == "mlops_nb":
            return ""
        return "" if self.name in _QUIET else "@session"

    def _shell_effect(self) -> str:
        text = f"{self.line}\n{self.body}"
        words = re.findall(r"(?:^|[;&|\n])\s*(?:sudo\s+)?([\w.+/-]+)", text if self.kind == "shell" else self.body)
        if any(word in _INSTALLERS for word in words) or "-m pip" in text:
            return "@install" if _INSTALLS.search(text) else ""
        return "" if all(word in _INERT_SHELL for word in words) and ">" not in text else "@shell"

    def interpolated(self) -> set[str]:
        """Names that IPython expands in its line: ``{name}`` and ``$name``."""
        text = f"{self.line}\n{self.body}" if self.is_shell else self.line
        found = set(re.findall(r"\$([A-Za-z_]\w*)", text))
        for piece in re.findall(r"\{([^{}\n]+)\}", text):
            try:
                tree = ast.parse(piece.split("!")[0].strip(), mode="eval")
            except SyntaxError:
                continue  # a shell's own braces
            found.update(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        return found

    def words(self) -> list[str]:
        """Its arguments as a shell would split them: some are paths."""
        text = self.line if self.kind != "cell" or not self.is_shell else f"{self.line} {self.body}"
        try:
            return shlex.split(text.replace(">", " ").replace(";", " "), comments=False)
        except ValueError:  # quotes that do not match
            return text.split()

    def written_path(self) -> str | None:
        """The file that ``%%writefile`` makes, or None."""
        if self.kind == "cell" and self.name in ("writefile", "file"):
            words = [word for word in self.words() if word != "-a" and word != "--append"]
            return words[0] if words else None
        return None


def parse_command(node: ast.Call) -> Command | None:
    """The command that a call on ``get_ipython()`` stands for.

    Parameters
    ----------
    node : ast.Call
        From a transformed cell.

    Returns
    -------
    Command or None
        None if the call is something else.

    Examples
    --------
    >>> call = ast.parse("get_ipython().run_line_magic('cd', 'data')", mode="eval").body
    >>> parse_command(call).name
    'cd'
    """
    func = node.func
    if not (isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call)):
        return None
    if not (isinstance(func.value.func, ast.Name) and func.value.func.id == "get_ipython"):
        return None
    texts = [arg.value if isinstance(arg, ast.Constant) and isinstance(arg.value, str) else "" for arg in node.args]
    if func.attr == "run_cell_magic" and len(texts) >= 2:
        return Command("cell", texts[0], texts[1], texts[2] if len(texts) > 2 else "")
    if func.attr == "run_line_magic" and texts:
        return Command("line", texts[0], texts[1] if len(texts) > 1 else "")
    if func.attr in ("system", "getoutput") and texts:
        return Command("shell", "!", texts[0])
    return None


def translate(text: str) -> str:
    """Python for a cell magic's body, which IPython has not transformed yet.

    Parameters
    ----------
    text : str
        Python, perhaps with lines such as ``%cd data`` and ``!ls``.

    Returns
    -------
    str
        The same number of lines, each magic as the call that it stands for.

    Examples
    --------
    >>> translate("x = 1\\n%cd data")
    "x = 1\\nget_ipython().run_line_magic('cd', 'data')"
    """
    if text.startswith("%%"):
        head, _, body = text.partition("\n")
        name, _, line = head[2:].partition(" ")
        return f"get_ipython().run_cell_magic({name!r}, {line.strip()!r}, {body!r})"
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return "\n".join(_translate_line(line) for line in text.split("\n"))
    return text


def _translate_line(line: str) -> str:
    match = _MAGIC_LINE.match(line)
    if match:
        indent, target, name, rest = match.groups()
        call = f"get_ipython().run_line_magic({name!r}, {rest!r})"
    else:
        match = _SHELL_LINE.match(line)
        if not match:
            return line[: line.rstrip().rindex("?")] if re.match(r"^\s*[\w.]+\?{1,2}\s*$", line) else line
        indent, target, rest = match.groups()
        call = f"get_ipython().{'getoutput' if target else 'system'}({rest!r})"
    return f"{indent}{target} = {call}" if target else indent + call


def _without_options(line: str) -> str:
    """Drop leading ``-n 5 -q``, which ``%timeit`` and its like take before the statement."""
    while match := re.match(r"\s*-[a-zA-Z]+\d*(\s+\d+)?\s+", line):
        line = line[match.end() :]
    return line
