"""What a cell used."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from mlops_nb.capture.resources import Meter, memory_in_use


def busy(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_time_is_measured() -> None:
    meter = Meter()
    meter.start()
    busy(0.05)
    used = meter.stop()
    assert 0.04 <= used["cpu_seconds"] < 5
    assert used["wall_seconds"] >= 0.04
    assert used["children_cpu_seconds"] >= 0


def test_children_count_for_themselves() -> None:
    meter = Meter()
    meter.start()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    used = meter.stop()
    assert used["children_cpu_seconds"] > 0.02


def test_peak_memory_is_seen_also_when_it_is_no_record() -> None:
    record = bytearray(150_000_000)  # the process has been larger before
    del record
    for _ in range(2):
        meter = Meter()
        meter.start()
        before = memory_in_use()
        block = bytearray(b"x") * 100_000_000
        deadline = time.monotonic() + 30
        while meter.peak < before + 90_000_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        del block
        used = meter.stop()
        assert used["memory_peak_bytes"] >= before + 90_000_000
        assert used["memory_peak_bytes"] >= used["memory_bytes"]


def test_a_new_record_is_seen_without_waiting() -> None:
    program = (
        "from mlops_nb.capture.resources import Meter\n"
        "meter = Meter(); meter.start(); block = bytearray(b'x') * 200_000_000; del block\n"
        "print(meter.stop()['memory_peak_bytes'] > 200_000_000)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_one_thread_serves_all_meters_and_nested_ones() -> None:
    meters = [Meter() for _ in range(5)]
    for meter in meters:
        meter.start()
    assert sum(thread.name == "mlops_nb-memory" for thread in threading.enumerate()) == 1
    for meter in meters:
        assert meter.stop()["wall_seconds"] >= 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_measures_too() -> None:
    Meter().start()
    child = os.fork()
    if child == 0:
        meter = Meter()
        meter.start()
        os._exit(0 if meter.stop()["wall_seconds"] >= 0 and threading.active_count() == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_gpu_memory_is_torchs_own_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    reset: list[int] = []
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        device_count=lambda: 2,
        reset_peak_memory_stats=reset.append,
        max_memory_allocated=lambda device: 100 + device,
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    meter = Meter()
    meter.start()
    assert meter.stop()["gpu_memory_peak_bytes"] == 201
    assert reset == [0, 1]


def test_a_broken_torch_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> bool:
        raise RuntimeError("driver")

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_initialized=fail)))
    meter = Meter()
    meter.start()
    assert "gpu_memory_peak_bytes" not in meter.stop()
