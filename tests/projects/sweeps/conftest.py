"""Processes of one test are known by a mark in their environment, which orphans keep."""

from __future__ import annotations

import secrets

import pytest


@pytest.fixture(autouse=True)
def _marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEP_TEST", secrets.token_hex(8))
