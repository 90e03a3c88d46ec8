"""Moments for tests whose clock is the real one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NEXT_MONTH = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
