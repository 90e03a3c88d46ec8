"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

import smtps
from smtps.sandbox.server import Sandbox

StartSandbox = Callable[..., Sandbox]


@pytest.fixture
def start_sandbox() -> Iterator[StartSandbox]:
    """Starts sandboxes, each in a thread of its own, and stops them."""
    with ExitStack() as stack:

        def start(persona: str = "healthy") -> Sandbox:
            return stack.enter_context(smtps.sync.sandbox(persona))

        yield start


@pytest.fixture
def sandbox(start_sandbox: StartSandbox) -> Sandbox:
    """A healthy one."""
    return start_sandbox()
