"""What one would write in Python: FastAPI and aiosmtplib, the short version.

    CA=ca.pem SHARED=1 uvicorn benchmarks.rivals.fastapi_aiosmtplib:app

With SHARED one TLS context for all requests; without it the default, a new one for each.
"""

import os
import ssl

import aiosmtplib
from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()
CONTEXT = ssl.create_default_context(cafile=os.environ["CA"]) if os.environ.get("SHARED") else None


class Server(BaseModel):
    host: str
    port: int = 465
    username: str | None = None
    password: str | None = None


class Mail(Server):
    sender: str = Field(alias="from")
    to: str
    subject: str = ""
    body: str = ""


def client(server: Server) -> aiosmtplib.SMTP:
    context = CONTEXT
    if context is None:
        context = ssl.create_default_context()
        context.load_verify_locations(os.environ["CA"])
    return aiosmtplib.SMTP(
        hostname=server.host, port=server.port, use_tls=True, tls_context=context, timeout=15
    )


@app.post("/api/smtps/connect")
async def connect(server: Server) -> dict[str, object]:
    async with client(server) as smtp:
        reply = await smtp.ehlo()
    return {"success": True, "host": server.host, "capabilities": reply.message.splitlines()[1:]}


@app.post("/api/smtps/send")
async def send(mail: Mail) -> dict[str, object]:
    from email.message import EmailMessage  # noqa: PLC0415

    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, mail.to, mail.subject
    message.set_content(mail.body)
    async with client(mail) as smtp:
        if mail.username and mail.password:
            await smtp.login(mail.username, mail.password)
        _, reply = await smtp.send_message(message)
    return {"success": True, "host": mail.host, "reply": reply}
