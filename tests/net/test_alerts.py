"""An alert means what had arrived before it leaves possible, and no more."""

from __future__ import annotations

import re

import pytest

from smtps.advice import ADVICE
from smtps.errors import Phase
from smtps.net.server_hello import ALERTS, ROWS, Flight, Scene, alert_number, meaning

NOTHING = Scene()
ASKED = Scene(flight=Flight("TLSv1.2", 0xC02F, "X25519", messages=(2, 11, 12, 13, 14)))
NOT_ASKED = Scene(flight=Flight("TLSv1.2", 0xC02F, "X25519", messages=(2, 11, 12, 14)))
NEW = Scene(flight=Flight("TLSv1.3", 0x1301, "X25519", messages=(2,)))
RETRY = Scene(flight=Flight("TLSv1.3", 0x1301, "P-384", retry=True, messages=(2,)))
LATER = Scene(Phase.GREETING, NEW.flight)
MUCH_LATER = Scene(Phase.MAIL, NEW.flight)


def with_certificate(scene: Scene) -> Scene:
    return Scene(scene.phase, scene.flight, certificate=True)


REQUIRED, REFUSED = "tls.client_certificate_required", "tls.client_certificate_refused"
OPEN = "tls.handshake_refused"


@pytest.mark.parametrize(
    ("number", "scene", "code"),
    [
        (116, LATER, REQUIRED),
        (116, NEW, REQUIRED),
        (40, ASKED, REQUIRED),  # OpenSSL, with TLS 1.2
        (42, ASKED, REQUIRED),  # GnuTLS, Java
        (46, ASKED, REQUIRED),
        (49, ASKED, REQUIRED),
        (50, ASKED, REQUIRED),  # GnuTLS 3.7
        (42, LATER, REQUIRED),
        (42, NEW, REQUIRED),
        (40, with_certificate(ASKED), REFUSED),
        *((n, with_certificate(ASKED), REFUSED) for n in (42, 43, 44, 45, 46, 48, 49, 51)),
        *((n, with_certificate(LATER), REFUSED) for n in (42, 43, 44, 45, 46, 48, 49, 51)),
        *((n, NOT_ASKED, OPEN) for n in (40, 42, 43, 44, 45, 46, 48, 49, 51)),
        *((n, with_certificate(NOT_ASKED), OPEN) for n in (40, 42, 46, 48, 49, 51)),
        *((n, NOTHING, OPEN) for n in (10, 20, 40, 42, 46, 47, 48, 50, 86, 90, 109, 110, 113, 115)),
        (40, RETRY, OPEN),
        (40, NEW, OPEN),
        (40, LATER, OPEN),
        (49, LATER, OPEN),
        (70, NOTHING, "tls.protocol_version"),
        (71, NOTHING, "tls.no_common_cipher"),
        (80, NOTHING, "tls.server_error"),
        (112, NOTHING, "tls.unrecognized_name"),
        (120, NOTHING, OPEN),
        (80, MUCH_LATER, "tls.server_error"),
        (20, MUCH_LATER, "tls.broken"),
        (40, MUCH_LATER, "tls.broken"),
        (200, NOTHING, OPEN),
    ],
)  # fmt: skip
def test_what_it_means(number: int, scene: Scene, code: str) -> None:
    found, sentence = meaning(number, scene)
    assert found == code
    assert f"alert {number})" in sentence
    assert "None" not in sentence


def test_no_alert_that_came_alone_is_told_one_cause() -> None:
    for number in (40, 42, 46, 48, 49):
        code, _ = meaning(number, NOTHING)
        assert code == OPEN


@pytest.mark.parametrize("number", [*ALERTS, 99, 255])
def test_every_alert_has_code_advice_and_sentence_everywhere(number: int) -> None:
    for scene in (NOTHING, ASKED, NOT_ASKED, NEW, RETRY, LATER, MUCH_LATER):
        for each in (scene, with_certificate(scene)):
            code, sentence = meaning(number, each)
            assert code in ADVICE
            assert re.fullmatch(r"[A-Z].{20,}[.]", sentence)
            assert "{" not in sentence


def test_every_row_is_reached() -> None:
    scenes = (NOTHING, ASKED, NOT_ASKED, NEW, RETRY, LATER, MUCH_LATER)
    reached = {
        next(i for i, row in enumerate(ROWS) if (not row.alerts or n in row.alerts) and row.when(s))
        for n in (*ALERTS, 99)
        for scene in scenes
        for s in (scene, with_certificate(scene), Scene(flight=Flight(messages=(22,))))
    }
    assert reached == set(range(len(ROWS)))


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", 40),
        ("SSL/TLS_ALERT_HANDSHAKE_FAILURE", 40),
        ("TLSV1_ALERT_UNKNOWN_CA", 48),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", 116),
        ("TLSV13_ALERT_MISSING_EXTENSION", 109),
        ("TLSV1_UNRECOGNIZED_NAME", 112),
        ("TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE", 113),
        ("TLSV1_UNSUPPORTED_EXTENSION", 110),
        ("[SSL] tlsv1 alert no application protocol (_ssl.c:1006)", 120),  # without a reason name
        ("[SSL] ssl/tls alert certificate unknown (_ssl.c:1006)", 46),
        ("INTERNAL_ERROR", None),  # this side's own
        ("NO_CERTIFICATE_ASSIGNED", None),
        ("WRONG_VERSION_NUMBER", None),
        ("CERTIFICATE_VERIFY_FAILED", None),
        ("", None),
    ],
)
def test_which_alert_openssl_speaks_of(words: str, number: int | None) -> None:
    assert alert_number(words) == number
