"""A pytest plugin: where BILLHOOK_NOTHING_SKIPPED=1, a skipped test fails the run."""

import os
from typing import Any

import pytest

_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what was skipped; a known failure (xfail) counts too."""
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember modules that skipped themselves while being imported."""
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run for skipped tests where BILLHOOK_NOTHING_SKIPPED asks for it."""
    if os.environ.get("BILLHOOK_NOTHING_SKIPPED") == "1" and _skipped:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say why the run failed although no test did."""
    if os.environ.get("BILLHOOK_NOTHING_SKIPPED") == "1" and _skipped:
        terminalreporter.section("skipped tests fail this run")
        for name in _skipped:
            terminalreporter.line(name)
