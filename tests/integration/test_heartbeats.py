"""Signs of life: each process has its own, and one that is gone leaves no crowd behind."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from projections import heartbeat
from projections.heartbeat import PROCESS, row_of
from projections.pulse import Pulse
from tests.conftest import new_id


@pytest.fixture
def program(database: object) -> Iterator[str]:
    name = new_id("worker")
    yield name
    heartbeat.forget([each.name for each in _rows(name)])


def _rows(program: str) -> list[heartbeat.Heartbeat]:
    return [each for each in heartbeat.heartbeats() if each.name.startswith(program)]


def _elsewhere(program: str, pid: int) -> str:
    """A sign of life of another process of the program on this host."""
    name = row_of(program).replace(f":{os.getpid()}", f":{pid}")
    heartbeat.beat(name, PROCESS, pid=pid)
    return name


def _ended() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def _until(what: list[str], program: str) -> None:
    by = time.monotonic() + 5
    while [each.name for each in _rows(program)] != what and time.monotonic() < by:
        time.sleep(0.05)
    assert [each.name for each in _rows(program)] == what


def test_two_of_a_program_on_one_host_are_two(program: str) -> None:
    other = _elsewhere(program, os.getppid())
    Pulse(program, PROCESS).beat()
    assert {each.name for each in _rows(program)} == {other, row_of(program)}
    assert {each.pid for each in _rows(program)} == {os.getppid(), os.getpid()}


def test_one_that_starts_follows_those_that_are_gone(program: str) -> None:
    lives, dead = _elsewhere(program, os.getppid()), _elsewhere(program, _ended())
    apart = _elsewhere(f"{program}-other", _ended())
    pulse = Pulse(program, PROCESS, every=0.05)
    pulse.start()
    _until(sorted([apart, lives, row_of(program)]), program)
    assert dead not in {each.name for each in _rows(program)}
    pulse.stop(wait=5)
    assert [each.name for each in _rows(program)] == sorted([apart, lives])  # it said so itself
