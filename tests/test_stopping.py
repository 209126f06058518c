"""How a process is asked to stop, and that no request is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb.projects.events import Interruption, on_signals
from mlops_nb.stopping import asked_to_stop, heeded_signals, interrupting

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

VERB = """
import sys, time
from mlops_nb import cli
def verb(name, words):
    print("begun", flush=True)
    time.sleep(600)
cli.call_verb = verb
sys.argv[1:] = ["runs"]
sys.exit(cli.main())
"""


@pytest.fixture
def ignored() -> Iterator[signal.Signals]:
    """SIGHUP, ignored as by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield signal.SIGHUP
    signal.signal(signal.SIGHUP, before)


def test_a_request_that_came_before_anyone_listened_is_not_lost() -> None:
    stop = Interruption()
    seen: list[int] = []
    stop.request()
    with stop.handled_by(seen.append):
        assert seen == [1]
        stop.request()
    assert seen == [1, 2]


def test_a_request_that_a_library_swallowed_is_not_lost() -> None:
    with interrupting():
        with contextlib.suppress(KeyboardInterrupt):  # a bare `except:` around an import, say
            signal.raise_signal(signal.SIGINT)
        assert asked_to_stop() is signal.SIGINT
        stop = Interruption()
        with on_signals(stop):
            assert stop.requested
    assert asked_to_stop() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_of_them_requests_and_is_put_back(number: signal.Signals) -> None:
    before, stop = signal.getsignal(number), Interruption()
    with on_signals(stop):
        signal.raise_signal(number)
    assert stop.requested
    assert signal.getsignal(number) is before


def test_what_was_ignored_stays_ignored(ignored: signal.Signals) -> None:
    stop = Interruption()
    with interrupting(), on_signals(stop):
        signal.raise_signal(ignored)  # as under nohup, or Ctrl-C for a script's background job
        assert ignored not in heeded_signals()
    assert not stop.requested


@pytest.mark.parametrize(("number", "by"), [(signal.SIGINT, ""), (signal.SIGTERM, " by SIGTERM")])
def test_any_verb_ends_with_one_line(number: signal.Signals, by: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", VERB], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, f"mlops-nb: interrupted{by}.\n")


@pytest.mark.parametrize("words", ["runs", "runs --json", "--help"])
def test_a_reader_that_goes_away_is_no_failure(words: str, tmp_path: Path) -> None:
    code = "import sys; from mlops_nb.cli import main; sys.exit(main())"
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "MLOPS_NB_STORE": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", code, *words.split()], stdout=writing, stderr=subprocess.PIPE, text=True, env=environment
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")
