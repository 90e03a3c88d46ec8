"""``python -m smtps``."""

from smtps.cli.process import run

run()
