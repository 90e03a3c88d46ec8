"""What a text file says of its charset."""

from __future__ import annotations

import codecs
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from smtps.errors import InputError
from smtps.message.message import MAX_IN_MEMORY, Attachment, Message
from smtps.message.mime import compose

TEXT = "Größe 5 €, 日本語 💩\r\n"


def sent(file: Attachment) -> Any:
    """The part as a reader of its own finds it."""
    data = compose(Message(from_="a@b.example", text="x", attachments=[file])).data
    return next(message_from_bytes(data, policy=default).iter_attachments())


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.html", "a.ics", "a.md", "a.css"])
@pytest.mark.parametrize("text", ["", "plain ASCII\r\n", TEXT])
def test_a_text_in_utf_8_says_so(name: str, text: str) -> None:
    part = sent(Attachment(filename=name, content=text.encode()))
    assert part.get_content_maintype() == "text"
    assert part.get_content_charset() == "utf-8"
    assert part.get_content() == text


def test_a_mark_of_utf_8_stays() -> None:
    part = sent(Attachment(filename="a.csv", content=codecs.BOM_UTF8 + b"a;b"))
    assert part.get_payload(decode=True) == b"\xef\xbb\xbfa;b"
    assert part.get_content_charset() == "utf-8"


@pytest.mark.parametrize("charset", ["utf-16", "utf-32"])
def test_a_byte_order_mark_tells_which_charset(charset: str) -> None:
    for byte_order in ("le", "be"):
        mark = {"utf-16le": codecs.BOM_UTF16_LE, "utf-16be": codecs.BOM_UTF16_BE,
                "utf-32le": codecs.BOM_UTF32_LE, "utf-32be": codecs.BOM_UTF32_BE}  # fmt: skip
        octets = mark[f"{charset}{byte_order}"] + TEXT.encode(f"{charset}-{byte_order}")
        part = sent(Attachment(filename="a.csv", content=octets))
        assert part.get_content_charset() == charset
        assert part.get_content() == TEXT


@pytest.mark.parametrize(
    "octets",
    ["Größe".encode("cp1252"), "日本".encode("shift_jis"), "ab".encode("utf-16-le"), b"\0"],
)
def test_what_is_in_no_charset_that_can_be_told_is_a_file(octets: bytes) -> None:
    part = sent(Attachment(filename="a.txt", content=octets))
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_filename() == "a.txt"
    assert part.get_payload(decode=True) == octets


def test_what_the_author_says_is_not_put_in_doubt() -> None:
    octets = "Größe".encode("cp1252")
    for kind in ("text/plain; charset=windows-1252", 'text/plain;CHARSET="windows-1252"'):
        assert sent(Attachment(filename="a", content=octets, content_type=kind)).get_content() == (
            "Größe"
        )
    part = sent(Attachment(filename="a", content=octets, content_type="text/plain"))
    assert (part.get_content_type(), part.get_param("charset")) == ("text/plain", None)


def test_other_parameters_are_kept() -> None:
    kind = "text/plain; format=flowed; delsp=yes"
    part = sent(Attachment(filename="a", content=b"x", content_type=kind))
    assert dict(part["Content-Type"].params) == {
        "format": "flowed", "delsp": "yes", "charset": "utf-8",
    }  # fmt: skip


@pytest.mark.parametrize("wrong_at", [None, 0, MAX_IN_MEMORY * 2])
def test_a_file_on_the_disk_is_read_to_its_end(tmp_path: Path, wrong_at: int | None) -> None:
    data = bytearray(("é" * 10).encode() * (MAX_IN_MEMORY // 8))  # blocks end inside a character
    if wrong_at is not None:
        data[wrong_at] = 0xFF
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    part = sent(Attachment.from_file(path))
    assert (part.get_content_charset() == "utf-8") is (wrong_at is None)
    assert part.get_payload(decode=True) == data


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * (MAX_IN_MEMORY + 1))
    file = Attachment.from_file(path)
    path.unlink()
    with pytest.raises(InputError, match="cannot read") as caught:
        sent(file)
    assert caught.value.field == "attachments"
