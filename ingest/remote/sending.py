"""`caseledger import --to URL`: import through the REST API of a Caseledger elsewhere."""

import asyncio
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx2
from more_itertools import chunked, constrained_batches

from ingest.archives.kinds import is_single_file
from ingest.archives.passed_over import NOTHING_FOUND, describe_nothing
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

_MAX_QUERIED = 500  # directories in one request
_MAX_UPLOAD_BYTES = 64 * 2**20  # of content; a larger bundle is an upload of its own
_PIECE_BYTES = 2**20
_TIMEOUT = httpx2.Timeout(120, connect=10)
_POLL_SECONDS = 1.0
_NODE_NUMBER = re.compile("[-_]?[0-9]+")
_EXECUTIONS = "performance_archive"
_ENDED = frozenset({"completed", "partial", "failed", "interrupted"})


@dataclass(slots=True)
class SendReport:
    """The result of sending; `counts` and `problems` add up what the server reported.

    `problems` also has the items that were not sent. `on_damage` is called at once with what could
    not be read on this machine; `unreadable` counts what could not be read here or on the server.
    """

    counts: Counts = field(default_factory=Counts)
    problems: list[dict[str, Any]] = field(default_factory=list)
    on_damage: Callable[[Damage], None] = lambda _: None
    unreadable: int = 0
    kinds: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        """The kind of the import: executions, files of Spack, or `mixed`."""
        return "mixed" if len(self.kinds) > 1 else next(iter(self.kinds), _EXECUTIONS)

    def reject(self, path: str, reason: str, detail: str) -> None:
        """Count an item that cannot be sent, and add the reason to the problems."""
        self.counts.discovered += 1
        self.counts.rejected += 1
        self.problems.append({"path": storable_path(path), "reason": reason, "detail": detail})

    def note_nothing(self, path: Path, detail: str) -> None:
        """Add that there is nothing to send in a path, which may be a mistake."""
        found = {"path": storable_path(str(path)), "reason": NOTHING_FOUND, "detail": detail}
        self.problems.append(found)

    def note_damages(self, damages: Sequence[Damage]) -> None:
        """Count and report what could not be read on this machine."""
        self.unreadable += len(damages)
        for damage in damages:
            self.on_damage(damage)

    def add(self, record: dict[str, Any]) -> None:
        """Add the server's record of an upload."""
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
    on_damage: Callable[[Damage], None] = lambda _: None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> SendReport:
    """Send what the server lacks of these paths, and wait until it has imported that.

    Raise RemoteError when the server refuses or cannot be reached, and SourceError for a path that
    cannot be sent. `on_damage` is called with everything that could not be read on this machine.
    `transport` replaces the network connection.
    """
    report = SendReport(on_damage=on_damage)
    headers = {}
    if settings.token is not None:
        headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
    base = f"{url.rstrip('/').removesuffix('/api/v1')}/api/v1"
    async with httpx2.AsyncClient(
        base_url=base, headers=headers, timeout=_TIMEOUT, transport=transport
    ) as client:
        server = _Server(client, f"{_pool_of(socket.gethostname())}.tar", machine)
        for path in paths:
            await _send_path(server, settings, path, shard, report)
    return report


def _pool_of(host: str) -> str:
    """Return the common name of the login nodes of a pool, which have the same files.

    It is `login` for `login01` and for `login02.site.gov`.
    """
    return _NODE_NUMBER.sub("", host.partition(".")[0]) or "host"


async def _send_path(
    server: "_Server", settings: Settings, path: Path, shard: Shard | None, report: SendReport
) -> None:
    damages: Sequence[Damage] = ()
    before = report.counts.discovered, len(report.problems), report.unreadable
    if not is_single_file(path):
        damages = await _send_executions(server, settings, path, shard, report)
    if shard is None or shard.has(str(path)):
        await _send_software(server, settings, path, damages, report)
    is_nothing = before == (report.counts.discovered, len(report.problems), report.unreadable)
    if shard is None and is_nothing:
        detail = await asyncio.to_thread(describe_nothing, path, budgets_of(settings))
        report.note_nothing(path, detail)


async def _send_executions(
    server: "_Server", settings: Settings, path: Path, shard: Shard | None, report: SendReport
) -> Sequence[Damage]:
    source = open_source(path, budgets_of(settings))
    if not path.is_dir():  # noqa: ASYNC240 - once, before anything runs concurrently
        raise SourceError(f"{path}: archives cannot be sent; upload them unchanged")
    for batch in source.batches():
        places = (place for place in batch if shard is None or shard.has(place.path))
        listed = filter(None, map(source.list_files, places))
        directories = [directory for directory in listed if _can_be_sent(directory, report)]
        for part in chunked(directories, _MAX_QUERIED):
            lacking = await server.select_lacking(part)
            known = len(part) - len(lacking)
            report.kinds.add(_EXECUTIONS)
            report.counts.discovered += known
            report.counts.unchanged += known
            for upload in _uploads(map(bundle_of, lacking)):
                await _upload(server, upload, report)
    report.note_damages(source.damages)
    return source.damages


async def _send_software(
    server: "_Server", settings: Settings, path: Path, known: Sequence[Damage], report: SendReport
) -> None:
    """Send the files of specs and builds; the server skips those that it knows.

    A path that is a single file is rejected when the server finds nothing in it. `known` are the
    damages that were noted before.
    """
    software = SoftwareFiles(path, budgets_of(settings), settings.max_file_mib * 2**20)
    before = report.counts.discovered, report.unreadable
    bundles = (bundle for bundle in software.bundles() if _has_text_names(bundle, report))
    for upload in _uploads(bundles):
        await _upload(server, upload, report)
    noted = {(damage.path, damage.reason) for damage in known}
    by_key = {(damage.path, damage.reason): damage for damage in software.damages}
    report.note_damages([damage for key, damage in by_key.items() if key not in noted])
    if is_single_file(path) and before == (report.counts.discovered, report.unreadable):
        report.reject(str(path), "unknown", "the server finds in it neither a spec nor a build")


async def _upload(server: "_Server", upload: Sequence[Bundle], report: SendReport) -> None:
    """Send bundles together; when a file of one changes during that, send them one by one."""
    try:
        report.add(await server.upload(upload))
    except OSError as error:
        if len(upload) > 1:
            for bundle in upload:
                await _upload(server, [bundle], report)
            return
        report.reject(upload[0].path, "unreadable", str(error))


def _can_be_sent(directory: ExecutionDirectory, report: SendReport) -> bool:
    """Return whether a directory can be sent, and reject it otherwise.

    Its path must be text, because JSON is. It must have a file, because an upload has only files.
    """
    if not directory.entries:
        report.reject(directory.path, "empty", "there is no file in it")
        return False
    return _is_text(place_in_tar(directory.location), directory.path, report)


def _has_text_names(bundle: Bundle, report: SendReport) -> bool:
    return all(_is_text(member.name, bundle.path, report) for member in bundle.members)


def _is_text(name: str, path: str, report: SendReport) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        report.reject(path, "bad_name", "its path is not valid UTF-8")
        return False
    return True


def _uploads(bundles: Iterable[Bundle]) -> Iterator[Sequence[Bundle]]:
    """Return batches of bundles, each of one upload."""
    # not strict: a bundle that is too large is a batch of its own
    return constrained_batches(
        bundles, _MAX_UPLOAD_BYTES, get_len=lambda bundle: bundle.size, strict=False
    )


class _Server:
    """The API of a server, with the name and the machine that uploads from here state."""

    def __init__(self, client: httpx2.AsyncClient, name: str, machine: str | None) -> None:
        self._client = client
        self._name = name
        self._machine = machine

    async def select_lacking(
        self, directories: Sequence[ExecutionDirectory]
    ) -> list[ExecutionDirectory]:
        """Return the directories that would add something to what the server has recorded."""
        body = {
            "name": self._name,
            "executions": [
                {
                    "path": place_in_tar(directory.location),
                    "fingerprint": directory.fingerprint,
                    "fileCount": directory.file_count,
                    "modified": directory.modified,
                }
                for directory in directories
            ],
        }
        answer = await self._request("POST", "/ingestions/lacking", json=body)
        return [directories[number] for number in answer["lacking"]]

    async def upload(self, bundles: Sequence[Bundle]) -> dict[str, Any]:
        """Send bundles, wait until they are imported, and return the record of the import."""
        parameters = {"name": self._name, "wait": "60"}
        if self._machine is not None:
            parameters["machine"] = self._machine
        with tempfile.TemporaryFile() as file:
            await asyncio.to_thread(_write, file, bundles)
            file.seek(0)
            record = await self._request(
                "POST", "/ingestions", params=parameters, content=_pieces(file)
            )
        while record["status"] not in _ENDED:
            await asyncio.sleep(_POLL_SECONDS)
            record = await self._request("GET", f"/ingestions/{record['id']}")
        return record

    async def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Return the JSON of the response; RemoteError for an error and without a response."""
        try:
            response = await self._client.request(method, path, **options)
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


def _write(file: IO[bytes], bundles: Sequence[Bundle]) -> None:
    file.writelines(tar_stream(bundles))


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
        yield piece
