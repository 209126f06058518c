"""Makes what TensorBoard and W&B keep, with their own writers: ``trackers.py tensorboard|wandb ...``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

BEGIN = 1_700_000_000.0


def tensorboard(folder: Path, first: int, last: int) -> None:
    """Steps of a run ``a`` with everything, and of a run ``sub/b``, in new files."""
    from google.protobuf.struct_pb2 import Value as Json
    from tensorboard.compat.proto import event_pb2, histogram_pb2, summary_pb2
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
    from tensorboard.plugins.scalar.metadata import create_summary_metadata as for_scalar
    from tensorboard.plugins.text.metadata import create_summary_metadata as for_text
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    def write(place: Path, summaries: list[tuple[int, Any]]) -> None:
        writer = EventFileWriter(str(place))
        for step, summary in summaries:
            writer.add_event(event_pb2.Event(wall_time=BEGIN + step, step=step, summary=summary))
        writer.close()

    def one(tag: str, **value: Any) -> Any:
        return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, **value)])

    def hparams(tag: str, **said: Any) -> Any:
        data = plugin_data_pb2.HParamsPluginData(version=0, **said)
        return one(tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)

    given = {"lr": Json(number_value=0.1), "optimizer": Json(string_value="adam"), "nesterov": Json(bool_value=True)}
    begin = hparams(metadata.SESSION_START_INFO_TAG, session_start_info=plugin_data_pb2.SessionStartInfo(hparams=given))
    failed = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_FAILURE)
    text = one("../notes", metadata=for_text("", ""), tensor=make_tensor_proto(["**hello** ö".encode()]))

    def scalar(step: int) -> Any:
        return one("accuracy", metadata=for_scalar("", ""), tensor=make_tensor_proto(step / 10))

    steps = range(first, last)
    write(
        folder / "a",
        [
            (first, begin),
            *((step, one("loss/train", simple_value=1 / (step + 1))) for step in steps),
            *((step, scalar(step)) for step in steps),
            (first, one("nan", simple_value=float("nan"))),
            (first, text),
            (first, one("weights", histo=histogram_pb2.HistogramProto(min=0, max=1, num=2))),
            (last, hparams(metadata.SESSION_END_INFO_TAG, session_end_info=failed)),
        ],
    )
    write(folder / "sub" / "b", [(step, one("loss", simple_value=step)) for step in steps])


def wandb(exit_code: int, run_id: str, first: int, last: int) -> None:
    """A run in the working folder; one that is there already is resumed."""
    import wandb as tracker

    run = tracker.init(
        project="churn", id=run_id, name="first", tags=["a", "mlflow.user"], notes="hello", group="g", job_type="train",
        config={"lr": 0.1, "opt": {"name": "adam"}, "layers": [1, 2]}, settings=tracker.Settings(console="wrap"),
    )  # fmt: skip
    sys.stdout.write(f"from step {first}\n")
    sys.stderr.write("a warning\n")
    for step in range(first, last):
        run.log({"loss": 1 / (step + 1), "n": {"acc": step / 10}, "word": "x"}, step=step)
    run.log({"odd": float("nan"), "big": float("inf")}, step=last)
    run.log({"table": tracker.Table(columns=["a"], data=[[1]])}, step=last + 1)
    run.summary["best"] = 0.9
    run.summary["verdict"] = "good"
    run.config.update({"late": 3})
    Path("outside.txt").write_text("outside")
    run.save(os.path.abspath("outside.txt"), policy="end")
    run.finish(exit_code=exit_code)


if __name__ == "__main__":
    if sys.argv[1] == "tensorboard":
        tensorboard(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        wandb(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
