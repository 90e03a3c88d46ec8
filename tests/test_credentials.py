"""What is shown of a secret is nothing."""

from __future__ import annotations

import pytest

from smtps.core.command import auth
from smtps.credentials import unseen, without_password


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("/var/lib/smtps/mail.db", "/var/lib/smtps/mail.db"),
        ("/srv/a@b/mail.db", "/srv/a@b/mail.db"),
        ("postgresql://u:secret@db.test:5432/mail", "postgresql://u@db.test:5432/mail"),
        ("postgresql://u:se@cret@db.test/mail", "postgresql://u@db.test/mail"),
        ("postgresql://u@db.test/mail", "postgresql://u@db.test/mail"),
        ("postgresql://db.test/mail", "postgresql://db.test/mail"),
        (
            "postgresql://db.test/mail?user=u&password=secret&sslmode=require",
            "postgresql://db.test/mail?user=u&sslmode=require",
        ),
        ("postgresql:///mail?host=/run/postgresql", "postgresql:///mail?host=/run/postgresql"),
    ],
)
def test_a_place_without_its_password(place: str, shown: str) -> None:
    assert without_password(place) == shown


def test_a_command_that_logs_in_does_not_show_what_with() -> None:
    assert "AGFubgBzZWNyZXQ" not in repr(auth("PLAIN", b"\0ann\0secret"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("abcd efgh", ()),
        ("müller", ()),
        ("日本", ()),
        ("", ()),
        ("ab\u00a0cd\u00a0ef", ("no-break space (U+00A0)",)),
        ("a\u200bb\u3000", ("zero width space (U+200B)", "ideographic space (U+3000)")),
        ("a\tb", ("control character (U+0009)",)),
        (" ab", ("space at its beginning or end",)),
        ("ab\u2028 ", ("line separator (U+2028)", "space at its beginning or end")),
    ],
)
def test_what_nobody_sees_has_a_name(text: str, names: tuple[str, ...]) -> None:
    assert unseen(text) == names
