"""The request, the session and the service: this side of the wire."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

ADVICE: dict[str, Advice] = {
    "input.invalid": Advice(_E, "A value cannot be used.", "Correct it and try again.", _YOU),
    "input.host_required": Advice(
        _E, "Nobody said which server.", "Give its host name, such as smtp.example.com.", _YOU),
    "session.broken": Advice(
        _E, "The session ended with an error before.", "Open another.", _YOU),
    "session.halted": Advice(
        _E, "The program stopped before the message was handed over.",
        "Nothing was sent. Send it again; the outbox does so by itself.", _YOU),
    "session.cancelled": Advice(_E, "The call was cancelled.", "Open another session.", _YOU),
    "session.out_of_order": Advice(
        _E, "This cannot be done at this point.", "Finish what was begun first.", _YOU),
    "session.reply_due": Advice(
        _E, "A reply is still due.", "Wait for it first.", _YOU),
    "session.loop_running": Advice(
        _E, "A call that blocks was made where an event loop is running.",
        "Use await smtps.send(…), smtps.check(…) or smtps.connect(…) there.", _YOU),
    "api.not_found": Advice(_E, "There is nothing at this path.", "See /docs.", _YOU),
    "api.method_not_allowed": Advice(
        _E, "This path does not take this method.", "See the Allow header.", _YOU),
    "api.head_too_large": Advice(
        _E, "The request line and the header fields are too long.",
        "Send fewer or shorter ones: 65536 octets together.", _YOU),
    "api.malformed": Advice(
        _E, "The request cannot be read.", "Send HTTP/1.1 with a body of JSON.", _YOU),
    "api.unsupported_media_type": Advice(
        _E, "The body is not JSON, or its Content-Type says that it is something else.",
        "Send Content-Type: application/json; to /api/smtps/send and /api/smtps/messages also a "
        "form.", _YOU),
    "api.no_space": Advice(
        _E, "The service has no room for the files.",
        "Free the disk, or point the setting upload_dir at a larger one.", _OPERATOR),
    "api.too_large": Advice(_E, "The body is too large.", "Send less.", _YOU),
    "api.too_slow": Advice(
        _E, "The body came too slowly.",
        "Send it at once, at 4096 octets a second or more; nothing was done.", _YOU),
    "api.too_many": Advice(_E, "The request has too many parts.", "Split it.", _YOU),
    "api.wrong_host": Advice(
        _E, "The request was meant for another name than this service goes by.",
        "Use its own address, or add the name to the setting hosts.", _YOU),
    "api.wrong_origin": Advice(
        _E, "A web page elsewhere tried to use this service.",
        "Use the service's own page.", _YOU),
    "api.token_needed": Advice(
        _E, "The service wants a token.", "Send Authorization: Bearer and your token.", _YOU),
    "api.right_needed": Advice(
        _E, "Your token has no right to this.",
        "Use another token, or have the right added to the setting rights.", _YOU),
    "api.caller_limited": Advice(
        _E, "You are asking too often.", "Wait as long as Retry-After says.", _YOU),
    "api.target_limited": Advice(
        _E, "This target has been asked for too often, by you or by others.",
        "Wait as long as Retry-After says.", _YOU),
    "api.busy": Advice(
        _E, "The service has too many requests under way.", "Try again in a second.", _YOU),
    "api.share_taken": Advice(
        _E, "You have as many requests under way as one caller may have.",
        "Wait until one of them has been answered, then try again.", _YOU),
    "api.stopping": Advice(
        _E, "The service is stopping.", "Try again in a few seconds.", _YOU),
    "api.bug": Advice(_E, "This is our mistake.", "Please report it.", _OPERATOR),
}  # fmt: skip
