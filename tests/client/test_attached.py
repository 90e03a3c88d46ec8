"""Attached files: the same octets, whether they were in memory or are read while they are sent."""

from __future__ import annotations

import base64
import os
import tracemalloc
from email import message_from_bytes
from email.message import Message as PythonMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.farm import farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

import smtps
from smtps.message.content import BLOCK, Base64File, base64_lines, base64_size
from smtps.message.message import MAX_IN_MEMORY
from smtps.message.mime import compose

EDGES = [0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 57 * 512 - 1, 57 * 512, 57 * 512 + 1, 200_000]


@pytest.mark.parametrize("size", EDGES)
def test_lines_are_those_of_the_standard_library(size: int) -> None:
    data = os.urandom(size)
    expected = base64.encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    assert base64_lines(data) == expected
    assert base64_size(size) == len(expected)


@given(data=st.binary(max_size=500))
def test_any_octets_come_back(data: bytes) -> None:
    lines = base64_lines(data)
    assert base64.b64decode(lines) == data
    assert all(len(line) == 76 for line in lines.split(b"\r\n")[:-1])


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("block", [1, 50_000, BLOCK])
def test_a_file_gives_the_same_in_blocks(size: int, block: int, tmp_path: Path) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    part = Base64File(tmp_path / "f", size)
    blocks = list(part.blocks(block))
    assert b"".join(blocks) == base64_lines(data)
    assert part.size == sum(map(len, blocks))
    assert all(len(each) <= max(block, base64_size(57 * 512) + 2) for each in blocks)


@pytest.mark.parametrize("change", [b"", b"longer than it was", None])
def test_a_file_that_changed_is_not_sent_as_something_else(
    change: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"as it was")
    part = Base64File(path, 9)
    path.unlink()
    if change is not None:
        path.write_bytes(change)
    with pytest.raises(smtps.InputError, match="attachments"):
        list(part.blocks(BLOCK))


def a_message(path: Path) -> smtps.Message:
    return smtps.Message(
        from_="a@x.test",
        to="b@x.test",
        subject="Grüße",
        text="See the file.\n.\n",
        attachments=[smtps.Attachment.from_file(path)],
    )


def attached(data: bytes) -> bytes:
    message: PythonMessage = message_from_bytes(data)
    (part,) = [part for part in message.walk() if part.get_filename()]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def test_a_large_file_is_left_where_it_is_until_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(MAX_IN_MEMORY + 1))
    message = a_message(path)
    assert message.attachments[0].content == path  # type: ignore[index]
    composed = compose(message)
    assert composed.content.whole is None
    assert composed.content.size == len(composed.data)
    assert attached(composed.data) == path.read_bytes()


@pytest.mark.parametrize("offers", [("PIPELINING", "CHUNKING"), ("PIPELINING",), ("HELP",)])
async def test_it_arrives_as_it_is_by_bdat_and_by_data(
    offers: tuple[str, ...], tmp_path: Path, pki: PKI
) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(3_000_001))
    async with farm(pki, lambda _: Strict(offers=offers)) as servers:
        result = await smtps.send(a_message(path), servers.endpoint())
        assert result.outcome == "sent"
        (taken,) = servers.taken
        assert attached(taken.data) == path.read_bytes()
        assert b"See the file.\r\n.\r\n" in taken.data


@pytest.mark.parametrize("chunking", [True, False])
@pytest.mark.parametrize("promised", [2_500_000, 1_500_000])
async def test_a_file_that_changes_midway_is_not_delivered_and_ends_the_session(
    promised: int, chunking: bool, tmp_path: Path, pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(2_000_000))
    message = a_message(path)
    monkeypatch.setattr("smtps.message.mime.size_of", lambda _: promised)
    async with (
        farm(pki, lambda _: Strict(offers=("PIPELINING", "CHUNKING"))) as servers,
        smtps.connect(servers.endpoint(chunking=chunking)) as session,
    ):
        result = await session.send(message)
        assert result.outcome == "refused"
        assert result.failure is not None
        assert (result.failure.code, result.failure.field) == ("input.invalid", "attachments")
        assert not session.usable
        assert not servers.taken


async def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(60_000_000)
    content = compose(a_message(path)).content
    tracemalloc.start()
    try:
        assert sum(len(block) for block in content.blocks()) == content.size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * BLOCK


@pytest.mark.parametrize("what", ["missing", "directory", "nul\0"])
def test_what_is_no_file_is_refused_when_it_is_named(what: str, tmp_path: Path) -> None:
    path = tmp_path / what
    if what == "directory":
        path.mkdir()
    with pytest.raises(smtps.InputError, match="attachments"):
        smtps.Attachment(filename="a.bin", content=path)
    with pytest.raises(smtps.InputError, match="attachments"):
        smtps.Attachment.from_file(path)
