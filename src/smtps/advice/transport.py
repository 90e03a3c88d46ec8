"""Advice on names, connections, TLS and certificates."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_I = Severity.INFO
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR
_NETWORK = Who.NETWORK

NETWORK: dict[str, Advice] = {
    "dns.invalid_name": Advice(
        _E, "This can be no host name.", "Check the spelling; write addresses in full.", _YOU),
    "dns.name_not_found": Advice(
        _E, "The name does not exist in DNS.",
        "Check the spelling; your provider's help page has the right name.", _YOU),
    "dns.alias_dangling": Advice(
        _E, "The name exists as an alias (CNAME), but what it points to does not.",
        "As its operator, correct or remove the CNAME record; else ask your provider for the "
        "server's name.", _OPERATOR, "RFC 1034 section 3.6.2"),
    "dns.alias_loop": Advice(
        _E, "The aliases (CNAME) of this name point back to one another, so it has no address.",
        "As its operator, let the last CNAME record point to a name with A or AAAA records.",
        _OPERATOR, "RFC 1034 section 3.6.2"),
    "dns.dnssec_failed": Advice(
        _E, "The domain's DNSSEC signatures do not verify, so resolvers that check them refuse to "
        "answer. Other networks may still find the name.",
        "As its operator, renew the signatures, or correct the DS record at the registrar.",
        _OPERATOR, "RFC 4035 section 5.5"),
    "dns.server_failed": Advice(
        _E, "The domain's own name servers do not answer, or answer wrongly.",
        "As its operator, check that every name server of the domain answers; else try again "
        "later.", _OPERATOR, "RFC 8914"),
    "dns.half_answered": Advice(
        _W, "The domain's name servers do not answer for one kind of address, and every client "
        "waits for that.",
        "As its operator, let the name servers answer AAAA questions with an empty answer where "
        "there is no IPv6.", _OPERATOR, "RFC 4074"),
    "dns.blocked_name": Advice(
        _E, "Your resolver blocks this name: it answers with the address 0.0.0.0, which leads "
        "nowhere. Ad blockers such as Pi-hole do that.",
        "Allow the name in the blocker, or use another resolver.", _NETWORK),
    "dns.loopback_address": Advice(
        _E, "The name leads to this very machine instead of a mail server. A blocker, an entry in "
        "the hosts file or a wrong record in DNS does that.",
        "Look for the name in the hosts file and in your blocker; compare with another resolver.",
        _NETWORK),
    "dns.private_address": Advice(
        _E, "The name leads to a private address, which can be reached only from inside that "
        "network.",
        "Connect from inside the network or its VPN. If you are outside, another resolver may "
        "know the public address.", _NETWORK, "RFC 1918"),
    "dns.srv_target_fails": Advice(
        _W, "DNS names several servers for handing in this domain's mail (SRV records), and one of "
        "them cannot be used. Programs that know only the first one may fail.",
        "As its operator, repair that server, or take its SRV record out of DNS.", _OPERATOR,
        "RFC 2782"),
    "dns.unusable_address": Advice(
        _E, "The name leads to an address that no mail server can have: it is reserved, or for "
        "multicast.",
        "As its operator, correct the A or AAAA record. Otherwise compare with another resolver: "
        "a proxy, VPN or blocker may have put the address there.", _OPERATOR, "RFC 6890"),
    "dns.submission_not_offered": Advice(
        _E, "The domain says in DNS that it has no server for outgoing mail.",
        "Ask your provider for the outgoing server. As its operator, replace the SRV records that "
        "point to “.”.", _YOU, "RFC 6186 section 3.4"),
    "dns.null_mx": Advice(
        _E, "The domain says in DNS that it takes no mail, so it hardly has a server for sending "
        "it.",
        "Check the address; mail goes out through the server of another domain.", _YOU,
        "RFC 7505"),
    "dns.lookup_failed": Advice(
        _E, "Your resolver could not answer. That says nothing about the mail server.",
        "Try again, or another resolver.", _NETWORK),
    "dns.no_address": Advice(
        _E, "The name exists but has no address to connect to.",
        "Check the name: a mail domain is not the name of its server. As its operator, add an A "
        "or AAAA record.", _OPERATOR),
    "dns.timeout": Advice(
        _E, "Your resolver did not answer in time. That says nothing about the mail server.",
        "Try again, or another resolver.", _NETWORK),
    "net.refused": Advice(
        _E, "The machine answers, but nothing listens on this port.",
        "Check the port: 465 with implicit TLS, 587 with STARTTLS. As its operator, enable the "
        "listener.", _YOU),
    "net.timeout": Advice(
        _E, "Packets are dropped: by a firewall there, by your own network, as many do, or by this "
        "computer's firewall.",
        "Try from another network, and with this computer's firewall open for the port; if other "
        "servers time out on this port too, the block is on your side.",
        _NETWORK),
    "net.other_port_open": Advice(
        _E, "This port cannot be reached from here, but the server's other port for handing in "
        "mail is open.",
        "Use the open port: 587 with STARTTLS, or 465 with implicit TLS. As its operator, open "
        "both.", _YOU, "RFC 8314 section 3.3"),
    "net.prohibited": Advice(
        _E, "A firewall rejects connections to this port.",
        "As the server's operator, open the port (firewall-cmd --permanent --add-service="
        "smtps); if the firewall is in your network, ask whoever runs that.", _OPERATOR,
        "RFC 1812 section 5.2.7.1"),
    "net.host_unreachable": Advice(
        _E, "A router on the way says that it cannot reach the server: the machine is off, its "
        "address is wrong, or a firewall rejects the connection in that way.",
        "Check the address. As the server's operator, check that it is running and that its "
        "firewall opens the port.", _OPERATOR),
    "net.path_mtu": Advice(
        _E, "Large packets are lost on the way to or from this server. A tunnel, VPN or PPPoE link "
        "takes only smaller ones, and a firewall drops the messages that would say so.",
        "Let ICMP “fragmentation needed” and “packet too big” through, or clamp the MSS on the "
        "router or VPN.", _NETWORK, "RFC 8899, RFC 2923 section 2.1"),
    "net.unreachable": Advice(
        _E, "There is no route to this address from here.",
        "If it is an IPv6 address, your network has no IPv6: use IPv4. Else check this machine's "
        "network connection and routes.", _NETWORK),
    "net.reset": Advice(
        _E, "Something cut the connection: a firewall, a block list, or a crash.",
        "Try again later or from another address; the server's log tells why.", _OPERATOR),
    "net.closed_by_server": Advice(
        _E, "The server hung up instead of answering.",
        "Try again later; the server's log tells why.", _OPERATOR),
    "net.blocked_here": Advice(
        _E, "This machine's own firewall forbids the connection.",
        "Allow outgoing connections to this port.", _YOU),
    "net.out_of_sockets": Advice(
        _E, "This machine has no room for another connection.",
        "Close some, or raise the limit on open files.", _YOU),
    "net.forbidden": Advice(
        _E, "This service does not connect to such targets.",
        "Use a public mail server on a mail port, or ask who runs the service.", _YOU),
    "net.failed": Advice(_E, "The connection failed.", "Try again.", _NETWORK),
    "net.port_blocked_here": Advice(
        _E, "Your own network blocks this port: other mail servers do not answer on it either.",
        "Try another network, or port 587; many hosting companies open the ports on request.",
        _NETWORK),
    "net.some_addresses_fail": Advice(
        _W, "Some of the server's addresses work and others do not, so it works by chance.",
        "Repair those that fail, or take them out of DNS.", _OPERATOR, "RFC 8305"),
    "net.intermittent": Advice(
        _W, "The server failed at first and worked when the same was tried again: it was "
        "restarting, has too much to do, limits connections, or one of several servers behind the "
        "address is broken.",
        "Check again in a few minutes, several times. If it goes on, its operator finds the reason "
        "in the logs of the mail server and of the load balancer: restarts, limits on connections, "
        "and each server behind the address on its own.", _OPERATOR),
    "net.inconsistent": Advice(
        _E, "The server fails, but not in the same way each time, so no single cause can be named: "
        "it is restarting, has too much to do, limits connections, or several servers behind the "
        "address differ.",
        "Check again in a few minutes. As its operator, look into the logs of the mail server and "
        "of the load balancer, and check each server behind the address on its own.", _OPERATOR),
    "net.many_addresses": Advice(
        _I, "The name has more addresses than are looked at.",
        "Check the others by address; as its operator, put fewer into DNS.", _OPERATOR),
    "dns.no_submission_server": Advice(
        _E, "Neither the domain nor any list says where its mail is to be handed in.",
        "Ask your provider for the outgoing server; as its operator, add SRV records "
        "_submissions._tcp.", _YOU, "RFC 6186"),
    "dns.reverse_missing": Advice(
        _I, "The address has no name in reverse DNS.",
        "Nothing to do for logging in; servers that it delivers to may mind.", _OPERATOR,
        "RFC 1912 section 2.1"),
    "dns.reverse_mismatch": Advice(
        _I, "The name in reverse DNS does not lead back to the address.",
        "Add the missing record.", _OPERATOR, "RFC 1912 section 2.1"),
}  # fmt: skip


_MODERN = "Upgrade the mail server's TLS library, or its settings, to TLS 1.2 and 1.3."

TLS: dict[str, Advice] = {
    "tls.plaintext_on_tls_port": Advice(
        _E, "The server talks SMTP here, but without TLS from the first byte. Other programs call "
        "this “wrong version number”.",
        "Use STARTTLS: port 587, or this port with --starttls. As the operator of a listener for "
        "port 465, set smtpd_tls_wrappermode=yes (Postfix) or tls_on_connect_ports=465 (Exim).",
        _YOU),
    "tls.not_tls": Advice(
        _E, "What listens here speaks neither TLS nor SMTP.",
        "Check host and port: 465 with implicit TLS, 587 with STARTTLS.", _YOU),
    "tls.timeout": Advice(
        _E, "The port is open, but no TLS comes back: a server without TLS that waits for you to "
        "speak, a tarpit, or a dead back end.",
        "Try the other way: port 465 with implicit TLS, port 587 with STARTTLS.", _YOU),
    "tls.handshake_stalled": Advice(
        _E, "The TLS handshake began and stopped half-way: the server or a proxy hangs, or part of "
        "what it sends is lost on the way.",
        "Try from another network. As its operator, look whether the server hangs, and whether "
        "large packets get through.", _OPERATOR),
    "tls.starttls_unanswered": Advice(
        _E, "The server offers STARTTLS and does not answer when it is asked for, so TLS never "
        "began.",
        "As its operator, look whether the server or a filter in front of it hangs; else use port "
        "465 with implicit TLS, if the server has it.", _OPERATOR, "RFC 3207 section 4"),
    "tls.closed": Advice(
        _E, "The server hung up in the middle of the handshake without a reason: a limit on "
        "connections, a block list, or a proxy whose server does not answer.",
        "Try again later and from another address; the server's log tells why.", _OPERATOR),
    "tls.broken": Advice(
        _E, "TLS broke in the middle of the session.",
        "Try again. If it happens each time, something on the way changes what is sent.",
        _OPERATOR),
    "tls.plaintext_in_tls": Advice(
        _E, "The server spoke in the clear in the middle of TLS, as some do that end a session by "
        "force.",
        "Try again. As its operator, look into the mail server's log for the reason it gave.",
        _OPERATOR),
    "tls.failed": Advice(_E, "TLS did not come about.", "The server's log tells why.", _OPERATOR),
    "tls.protocol_version": Advice(
        _E, "The server speaks only TLS versions that are no longer safe.", _MODERN, _OPERATOR),
    "tls.handshake_refused": Advice(
        _E, "The server refused the TLS handshake, and its alert leaves the cause open.",
        "Look into the server's TLS log: it names the cause.", _OPERATOR, "RFC 8446 section 6.2"),
    "tls.no_common_cipher": Advice(
        _E, "Client and server have no cipher or key-exchange group in common.",
        "Look into the server's TLS log: it names what was missing.", _OPERATOR,
        "RFC 9325 section 4.2"),
    "tls.no_common_group": Advice(
        _E, "The server accepts only a key-exchange group that common clients do not offer.",
        "Enable X25519 and P-256 on the server too.", _OPERATOR, "RFC 8446 section 9.1"),
    "tls.post_quantum_only": Advice(
        _E, "The server is too new for this client: it accepts only post-quantum key exchange, "
        "which takes OpenSSL 3.5 or later, Go 1.24 or a current browser.",
        "As its operator, enable X25519 and P-256 too; else upgrade the client's OpenSSL to 3.5.",
        _OPERATOR),
    "tls.no_server_certificate": Advice(
        _E, "The server has no certificate that it could show, so no client can trust it.",
        "Configure certificate and key for this port, check that the server can read both files, "
        "and restart it.", _OPERATOR),
    "tls.minimum_not_met": Advice(
        _E, "The server's newest TLS version is older than the one that was demanded.",
        "Accept TLS 1.2, which is still safe; as the server's operator, enable TLS 1.3.", _YOU),
    "tls.large_hello": Advice(
        _E, "The server, or a box before it, cannot take a ClientHello that is larger than one "
        "packet, as OpenSSL 3.5, Go 1.24 and browsers send it.",
        "Update the server's TLS software, or the firewall or load balancer before it. Until then, "
        "limit the client's groups to X25519 and P-256.", _OPERATOR, "RFC 8446 section 5.1"),
    "tls.twice": Advice(
        _E, "A proxy does TLS in front of a server that begins with TLS itself.",
        "As its operator, let only one of them do TLS: pass connections through in the proxy, or "
        "switch off TLS from the first byte in the server behind it (Postfix: "
        "smtpd_tls_wrappermode=no).", _OPERATOR),
    "tls.starttls_masked": Advice(
        _E, "A firewall on the way inspects SMTP and takes STARTTLS away.",
        "Switch the inspection off on the firewall (Cisco: no inspect esmtp), or use port 465 with "
        "implicit TLS.", _NETWORK),
    "tls.name_needed": Advice(
        _E, "The server hosts several names, and an address does not tell it which one you mean.",
        "Connect by the server's name.", _YOU, "RFC 6066 section 3"),
    "tls.name_blocked": Advice(
        _E, "Something on the way blocks connections by the name of this server.",
        "Ask whoever runs the network to allow the name, or try another network.", _NETWORK),
    "tls.weak_key_exchange": Advice(
        _E, "The server's Diffie-Hellman key is too short.",
        "Use ECDHE, or DH parameters of 2048 bits or more.", _OPERATOR),
    "tls.legacy_renegotiation": Advice(
        _E, "The server's TLS is from before 2010.", _MODERN, _OPERATOR),
    "tls.client_certificate_required": Advice(
        _E, "The server lets in only clients with a certificate of their own.",
        "Give one, or use another port.", _YOU),
    "tls.client_certificate_refused": Advice(
        _E, "The server does not accept this client certificate.",
        "Renew it, or get one from the server's operator that is made for clients and whose "
        "issuer the server trusts.", _YOU),
    "tls.unrecognized_name": Advice(
        _E, "The server does not know the name you asked for.",
        "Check the spelling, and use the server's official name; as its operator, configure a "
        "certificate for this name.", _YOU),
    "tls.server_error": Advice(
        _E, "TLS is broken on the server, often because it has no certificate for this name.",
        "The server's log tells why.", _OPERATOR),
    "tls.starttls_not_offered": Advice(
        _E, "The server offers no TLS on this port, or somebody on the way hides it.",
        "Use port 465 with implicit TLS.", _OPERATOR),
    "tls.starttls_refused": Advice(
        _E, "The server offers STARTTLS and then refuses it.", "The server's log tells why.",
        _OPERATOR),
    "tls.starttls_injection": Advice(
        _E, "Bytes were slipped in before TLS began: an attack, or a badly broken server.",
        "Do not use this path; use port 465 with implicit TLS.", _NETWORK),
    "tls.starttls_inside_tls": Advice(
        _W, "The server offers STARTTLS although TLS is already on.",
        "Take STARTTLS out of this listener's offer (RFC 3207 section 4.2).", _OPERATOR),
    "tls.implicit_tls_port": Advice(
        _E, "This port wants TLS from the first byte; the client waited for a greeting in the "
        "clear.",
        "Use implicit TLS: on the command line, --security implicit.", _YOU,
        "RFC 8314 section 3"),
    "tls.old_ciphers_only": Advice(
        _E, "The server offers only ciphers that are no longer safe; some clients still take them.",
        _MODERN, _OPERATOR, "RFC 9325 section 4.2"),
    "tls.old_versions_accepted": Advice(
        _W, "The server still takes TLS versions that are no longer safe.",
        "Switch off TLS 1.0 and 1.1.", _OPERATOR, "RFC 8996"),
    "tls.weak_cipher_accepted": Advice(
        _W, "The server still takes ciphers that are no longer safe.",
        "Offer AES-GCM and ChaCha20-Poly1305 with ECDHE only.", _OPERATOR, "RFC 9325 section 4.2"),
    "tls.version_intolerant": Advice(
        _E, "The server, or a box before it, drops a modern ClientHello and takes an old one.",
        _MODERN, _OPERATOR, "RFC 8446 appendix D"),
}  # fmt: skip


_RENEW = "Renew the certificate, then reload the mail server: it keeps the old one in memory."

CERTIFICATES: dict[str, Advice] = {
    "tls.certificate_expired": Advice(
        _E, "The certificate is out of date, so no client can trust it any more.", _RENEW,
        _OPERATOR),
    "tls.certificate_root_expired": Advice(
        _E, "The server's chain ends in an authority that this computer trusts and that has "
        "expired.",
        "Update this computer's certificate authorities, or the CA file.", _YOU),
    "tls.certificate_expires_soon": Advice(
        _W, "The certificate is about to run out.", _RENEW, _OPERATOR),
    "tls.certificate_not_yet_valid": Advice(
        _E, "The certificate starts in the future, or a clock is wrong.",
        "Check this computer's clock, then the server's certificate.", _YOU),
    "tls.certificate_wrong_host": Advice(
        _E, "The certificate belongs to another name than the one you asked for.",
        "If its operator names one of these names as the server's, connect by that one; else have "
        "this name added to the certificate.", _YOU),
    "tls.certificate_self_signed": Advice(
        _E, "The server made its certificate itself; nobody vouches for it.",
        "Get one from a public authority. If it is meant so, trust this one by --fingerprint.",
        _OPERATOR),
    "tls.certificate_untrusted_root": Advice(
        _E, "The chain ends in an authority that this computer does not know: a company's own, or "
        "antivirus software or a proxy in the middle.",
        "If you know the authority, trust it with --ca-file; otherwise compare from another "
        "network.", _YOU),
    "tls.certificate_incomplete_chain": Advice(
        _E, "The link between the certificate and a known authority is missing.",
        "Configure the full chain (fullchain.pem) on the server; for an authority of your own, use "
        "--ca-file.", _OPERATOR),
    "tls.certificate_bad_signature": Advice(
        _E, "A signature in the chain does not fit the key of its issuer: another key of the same "
        "name was sent or is trusted here, or the certificate is damaged.",
        "Send the chain that came with this certificate (fullchain.pem); for an authority of your "
        "own, give its current certificate to --ca-file.", _OPERATOR, "RFC 5280 section 6.1.3"),
    "tls.certificate_constrained": Advice(
        _E, "An issuer in the chain is not allowed to issue this certificate: its own certificate "
        "limits the names, or how many authorities may follow.",
        "Get a certificate that stays within these limits, or from another authority.", _OPERATOR,
        "RFC 5280 section 4.2.1.10"),
    "tls.certificate_malformed": Advice(
        _E, "The certificate is malformed; some clients refuse it, others cannot read it.",
        "Reissue it with current software.", _OPERATOR, "RFC 5280 section 4.1"),
    "tls.certificate_overlong": Advice(
        _W, "The certificate is valid for longer than public authorities were allowed to issue "
        "when it was made. Apple's and Google's programs refuse such a certificate.",
        "Reissue it, and renew it automatically: the limit falls to 47 days by March 2029.",
        _OPERATOR, "CA/Browser Forum SC-081v3"),
    "tls.certificate_chain_order": Advice(
        _I, "The certificates of the chain are sent in the wrong order; old clients stop at the "
        "first that does not fit.",
        "Put them in order: the server's own, then each issuer behind what it issued.", _OPERATOR,
        "RFC 5246 section 7.4.2"),
    "tls.certificate_chain_foreign": Advice(
        _I, "The server sends certificates that are not part of its chain.",
        "Take them out of the chain file, which may be left from an earlier certificate.",
        _OPERATOR),
    "tls.staple_missing": Advice(
        _W, "The certificate asks for an OCSP response in the handshake (must-staple), and the "
        "server sends none. Clients that heed it refuse the server.",
        "Turn OCSP stapling on, or reissue the certificate without must-staple.", _OPERATOR,
        "RFC 7633"),
    "tls.staple_revoked": Advice(
        _E, "The OCSP response that the server itself sends says that its certificate is revoked.",
        "Get a new certificate; find out why this one was revoked.", _OPERATOR, "RFC 6960"),
    "tls.staple_stale": Advice(
        _W, "The OCSP response that the server sends is out of date or not about its certificate.",
        "Have the server fetch it again: its way to the authority's responder may be blocked.",
        _OPERATOR, "RFC 6066 section 8"),
    "tls.client_certificate_unfit": Advice(
        _W, "Servers that check the client certificate will refuse this one.",
        "Get one for client authentication (clientAuth). Public authorities no longer issue these; "
        "the server's operator can.", _YOU, "RFC 5280 section 4.2.1.12"),
    "clock.wrong_here": Advice(
        _E, "This computer's clock is wrong, so it takes valid certificates for out of date.",
        "Set the clock (timedatectl set-ntp true). The certificate needs no renewal.", _YOU),
    "clock.suspected": Advice(
        _E, "Several certificates of the chain are out of date by this computer's clock, although "
        "they were valid together: the clock is wrong, or the whole chain is old.",
        "Check this computer's date first. Only if it is right does the server need a new "
        "certificate with a new chain.", _YOU),
    "clock.differs": Advice(
        _I, "The date in the server's greeting is not this computer's: one of the two clocks is "
        "wrong.", "Compare both with the time; mail gets its Date from this computer.", _OPERATOR),
    "tls.certificate_revoked": Advice(
        _E, "The issuer has withdrawn the certificate.", "Get a new one.", _OPERATOR),
    "tls.certificate_weak": Advice(
        _E, "A key or signature in the chain is too weak.",
        "Reissue with a key of at least 2048 bits RSA or P-256, signed with SHA-256.", _OPERATOR),
    "tls.certificate_wrong_purpose": Advice(
        _E, "The certificate, or an issuer, is not meant for this use.",
        "Reissue it for server authentication.", _OPERATOR),
    "tls.certificate_invalid": Advice(
        _E, "The certificate does not stand up to the check.", "Reissue it.", _OPERATOR),
    "tls.fingerprint_mismatch": Advice(
        _E, "The server shows another certificate than the pinned one: it was renewed, or this is "
        "not the server.", "Find out which, then pin the new one.", _YOU),
    "tls.certificate_no_address": Advice(
        _E, "You asked for an address, and the certificate is for names.",
        "Connect by one of its names.", _YOU, "RFC 9525 section 6"),
    "tls.certificate_common_name_only": Advice(
        _W, "The name stands only in the subject, where many clients no longer look.",
        "Reissue it with the name as subjectAltName.", _OPERATOR, "RFC 9525 section 6.3"),
    "tls.certificate_not_strict": Advice(
        _W, "The certificate is formally incomplete; strict clients, such as Python from 3.13 on, "
        "refuse it.",
        "Reissue it, or its authority, with the missing extension.", _OPERATOR,
        "RFC 5280 section 4.2.1"),
    "tls.certificate_differs": Advice(
        _W, "The server's addresses show different certificates.",
        "Find the back end that was forgotten when the certificate was renewed.", _OPERATOR),
    "tls.dane_mismatch": Advice(
        _W, "The certificate does not match the TLSA record that DNSSEC vouches for.",
        "Publish the new certificate's TLSA record before the certificate changes.", _OPERATOR,
        "RFC 7671"),
    "tls.intercepted": Advice(
        _E, "Something between you and the server opens the encryption: antivirus software or a "
        "company's proxy.",
        "Take the mail server out of its mail scanning, or compare from another network.", _YOU),
    "tls.no_trust_store": Advice(
        _E, "This computer knows no certificate authorities at all, so it can trust nobody.",
        "Install the package ca-certificates, or give a CA file.", _YOU),
}  # fmt: skip
