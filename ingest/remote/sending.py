"""`caseledger import --to URL`: import through the REST API of a Caseledger elsewhere."""

import asyncio
import re
import socket
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx2
import typer

from ingest.archives.kinds import is_single_file
from ingest.archives.paths import storable_path
from ingest.cases.sources.base import ExecutionDirectory
from ingest.cases.sources.open import open_source
from ingest.importing import Shard, budgets_of
from ingest.remote.spack_files import SoftwareFiles
from ingest.remote.tar_bundle import Bundle, bundle_of, place_in_tar, tar_stream
from models.errors import RemoteError, SourceError
from models.ingestions.damage import Damage
from models.ingestions.ingestion import Counts
from models.settings import Settings

_ASKED = 500
_LARGEST_UPLOAD = 64 * 2**20
_TIMEOUT = httpx2.Timeout(120, connect=10)
_POLL_SECONDS = 1.0
_NUMBER = re.compile("[-_]?[0-9]+")
_EXECUTIONS = "performance_archive"
_ENDED = frozenset({"completed", "partial", "failed", "interrupted"})


@dataclass(slots=True)
class Sent:
    """What became of what was found; `problems` are those that the server met.

    `unreadable` counts what could not be read, here or there.
    """

    counts: Counts = field(default_factory=Counts)
    problems: list[dict[str, Any]] = field(default_factory=list)
    unreadable: int = 0
    kinds: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        """What it was: executions, files of Spack, or both."""
        return "mixed" if len(self.kinds) > 1 else next(iter(self.kinds), _EXECUTIONS)

    def reject(self, path: str, reason: str, detail: str) -> None:
        """Count an item that cannot be sent, and note why."""
        self.counts.discovered += 1
        self.counts.rejected += 1
        self.problems.append({"path": storable_path(path), "reason": reason, "detail": detail})

    def take(self, record: dict[str, Any]) -> None:
        """Add what the server did with an upload."""
        counts = record["counts"]
        for name, number in counts.items():
            setattr(self.counts, name, getattr(self.counts, name) + number)
        if counts["discovered"]:
            self.kinds.add(record["kind"])
        self.unreadable += record["status"] != "completed" and not counts["rejected"]
        self.problems += record["problems"] or []


async def send(
    settings: Settings,
    paths: Sequence[Path],
    url: str,
    machine: str | None = None,
    shard: Shard | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> Sent:
    """Send to the server what it lacks of these paths, and wait until it is imported.

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
        server = _Server(client, f"{_pool_of(socket.gethostname())}.tar", machine)
        for path in paths:
            await _send_path(server, settings, path, shard, sent)
    return sent


def _pool_of(host: str) -> str:
    """Return what the login nodes of a pool are called together, for they see the same files."""
    return _NUMBER.sub("", host.partition(".")[0]) or "host"


async def _send_path(
    server: "_Server", settings: Settings, path: Path, shard: Shard | None, sent: Sent
) -> None:
    damages: Sequence[Damage] = ()
    if not is_single_file(path):
        damages = await _send_executions(server, settings, path, shard, sent)
    if shard is None or shard.has(str(path)):
        await _send_software(server, settings, path, damages, sent)


async def _send_executions(
    server: "_Server", settings: Settings, path: Path, shard: Shard | None, sent: Sent
) -> Sequence[Damage]:
    source = open_source(path, budgets_of(settings))
    if not path.is_dir():  # noqa: ASYNC240 - one look before anything else is going on
        raise SourceError(f"{path}: archives cannot be sent; upload them as they are")
    for batch in source.batches():
        places = (place for place in batch if shard is None or shard.has(place.path))
        mine = [found for found in map(source.look, places) if found and _can_be_sent(found, sent)]
        for start in range(0, len(mine), _ASKED):
            part = mine[start : start + _ASKED]
            lacking = await server.lacking(part)
            known = len(part) - len(lacking)
            sent.kinds.add(_EXECUTIONS)
            sent.counts.discovered += known
            sent.counts.unchanged += known
            for upload in _uploads(map(bundle_of, lacking)):
                await _upload(server, upload, sent)
    _note_damages(source.damages, sent)
    return source.damages


async def _send_software(
    server: "_Server", settings: Settings, path: Path, known: Sequence[Damage], sent: Sent
) -> None:
    """Send what Spack has written; the server passes over what it knows.

    Of a file that was named, the server has to find something in it.
    """
    software = SoftwareFiles(path, budgets_of(settings), settings.max_file_mib * 2**20)
    before = sent.counts.discovered, sent.unreadable
    for upload in _uploads(p for p in software.parcels() if _has_text_names(p, sent)):
        await _upload(server, upload, sent)
    noted = {(damage.path, damage.reason) for damage in known}
    met = {(damage.path, damage.reason): damage for damage in software.damages}
    _note_damages([damage for key, damage in met.items() if key not in noted], sent)
    if is_single_file(path) and before == (sent.counts.discovered, sent.unreadable):
        sent.reject(str(path), "unknown", "the server finds in it neither a spec nor a build")


def _note_damages(damages: Iterable[Damage], sent: Sent) -> None:
    for damage in damages:
        sent.unreadable += 1
        typer.echo(f"caseledger: {damage.path}: {damage.detail}", err=True)


async def _upload(server: "_Server", upload: Sequence[Bundle], sent: Sent) -> None:
    """Send parcels; when a file of one changes meanwhile, the others go one by one."""
    try:
        sent.take(await server.upload(upload))
    except OSError as error:
        if len(upload) > 1:
            for parcel in upload:
                await _upload(server, [parcel], sent)
            return
        sent.reject(upload[0].path, "unreadable", str(error))


def _can_be_sent(found: ExecutionDirectory, sent: Sent) -> bool:
    """Tell whether a directory can be sent; else it is rejected.

    Its names are to be text, as JSON needs, and files are all that an upload holds.
    """
    if not found.entries:
        sent.reject(found.path, "empty", "there is no file in it")
        return False
    return _is_text(place_in_tar(found.location), found.path, sent)


def _has_text_names(parcel: Bundle, sent: Sent) -> bool:
    return all(_is_text(member.name, parcel.path, sent) for member in parcel.members)


def _is_text(name: str, path: str, sent: Sent) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        sent.reject(path, "bad_name", "its path is not valid UTF-8")
        return False
    return True


def _uploads(parcels: Iterable[Bundle]) -> Iterator[list[Bundle]]:
    """Share parcels out to uploads of a sensible size."""
    upload: list[Bundle] = []
    size = 0
    for parcel in parcels:
        if upload and size + parcel.size > _LARGEST_UPLOAD:
            yield upload
            upload, size = [], 0
        upload.append(parcel)
        size += parcel.size
    if upload:
        yield upload


class _Server:
    """The API of the server, and under which name it is to know what comes from here."""

    def __init__(self, client: httpx2.AsyncClient, name: str, machine: str | None) -> None:
        self._client = client
        self._name = name
        self._machine = machine

    async def lacking(self, directories: Sequence[ExecutionDirectory]) -> list[ExecutionDirectory]:
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

    async def upload(self, parcels: Sequence[Bundle]) -> dict[str, Any]:
        """Send parcels, wait until they are imported, and return the record of that."""
        parameters = {"name": self._name, "wait": "60"}
        if self._machine is not None:
            parameters["machine"] = self._machine
        with tempfile.TemporaryFile() as file:
            await asyncio.to_thread(_write, file, parcels)
            file.seek(0)
            record = await self._ask(
                "POST", "/ingestions", params=parameters, content=_pieces(file)
            )
        while record["status"] not in _ENDED:
            await asyncio.sleep(_POLL_SECONDS)
            record = await self._ask("GET", f"/ingestions/{record['id']}")
        return record

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


def _write(file: IO[bytes], parcels: Sequence[Bundle]) -> None:
    for piece in tar_stream(parcels):
        file.write(piece)


async def _pieces(file: IO[bytes]) -> Any:
    while piece := await asyncio.to_thread(file.read, 2**20):
        yield piece
