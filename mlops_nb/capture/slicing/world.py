"""The world outside the namespace, before and after an execution: files, process-wide resources, figures, patches."""

from __future__ import annotations

import operator
import os
import re
import sys
import types
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.capture.slicing.definitions import is_definition
from mlops_nb.capture.slicing.effects import (
    lasting_effects,
    patched_packages,
    record_states,
    seeded_first,
)
from mlops_nb.capture.slicing.endings import magic_functions, own_magics
from mlops_nb.capture.slicing.homes import Home, homes, patched
from mlops_nb.capture.slicing.idle import draws_idly
from mlops_nb.capture.slicing.imports import Imports
from mlops_nb.capture.slicing.ledger import Execution, Ledger
from mlops_nb.capture.slicing.mentions import CellText
from mlops_nb.capture.slicing.paths import PathWatch, stamp
from mlops_nb.capture.slicing.reading import Reading
from mlops_nb.capture.slicing.resources import figures, has_changed_steering, snapshot, variables

_APPENDS = re.compile(r"^(a[bt+]*|[rx][bt]?\+[bt]?|r\+)$")
_ADDING = frozenset(
    {"sqlite3", "shelve", "h5py", "tables", "dbm", "lmdb", "duckdb", "ZipFile", "HDFStore", "to_sql", "append"}
)

_EVERYWHERE = ("builtins", "sys", "codecs")
"""Libraries that code uses without naming them."""

_PATCHING = frozenset({"setattr", "delattr", "patch", "start", "stop", "__dict__", "vars", "MonkeyPatch"})
"""Words of cells that may put something into a library's module without naming it."""


@dataclass(slots=True)
class View:
    """What the world was like just before an execution."""

    states: dict[str, Hashable] = field(default_factory=dict)
    environ: frozenset[tuple[Any, Any]] = frozenset()
    figures: frozenset[Any] = frozenset()
    modules: int = 0
    homes: list[Home] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    magics: dict[str, dict[str, Any]] = field(default_factory=dict)


class World:
    """Files, resources, figures and patched libraries of a session, written to its ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.paths = PathWatch()
        self.name_paths: dict[str, set[str]] = {}
        self.patches: dict[str, set[str]] = {}
        self.imports = Imports()
        self.patched: list[Any] = []
        self.baseline = snapshot()

    def look(self, text: CellText, reading: Reading, namespace: Mapping[str, Any]) -> View:
        """Take down what an execution could change, before it runs."""
        self.paths.look()
        paths = self.paths.name(_texts(text, reading, namespace), reading.folders)
        chains = reading.chains(text) | {(name,) for name in text.aliases}
        if _PATCHING & reading.words:
            chains |= {(name,) for name in namespace}
        places = homes(chains, namespace, text.aliases, self.patched)
        return View(snapshot(), variables(), figures(), len(sys.modules), places, paths, magic_functions())

    def patched_names(self, packages: Iterable[str]) -> set[str]:
        """Globals that functions load which the session put into these packages."""
        return {name for package in {*packages, *_EVERYWHERE} for name in self.patches.get(package, ())}

    def record_files(
        self,
        entry: Execution,
        text: CellText,
        reading: Reading,
        view: View,
        files_read: Iterable[str],
        files_written: Iterable[str],
        opaque: Iterable[str],
    ) -> None:
        """Note the files that an execution read and wrote: those that were seen, and those that it names."""
        named = view.paths | self.paths.name(_texts(text, reading, {}), reading.folders)
        for name in reading.names:
            named |= self.name_paths.get(name, set())
        read = {os.path.abspath(path) for path in files_read}
        written = {os.path.abspath(path) for path in files_written} | self.paths.changed()
        if any(command.is_shell for command in text.commands):
            read |= self.paths.written
        adds, anew = _adds_to_files(text, reading), _writes_anew(text, reading)
        loads = any(word.startswith(("read", "load")) for word in reading.words)
        for path in self.paths.known(read | named):
            kept = path not in written or stamp(path) is None or os.path.islink(path)
            if adds or loads or path in read or kept:
                self.ledger.read(entry, f"@file:{path}")
        for path in written:
            if adds or not anew or path not in self.paths.written:
                self.ledger.change(entry, f"@file:{path}")
            else:
                self.ledger.bind(entry, f"@file:{path}")
            self.paths.written.add(path)
        if read or written:
            entry.reads.add("@files")
        for name in opaque if written or read or named else ():
            self.name_paths.setdefault(name, set()).update(sorted(written | read | named)[:20])

    def record_resources(
        self,
        entry: Execution,
        text: CellText,
        reading: Reading,
        view: View,
        namespace: Mapping[str, Any],
        *,
        drawn: bool,
    ) -> None:
        """Note the process-wide resources that an execution may have read, and those that it changed."""
        after = snapshot()
        roots = {module.partition(".")[0] for module in text.imports} - {""}
        packages = frozenset(reading.packages | roots)
        facts = {"foreign"} if roots - sys.stdlib_module_names else set()
        if any(command.is_shell for command in text.commands):
            facts.add("shell")
        if "@files" in entry.reads:
            facts.add("files")
        if "rich.style" in list(sys.modules)[view.modules :]:
            facts.add("rich")  # draws numbers for links when it is loaded, by scikit-learn among others
        if "@steering" in self.ledger.writers and packages:
            facts.add("threads")
        numpy_states = view.states.get("@numpy.random"), after.get("@numpy.random")
        if numpy_states[0] != numpy_states[1]:
            values = [namespace[name] for name in (reading.names | entry.writes) & namespace.keys()]
            if draws_idly(*numpy_states, values, reading.words):
                facts.add("idle")
        record_states(
            self.ledger,
            entry,
            text,
            (view.states, after, self.baseline),
            packages=packages,
            words=frozenset(reading.words | text.imports),
            facts=frozenset(facts),
            grew=len(sys.modules) != view.modules,
            fresh=seeded_first(text, namespace, after),
        )
        if "@environ" in entry.writes and has_changed_steering(view.environ, variables()):
            self.ledger.change(entry, "@steering")
        self._record_figures(entry, reading, view, draws=drawn or "pyplot" in reading.packages)

    def record_patches(
        self,
        entry: Execution,
        text: CellText,
        reading: Reading,
        view: View,
        namespace: Mapping[str, Any],
        new_names: Iterable[str],
    ) -> None:
        """Note libraries that the cell configured or changed; `new_names` are globals that its new functions load."""
        main = str(namespace.get("__name__", "__main__"))
        entry.defines = {name for name in entry.writes & namespace.keys() if is_definition(namespace[name], main)}
        self.imports.record(entry, text, reading.chains(text), namespace)
        places = lasting_effects(text, reading.codes, namespace) - self._record_magics(entry, text, view, namespace)
        places |= {f"@lib:{package}" for package in patched_packages(text, namespace)}
        said = reading.words | {word for each in text.texts if len(each) < 200 for word in each.split(".")}
        changed = patched(view.homes, namespace, frozenset(said | ({"*"} if _PATCHING & said else set())))
        self.patched += [home.value for home in changed if not any(home.value is each for each in self.patched)]
        put: dict[str, set[str]] = {}
        for home, loads in changed.items():
            put.setdefault(home.package, set()).update(loads)
        places |= {f"@lib:{package}" for package in put}
        for place in places:
            self.ledger.change(entry, place)
            if place.startswith("@lib:"):
                own = self.patches.setdefault(place[5:], set())
                own.update(new_names, text.later, put.get(place[5:], ()))

    def _record_magics(
        self, entry: Execution, text: CellText, view: View, namespace: Mapping[str, Any]
    ) -> frozenset[str]:
        """Note the notebook's own magics that a cell registered or used; effects that are explained by these."""
        own = own_magics(text.commands, view.magics, namespace)
        for mark, function in own.items():
            self.ledger.read(entry, f"@magic:{mark}")
            if type(function) is types.MethodType:  # its object may keep something
                self.ledger.change(entry, f"@magic:{mark}")
        for kind, known in magic_functions().items():
            before = view.magics.get(kind, {})
            if len(known) == len(before) and all(map(operator.is_, known.values(), before.values())):
                continue
            for name, function in known.items():
                if before.get(name) is not function:
                    self.ledger.bind(entry, f"@magic:{kind}:{name}")
        unknown = {f"{c.kind}:{c.name}" for c in text.commands if c.standing_effect() == "@session"}
        return frozenset({"@session"}) if unknown <= own.keys() else frozenset()

    def _record_figures(self, entry: Execution, reading: Reading, view: View, *, draws: bool) -> None:
        """What is drawn through pyplot goes to the figure that is open."""
        now = figures()
        if not view.figures and "pyplot" in reading.packages and "@pyplot" in self.ledger.writers:
            self.ledger.read(entry, "@pyplot")  # all are closed
        if view.figures and draws:
            self.ledger.read(entry, "@pyplot")
        if now != view.figures or (now and draws):
            (self.ledger.change if view.figures else self.ledger.bind)(entry, "@pyplot")


def _adds_to_files(text: CellText, reading: Reading) -> bool:
    """Whether what the cell writes may come after what is in the file already."""
    said = {*text.texts, *(word[5:] for word in reading.words if word.startswith("mode ")), *reading.texts}
    if any(map(_APPENDS.match, said)) or _ADDING & (reading.words | reading.packages):
        return True
    return any(">>" in command.line + command.body or "-a" in command.line.split() for command in text.commands)


def _writes_anew(text: CellText, reading: Reading) -> bool:
    """Whether there is a sign that what the cell writes replaces what was in the file."""
    modes = {*text.texts, *(word[5:] for word in reading.words if word.startswith("mode "))}
    named = any(command.written_path() or command.is_shell for command in text.commands)
    return named or any(map(_ANEW.match, modes)) or any(map(_WRITERS.match, reading.words))


_ANEW = re.compile(r"^[wx][bt]?\+?[bt]?$")
_WRITERS = re.compile(
    r"^(write_|to_|save|dump|imsave|imwrite|copy|move|rename|replace|make_archive|urlretrieve)"
)


_ENDINGS = (".db", ".dat", ".dir", ".pag")


def _texts(text: CellText, reading: Reading, namespace: Mapping[str, Any]) -> list[str]:
    """Texts that may be paths; databases of keys and values have files with an ending of their own."""
    texts = [*reading.texts, *_module_files(text)]
    for command in text.commands:
        values = {name: namespace[name] for name in command.interpolated() if type(namespace.get(name)) in (str, int)}
        for word in command.words() if values else ():
            for name, value in values.items():
                word = word.replace("{" + name + "}", str(value)).replace("$" + name, str(value))
            texts.append(word)
    if {"shelve", "dbm"} & (reading.packages | reading.words | text.imports):
        texts += [each + ending for each in reading.texts if len(each) < 200 for ending in _ENDINGS]
    return texts


def _module_files(text: CellText) -> list[str]:
    """Files of local modules that the cell imports, and the file that it writes itself."""
    found = [path for command in text.commands if (path := command.written_path())]
    if {"import_module", "__import__"} & text.words:
        found.extend(each.replace(".", os.sep) + ".py" for each in text.texts if each.replace(".", "").isidentifier())
    for name in text.imports:
        top = name.partition(".")[0]
        if top and top not in sys.stdlib_module_names:
            found.extend((f"{top}.py", name.replace(".", os.sep) + ".py"))
    return found
