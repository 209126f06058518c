"""Files of a run: bytes go into the artifact store first, then the run's tree names them."""

from __future__ import annotations

import io
import json
import re
import uuid
from pathlib import Path
from typing import Any

from mlops_nb.entities import Artifact, DataRef, check_name, now_ms
from mlops_nb.errors import InvalidInput
from mlops_nb.tracking.faults import shielded
from mlops_nb.tracking.fluent import logged_run, relative
from mlops_nb.tracking.run import ActiveRun


@shielded
def log_artifact(local_path: str | Path, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Keep a file (or a folder) with the active run.

    Parameters
    ----------
    local_path : str or Path
        The file or folder.
    artifact_path : str, optional
        The folder in the run's tree to put it in.
    run_id : str, optional
        Another run than the active one, open or over.

    Raises
    ------
    InvalidInput
        If the path does not exist, or `artifact_path` leaves the run's tree.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
    >>> _ = file.write_text("hello")
    >>> from mlops_nb.tracking.fluent import start_run
    >>> with start_run() as run: log_artifact(file, "docs")
    >>> list(run.artifacts)
    ['docs/notes.txt']
    """
    keep_file(logged_run(run_id), Path(local_path), artifact_path)


@shielded
def log_artifacts(local_dir: str | Path, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Keep what is in a folder with the active run.

    Examples
    --------
    >>> import tempfile
    >>> from mlops_nb.tracking.fluent import start_run
    >>> with start_run() as run: log_artifacts(tempfile.mkdtemp())
    """
    folder = Path(local_dir)
    if not folder.is_dir():
        raise InvalidInput(
            f"The folder {folder} does not exist.", hint="Name a folder, or use log_artifact for a file."
        )
    _keep_folder(logged_run(run_id), folder, artifact_path or "")


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a text as a file of the active run.

    Examples
    --------
    >>> from mlops_nb.tracking.fluent import start_run
    >>> with start_run() as run: log_text("hello", "docs/hello.txt")
    """
    keep_bytes(logged_run(run_id), text.encode("utf-8", "surrogatepass"), artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a dict or list as JSON (or YAML, by the file's ending) with the active run.

    Examples
    --------
    >>> from mlops_nb.tracking.fluent import start_run
    >>> with start_run() as run: log_dict({"classes": ["a", "b"]}, "classes.json")
    """
    if artifact_file.endswith((".yaml", ".yml")):
        import yaml

        text = yaml.safe_dump(json.loads(json.dumps(dictionary, default=_plain)), sort_keys=False, allow_unicode=True)
    else:
        text = json.dumps(dictionary, indent=2, default=_plain)
    keep_bytes(logged_run(run_id), text.encode("utf-8"), artifact_file)


def _plain(value: Any) -> Any:
    """What JSON has no word for: numbers and arrays of NumPy's and its like stay numbers, the rest becomes text."""
    return value.tolist() if hasattr(value, "tolist") and hasattr(value, "dtype") else str(value)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: dict[str, Any] | None = None) -> None:
    """Keep a matplotlib or plotly figure with the active run; the file's ending says how.

    Parameters
    ----------
    figure : matplotlib.figure.Figure or plotly.graph_objects.Figure
    artifact_file : str
        For instance ``plots/roc.png``; for plotly ``.html`` as well.
    save_kwargs : dict, optional
        Handed to the figure's own save function.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mlops_nb.tracking.fluent import start_run
    >>> with start_run() as run: log_figure(Figure(), "plots/empty.png")
    >>> list(run.artifacts)
    ['plots/empty.png']
    """
    kind = Path(artifact_file).suffix.lstrip(".").lower() or "png"
    options = dict(save_kwargs or {})
    if hasattr(figure, "savefig"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=options.pop("format", kind), **options)
        data = buffer.getvalue()
    elif hasattr(figure, "to_html") and kind == "html":
        data = figure.to_html(**{"include_plotlyjs": "cdn", **options}).encode()
    elif hasattr(figure, "to_image"):
        data = figure.to_image(format=kind, **options)
    else:
        raise InvalidInput(
            f"log_figure cannot save a {type(figure).__name__}.", hint="Give a matplotlib or plotly figure."
        )
    keep_bytes(logged_run(), data, artifact_file)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = None,
) -> None:
    """Keep an image (a PIL image, or an array of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)) with the active run.

    Parameters
    ----------
    image : PIL.Image.Image or array
        Numbers with a fraction are 0 to 1, whole ones 0 to 255.
    artifact_file : str, optional
        Where it goes in the run's tree; its ending says the format.
    key, step, timestamp : str, int, int, optional
        Instead: one image of many in the course of training, under ``images/``.
    synchronous : bool, optional
        For MLflow's sake.

    Examples
    --------
    >>> import numpy as np
    >>> from mlops_nb.tracking.fluent import start_run
    >>> with start_run() as run: log_image(np.zeros((2, 2, 3)), "black.png")
    """
    if (artifact_file is None) == (key is None):
        raise InvalidInput("log_image needs either artifact_file or key.", hint='For instance "plots/sample.png".')
    if key is not None:
        name = re.sub(r"[^\w.-]+", "_", check_name("image", key))
        place = f"+step+{step or 0}+timestamp+{now_ms() if timestamp is None else timestamp}+{uuid.uuid4()}"
        artifact_file = f"images/{name}{place}.png"
    assert artifact_file is not None
    buffer = io.BytesIO()
    kind = Path(artifact_file).suffix.lstrip(".").upper().replace("JPG", "JPEG") or "PNG"
    try:
        picture = image if hasattr(image, "save") else _picture(image)
        picture.save(buffer, format=kind)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"This image cannot be kept as {kind}: {error}.") from None
    keep_bytes(logged_run(), buffer.getvalue(), artifact_file)


def _picture(image: Any) -> Any:
    import numpy as np
    from PIL import Image

    array = np.asarray(image.detach().cpu() if hasattr(image, "detach") else image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype.kind == "f":
        array = np.clip(np.nan_to_num(array), 0.0, 1.0)
    if array.dtype.kind in "fb":
        array = (array * 255.0).round()
    return Image.fromarray(array.astype("uint8"))


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a table (a pandas DataFrame, or a dict of columns) as JSON in MLflow's layout, or Parquet by ending.

    Rows are added to those that the run has there already.

    Examples
    --------
    >>> from mlops_nb.tracking.fluent import start_run
    >>> with start_run() as run: log_table({"a": [1, 2]}, "tables/a.json")
    """
    import pandas as pd

    if not artifact_file.endswith((".json", ".parquet")):
        raise InvalidInput(f"A table cannot be kept as {artifact_file!r}.", hint="Let it end with .json or .parquet.")
    frame = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    run = logged_run(run_id)
    before = _kept(run, artifact_file)
    if artifact_file.endswith(".parquet"):
        if before is not None:
            frame = pd.concat([pd.read_parquet(io.BytesIO(before)), frame], ignore_index=True)
        buffer = io.BytesIO()
        frame.to_parquet(buffer)
        keep_bytes(run, buffer.getvalue(), artifact_file)
    else:
        if before is not None:
            frame = pd.concat([pd.read_json(io.BytesIO(before), orient="split"), frame], ignore_index=True)
        text = frame.to_json(orient="split", index=False, date_format="iso")
        keep_bytes(run, text.encode("utf-8"), artifact_file)


@shielded
def _kept(run: ActiveRun, path: str) -> bytes | None:
    """A file that the run has already, also from an earlier life of it."""
    if run.is_mute:
        return None
    found = run.artifacts.get(path)
    if found is None and run.is_continued:
        run.workspace.flush()
        found = next((each for each in run.workspace.store.artifacts(run.run_id) if each.path == path), None)
    return None if found is None else run.workspace.artifacts.read(found.digest)


@shielded
def log_dataset(data: Any, name: str = "", context: str = "", *, copy: bool = False) -> DataRef:
    """Name data that the active run uses: a file's path, or a frame.

    Parameters
    ----------
    data : str, Path, DataFrame or array
        A path, or a pandas or polars frame, or a NumPy array.
    name : str, optional
        By default the file's name, or the type's.
    context : str, optional
        What it is for: ``training``, ``validation`` ...
    copy : bool, default False
        Keep the bytes with the run as well (under ``data/``).

    Returns
    -------
    DataRef
        With digest, size, and rows, schema and summary statistics.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlops_nb.tracking.fluent import start_run
    >>> with start_run(): ref = log_dataset(pd.DataFrame({"x": [1.0, 2.0]}), name="train")
    >>> ref.profile["rows"]
    2
    """
    run = logged_run()
    if isinstance(data, (str, Path)):
        ref = _file_ref(run, Path(data).expanduser(), name, context)
        if copy:
            keep_file(run, Path(data).expanduser(), "data")
    else:
        ref = _frame_ref(data, name, context)
        if copy:
            buffer = io.BytesIO()
            data.to_parquet(buffer)
            keep_bytes(run, buffer.getvalue(), f"data/{name or 'frame'}.parquet")
    run.record_data(ref)
    return ref


def _file_ref(run: ActiveRun, path: Path, name: str, context: str) -> DataRef:
    from mlops_nb.capture.data.digests import digest
    from mlops_nb.capture.data.files import profile_file

    if not path.exists():
        raise InvalidInput(
            f"The data {path} does not exist.", hint="Check the path; it is relative to the working folder."
        )
    found = digest(path)
    profile = profile_file(path) if path.is_file() else {}
    return DataRef(
        relative(run.workspace, path), found.digest, found.size, "log", name or path.name, context,
        {**profile, "kind": "file" if path.is_file() else "folder"}, found.sampled,
    )  # fmt: skip


def _frame_ref(data: Any, name: str, context: str) -> DataRef:
    from mlops_nb.capture.data.frames import frame_digest, is_frame
    from mlops_nb.capture.data.profiles import profile_frame

    if not is_frame(data):
        raise InvalidInput(
            f"log_dataset does not know what a {type(data).__name__} is.", hint="Give a path, a frame or an array."
        )
    size = getattr(data, "nbytes", None)
    if size is None:  # a frame: the bytes of its columns
        measure = getattr(data, "memory_usage", None) or getattr(data, "estimated_size", None)
        size = measure() if measure is not None else 0
        size = int(size if isinstance(size, int) else size.sum())
    label = name or type(data).__name__
    profile = {**profile_frame(data), "kind": "frame"}
    return DataRef(label, frame_digest(data), size if isinstance(size, int) else 0, "log", label, context, profile)


@shielded
def keep_bytes(run: ActiveRun, data: bytes, path: str) -> Artifact:
    """Keep bytes as a file of a run.

    Raises
    ------
    InvalidInput
        If `path` leaves the run's tree.
    """
    from mlops_nb.artifacts import check_path

    checked = check_path(path)
    if run.is_mute:
        return Artifact(checked, "", len(data))
    digest, size = run.workspace.artifacts.put_bytes(data)
    artifact = Artifact(checked, digest, size)
    run.record_artifacts(artifact)
    return artifact


def keep_file(run: ActiveRun, path: Path, folder: str | None = None) -> None:
    """Keep a file or folder with a run, under `folder` of its tree."""
    from mlops_nb.artifacts import check_path

    if path.is_dir():
        _keep_folder(run, path, "/".join(part for part in (folder, path.name) if part))
        return
    if not path.is_file():
        raise InvalidInput(
            f"The file {path} does not exist.", hint="Check the path; it is relative to the working folder."
        )
    target = check_path("/".join(part for part in (folder, path.name) if part))
    if run.is_mute:
        return
    digest, size = run.workspace.artifacts.put_file(path)
    run.record_artifacts(Artifact(target, digest, size))


def _keep_folder(run: ActiveRun, folder: Path, prefix: str) -> None:
    from mlops_nb.artifacts import check_path

    if prefix:
        check_path(prefix)
    if run.is_mute:
        return
    found = run.workspace.artifacts.put_folder(folder)
    run.record_artifacts(
        *(Artifact(f"{prefix}/{item.path}" if prefix else item.path, item.digest, item.size) for item in found)
    )
