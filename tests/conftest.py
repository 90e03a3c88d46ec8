"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import settings
from tests import releases, watchdog
from tests.net.pki import PKI

import smtps
from smtps.sandbox.persona import Persona
from smtps.sandbox.server import Sandbox

# What decides whether a change is good must not depend on luck; ``scripts/test
# --hypothesis-profile=explore`` tries other examples each time.
settings.register_profile("explore", deadline=None)
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

watchdog.start()

LONG = (
    "tests/outbox/test_crash.py",
    "tests/web/",
    "tests/attacks/",
    "tests/fuzz/test_targets.py",
    "tests/checks/test_same_judgement.py",
    "tests/dialogues/",
    "tests/peers/",
)
"""What takes longest begins first, so that no process is left with it while the others are done;
``--no-loadscope-reorder`` keeps this order."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    releases.leave_out(config, items)

    def place(item: pytest.Item) -> int:
        return next((n for n, path in enumerate(LONG) if item.nodeid.startswith(path)), len(LONG))

    items.sort(key=place)


StartSandbox = Callable[..., Sandbox]


@pytest.fixture
def start_sandbox() -> Iterator[StartSandbox]:
    """Starts sandboxes, each in a thread of its own, and stops them."""
    with ExitStack() as stack:

        def start(persona: str | Persona = "healthy", **options: Any) -> Sandbox:
            return stack.enter_context(smtps.sync.sandbox(persona, **options))

        yield start


@pytest.fixture
def sandbox(start_sandbox: StartSandbox) -> Sandbox:
    """A healthy one."""
    return start_sandbox()


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> PKI:
    """All certificates, for servers that tests make by hand."""
    return PKI(tmp_path_factory.mktemp("pki"))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in releases.left_out(config):
        terminalreporter.write_line(line)
