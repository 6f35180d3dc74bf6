"""A synthetic performance archive: its facts, its files, and three forms: tree, tar and zip."""

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast, overload

from ingest.sample.identity import GRID_ALIAS, GRID_LONG
from ingest.sample.layout import CaseLayout
from ingest.sample.plan import Plan, plan_case
from ingest.sample.state import changes
from ingest.sample.story import Submission
from ingest.sample.truth import (
    SampleCase,
    SampleChange,
    SampleExecution,
    SampleFile,
    SampleOptions,
)

_ZIP_EPOCH = 315_532_800


class SampleArchive:
    """An archive that is generated as it is read; the same options give the same bytes."""

    def __init__(self, options: SampleOptions = SampleOptions()) -> None:  # noqa: B008
        self.options = options

    @property
    def cases(self) -> Sequence[SampleCase]:
        """The facts about each case, computed when the case is accessed."""
        return _Cases(self.options)

    def files(self) -> Iterator[SampleFile]:
        """Yield every file, execution by execution, with no more than one case in memory."""
        for index in range(self.options.cases):
            plan = plan_case(self.options, index)
            layout = CaseLayout(plan, self.options.payload)
            for submission in plan.submissions:
                yield from layout.files(submission)

    def write_tree(self, root: Path) -> None:
        """Write the files under `root` with their modification times."""
        write_files(root, self.files())

    def write_tar(self, path: Path) -> None:
        """Write a tar file, compressed if the name ends in `.gz` or `.tgz`."""
        with ExitStack() as stack:
            stream = cast(IO[bytes], stack.enter_context(path.open("wb")))
            if path.suffix in {".gz", ".tgz"}:
                packer = gzip.GzipFile("", "wb", fileobj=stream, mtime=0, compresslevel=6)
                stream = cast(IO[bytes], stack.enter_context(packer))
            archive = tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT)  # noqa: SIM115
            stack.enter_context(archive)
            for file in self.files():
                info = tarfile.TarInfo(file.path)
                info.size, info.mtime = len(file.data), file.mtime
                archive.addfile(info, io.BytesIO(file.data))

    def write_zip(self, path: Path) -> None:
        """Write a zip file."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in self.files():
                moment = datetime.fromtimestamp(max(file.mtime, _ZIP_EPOCH), UTC)
                info = zipfile.ZipInfo(file.path, moment.timetuple()[:6])
                stored = file.path.endswith(".gz")
                info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, file.data)


def write_files(root: Path, files: Iterable[SampleFile]) -> Path:
    """Write files under `root` with their modification times; return `root`."""
    parent: Path | None = None
    for file in files:
        path = root / file.path
        if path.parent != parent:
            parent = path.parent
            parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        os.utime(path, (file.mtime, file.mtime))
    return root


class _Cases(Sequence[SampleCase]):
    def __init__(self, options: SampleOptions) -> None:
        self._options = options

    def __len__(self) -> int:
        return self._options.cases

    @overload
    def __getitem__(self, index: int) -> SampleCase: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[SampleCase, ...]: ...
    def __getitem__(self, index: int | slice) -> SampleCase | tuple[SampleCase, ...]:
        position = range(len(self))[index]
        if isinstance(position, range):
            return tuple(_case(plan_case(self._options, index)) for index in position)
        return _case(plan_case(self._options, position))


def _case(plan: Plan) -> SampleCase:
    identity, canonical = plan.identity, plan.canonical
    return SampleCase(
        machine=identity.machine.name,
        user=identity.user,
        name=identity.name,
        executions=tuple(_execution(plan, submission) for submission in plan.submissions),
        canonical=canonical.lid if canonical else None,
        case_group=identity.case_group,
        compset=identity.compset.alias,
        compset_long=identity.compset.longname,
        grid_alias=GRID_ALIAS,
        grid_long=GRID_LONG,
        compiler=identity.machine.compilers[0],
        mpilib=identity.machine.mpilib,
    )


def _execution(plan: Plan, submission: Submission) -> SampleExecution:
    start, stop = submission.segment
    complete = submission.complete
    has_start = complete or not submission.state["env_run.CONTINUE_RUN"]
    return SampleExecution(
        lid=submission.lid,
        path=f"{plan.identity.root}/{submission.lid}",
        status=submission.status,
        complete=complete,
        is_canonical=submission is plan.canonical,
        run_start=submission.starting.isoformat(),
        run_end=submission.run_ended.isoformat() if complete else None,
        simulation_start=str(start) if has_start else None,
        simulation_end=str(stop) if complete else None,
        changes=_changes(plan.canonical, submission),
    )


def _changes(canonical: Submission | None, submission: Submission) -> tuple[SampleChange, ...]:
    return () if canonical is None else changes(canonical.state, submission.state)
