"""The field ``host`` of a request: a port or a URL in it goes into the fields for that."""

from __future__ import annotations

from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from smtps.errors import InputError
from smtps.target import read_target


def with_host_alone(data: dict[str, Any], host: str) -> dict[str, Any]:
    """The fields of a request, with host and port apart.

    Args:
        data: what was given.
        host: the host in it, such as ``smtp.example.com:587`` or ``smtps://ann@smtp.example.com``.

    Raises:
        ValidationError: it is none, or another field contradicts it.
    """
    try:
        found = read_target(host, addresses=True, field="host")
    except InputError as error:
        _refuse("host", error.problem, host)
    apart = {**data, "host": found.host}
    for field, value in (("port", found.port or None), ("security", found.security)):
        if value is None:
            continue
        if str(given := data.get(field) or value) != str(value):
            _refuse(field, f"is {given}, but the host has {value}", given)
        apart[field] = value
    if found.username is not None and "username" not in data and data.keys() & _SECRETS:
        apart["username"] = found.username
    return apart


_SECRETS = {"password", "access_token"}


def _refuse(field: str, problem: str, given: Any) -> NoReturn:
    error = PydanticCustomError("host_and_port", "{problem}", {"problem": problem})
    found = InitErrorDetails(type=error, loc=(field,), input=given)
    raise ValidationError.from_exception_data("request", [found])
