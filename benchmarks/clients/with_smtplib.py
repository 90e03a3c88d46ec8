"""The standard library's."""

from __future__ import annotations

import smtplib
import ssl
import threading
from email.message import EmailMessage

from benchmarks.clients.common import RECIPIENT, SENDER, Watch, arguments, raw, text, unknown

OPTIONS = arguments()
CONTEXT = ssl.create_default_context(cafile=OPTIONS.ca)


def compose(number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = SENDER, RECIPIENT
    message["Subject"] = f"Hello, number {number}"
    message.set_content(text(OPTIONS.size))
    return message


def connect() -> smtplib.SMTP_SSL:
    context = ssl.create_default_context() if OPTIONS.fresh else CONTEXT
    if OPTIONS.fresh:
        context.load_verify_locations(OPTIONS.ca)
    return smtplib.SMTP_SSL("localhost", OPTIONS.port, context=context)


def send() -> None:
    watch, data, own = Watch(), raw(OPTIONS.size), compose(0)
    with connect() as server:
        server.ehlo()
        watch.start()
        for number in range(OPTIONS.n):
            if OPTIONS.work == "raw":
                server.sendmail(SENDER, RECIPIENT, data)
            else:
                server.send_message(own if OPTIONS.work == "own" else compose(number))
        watch.stop(OPTIONS.n)


def check() -> None:
    watch, left = Watch(), iter(range(OPTIONS.n))

    def one_after_the_other() -> None:
        for _ in left:
            with connect() as server:
                server.ehlo()

    with connect():
        pass
    threads = [threading.Thread(target=one_after_the_other) for _ in range(OPTIONS.at_once)]
    watch.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    watch.stop(OPTIONS.n)


if OPTIONS.work == "hold":
    unknown(OPTIONS.work)
elif OPTIONS.work == "check":
    check()
else:
    send()
