"""The verbs ``import`` and ``export``: taking over what other trackers keep, and going back."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidInput
from mlops_nb.transfer import Report, export_mlflow, import_mlflow, import_tensorboard, import_wandb
from mlops_nb.verbs.table import Result

Hearing = dict[str, Any]


def add_import(parser: argparse.ArgumentParser) -> None:
    """Options of ``import``."""
    tools = ["mlflow", "tensorboard", "wandb"]
    parser.add_argument("tool", choices=tools, metavar="|".join(tools), help="whose files these are")
    parser.add_argument("source", metavar="SOURCE", help="a folder; of MLflow also a server's address or a SQLite file")
    parser.add_argument(
        "--files", metavar="FOLDER", help="with a SQLite file of MLflow's: where the files of its runs lie"
    )
    parser.add_argument("--thorough", action="store_true", help="compare all points of runs that look the same")


def do_import(asked: argparse.Namespace) -> Result:
    """Copy what another tracker keeps into the store; a second time adds what is new."""
    space = workspaces.current()
    if asked.tool != "mlflow" and asked.files:
        raise InvalidInput("--files is for a SQLite file of MLflow's.", hint="Leave it out: the folder has its files.")
    with progress("import") as hearing:
        hearing = {"thorough": asked.thorough, **hearing}
        if asked.tool == "tensorboard":
            return told(import_tensorboard(asked.source, space, **hearing))
        if asked.tool == "wandb":
            return told(import_wandb(asked.source, space, **hearing))
        token = workspaces.server_token()
        return told(import_mlflow(asked.source, space, files=asked.files, token=token, **hearing))


def add_export(parser: argparse.ArgumentParser) -> None:
    """Options of ``export``."""
    parser.add_argument("tool", choices=["mlflow"], metavar="mlflow", help="for whom")
    parser.add_argument("target", metavar="TARGET", help="a server's address; or a SQLite file or folder to make")
    parser.add_argument("--thorough", action="store_true", help="compare all points of runs that look the same")


def do_export(asked: argparse.Namespace) -> Result:
    """Copy the store into one of MLflow's; a second time adds what is new."""
    with progress("export") as hearing:
        token, thorough = workspaces.server_token(), asked.thorough
        report = export_mlflow(asked.target, workspaces.current(), token=token, thorough=thorough, **hearing)
    return told(report)


def told(report: Report) -> Result:
    """A report as a result."""
    facts = {
        "source": report.source, "target": report.target, "new": report.new, "grown": report.grown,
        "same": report.same, "lost": report.sentences(),
    }  # fmt: skip
    return Result("transfer", facts, facts)


@contextmanager
def progress(title: str, unit: str = "runs") -> Iterator[Hearing]:
    """A progress bar on a terminal's stderr; silence elsewhere. Gives the callbacks `tick` and `expect`."""
    if not sys.stderr.isatty():
        yield {}
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), MofNCompleteColumn(),
        TextColumn(unit), TimeElapsedColumn(), TextColumn("{task.fields[name]}", style="dim", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, refresh_per_second=5) as bar:
        task = bar.add_task(title, total=None, name="")

        def expect(total: int, name: str) -> None:
            bar.update(task, total=total if total >= 0 else None)

        def tick(done: int, name: str) -> None:
            bar.update(task, completed=done, name=name[:48])

        yield {"tick": tick, "expect": expect}
