"""Certificates: the chain to a root, the trust store, and the clock."""

from __future__ import annotations

from functools import partial

from tests.field.authority import MAIL_PROTECTION, Identity, Wish, certify, write
from tests.field.lab import HOST, Lab
from tests.field.network import MAIL
from tests.field.servers import IMPLICIT, members, s_server, tls_front
from tests.field.situation import HEALTHY, Situation

from .certificates import NO_TRICKS

_case = partial(Situation, group="certificates", never=NO_TRICKS)
FAR_AHEAD, YEAR_BEHIND, MONTHS_AHEAD = "+3650d", "-400d", "+200d"


def _leaf(lab: Lab, issuer: Identity | None = None) -> Identity:
    return certify(Wish(subject=HOST, names=(HOST,)), issuer or lab.trust.issuer)


def _only_itself(lab: Lab) -> None:
    members(lab, write(lab.directory, _leaf(lab)), {465: IMPLICIT})


def _one_of_two(lab: Lab, *, upper: bool) -> None:
    """Of two intermediates one is sent: the upper or the lower."""
    sent = lab.trust.policy if upper else lab.trust.deep
    tls_front(lab, write(lab.directory, _leaf(lab, lab.trust.deep), sent))


def _foreign(lab: Lab) -> None:
    tls_front(lab, write(lab.directory, _leaf(lab), lab.trust.deep))


def _swapped(lab: Lab) -> None:
    leaf = _leaf(lab, lab.trust.deep)
    tls_front(lab, write(lab.directory, leaf, lab.trust.policy, lab.trust.deep))


def _deep(lab: Lab) -> None:
    leaf = _leaf(lab, lab.trust.deep)
    tls_front(lab, write(lab.directory, leaf, lab.trust.deep, lab.trust.policy))


def _with_root(lab: Lab) -> None:
    tls_front(lab, write(lab.directory, _leaf(lab), lab.trust.issuer, lab.trust.root))


def _issuer(lab: Lab, issuer: Wish, leaf: Wish | None = None) -> None:
    """An intermediate of another kind under the trusted root."""
    middle = certify(issuer, lab.trust.root)
    own = certify(leaf or Wish(subject=HOST, names=(HOST,)), middle)
    tls_front(lab, write(lab.directory, own, middle))


def _too_long(lab: Lab) -> None:
    """An intermediate that may issue no further authority, and did."""
    below = certify(Wish(subject="Example Department CA", authority=True), lab.trust.issuer)
    tls_front(lab, write(lab.directory, _leaf(lab, below), below, lab.trust.issuer))


def _private_root(lab: Lab, *, sent: bool) -> None:
    root = certify(Wish(subject="Acme Internal Root", company="Acme", authority=True, ends=3000))
    middle = certify(Wish(subject="Acme Mail CA", company="Acme", authority=True), root)
    behind = (middle, root) if sent else (middle,)
    tls_front(lab, write(lab.directory, _leaf(lab, middle), *behind))


def _no_store(lab: Lab) -> None:
    lab.trusted = []
    tls_front(lab, lab.certificate())


def _old_store(lab: Lab) -> None:
    """The client's only root ended last month, as in 2021; the server sends what it must."""
    old = certify(Wish(subject="Example Root X3", company="Example Trust Services",
                       authority=True, begins=-7000, ends=-30))  # fmt: skip
    middle = certify(Wish(subject="Example TLS CA 3", authority=True), old)
    lab.trusted = [old]
    tls_front(lab, write(lab.directory, _leaf(lab, middle), middle))


def _healthy(lab: Lab) -> None:
    tls_front(lab, lab.certificate())


def _client_only_issuer(lab: Lab) -> None:
    not_ca = certify(
        Wish(subject="shop.example.com", names=("shop.example.com",)), lab.trust.issuer
    )
    leaf = _leaf(lab, not_ca)
    s_server(lab, write(lab.directory, leaf, not_ca, lab.trust.issuer))


SITUATIONS = (
    _case(
        name="intermediate-missing",
        what="Postfix that sends its own certificate only",
        expert="the intermediate is missing: install the full chain",
        build=_only_itself,
        causes=("tls.certificate_incomplete_chain",), told="Example TLS CA 1",
        fix=("chain|intermediate",),
    ),
    _case(
        name="upper-intermediate-missing",
        what="stunnel with the lower of two intermediates only",
        expert="one intermediate is missing: the one that issued the last one sent",
        build=partial(_one_of_two, upper=False),
        causes=("tls.certificate_incomplete_chain",), told="Example Policy CA",
        fix=("chain|intermediate",),
    ),
    _case(
        name="lower-intermediate-missing",
        what="stunnel with the upper of two intermediates only",
        expert="the intermediate that issued the server's certificate is missing",
        build=partial(_one_of_two, upper=True),
        causes=("tls.certificate_incomplete_chain",), told="Example TLS CA 2",
        also=("tls.chain_unrelated",), fix=("chain|intermediate",),
    ),
    _case(
        name="foreign-intermediate",
        what="the intermediate of last year's authority behind this year's certificate",
        expert="the intermediate belongs to another certificate; the right one is missing",
        build=_foreign,
        causes=("tls.certificate_incomplete_chain", "tls.certificate_chain_foreign"),
        told="Example TLS CA 1", fix=("chain|intermediate",),
    ),
    _case(
        name="chain-in-wrong-order",
        what="both intermediates, in the wrong order",
        expert="it works with most clients; the order should be that of issue",
        build=_swapped, verdicts=("works", "warnings"), told="order",
        causes=("tls.certificate_chain_order", "tls.chain_order", "tls.chain_out_of_order"),
        fix=("order",),
    ),
    _case(
        name="two-intermediates",
        what="a chain of two intermediates, complete",
        expert="nothing is wrong",
        build=_deep, verdicts=HEALTHY,
    ),
    _case(
        name="root-sent-along",
        what="a chain with the root at its end",
        expert="nothing is wrong; the root need not be sent",
        build=_with_root, verdicts=HEALTHY,
    ),
    _case(
        name="intermediate-expired",
        what="an expired intermediate under a good certificate",
        expert="the intermediate has expired: install the authority's present one",
        build=partial(_issuer, issuer=Wish(subject="Example TLS CA 0", authority=True,
                                           begins=-800, ends=-3)),
        causes=("tls.certificate_expired", "tls.issuer_expired",
                "tls.certificate_issuer_expired"),
        told="Example TLS CA 0", fix=("chain|intermediate|issuer|authority",),
    ),
    _case(
        name="intermediate-not-yet-valid",
        what="an intermediate that begins next week",
        expert="the intermediate is not valid yet",
        build=partial(_issuer, issuer=Wish(subject="Example TLS CA 9", authority=True, begins=7,
                                           ends=800)),
        causes=("tls.certificate_not_yet_valid",), told="Example TLS CA 9",
    ),
    _case(
        name="name-constraint",
        what="an intermediate that may certify example.org only",
        expert="the authority may not certify this name: name constraints",
        build=partial(_issuer, issuer=Wish(subject="Example.org CA", authority=True,
                                           permitted=("example.org",))),
        causes=("tls.certificate_constrained", "tls.certificate_name_constraint",
                "tls.certificate_invalid", "tls.certificate_not_permitted"),
        told="constrain|may (only |not )?(certify|issue)|not allowed",
        fix=("issue|authority|CA|certificate",),
    ),
    _case(
        name="name-constraint-excluded",
        what="an intermediate that may certify anything but example.com",
        expert="the authority may not certify this name: name constraints",
        build=partial(_issuer, issuer=Wish(subject="Partner CA", authority=True,
                                           excluded=("example.com",))),
        causes=("tls.certificate_constrained", "tls.certificate_name_constraint",
                "tls.certificate_invalid", "tls.certificate_not_permitted"),
        told="constrain|may (only |not )?(certify|issue)|not allowed",
    ),
    _case(
        name="path-too-long",
        what="a department's authority below one that may have none below it",
        expert="the chain is longer than its authority allows (path length)",
        build=_too_long,
        causes=("tls.certificate_constrained", "tls.certificate_path_length",
                "tls.certificate_invalid", "tls.certificate_wrong_purpose",
                "tls.certificate_not_permitted"),
        told="too long|longer|no further|below|may not",
    ),
    _case(
        name="issuer-is-no-authority",
        what="a certificate issued by a web server's certificate",
        expert="the issuer is no authority",
        build=_client_only_issuer,
        causes=("tls.certificate_wrong_purpose", "tls.certificate_invalid"),
        told="authority|CA\\b|issuer", also=("smtp.greeting_timeout",),
    ),
    *(
        _case(
            name=f"issuer-{name}", what=f"an issuer {what}", expert="that issuer cannot issue for "
            "servers, whatever the server does: another issuer",
            build=partial(_issuer, issuer=Wish(subject="Example Other CA", authority=True, **wish)),
            causes=(code,), told=told, fix=("another issuer",), also=("smtp.greeting_timeout",),
            never=(*NO_TRICKS, "^reissue it"),
        )
        for name, what, wish, code, told in (
            ("for-mail", "for S/MIME only", {"issues_for": (MAIL_PROTECTION,)},
             "tls.certificate_wrong_purpose", "Example Other CA.*S/MIME"),
            ("without-cert-sign", "whose key usage lacks keyCertSign", {"signs": False},
             "tls.certificate_wrong_purpose", "Example Other CA.*keyCertSign"),
            ("with-odd-extension", "with a critical extension that nobody knows", {"odd": True},
             "tls.certificate_critical_extension", r"Example Other CA.*1\.3\.6"),
        )
    ),
    _case(
        name="odd-extension", what="a certificate with a critical extension that nobody knows",
        expert="clients have to refuse it: another certificate",
        build=lambda lab: tls_front(lab, lab.certificate(odd=True)),
        causes=("tls.certificate_critical_extension",), told=r"1\.3\.6", fix=("certificate",),
    ),
    _case(
        name="private-root-sent",
        what="a company's own authority, sent with its root",
        expert="the root is the company's own: get it from the company and trust it",
        build=partial(_private_root, sent=True),
        causes=("tls.certificate_untrusted_root",), told="Acme Internal Root",
        fix=("ca-file|trust",),
    ),
    _case(
        name="private-root-not-sent",
        what="a company's own authority, whose root is not sent",
        expert="the authority is not known here: the company's own, or a missing link",
        build=partial(_private_root, sent=False),
        causes=("tls.certificate_untrusted_root", "tls.certificate_incomplete_chain",
                "tls.certificate_unknown_issuer"),
        told="Acme",
    ),
    _case(
        name="no-trust-store",
        what="a client without any trusted authority, as in a minimal container",
        expert="this machine trusts nobody: install the authorities' certificates",
        build=_no_store, verdicts=("fails", "unknown"),
        causes=("tls.no_trust_store",), fix=("ca-certificates|trust store|certifi",),
    ),
    _case(
        name="root-expired-in-store",
        what="a client whose root certificate ended last month",
        expert="the root in this machine's store has expired: update the trust store",
        build=_old_store, verdicts=("fails", "unknown"),
        causes=("tls.certificate_expired", "tls.no_trust_store",
                "tls.certificate_root_expired"),
        told="Example Root X3|root", fix=("store|ca-certificates|update",),
    ),
    _case(
        name="clock-ten-years-ahead",
        what="a client whose clock is ten years ahead; everything else is well",
        expert="this machine's clock is wrong",
        build=_healthy, runs=("faketime", "-f", FAR_AHEAD), verdicts=("fails", "unknown"),
        causes=("clock.suspected", "clock.wrong_here", "tls.local_clock", "tls.clock",
        "tls.certificate_expired"),
        told="clock", fix=("clock",), never=(r"^renew", *NO_TRICKS),
    ),
    _case(
        name="clock-a-year-behind",
        what="a client whose clock stands at last year, such as a device without a battery",
        expert="this machine's clock is wrong",
        build=_healthy, runs=("faketime", "-f", YEAR_BEHIND), verdicts=("fails", "unknown"),
        causes=("clock.suspected", "clock.wrong_here", "tls.local_clock", "tls.clock",
        "tls.certificate_not_yet_valid"),
        told="clock", fix=("clock",),
    ),
    _case(
        name="asked-by-address-private-root",
        what="a private authority's certificate with the address in it",
        expert="the name is right; the authority is not known here",
        build=lambda lab: tls_front(lab, write(lab.directory, certify(
            Wish(subject=MAIL, names=(MAIL,)), certify(Wish(subject="Lab CA", authority=True))))),
        target=MAIL,
        causes=("tls.certificate_untrusted_root", "tls.certificate_incomplete_chain",
                "tls.certificate_unknown_issuer"),
        told="Lab CA",
    ),
)  # fmt: skip
