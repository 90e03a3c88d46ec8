"""Keeps an eye on the access token of a check: who gave it, and how long that took."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from smtps.checks.token_facts import TokenFacts, describe
from smtps.credentials import TokenSource
from smtps.endpoint import Endpoint
from smtps.errors import Phase
from smtps.net.timing import timed
from smtps.oauth.provenance import Described, Origin, Provenance
from smtps.oauth.tokens import Secretive


class TokenWatch(Secretive):
    """Stands between the logins of a check and the source of their tokens.

    Args:
        endpoint: with an access token, or a source of them.
        origin: where a token that stands in the endpoint came from.

    Attributes:
        endpoint: to log in with.
    """

    def __init__(self, endpoint: Endpoint, origin: Origin = "given") -> None:
        self._host, self._username = endpoint.host, endpoint.username
        self._origin = origin
        self._source: TokenSource | None = endpoint.token_source
        self._token = endpoint.access_token
        self._timings: dict[str, float] = {}
        watched = self._source is not None
        self.endpoint = replace(endpoint, token_source=self) if watched else endpoint

    async def token(self, refused: str | None = None) -> str:
        """See ``credentials.TokenSource``."""
        assert self._source is not None
        with timed(self._timings, Phase.TOKEN):
            self._token = await self._source.token(refused)
        return self._token

    async def facts(self) -> TokenFacts | None:
        """What is known of the last token; None if no login has come so far as to ask for one."""
        spent = self._timings.get(Phase.TOKEN)
        if self._source is not None and spent is None:
            return None
        return describe(
            self._token, await self._provenance(), host=self._host, username=self._username,
            milliseconds=spent,
        )  # fmt: skip

    async def _provenance(self) -> Provenance:
        if self._source is None:
            return Provenance(origin=self._origin)
        if not hasattr(self._source, "provenance"):
            return Provenance(origin="source")
        return await cast(Described, self._source).provenance(self._token)
