"""Files, folders and the port: whether they are there, and may be used."""

from __future__ import annotations

import errno
import getpass
import os
import tempfile
from pathlib import Path

from smtps.api.examining.findings import Findings
from smtps.api.server import take_port
from smtps.api.settings import Settings
from smtps.errors import InputError


def whose_rights(findings: Findings) -> None:
    """Say as whom files were tried."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.geteuid())
    findings.notes.append(f"files were tried as user {name}: the service should run as the same")


def port(findings: Findings, settings: Settings) -> None:
    """Take the port for a moment, without listening."""
    shown = f"{settings.host} port {settings.port}"
    try:
        take_port(settings).close()
    except InputError as error:
        number = getattr(error.__cause__, "errno", None)
        if number == errno.EADDRINUSE:
            findings.notes.append(
                f"{shown} is in use just now; if that is not this service, it would not start"
            )
            return
        findings.add("port" if number == errno.EACCES else "host", error.problem)
    else:
        free = "a free port would be taken" if settings.port == 0 else f"{shown} is free"
        findings.tried.append(free)


def uploads(findings: Findings, settings: Settings) -> None:
    """The folder for the files of forms."""
    folder = Path(settings.upload_dir or tempfile.gettempdir())
    if (problem := unusable_folder(folder)) is not None:
        findings.add("upload_dir", f"{folder} {problem}")
    else:
        findings.tried.append(f"{folder} takes the files of forms")


def unusable_folder(folder: Path) -> str | None:
    """Why nothing can be written into a folder, or None."""
    if not folder.exists():
        return "does not exist; create it"
    if not folder.is_dir():
        return "is not a folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "cannot be written to; give the service's user the right to"
    return None
