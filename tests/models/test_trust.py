"""Nothing runs that the user did not make or trust by name; nothing hostile or broken is more than one clear error."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlops_nb
from mlops_nb import models
from mlops_nb.errors import CorruptData, InvalidInput, MissingDependency, MlopsError, NotFound, PermissionDenied
from mlops_nb.models.loading import folder_digest, risks_of
from mlops_nb.models.trust import was_made_here


def rule(rows: Any) -> Any:
    """What is saved here."""
    return [row > 3 for row in rows]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A model of this user's own."""
    models.save_model(rule, tmp_path / "rule", requirements=[])
    return tmp_path / "rule"


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on we are somebody else."""
    monkeypatch.setenv("MLOPS_NB_USER_FOLDER", str(tmp_path / "stranger"))


def write(folder: Path, content: Any) -> None:
    (folder / "MLmodel").write_text(content if isinstance(content, str) else yaml.safe_dump(content))


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.trace),)


# -- who made it -------------------------------------------------------------------------------------------------------


def test_ones_own_is_loaded_also_by_a_later_process(saved: Path, fresh: Callable[[str], Any]) -> None:
    assert was_made_here(folder_digest(saved))
    ask = f"models.load_folder({str(saved)!r}).predict([1, 5])"
    assert fresh(f"import json; from mlops_nb import models; print(json.dumps({ask}))") == [False, True]


def test_ones_own_stays_so_wherever_it_is_copied(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "copy")
    assert models.load_folder(tmp_path / "copy").predict([4]) == [True]


@pytest.mark.usefixtures("stranger")
def test_somebody_elses_pickle_is_refused_with_what_is_inside(tmp_path: Path) -> None:
    folder, trace = tmp_path / "m", tmp_path / "trace"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle.dumps(Bomb(trace)))
    python = {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"}
    own = {"pickled_model": "model.pkl", "serialization_format": "pickle"}
    write(folder, {"flavors": {"python_function": python, "sklearn": own}})
    with pytest.raises(PermissionDenied) as caught:
        models.load_folder(folder)
    assert str(caught.value) == (
        "The model 'm' was not made by you, and loading it runs code that came with it: model.pkl is a pickle that "
        f"imports {os.mkdir.__module__}.mkdir (can run anything). "
        "If you know where it comes from, load it with trust=('pickle',)."
    )
    for trust in ((), ("code",), ("builtins.print",)):
        with pytest.raises(PermissionDenied):
            models.load_folder(folder, trust=trust)
    assert not trace.exists()
    models.load_folder(folder, trust=("pickle",), native=True)
    assert trace.exists()


def test_a_changed_model_is_not_ones_own_any_more(saved: Path) -> None:
    (saved / "python_model.pkl").write_bytes(pickle.dumps(print))
    with pytest.raises(PermissionDenied, match=r"builtins\.print"):
        models.load_folder(saved)


@pytest.mark.usefixtures("stranger")
def test_trust_by_name_admits_these_names_and_no_others(tmp_path: Path) -> None:
    from sklearn.linear_model import Ridge

    info = models.save_model(
        Ridge().fit([[0.0], [1.0]], [0, 1]), tmp_path / "m", serialization_format="pickle", requirements=[]
    )
    shutil.rmtree(tmp_path / "stranger")
    assert not was_made_here(info.digest)
    from mlops_nb.models.pickles import names_in

    names = names_in(tmp_path / "m" / "model.pkl")
    assert models.load_folder(tmp_path / "m", trust=names).predict([[1.0]]).shape == (1,)
    with pytest.raises(PermissionDenied):
        models.load_folder(tmp_path / "m", trust=names[1:])


@pytest.mark.usefixtures("stranger")
def test_a_hidden_name_does_not_pass(tmp_path: Path) -> None:
    """What the list of names in a pickle says is for the message; what is imported is checked when it is imported."""
    trace = tmp_path / "trace"
    folder = tmp_path / "m"
    folder.mkdir()
    honest = pickle.dumps(Bomb(trace), protocol=4)
    # The two strings that come last are not those that are imported
    start = honest.index(b"\x93")
    lie = honest[:start] + b"\x8c\x08builtins\x940\x8c\x05print\x940" + honest[start:]
    (folder / "model.pkl").write_bytes(lie)
    write(folder, {"flavors": {"sklearn": {"pickled_model": "model.pkl", "serialization_format": "pickle"}}})
    with pytest.raises(MlopsError):
        models.load_folder(folder, trust=("builtins.print",), native=True)
    assert not trace.exists()


@pytest.mark.usefixtures("stranger")
def test_skops_types_are_trusted_by_name_and_not_by_the_file(tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io")
    from sklearn.preprocessing import FunctionTransformer

    folder = tmp_path / "m"
    folder.mkdir()
    skops.dump(FunctionTransformer(os.system), folder / "model.skops")
    own_list = {
        "pickled_model": "model.skops",
        "serialization_format": "skops",
        "skops_trusted_types": ["posix.system"],
    }
    write(folder, {"flavors": {"sklearn": own_list}})
    with pytest.raises(PermissionDenied, match=r"the type posix\.system.*trust=\('posix\.system',\)"):
        models.load_folder(folder, native=True)
    assert models.load_folder(folder, native=True, trust=("posix.system",)).func is os.system


@pytest.mark.usefixtures("stranger")
def test_a_loader_and_a_code_folder_are_code(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "strange_loader.py").write_text(
        "class M:\n def predict(self, data): return [42 for _ in data]\ndef _load_pyfunc(path): return M()\n"
    )
    write(folder, {"flavors": {"python_function": {"loader_module": "strange_loader", "code": "code"}}})
    with pytest.raises(PermissionDenied) as caught:
        models.load_folder(folder)
    assert "the folder code holds code (strange_loader.py); the module strange_loader is imported" in str(caught.value)
    assert "trust=('code', 'strange_loader')" in str(caught.value)
    with pytest.raises(PermissionDenied):
        models.load_folder(folder, trust=("code",))
    assert "strange_loader" not in sys.modules and str(folder / "code") not in sys.path
    assert models.load_folder(folder, trust=("code", "strange_loader")).predict([1, 2]) == [42, 42]


def test_safe_formats_only(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that is set, not even one's own pickle is loaded, nor logged."""
    from sklearn.linear_model import Ridge

    monkeypatch.setenv("MLOPS_NB_SAFE_MODELS", "1")
    with pytest.raises(PermissionDenied, match="takes safe formats only"):
        models.load_folder(saved, trust=("pickle",))
    ridge = Ridge().fit([[0.0], [1.0]], [0, 1])
    with mlops_nb.start_run() as run:
        with pytest.raises(PermissionDenied, match="takes safe formats only"):
            models.log_model(ridge, serialization_format="pickle", requirements=[])
        assert not run.artifacts
        models.log_model(ridge, requirements=[])
    assert "model/model.skops" in run.artifacts


# -- hostile files -----------------------------------------------------------------------------------------------------

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("flavors: !!python/object/apply:os.mkdir [TRACE]", InvalidInput, "asks for an object of the kind"),
        ("flavors: !!python/name:os.system ''", InvalidInput, "asks for an object of the kind"),
        (LAUGHS + "flavors: {}", InvalidInput, "grows to more than"),
        ("flavors: " + "[" * 5000, InvalidInput, "levels deep"),
        ("flavors: &a {b: *a}", InvalidInput, "grows to more than"),
        ("flavors: {", CorruptData, "not valid YAML in line"),
        ("- a\n- b", CorruptData, "does not hold a mapping"),
        ("", CorruptData, "does not hold a mapping"),
        ("other: 1", CorruptData, "names no flavors"),
        ("flavors: {sklearn: 3}", CorruptData, "names no flavors"),
        ("flavors: {alien: {data: x}}", InvalidInput, "no flavor that can be loaded"),
        ("flavors: {sklearn: {pickled_model: gone.pkl}}", CorruptData, "'gone.pkl' is not in its folder"),
        ("flavors: {xgboost: {data: MLmodel, model_class: os.system}}", InvalidInput, "none of XGBoost's"),
        ("flavors: {catboost: {data: MLmodel, model_type: Pool}}", InvalidInput, "none of CatBoost's"),
    ],
)
def test_hostile_mlmodel_files(text: str, error: type[Exception], message: str, tmp_path: Path) -> None:
    write(tmp_path, text.replace("TRACE", str(tmp_path / "trace")))
    with pytest.raises(error, match=message) as caught:
        models.load_folder(tmp_path)
    assert isinstance(caught.value, MlopsError) and len(str(caught.value)) < 600
    assert not (tmp_path / "trace").exists()


def test_binary_and_huge_mlmodel_files(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptData, match="not UTF-8"):
        models.load_folder(tmp_path)
    with (tmp_path / "MLmodel").open("wb") as file:
        file.truncate(20 << 20)
    with pytest.raises(InvalidInput, match="are the most"):
        models.load_folder(tmp_path)
    with pytest.raises(NotFound, match="folder"):
        models.load_folder(tmp_path / "nowhere")
    with pytest.raises(NotFound, match="MLmodel"):
        models.load_folder(tmp_path.parent)


@pytest.mark.parametrize(
    "name",
    ["../secret.pkl", "/etc/passwd", "a/../../secret.pkl", "%2e%2e/secret.pkl", "C:\\x", "~/x", "x\0y", "a" * 2000],
)
def test_file_names_never_leave_the_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret.pkl").write_bytes(pickle.dumps(1))
    folder = tmp_path / "m"
    folder.mkdir()
    for key in ("pickled_model", "code"):
        write(folder, {"flavors": {"sklearn": {"pickled_model": "x", key: name}}})
        with pytest.raises(MlopsError) as caught:
            models.load_folder(folder, trust=("pickle", "code"))
        assert not isinstance(caught.value, PermissionDenied)


def test_links_and_pipes_never_leave_the_folder(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (saved / "extra").symlink_to(tmp_path / "secret")
    (tmp_path / "secret" / "x").write_text("secret")
    with pytest.raises(InvalidInput, match="leads out of its folder"):
        models.load_folder(saved)
    (saved / "extra").unlink()
    os.mkfifo(saved / "pipe")
    with pytest.raises(InvalidInput, match="neither a file nor a folder"):
        models.load_folder(saved)


@pytest.mark.parametrize("name", ["", "../x", "/x", "a//b", "a;b", "a#b", "%2e%2e/x", "x" * 1001, "a\nb", "."])
def test_names_that_cannot_be_paths(name: str) -> None:
    with mlops_nb.start_run() as run:
        with pytest.raises(InvalidInput):
            models.log_model(rule, name, requirements=[])
        assert not run.artifacts


def test_names_in_any_language() -> None:
    with mlops_nb.start_run() as run:
        models.log_model(rule, "模型/🎈 x", requirements=[])
    assert "模型/🎈 x/MLmodel" in run.artifacts


# -- damage ------------------------------------------------------------------------------------------------------------


def test_a_damaged_file_is_one_error(tmp_path: Path) -> None:
    """Of every library: cut in the middle, and with bytes changed; also for one's own."""
    from tests.models.zoo import ZOO

    os.environ.setdefault("KERAS_BACKEND", "torch")
    names = ("sklearn", "xgboost class", "lightgbm class", "lightgbm booster", "catboost", "onnx", "statsmodels")
    tried = 0
    for name in names:
        try:
            model, _, _, options = ZOO[name][1]()
        except ImportError:
            continue
        folder = tmp_path / name
        models.save_model(model, folder, requirements=[], **options)
        file = max((f for f in folder.iterdir() if f.name.startswith("model.")), key=lambda f: f.stat().st_size)
        whole = file.read_bytes()
        for broken in (whole[: len(whole) // 2], b"", b"\0" * 100):
            file.write_bytes(broken)
            with pytest.raises(MlopsError) as caught:
                models.load_folder(folder, trust=("pickle",))
            assert len(str(caught.value)) < 700
        tried += 1
    assert tried >= 2


def test_a_rotted_blob_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with mlops_nb.start_run() as run:
        models.log_model(rule, "rule", requirements=[])
    artifacts, entries = run.workspace.artifacts, list(run.artifacts.values())
    victim = artifacts.local_path(run.artifacts["rule/python_model.pkl"].digest)
    assert victim is not None
    victim.chmod(0o644)
    victim.write_bytes(b"rot" * 100)
    with pytest.raises(CorruptData):
        models.load_artifacts(entries, artifacts, "rule", cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_loading_twice_fetches_once_and_a_touched_cache_is_filled_again(tmp_path: Path) -> None:
    with mlops_nb.start_run() as run:
        models.log_model(rule, "rule", requirements=[])
    artifacts, entries = run.workspace.artifacts, list(run.artifacts.values())

    def load() -> models.LoadedModel:
        found: models.LoadedModel = models.load_artifacts(entries, artifacts, "rule", cache=tmp_path / "cache")
        return found

    first = load().folder
    stamp = (first / "MLmodel").stat().st_mtime_ns
    assert load().folder == first and (first / "MLmodel").stat().st_mtime_ns == stamp
    (first / "python_model.pkl").chmod(0o644)
    (first / "python_model.pkl").write_bytes(b"something else")
    assert load().predict([5]) == [True]
    with pytest.raises(NotFound):
        models.load_artifacts(entries, artifacts, "nothing", cache=tmp_path / "cache")


def test_a_full_disk_is_an_error_and_not_half_a_model(tmp_path: Path, fresh: Callable[[str], Any]) -> None:
    code = """
import json, resource, signal
import mlops_nb
from mlops_nb import models
from mlops_nb.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
table = list(range(200_000))
def lookup(rows): return [table[row] for row in rows]
with mlops_nb.start_run() as run:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    faults = []
    log = lambda: models.log_model(lookup, requirements=[])
    save = lambda: models.save_model(lookup, "m", requirements=[])
    for attempt in (log, save):
        try:
            attempt()
        except StoreError as error:
            faults.append(str(error))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    scratch = list(run.workspace.artifacts.scratch().iterdir())
import os
print(json.dumps([faults, sorted(run.artifacts), len(scratch), sorted(os.listdir("."))]))
"""
    faults, artifacts, scratch, here = fresh(code)
    assert len(faults) == 2 and all("cannot be" in fault for fault in faults)
    assert artifacts == [] and scratch == 0 and "m" not in here and not [name for name in here if name.startswith(".m")]


def test_a_missing_library_is_said_with_how_to_get_it(saved: Path) -> None:
    content = yaml.safe_load((saved / "MLmodel").read_text())
    content["flavors"] = {"python_function": {"loader_module": "no_such_library.mlflow"}}
    write(saved, content)
    with pytest.raises(MissingDependency, match=r"no_such_library\.mlflow.*pip install no_such_library"):
        models.load_folder(saved, trust=("no_such_library.mlflow",))


def test_a_process_that_dies_while_saving_leaves_no_model(tmp_path: Path, fresh: Callable[[str], Any]) -> None:
    code = f"""
import json, os
from mlops_nb import models
class Deadly:
    def predict(self, data): return data
    def __getstate__(self): os._exit(0)
pid = os.fork()
if pid == 0:
    models.save_model(Deadly(), {str(tmp_path / "m")!r}, requirements=[])
os.waitpid(pid, 0)
print(json.dumps(os.path.exists({str(tmp_path / "m")!r})))
"""
    assert fresh(code) is False


def test_risks_are_told_without_running_any(tmp_path: Path) -> None:
    (tmp_path / "python_model.pkl").write_bytes(pickle.dumps(Bomb(tmp_path / "trace")))
    write(
        tmp_path,
        {"flavors": {"python_function": {"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl"}}},
    )
    assert [risk.name for risk in risks_of(tmp_path)] == ["pickle"]
    assert not (tmp_path / "trace").exists()
