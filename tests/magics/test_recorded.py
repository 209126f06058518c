"""What a tracked cell records, read back through the command line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import Kernel, running_kernel

Command = Callable[..., Any]


def shown(kernel: Kernel, command: Command, source: str, cell_id: str | None = None) -> dict[str, Any]:
    """Run a cell and read its run back, in another process."""
    reply = kernel.run(source, cell_id)
    assert reply.card, reply.text
    kernel.run("import mlops_nb.workspace as _w; _w.current().flush()")
    found: dict[str, Any] = command("show", reply.card["run_id"])
    return found


def test_params_and_metrics_by_data_flow(kernel: Kernel, command: Command) -> None:
    kernel.run("import numpy as np\nimport decimal\nepochs = 4\nname = 'sgd'\nunused = 9\nmatrix = np.ones(3)")
    run = shown(
        kernel,
        command,
        "%%track churn -n first -t team=risk\nlr = 0.1\nverbose = True\nlayers = [8, 4]\nratio: float = 0.5\n"
        "loss = lr * epochs\nacc = np.float32(0.5)\nrate = decimal.Decimal('0.25')\nok = acc > 0\n"
        "for i in range(3):\n    total = i * 2\nlabel = name + '!'\n{'f1': 0.75, 'auc': np.float64(0.5)}",
    )
    assert run["experiment"] == "churn" and run["name"] == "first" and run["status"] == "FINISHED"
    assert run["params"] == {
        "epochs": 4, "name": "sgd", "lr": 0.1, "verbose": True, "layers": [8, 4], "ratio": 0.5,
    }  # fmt: skip
    assert run["metrics"] == {"loss": 0.4, "acc": 0.5, "rate": 0.25, "total": 4.0, "f1": 0.75, "auc": 0.5}
    assert run["tags"]["team"] == "risk"
    assert run["code"].startswith("%%track churn -n first")


def test_p_replaces_the_literal_and_the_rest_is_injected(kernel: Kernel, command: Command) -> None:
    run = shown(kernel, command, "%%track -p lr=0.5 -p extra='a b'\nlr = 0.1\nscore = lr * 2\ntext = extra")
    assert run["params"]["lr"] == 0.5 and run["params"]["extra"] == "a b"
    assert run["metrics"]["score"] == 1.0
    assert kernel.value("text") == "a b"


def test_m_names_exactly_those(kernel: Kernel, command: Command) -> None:
    run = shown(kernel, command, "%%track -m kept\nkept = 1 / 2\nother = 1 / 4")
    assert run["metrics"] == {"kept": 0.5}


def test_logged_curve_wins_over_the_name(kernel: Kernel, command: Command) -> None:
    run = shown(
        kernel,
        command,
        "%%track\nimport mlops_nb\nfor step in range(5):\n    loss = 1 / (step + 1)\n"
        "    mlops_nb.log_metric('loss', loss, step=step)",
    )
    assert [point["value"] for point in run["history"]["loss"]] == [1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
    assert [point["step"] for point in run["history"]["loss"]] == [0, 1, 2, 3, 4]
    assert run["metrics"]["loss"] == 0.2


def test_outputs_environment_resources(kernel: Kernel, command: Command) -> None:
    run = shown(kernel, command, "%%track\nprint('hello')\nfrom IPython.display import HTML\nHTML('<i>x</i>')")
    kinds = [output["output_type"] for output in run["outputs"]]
    assert kinds == ["stream", "execute_result"]
    assert run["outputs"][0]["text"] == "hello\n"
    assert run["outputs"][1]["data"]["text/html"] == "<i>x</i>"
    assert run["environment"]["packages"]["ipython"]
    assert run["resources"]["wall_seconds"] >= 0


def test_failure_is_recorded_in_full(kernel: Kernel, command: Command) -> None:
    run = shown(kernel, command, "%%track\nlr = 0.3\nraise RuntimeError('it broke')")
    assert run["status"] == "FAILED"
    assert run["error"]["ename"] == "RuntimeError" and run["error"]["evalue"] == "it broke"
    assert any("it broke" in line for line in run["error"]["traceback"])
    assert run["params"] == {"lr": 0.3}


def test_secrets_are_redacted_everywhere(kernel: Kernel, command: Command, folder: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    run = shown(
        kernel,
        command,
        f"%%track\napi_key = '{token}'\nprint('using {token}')\nurl = 'https://bob:hunter2secret@host/x'",
    )
    assert token not in str(run) and "hunter2secret" not in str(run)
    assert run["redactions"] >= 2
    kernel.run("_w.current().flush()")
    for file in (folder / ".mlops_nb").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert token.encode() not in content and b"hunter2secret" not in content, file


def test_revisions_are_of_one_line(kernel: Kernel, command: Command) -> None:
    first = shown(kernel, command, "%%track\nalpha_rate = 0.1\nbeta_score = alpha_rate * 3")
    second = shown(kernel, command, "%%track\nalpha_rate = 0.2  # more\nbeta_score = alpha_rate * 3")
    assert (first["revision"], second["revision"]) == (1, 2)
    by_id = [shown(kernel, command, f"%%track\ngamma = {i}\nprint({i})", cell_id="abc-1") for i in (1, 2)]
    assert [run["revision"] for run in by_id] == [1, 2]
    assert by_id[0]["cell_id"] == "abc-1"


def test_the_card_compares_with_the_last_run_of_this_cell(kernel: Kernel) -> None:
    for rate in (1, 2):
        reply = kernel.run(f"%%track\ndelta_rate = {rate}\naccuracy = delta_rate / 4", cell_id="card-cell")
    assert reply.card["previous"]["metrics"] == {"accuracy": 0.25}
    assert reply.card["best"] == {"accuracy": 0.25}
    html = reply.cards[0]["data"]["text/html"]
    assert "accuracy" in html and "<script" not in html


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_card_shows_what_child_processes_logged(kernel: Kernel, folder: Path, method: str) -> None:
    (folder / "worker.py").write_text(
        "import mlops_nb\n\n\ndef work(step):\n    mlops_nb.log_metric('inside', step / 2, step=step)\n"
    )
    reply = kernel.run(
        "%%track\nimport multiprocessing, worker\n"
        f"with multiprocessing.get_context('{method}').Pool(2) as pool:\n    _ = pool.map(worker.work, range(4))"
    )
    assert reply.card["metrics"] == {"inside": 1.5}, reply.text


def test_seed_makes_the_cell_repeat(kernel: Kernel, command: Command) -> None:
    source = "%%track --seed 7\nimport random\nimport numpy as np\ndraw = random.random() + np.random.rand()"
    first, second = shown(kernel, command, source), shown(kernel, command, source)
    assert first["metrics"]["draw"] == second["metrics"]["draw"]
    assert first["params"]["seed"] == 7


def test_auto_tracks_every_cell_and_off_none(kernel: Kernel) -> None:
    assert "every cell" in kernel.run("%track auto").text
    assert kernel.run("zeta = float('0.25')").card["metrics"] == {"zeta": 0.25}
    assert not kernel.run("%mlops runs").cards
    kernel.run("%track off")
    assert not kernel.run("%%track\nzeta = float('0.25')").cards
    kernel.run("%track marked")
    assert "cells with %%track" in kernel.run("%track").text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%%track --sed 3\nx = 1", "%%track has no option --sed. Did you mean --seed?"),
        ("%track atuo", "%track does not know 'atuo'"),
        ("%mlops rns", "There is no verb 'rns'. Did you mean: %mlops runs"),
        ("%mlops show nothing-like-it", "There is no run 'nothing-like-it'."),
        ("%mlops runs --limt 3", "Did you mean --limit?"),
    ],
)
def test_refusals_in_the_notebook_are_one_line(kernel: Kernel, line: str, words: str) -> None:
    reply = kernel.run(line)
    assert words in reply.text
    assert len(reply.text.strip().splitlines()) == 1, reply.text


def test_verbs_give_views(kernel: Kernel) -> None:
    kernel.run("%%track -n view-a\nomega_x = 1 / 2")
    kernel.run("%%track -n view-b\nomega_x = 1 / 4")
    for line in ("%mlops runs", "%mlops show view-a", "%mlops compare view-a view-b", "%mlops code view-a"):
        reply = kernel.run(line)
        assert reply.status == "ok", reply.text
        data = next(o["data"] for o in reply.outputs if "data" in o)
        assert "view-a" in data["text/html"] or "omega_x" in data["text/html"]
        assert data["text/plain"]


def test_interrupt_is_killed(kernel: Kernel, command: Command) -> None:
    sent = kernel.send(
        "%%track -n interrupted\nimport time\nprint('started', flush=True)\nfor _ in range(600): time.sleep(0.1)"
    )
    while kernel.client.get_iopub_msg(timeout=30)["content"].get("text") != "started\n":
        pass
    kernel.interrupt()
    reply = kernel.collect(sent)
    assert reply.content["ename"] == "KeyboardInterrupt"
    assert reply.card["status"] == "KILLED"
    assert kernel.value("1 + 1") == 2


def test_interrupt_of_an_awaiting_cell(kernel: Kernel) -> None:
    sent = kernel.send("%%track\nimport asyncio\nprint('started', flush=True)\nawait asyncio.sleep(2)")
    while kernel.client.get_iopub_msg(timeout=30)["content"].get("text") != "started\n":
        pass
    kernel.interrupt()
    reply = kernel.collect(sent)
    assert reply.status == "error"
    kernel.run("1")
    found = kernel.run("import mlops_nb.tracking.active as _a\nprint(len(_a.open_runs()))").text
    assert found.strip() == "0"


def test_endless_output_is_bounded(kernel: Kernel, command: Command) -> None:
    run = shown(kernel, command, "%%track\nfor i in range(60000):\n    print('x' * 100, i)")
    text = run["outputs"][0]["text"]
    assert len(text) < 2_000_000
    assert "left out" in text
    assert text.endswith("59999\n")


def test_kill_9_in_a_training_loop(tmp_path: Path) -> None:
    """No acknowledged point is lost, and the run says KILLED on the next look."""
    import json
    import os
    import subprocess
    import sys

    with running_kernel(tmp_path) as kernel:
        kernel.run("%load_ext mlops_nb")
        kernel.send(
            "%%track -n doomed\nimport mlops_nb, time\nfor step in range(10**7):\n"
            "    mlops_nb.log_metric('loss', 1.0, step=step)\n"
            "    open('acknowledged', 'w').write(str(step)) if step % 500 == 0 else None"
        )
        marker = tmp_path / "acknowledged"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (marker.exists() and int(marker.read_text() or 0) > 20_000):
            time.sleep(0.02)
        kernel.kill()
    acknowledged = int(marker.read_text() or 0)
    environment = {
        **os.environ,
        "MLOPS_NB_STORE": str(tmp_path / ".mlops_nb"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "mlops_nb.cli", "show", "doomed", "--json"],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    run = json.loads(done.stdout)
    assert run["status"] == "KILLED" and run["end_time"]
    steps = [point["step"] for point in run["history"]["loss"]]
    assert steps == list(range(len(steps)))
    assert len(steps) > acknowledged


def test_a_restarted_kernel_leaves_no_running_run(tmp_path: Path) -> None:
    import mlops_nb

    with running_kernel(tmp_path) as kernel:
        kernel.run("%load_ext mlops_nb")
        kernel.run("import mlops_nb\n_ = mlops_nb.start_run(run_name='open')\nmlops_nb.log_metric('a', 1.0)")
        kernel.kill()
    mlops_nb.connect(str(tmp_path / ".mlops_nb"))
    assert mlops_nb.get_run("open").status == "KILLED"


def test_a_refusal_ends_at_the_users_line(kernel: Kernel) -> None:
    reply = kernel.run("%%track\nimport mlops_nb\ndef fit():\n    mlops_nb.log_metric('a', 1.0, step=2**70)\nfit()")
    text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(reply.traceback))
    assert "line 4" in text and text.endswith("InvalidInput: The step of the metric 'a' does not fit into 64 bits.")
    assert "fluent.py" not in text


def test_what_jupyter_and_libraries_do_at_their_first_use_is_no_cells_doing(folder: Path, command: Command) -> None:
    """The first figure of a kernel puts the front end into pyplot, a record goes through the kernel's stream, libraries
    load parts when they are first asked for, and draw numbers meanwhile (scikit-learn loads rich)."""
    cell = (
        "mlops_nb.log_metric('a', k / {0})\n_ = plt.plot([k] * {0}); plt.show()\nlog.info('{0}')\n"
        "chance = scipy.stats.norm.cdf({0})\nmodel = LinearRegression().fit([[0], [1]], [k, {0}])"
    )
    with running_kernel(folder) as kernel:
        kernel.run("%load_ext mlops_nb\nk = 2")
        kernel.run(
            "import logging, mlops_nb, scipy\nimport matplotlib.pyplot as plt\n"
            "from sklearn.linear_model import LinearRegression\n"
            "log = logging.getLogger('fit')\nlogging.basicConfig(level=logging.INFO)"
        )
        kernel.run("%%track -n earlier\n" + cell.format(2))
        run = shown(kernel, command, "%%track -n later\n" + cell.format(3))
    assert ["earlier" in each["source"] for each in run["slice"]] == [False, False, False]
    assert run["restart_run_all"] == "clean"


def test_widgets_have_nothing_in_common_but_their_kernel(kernel: Kernel, command: Command) -> None:
    kernel.run("import ipywidgets as widgets\nfrom IPython.display import display")
    kernel.run("first = widgets.IntSlider(value=3)\ndisplay(first)")
    kernel.run("second = widgets.FloatSlider(value=0.5)\ndisplay(second)")
    run = shown(kernel, command, "%%track -n slid\ntwice = second.value * 2")
    assert [each["source"].split("\n")[0] for each in run["slice"]] == [
        "import ipywidgets as widgets", "second = widgets.FloatSlider(value=0.5)", "# %%track -n slid"
    ]  # fmt: skip
    assert run["restart_run_all"] == "clean"


def test_a_generator_that_nobody_seeded_is_said(kernel: Kernel, command: Command) -> None:
    kernel.run("import numpy as np\ndef noise():\n    return float(np.random.default_rng().random())")
    run = shown(kernel, command, "%%track -n chance\nvalue = noise()")
    assert any(reason.startswith("unseeded randomness") for reason in run["restart_run_all"])
