"""Certificates that something is wrong with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from smtps.sandbox.persona import NAMES, Persona
from smtps.sandbox.pki import Authority, Identity, Kind, self_signed

ELSEWHERE = ("mail.elsewhere.example", "192.0.2.1")


def _in_days(days: int) -> datetime:
    # Half a day more, so that it does not matter how long the server has been running.
    return datetime.now(UTC) + timedelta(days=days, hours=12)


def _expired(authority: Authority) -> Identity:
    return authority.issue(NAMES, Kind(not_before=_in_days(-100), not_after=_in_days(-11)))


def _chained(authority: Authority) -> Identity:
    return authority.intermediate().issue(NAMES)


def _three_faults(authority: Authority) -> Identity:
    kind = Kind(not_before=_in_days(-100), not_after=_in_days(-11))
    return authority.intermediate().issue(ELSEWHERE, kind).alone()


def _expired_intermediate(authority: Authority) -> Identity:
    kind = Kind(not_before=_in_days(-400), not_after=_in_days(-11))
    return authority.intermediate(kind).issue(NAMES)


def _foreign_intermediate(authority: Authority) -> Identity:
    other = authority.intermediate(name="smtps sandbox intermediate CA of last year")
    return _chained(authority).sending(other.certificate)


def _missing_link(authority: Authority) -> Identity:
    upper = authority.intermediate(name="smtps sandbox intermediate CA 1")
    lower = upper.intermediate(name="smtps sandbox intermediate CA 2")
    return lower.issue(NAMES).sending(lower.certificate)


def _rekeyed_authority(authority: Authority) -> Identity:
    kind = Kind(key_identifier=False)
    return authority.intermediate().issue(NAMES, kind).sending(authority.intermediate().certificate)


def _path_length(authority: Authority) -> Identity:
    upper = authority.intermediate(Kind(path_length=0), name="smtps sandbox last intermediate CA")
    return upper.intermediate().issue(NAMES)


def _self_signed_in_company(authority: Authority) -> Identity:
    return self_signed(NAMES).sending(authority.intermediate().certificate)


def _out_of_order(authority: Authority) -> Identity:
    upper = authority.intermediate(name="smtps sandbox intermediate CA 1")
    lower = upper.intermediate(name="smtps sandbox intermediate CA 2")
    return lower.issue(NAMES).sending(upper.certificate, lower.certificate)


def _chain_and_more(authority: Authority) -> Identity:
    chained, other = _chained(authority), Authority("Example Company CA")
    return chained.sending(*chained.chain, other.certificate)


PERSONAS: tuple[Persona, ...] = (
    Persona(
        name="chain", summary="its certificate comes with an intermediate", certify=_chained),
    Persona(
        name="expired",
        summary="its certificate expired ten days ago",
        findings=("tls.certificate_expired",),
        certify=_expired),
    Persona(
        name="expires-soon",
        summary="its certificate expires in five days",
        findings=("tls.certificate_expires_soon",),
        certify=lambda a: a.issue(NAMES, Kind(not_before=_in_days(-85), not_after=_in_days(5)))),
    Persona(
        name="not-yet-valid",
        summary="its certificate becomes valid in five days",
        findings=("tls.certificate_not_yet_valid",),
        certify=lambda a: a.issue(NAMES, Kind(not_before=_in_days(5)))),
    Persona(
        name="self-signed",
        summary="its certificate is self-signed",
        findings=("tls.certificate_self_signed",),
        certify=lambda _: self_signed(NAMES)),
    Persona(
        name="wrong-host",
        summary="its certificate is for another host",
        findings=("tls.certificate_wrong_host",),
        certify=lambda a: a.issue(ELSEWHERE)),
    Persona(
        name="names-only",
        summary="its certificate is for names, but the client connects by address",
        findings=("tls.certificate_no_address",),
        certify=lambda a: a.issue(["localhost", "mail.example.test"])),
    Persona(
        name="untrusted-root",
        summary="its certificate comes from an unknown authority",
        findings=("tls.certificate_untrusted_root",),
        certify=lambda _: Authority("Example Company CA").issue(NAMES).with_root()),
    Persona(
        name="intercepted",
        summary="an antivirus program in between presents its own certificate",
        findings=("tls.intercepted",),
        certify=lambda _: Authority("Avast Web/Mail Shield Root").issue(NAMES).with_root()),
    Persona(
        name="missing-intermediate",
        summary="the intermediate between its certificate and the authority is not sent",
        findings=("tls.certificate_incomplete_chain",),
        certify=lambda a: _chained(a).alone()),
    Persona(
        name="expired-intermediate",
        summary="the intermediate between its certificate and the authority expired ten days ago",
        findings=("tls.certificate_expired",),
        certify=_expired_intermediate),
    Persona(
        name="foreign-intermediate",
        summary="the intermediate that it sends is not the one that issued its certificate",
        findings=("tls.certificate_incomplete_chain",),
        certify=_foreign_intermediate),
    Persona(
        name="missing-link",
        summary="it sends only one of the two intermediates between its certificate and the "
            "authority",
        findings=("tls.certificate_incomplete_chain",),
        certify=_missing_link),
    Persona(
        name="rekeyed-authority",
        summary="the intermediate that it sends has the right name but a different key",
        findings=("tls.certificate_bad_signature",),
        certify=_rekeyed_authority),
    Persona(
        name="name-constraints",
        summary="its issuer may issue certificates only for another domain",
        findings=("tls.certificate_constrained",),
        host="localhost",
        certify=lambda a: a.intermediate(Kind(permitted=("example.test",))).issue(["localhost"])),
    Persona(
        name="path-length",
        summary="one of its issuers may have no other authority below it, but has one",
        findings=("tls.certificate_constrained",),
        certify=_path_length),
    Persona(
        name="self-signed-in-company",
        summary="its certificate is self-signed, and an intermediate is sent after it",
        findings=("tls.certificate_self_signed",),
        certify=_self_signed_in_company),
    Persona(
        name="chain-out-of-order",
        summary="the intermediates of its chain are sent in the wrong order",
        findings=("tls.certificate_chain_order",),
        certify=_out_of_order),
    Persona(
        name="chain-and-more",
        summary="it sends a certificate that is not part of its chain",
        findings=("tls.certificate_chain_foreign",),
        certify=_chain_and_more),
    Persona(
        name="version-7",
        summary="its certificate claims to be X.509 version 7",
        findings=("tls.certificate_malformed",),
        certify=lambda a: a.issue(NAMES, Kind(version=7))),
    Persona(
        name="short-lived",
        summary="its certificate is valid for six days, four of them left",
        certify=lambda a: a.issue(NAMES, Kind(not_before=_in_days(-2), not_after=_in_days(4)))),
    Persona(
        name="three-faults",
        summary="its certificate has expired and is for another host, and its intermediate is not "
            "sent",
        findings=(
            "tls.certificate_expired",
            "tls.certificate_wrong_host",
            "tls.certificate_incomplete_chain",
        ),
        certify=_three_faults),
    Persona(
        name="weak-key",
        summary="the key of its certificate is too short",
        findings=("tls.certificate_weak",),
        certify=lambda a: a.issue(NAMES, Kind(rsa_bits=1024))),
    Persona(
        name="sha1",
        summary="its certificate is signed with SHA-1",
        findings=("tls.certificate_weak",),
        certify=lambda a: a.intermediate(Kind(rsa_bits=2048)).issue(NAMES, Kind(sha1=True))),
    Persona(
        name="client-only",
        summary="its certificate is meant for clients",
        findings=("tls.certificate_wrong_purpose",),
        certify=lambda a: a.issue(NAMES, Kind(for_clients=True))),
    Persona(
        name="false-issuer",
        summary="its certificate was issued by one that may not issue certificates",
        findings=("tls.certificate_wrong_purpose",),
        certify=lambda a: a.issue(["www.example.test"]).as_issuer().issue(NAMES)),
    Persona(
        name="not-strict",
        summary="its certificate lacks the authority key identifier",
        findings=("tls.certificate_not_strict",),
        certify=lambda a: a.issue(NAMES, Kind(key_identifier=False))),
    Persona(
        name="common-name-only",
        summary="its certificate has its name only in the subject",
        findings=("tls.certificate_common_name_only",),
        host="localhost",
        certify=lambda a: a.issue(["localhost"], Kind(alternative_names=False))),
)  # fmt: skip
