"""Certificates for the servers of these tests."""

from __future__ import annotations

import pytest
from tests.net.pki import PKI


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> PKI:
    """All certificates."""
    return PKI(tmp_path_factory.mktemp("pki"))
