"""Clients that are slow to send or to read: they end in time, and take nobody's place."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from models.database.client import Database
from models.settings import Settings
from tests.support.served import served
from tests.support.tokens import token

pytestmark = pytest.mark.slow

QUERY = (
    b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n{"
)
LIST = b"GET /api/v1/cases?limit=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(port: int, sent: bytes, count: int = 1) -> AsyncIterator[list[Connection]]:
    """Open connections that have sent this."""
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    try:
        for _, writer in connections:
            writer.write(sent)
            await writer.drain()
        yield connections
    finally:
        for _, writer in connections:
            writer.close()


async def answer_to(port: int, sent: bytes) -> bytes:
    async with connected(port, sent) as [(reader, _)], asyncio.timeout(20):
        return await reader.read()


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """Return the first lines of an answer; what is sent on may end the connection after them."""
    async with asyncio.timeout(20):
        return await reader.readuntil(b"\r\n\r\n")


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1.1 (\d+) ", answer)
    return int(found[1]) if found else 0


async def test_slow_bodies_take_no_places_and_end_with_a_408(database: Database) -> None:
    own = Settings(max_concurrent_requests=10, body_seconds=3)
    async with served(database, own) as port, connected(port, QUERY, count=100) as slow:
        await asyncio.sleep(0.3)
        for _ in range(5):
            assert status_of(await answer_to(port, LIST)) == 200
            await asyncio.sleep(0.05)
        answers = await asyncio.gather(*(head_of(reader) for reader, _ in slow))
        assert {status_of(answer) for answer in answers} == {408}
        assert status_of(await answer_to(port, LIST)) == 200


async def test_of_slow_bodies_there_are_not_more_than_ten_for_each_place(
    database: Database,
) -> None:
    own = Settings(max_concurrent_requests=2, body_seconds=2, header_seconds=1)
    async with served(database, own) as port:
        async with connected(port, QUERY, count=20):
            await asyncio.sleep(0.3)
            assert status_of(await answer_to(port, QUERY)) == 503
            assert status_of(await answer_to(port, LIST)) == 200
        await asyncio.sleep(0.3)
        assert status_of(await answer_to(port, QUERY)) == 408


async def test_a_body_that_comes_steadily_has_the_time_it_needs(database: Database) -> None:
    body = b'{"field": "user", "value": "' + b"x" * 200 + b'"}'
    head = QUERY.replace(b"1000\r\n\r\n{", b"%d\r\nConnection: close\r\n\r\n" % len(body))
    own = Settings(body_seconds=0.5, body_bytes_per_second=100)
    async with served(database, own) as port, connected(port, head) as [(reader, writer)]:
        for start in range(0, len(body), 40):
            await asyncio.sleep(0.2)
            writer.write(body[start : start + 40])
        async with asyncio.timeout(20):
            assert status_of(await reader.read()) == 200


@pytest.mark.parametrize(
    "sent", [b"", b"GET /api/v1/cases HT", b"GET /livez HTTP/1.1\r\nHost: x\r\nX: "]
)
async def test_slow_headers_end_with_a_408(database: Database, sent: bytes) -> None:
    async with served(database, Settings(header_seconds=0.5)) as port:
        answer = await answer_to(port, sent)
        assert status_of(answer) == 408
        assert status_of(await answer_to(port, LIST)) == 200


async def test_the_headers_of_a_second_request_have_a_deadline_too(database: Database) -> None:
    async with (
        served(database, Settings(header_seconds=0.5)) as port,
        connected(port, LIST.replace(b"Connection: close\r\n", b"")) as [(reader, writer)],
    ):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"GET /livez")
        async with asyncio.timeout(20):
            assert b"408 Request Timeout" in await reader.read()


@pytest.mark.parametrize(
    ("credentials", "length", "status"),
    [(b"", 10**6, 401), (b"TOKEN", 10**9, 413)],
    ids=["without a token", "too large"],
)
async def test_who_goes_on_with_a_body_that_was_refused_is_disconnected(
    database: Database, credentials: bytes, length: int, status: int
) -> None:
    own = Settings(header_seconds=1)
    text = (await token(database, "ingest")).encode()
    head = b"POST /api/v1/cases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    if credentials:
        head += b"Authorization: Bearer " + text + b"\r\n"
    head += b"Content-Length: %d\r\n\r\n{" % length
    async with served(database, own) as port, connected(port, head) as [(reader, writer)]:
        async with asyncio.timeout(20):
            assert status_of(await reader.readuntil(b"\r\n\r\n")) == status

        async def go_on() -> None:
            while True:
                writer.write(b" " * 100)
                await writer.drain()
                await asyncio.sleep(0.05)

        async with asyncio.timeout(10):
            with pytest.raises(ConnectionError):
                await go_on()
        assert status_of(await answer_to(port, LIST)) == 200


async def test_a_body_that_comes_during_the_answer_costs_no_place(made: Database) -> None:
    path = b"GET /api/v1/executions?format=ndjson HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
    async with served(made, Settings(max_concurrent_requests=1)) as port:
        for _ in range(4):
            async with connected(port, path) as [(reader, writer)], asyncio.timeout(20):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"x")
                received = b""
                while not received.endswith(b"\r\n0\r\n\r\n"):
                    received += await reader.read(2**16)
        assert status_of(await answer_to(port, LIST)) == 200
