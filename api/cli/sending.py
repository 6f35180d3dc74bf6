"""`caseledger import --to URL`: import through the REST API of a Caseledger elsewhere."""

import asyncio
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx2
import typer

from ingest.packing import packed, place_in_tar
from ingest.pipeline import Shard, budgets_of
from ingest.sources import Found, open_source, storable_path
from models.errors import RemoteError, SourceError
from models.ingestion import Counts
from models.settings import Settings

_ASKED = 500
_LARGEST_UPLOAD = 64 * 2**20
_TIMEOUT = httpx2.Timeout(120, connect=10)
_POLL_SECONDS = 1.0
_ENDED = frozenset({"completed", "partial", "failed", "interrupted"})


@dataclass(slots=True)
class Sent:
    """What became of the directories; `problems` are those that the server met."""

    counts: Counts = field(default_factory=Counts)
    problems: list[dict[str, Any]] = field(default_factory=list)
    unreadable: int = 0


async def send(
    settings: Settings,
    paths: Sequence[Path],
    url: str,
    machine: str | None = None,
    shard: Shard | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> Sent:
    """Send to the server what it lacks of these directories, and wait until it is imported.

    RemoteError when the server refuses or cannot be reached.
    """
    sent = Sent()
    headers = {}
    if settings.token is not None:
        headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
    base = f"{url.rstrip('/').removesuffix('/api/v1')}/api/v1"
    async with httpx2.AsyncClient(
        base_url=base, headers=headers, timeout=_TIMEOUT, transport=transport
    ) as client:
        server = _Server(client, f"{socket.gethostname()}.tar", machine)
        for path in paths:
            await _send_path(server, settings, path, shard, sent)
    return sent


async def _send_path(
    server: "_Server", settings: Settings, path: Path, shard: Shard | None, sent: Sent
) -> None:
    source = open_source(path, budgets_of(settings))
    if not path.is_dir():  # noqa: ASYNC240 - one look before anything else is going on
        raise SourceError(f"{path}: only directories can be sent; upload an archive as it is")
    for batch in source.batches():
        mine = [found for found in batch if shard is None or shard.has(found.path)]
        sent.counts.discovered += len(mine)
        mine = [found for found in mine if _can_be_sent(found, sent)]
        for start in range(0, len(mine), _ASKED):
            part = mine[start : start + _ASKED]
            lacking = await server.lacking(part)
            sent.counts.unchanged += len(part) - len(lacking)
            for upload in _uploads(lacking):
                await _upload(server, upload, sent)
    for damage in source.damages:
        sent.unreadable += 1
        typer.echo(f"caseledger: {damage.path}: {damage.detail}", err=True)


async def _upload(server: "_Server", upload: Sequence[Found], sent: Sent) -> None:
    """Send directories; when one of them changes meanwhile, the others go one by one."""
    try:
        await server.upload(upload, sent)
    except OSError as error:
        if len(upload) > 1:
            for found in upload:
                await _upload(server, [found], sent)
            return
        sent.counts.rejected += 1
        path = storable_path(upload[0].path)
        sent.problems.append({"path": path, "reason": "unreadable", "detail": str(error)})


def _can_be_sent(found: Found, sent: Sent) -> bool:
    """Tell whether a directory can be sent; else it is rejected.

    Its names are to be text, as JSON needs, and files are all that an upload holds.
    """
    reason, detail = "empty", "there is no file in it"
    if found.entries:
        try:
            place_in_tar(found.location).encode()
        except UnicodeEncodeError:
            reason, detail = "bad_name", "its path is not valid UTF-8"
        else:
            return True
    sent.counts.rejected += 1
    path = storable_path(found.path)
    sent.problems.append({"path": path, "reason": reason, "detail": detail})
    return False


def _uploads(directories: Sequence[Found]) -> Iterator[list[Found]]:
    """Share directories out to uploads of a sensible size."""
    upload: list[Found] = []
    size = 0
    for found in directories:
        wanted = set(found.inventory.files.values())
        own = sum(entry.size for entry in found.entries if entry.path in wanted)
        if upload and size + own > _LARGEST_UPLOAD:
            yield upload
            upload, size = [], 0
        upload.append(found)
        size += own
    if upload:
        yield upload


class _Server:
    """The API of the server, and under which name it is to know what comes from here."""

    def __init__(self, client: httpx2.AsyncClient, name: str, machine: str | None) -> None:
        self._client = client
        self._name = name
        self._machine = machine

    async def lacking(self, directories: Sequence[Found]) -> list[Found]:
        """Return those that the server would learn from."""
        body = {
            "name": self._name,
            "executions": [
                {
                    "path": place_in_tar(found.location),
                    "fingerprint": found.fingerprint,
                    "fileCount": found.file_count,
                    "modified": found.modified,
                }
                for found in directories
            ],
        }
        answer = await self._ask("POST", "/ingestions/lacking", json=body)
        return [directories[number] for number in answer["lacking"]]

    async def upload(self, directories: Sequence[Found], sent: Sent) -> None:
        """Send directories and wait until they are imported."""
        parameters = {"name": self._name, "wait": "60"}
        if self._machine is not None:
            parameters["machine"] = self._machine
        with tempfile.TemporaryFile() as file:
            await asyncio.to_thread(_write, file, directories)
            file.seek(0)
            record = await self._ask(
                "POST", "/ingestions", params=parameters, content=_pieces(file)
            )
        while record["status"] not in _ENDED:
            await asyncio.sleep(_POLL_SECONDS)
            record = await self._ask("GET", f"/ingestions/{record['id']}")
        for name, number in record["counts"].items():
            if name != "discovered":
                setattr(sent.counts, name, getattr(sent.counts, name) + number)
        sent.problems += record["problems"] or []

    async def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            response = await self._client.request(method, path, **request)
        except httpx2.HTTPError as error:
            raise RemoteError(
                f"{self._client.base_url}: {error or type(error).__name__}"
            ) from error
        if response.is_success:
            answer: dict[str, Any] = response.json()
            return answer
        detail = response.reason_phrase
        with suppress(ValueError, KeyError, TypeError):
            detail = response.json()["detail"]
        raise RemoteError(f"{response.url}: {response.status_code}: {detail}")


def _write(file: IO[bytes], directories: Sequence[Found]) -> None:
    for piece in packed(directories):
        file.write(piece)


async def _pieces(file: IO[bytes]) -> Any:
    while piece := await asyncio.to_thread(file.read, 2**20):
        yield piece
