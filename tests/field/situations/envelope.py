"""Sender and recipient, asked about without a message."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.field.lab import HOST, Lab
from tests.field.network import MAIL
from tests.field.servers import (
    IMPLICIT,
    LOGIN,
    MX,
    USER,
    beforehand,
    dovecot,
    members,
    nginx,
    postfix,
    sink,
)
from tests.field.situation import HEALTHY, Situation

_case = partial(Situation, group="envelope")
ANN, BOB, STRANGER = USER, "bob@example.com", "someone@example.org"
_mx = partial(_case, target=f"{HOST}:25")
QUIET = ("auth.not_offered", "smtp.ehlo_name_replaced", "smtp.ehlo_name_refused")
OPERATOR = (
    "smtp.server_error","send.server_trouble", "send.server_misconfigured", "send.operator_trouble",
            "send.temporary_failure", "send.try_later", "send.failed", "send.server_failed",
            "send.not_now", "send.later", "send.server_error")  # fmt: skip


AT_LOGIN = (
    "smtp.server_error", "smtp.try_later","smtp.shutting_down", "auth.server_failed",
    "auth.unavailable",
            "auth.temporarily_unavailable", "auth.not_now", "auth.server_trouble",
            "auth.server_error", "auth.try_later")  # fmt: skip


def asked(sender: str, recipient: str, *more: str) -> tuple[str, ...]:
    return (*more, "--mail-from", sender, "--rcpt-to", recipient)


def _members(**main: str) -> Callable[[Lab], None]:
    """Postfix with logins on 465."""
    return lambda lab: members(lab, lab.certificate(), {465: IMPLICIT}, main=main)


def _exchanger(**main: str) -> Callable[[Lab], None]:
    """Postfix on 25, for everybody, for its own domain."""
    return lambda lab: postfix(lab, lab.certificate(), {25: MX}, main=main)


def _refusing(where: str, reply: str) -> Callable[[Lab], None]:
    """By an access table, as operators do; it is answered at RCPT."""
    kind = {"sender": f"check_sender_access inline:{{ {{example.com={reply}}} }}",
        "recipient": f"check_recipient_access inline:{{ {{example.com={reply}}} }}"}  # fmt: skip
    return _members(smtpd_recipient_restrictions=kind[where])


def _sink(*options: str) -> Callable[[Lab], None]:
    """Dovecot's submission service in front of Postfix's test server, told what to say."""

    def build(lab: Lab) -> None:
        sink(lab, 10026, *options)
        dovecot(lab, lab.certificate(), {"submission": {465: "tls"}})

    return build


def _used_up(lab: Lab) -> None:
    members(lab, lab.certificate(), {465: IMPLICIT},
            main={"smtpd_client_message_rate_limit": "1", "anvil_rate_time_unit": "600s",
                  "smtpd_client_event_limit_exceptions": ""})  # fmt: skip
    beforehand(lab, f"MAIL FROM:<{ANN}>")


def _nginx_mail(lab: Lab) -> None:
    """It refuses MAIL before the login, and says nothing to a RCPT that was sent along."""
    files = lab.certificate()
    nginx(
        lab,
        f"""mail {{ server_name {HOST}; auth_http 127.0.0.1:8008/auth;
        server {{ listen {MAIL}:465 ssl; protocol smtp; smtp_auth login plain;
        ssl_certificate {files.chain}; ssl_certificate_key {files.key}; }} }}""",
        465,
    )


def _relays_for_nobody(lab: Lab) -> None:
    restrictions = {"smtpd_relay_restrictions": "permit_mynetworks,reject_unauth_destination"}
    members(lab, lab.certificate(), {465: {**IMPLICIT, **restrictions}})


AS_ANN = partial(asked, ANN, BOB, *LOGIN)()

SITUATIONS = (
    _case(name="accepted", what="Postfix, logged in, its own addresses", expert="nothing is wrong",
          build=_members(), options=AS_ANN, verdicts=HEALTHY),
    _case(name="not-logged-in", what="a submission port asked without a login",
          expert="log in first", build=_members(), options=asked(ANN, STRANGER),
          causes=("send.login_required", "send.relaying_denied"), fix=("log in|login",)),
    _mx(name="relay-denied", what="a mail exchanger asked for a foreign recipient",
          expert="it does not relay: log in on the submission port",
          build=_exchanger(), options=asked(ANN, STRANGER, "--starttls"),
          causes=("send.relaying_denied",), also=QUIET, verdicts=("fails", "later"),
          fix=("log in|login|465|587|submission",)),
    _mx(name="own-domain-without-login", what="a mail exchanger asked for its own domain",
          expert="nothing is wrong: that is what it is for",
          build=_exchanger(), options=asked(STRANGER, ANN, "--starttls"),
          verdicts=HEALTHY, also=QUIET),
    _mx(name="open-relay", what="Postfix that relays for everybody",
          expert="an open relay", verdicts=("warnings", "fails"),
          build=_exchanger(mynetworks="0.0.0.0/0", relay_transport="smtp:",
          default_transport="smtp:"),
          options=asked("someone@example.net", STRANGER, "--starttls"),
          causes=("send.relays_without_login",), also=QUIET, fix=("relay|mynetworks|restrict",)),
    _case(name="unknown-recipient", what="a recipient that the server does not have",
          expert="the address does not exist", build=_members(),
          options=asked(ANN, "bbo@example.com", *LOGIN),
          causes=("send.recipient_unknown",), fix=("address|spell",)),
    _case(name="sender-of-another", what="Postfix that lets each login send as itself only",
          expert="the sender is not this login's",
          build=_members(smtpd_sender_login_maps="inline:{ {ann@example.com=ann@example.com}, "
                         "{bob@example.com=bob@example.com} }",
                         smtpd_sender_restrictions="reject_sender_login_mismatch"),
          options=asked(BOB, ANN, *LOGIN), causes=("send.sender_refused",), fix=("address|sender",
          )),
    _case(name="sender-unlisted", what="a sender of the server's own domain that does not exist",
          expert="the sender's address does not exist",
          build=_members(smtpd_reject_unlisted_sender="yes"),
          options=asked("amm@example.com", BOB, *LOGIN), causes=("send.sender_refused",
                                                                  "send.sender_unknown"),
          fix=("address|sender|spell",)),
    _case(name="sender-domain-unknown", what="a sender whose domain is not in DNS (450 4.1.8)",
          expert="the sender's domain has no record in DNS",
          build=_members(smtpd_sender_restrictions="reject_unknown_sender_domain"),
          options=asked("ann@no-such-domain.example", BOB, *LOGIN), verdicts=("later", "fails"),
          causes=("send.sender_refused", "send.sender_unresolvable", "send.domain_unknown"),
          told="domain", fix=("domain|DNS|address|sender",), never=("nothing is wrong",)),
    _case(name="recipient-domain-unknown",
          what="a recipient whose domain is not in DNS (450 4.1.2)",
          expert="the recipient's domain has no record in DNS",
          build=_members(smtpd_recipient_restrictions="reject_unknown_recipient_domain"),
          options=asked(ANN, "bob@no-such-domain.example", *LOGIN), verdicts=("later", "fails"),
          causes=("send.recipient_unknown", "send.domain_unknown",
                  "send.recipient_refused"),
          told="domain", fix=("domain|spell|address",), never=("nothing is wrong", "greylist")),
    _case(name="too-large", what="a message larger than Postfix takes",
          expert="too large for this server", build=_members(message_size_limit="10240000"),
          options=(*AS_ANN, "--size", "30000000"), causes=("send.too_large",),
          fix=("small|link|size|limit",)),
    _case(name="disk-full", what="Postfix that wants more free space than there is (452 4.3.1)",
          expert="the server's disk is full: the operator's; try later",
          build=_members(queue_minfree="900000000000000"), options=AS_ANN, verdicts=("later",),
          causes=("send.storage_full", "send.server_full", "smtp.insufficient_storage", *OPERATOR),
          told="storage|disk|space", fix=("operator|later",)),
    _case(name="relaying-denied-after-login",
          what="Postfix that relays for its own network alone, asked with a login",
          expert="the login counts for nothing there: the operator's restrictions",
          build=_relays_for_nobody,
          options=asked(ANN, STRANGER, *LOGIN), causes=("send.relaying_denied",),
          fix=("permit_sasl_authenticated",), never=("log in, and",)),
    _case(name="greylisted", what="Postfix that greylists by an access table",
          expert="greylisted: try again in some minutes", verdicts=("later",),
          build=_refusing("recipient", "450 4.2.0 Greylisted, see http://postgrey.schweikert.ch/"),
          options=AS_ANN, causes=("send.greylisted",), fix=("again|later|minutes",)),
    _mx(name="client-without-reverse-name", what="Postfix that wants a reverse name of the client",
          expert="the client's address has no reverse name: its network must set one; waiting "
          "does not help", verdicts=("later", "fails"),
          build=_exchanger(smtpd_client_restrictions="reject_unknown_reverse_client_hostname"),
          options=asked(STRANGER, ANN, "--starttls"),
          causes=("smtp.reverse_name_missing", "smtp.client_without_name", "dns.reverse_missing",
                  "send.client_without_name", "send.client_refused", "send.reverse_name_missing",
                  "smtp.no_reverse_name"),
          told="reverse", fix=("reverse|PTR|network|provider",),
          never=("greylist", "nothing is wrong", "check the address"), also=QUIET),
    _case(name="ehlo-name-refused-at-rcpt", what="Postfix that wants a full EHLO name, and says so "
          "at RCPT", expert="the EHLO name is no full host name; with the address literal it works",
          build=_members(smtpd_helo_restrictions="reject_non_fqdn_helo_hostname"),
          options=AS_ANN, verdicts=HEALTHY,
          also=("smtp.ehlo_name_replaced", "smtp.ehlo_name_refused")),
    _case(name="refused-at-mail-and-more-sent-along",
          what="Postfix that puts MAIL off (450) and answers the RCPT sent along with 503",
          expert="put off: later; the 503 means nothing",
          build=_members(smtpd_delay_reject="no", smtpd_sender_restrictions=
                         "check_sender_access inline:{ {example.com=450 4.7.1 Try again later} }"),
          options=AS_ANN, verdicts=("later",),
          causes=("send.not_now", "send.deferred", "send.sender_refused", "send.failed",
                  "send.try_later", "send.temporary_failure", "send.later",
                  "send.put_off", "send.sender_deferred"),
          told="later|again|temporar", never=("greylist", "may not send as")),
    _case(name="milter-down", what="Postfix whose mail filter is not running (451 4.7.1)",
          expert="the server's filter is down: the operator's; it is no greylisting",
          build=_members(smtpd_milters="inet:127.0.0.1:8891", milter_connect_timeout="2s"),
          options=AS_ANN, verdicts=("later",), causes=(*OPERATOR, *AT_LOGIN),
          told="operator|server", never=("greylist", "nothing is wrong", "too many",
          "stop trying")),
    _case(name="policy-service-down",
          what="Postfix whose policy service is not running (451 4.3.5)",
          expert="the server is badly configured: the operator's",
          build=_members(smtpd_recipient_restrictions="check_policy_service inet:127.0.0.1:10031",
                         smtpd_policy_service_timeout="2s", smtpd_policy_service_retry_delay="1s",
                         smtpd_policy_service_try_limit="1"),
          options=AS_ANN, verdicts=("later",), causes=OPERATOR, told="operator|server",
          never=("greylist", "nothing is wrong", "check the address")),
    _case(name="too-much-mail", what="Postfix with one message in ten minutes, used up (450 4.7.1)",
          expert="too much mail from this client: wait", build=_used_up, options=AS_ANN,
          verdicts=("later",), causes=("smtp.rate_limited", "send.rate_limited",
                                       "send.quota_exceeded", "send.too_much_mail"),
          fix=("wait|later|slow|fewer|less",), never=("greylist", "may not send as")),
    _case(name="quota-of-the-day", what="a hoster's limit for the day, by an access table",
          expert="the day's quota is used up", verdicts=("later", "fails"),
          build=_refusing("sender", "450 4.7.1 Daily message quota exceeded for ann@example.com"),
          options=AS_ANN, causes=("send.quota_exceeded", "send.rate_limited", "smtp.rate_limited"),
          fix=("tomorrow|wait|limit|quota|day",), never=("greylist",)),
    _case(name="mailbox-full", what="a recipient whose mailbox is full (552 5.2.2)",
          expert="the recipient's mailbox is full: theirs to mend",
          build=_refusing("recipient", "552 5.2.2 Mailbox full"), options=AS_ANN,
          causes=("send.mailbox_full",), told="full", never=("too large", "smaller"),
          fix=("recipient|mailbox",)),
    _case(name="spf-fails", what="a server that checks SPF (550 5.7.23)",
          expert="the sender's SPF record does not have this server",
          build=_refusing("sender",
          "550 5.7.23 Message rejected due to: SPF fail - not authorized"),
          options=AS_ANN, causes=("send.spf_failed", "send.authentication_failed",
                                  "send.domain_unauthenticated", "send.spf_refused",
                                  "send.sender_not_authenticated", "send.unauthenticated_domain"),
          told="SPF", fix=("SPF|record|DNS",)),
    _case(name="content-policy", what="552 5.7.0 for content that is not allowed",
          expert="refused by policy, and not for its size",
          build=_refusing("recipient", "552 5.7.0 This message was blocked because its content "
                          "presents a potential security issue"), options=AS_ANN,
          causes=("send.spam", "send.message_refused", "send.policy_refused",
                  "send.attachment_blocked"),
          never=("too large", "smaller")),
    _case(name="words-nobody-knows", what="550 with words that no table can know",
          expert="refused; only the server's words are known",
          build=_refusing("recipient", "550 5.7.1 Computer says no (rule 4711)"), options=AS_ANN,
          causes=("send.recipient_refused", "send.refused", "send.policy_refused",
                  "send.unknown_refusal", "send.not_understood"),
          told="Computer says no", never=("check the address", "spell")),
    _case(name="not-now-nobody-knows-why", what="451 with words that no table can know, at RCPT",
          expert="not now, for a reason only the server knows: later", verdicts=("later",),
          build=_refusing("recipient", "451 4.3.0 Flux capacitor charging"), options=AS_ANN,
          causes=("smtp.server_error", "send.not_now", "send.deferred", "send.try_later",
                  "send.temporary_failure", "send.later", "send.failed", "send.put_off",
                  "send.recipient_deferred", "send.refused"),
          told="later|again|temporar", never=("greylist", "does not take mail for")),
    _case(name="smtputf8-not-offered",
          what="an address with an umlaut, and Dovecot, which takes none",
          expert="the server does not take international addresses",
          build=_sink(), options=asked(ANN, "jürgen@example.com", *LOGIN),
          causes=("send.smtputf8_not_offered",), fix=("ASCII|address|server",)),
    _case(name="nginx-proxy-before-login", what="nginx's mail proxy asked without a login",
          expert="log in first", build=_nginx_mail, options=asked(ANN, BOB),
          causes=("send.login_required",), fix=("log in|login|user name",)),
    _case(name="relay-refuses-sender", what="Dovecot's submission service whose relay refuses MAIL",
          expert="the sender is refused, in the relay's words",
          build=_sink("-f", "mail", "-B", "550 5.7.60 SMTP; Client does not have permissions to "
                      "send as this sender"), options=AS_ANN,
          causes=("send.sender_refused",), told="send as", fix=("address|sender|permission",)),
    _mx(name="null-sender", what="the null sender, as bounces have it", expert="nothing is wrong",
          build=_exchanger(), options=asked("", ANN, "--starttls"), verdicts=HEALTHY,
          also=QUIET),
)  # fmt: skip
