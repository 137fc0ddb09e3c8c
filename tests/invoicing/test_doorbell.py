"""A ring wakes the worker soon after the commit, and never holds up whoever rings."""

import os
import queue
import threading

import pytest
from django.test import TestCase

from invoicing import doorbell
from invoicing.doorbell import Bell, ring
from invoicing.models import Merchant
from tests.factories import given_a_draft

PATIENCE_SECONDS = 10


class Broker:
    """Takes rings, one at a time, and keeps each until it is let go."""

    def __init__(self) -> None:
        self.heard: queue.Queue[str] = queue.Queue()
        self.open = threading.Semaphore(0)

    def __call__(self, task: str) -> None:
        self.heard.put(task)
        self.open.acquire(timeout=PATIENCE_SECONDS)

    def next(self) -> str:
        return self.heard.get(timeout=PATIENCE_SECONDS)


def test_the_worker_is_rung_only_after_the_commit(
    test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(doorbell, "_ask", asked.append)
    with TestCase.captureOnCommitCallbacks() as waiting:
        given_a_draft(test_merchant)
        assert asked == []
    for callback in waiting:
        callback()
    assert asked == ["invoicing.tasks.fan_out_events"]


def test_a_broker_that_is_silent_holds_up_nobody_and_hears_each_task_once_more() -> None:
    broker = Broker()
    bell = Bell(broker)
    bell.ask("events")
    assert broker.next() == "events"  # and from now on it says nothing
    for _ in range(100):
        bell.ask("events")
        bell.ask("mails")
    broker.open.release(3)
    assert {broker.next(), broker.next()} == {"events", "mails"}
    bell.ask("last")
    assert broker.next() == "last"
    assert broker.heard.empty()
    broker.open.release()


def test_a_broker_that_was_down_costs_a_ring_and_nothing_else(
    test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: queue.Queue[str] = queue.Queue()

    def refuse_the_first(_: object, task: str, **__: object) -> None:
        tried.put(task)
        if task == "first":
            raise ConnectionError("no broker")

    monkeypatch.setattr("celery.app.base.Celery.send_task", refuse_the_first)
    for task in ("first", "second"):
        with TestCase.captureOnCommitCallbacks(execute=True):
            ring(task)
        assert tried.get(timeout=PATIENCE_SECONDS) == task
    assert "doorbell not heard" in caplog.text


def test_a_forked_process_rings_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(doorbell, "_send", lambda task: os.write(writing, task.encode()))
    monkeypatch.setattr(doorbell, "_bell", Bell(lambda task: None))
    doorbell._ask("started before the fork")
    child = os.fork()
    if child == 0:
        doorbell._ask("child")
        threading.Event().wait(PATIENCE_SECONDS)
        os._exit(1)
    os.close(writing)
    try:
        assert os.read(reading, 100) == b"child"
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(reading)
