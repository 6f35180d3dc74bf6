"""An installation, a build stage or the log of a build that failed, as one attempt.

Source of the layout: Spack's directory_layout.py, installer.py and package_base.py. The metadata
of an installation lie in `<prefix>/.spack/`; a build that failed leaves its stage, or only a log.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ingest.builds.formats.attempt import (
    BuildAttempt,
    LogFile,
    PackageRepository,
    timeline_of,
)
from ingest.builds.formats.build_files import BuildFiles, Files
from ingest.builds.formats.environment import (
    allowed_variables,
    loose_variables,
    parse_configure_args,
    parse_host_environment,
    parse_variables,
)
from ingest.builds.formats.manifest import parse_manifest
from ingest.builds.formats.spec_name import SpecName, spec_of_path
from ingest.builds.formats.suite_results import TEST_LOG, TestResult, read_test_log
from ingest.builds.logs.phases import STAGE, InstallTimes, parse_install_times, phase_of_log
from ingest.builds.logs.report import LogOptions, LogReport, join_reports, read_log
from models.builds.build import BuildHost, BuildStatus
from models.redaction.logs import Redactor, redactor_of
from models.spack.prefix import METADATA, SPEC_FILES

LOG_FILES = ("spack-build-out.txt", "spack-build.out", "build.out", "spack-build.txt")
ALL_VARIABLES = "spack-build-env.txt"
CHANGED_VARIABLES = "spack-build-env-mods.txt"
CONFIGURE_ARGS = "spack-configure-args.txt"

_RECIPE = re.compile(
    r"repos/(?P<layout>spack_repo/)?(?P<namespace>[^/]{1,200})/packages/(?P<package>[^/]{1,200})/package\.py"
)


def find_install_trees(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the metadata files of each prefix, as paths below its `.spack`, from a listing.

    Only a directory `.spack` with a spec counts. Both are in the order of the listing.
    """
    trees: dict[str, list[str]] = {}
    for path in paths:
        prefix, mark, rest = f"/{path}".partition(f"/{METADATA}/")
        if mark and rest:
            trees.setdefault(prefix.removeprefix("/"), []).append(rest)
    packed = {f"{name}.gz" for name in SPEC_FILES} | set(SPEC_FILES)
    return {prefix: names for prefix, names in trees.items() if not packed.isdisjoint(names)}


def redactor_for(files: Files) -> Redactor:
    """Return what masks the credentials that the environment of the build holds.

    Whoever stores the logs beside the attempt sends them through its `log`.
    """
    return _read_variables(BuildFiles(files)).redactor


def read_install_tree(files: Files, directory: str) -> BuildAttempt:
    """Return the attempt that installed a prefix, from the files of its `.spack`.

    `directory` is the last part of the prefix. An archived log or a manifest tells that the
    installation succeeded: Spack writes neither when it fails.
    """
    reader = BuildFiles(files)
    manifest = reader.parse(parse_manifest, "install_manifest.json")
    is_done = manifest is not None or reader.first_of(*LOG_FILES) is not None
    status: BuildStatus | None = "success" if is_done else None
    built = _read_build(reader, status)
    names = [directory] if manifest is None else [directory, manifest.directory]
    attempt = _attempt(reader, built, names)
    return replace(
        attempt,
        source="install_tree",
        manifest=manifest,
        repository=_repository(reader, attempt.package, built.host),
        problems=tuple(reader.problems),
    )


def read_stage(files: Files, directory: str) -> BuildAttempt:
    """Return the attempt whose stage this is; `directory` is its name."""
    reader = BuildFiles(files)
    attempt = _attempt(reader, _read_build(reader, None), [directory])
    return replace(attempt, problems=tuple(reader.problems))


def read_failed_log(chunks: Iterable[bytes], name: str) -> BuildAttempt:
    """Return the attempt that a log alone tells of; `name` is the name of its file.

    It failed if a message in its last phase says so; otherwise its status is unknown.
    """
    files = {LOG_FILES[0]: lambda: chunks}
    reader = BuildFiles(files)
    attempt = _attempt(reader, _read_build(reader, None, name), [name])
    return replace(attempt, source="log")


class _Built(NamedTuple):
    """What installations and stages have in common."""

    status: BuildStatus | None
    report: LogReport
    logs: tuple[LogFile, ...]
    times: InstallTimes | None
    host: BuildHost | None
    variables: dict[str, str]
    configure_args: tuple[str, ...] | None
    tests: tuple[TestResult, ...]


class _Variables(NamedTuple):
    allowed: dict[str, str]
    redactor: Redactor


def _read_build(
    reader: BuildFiles, status: BuildStatus | None, log_name: str | None = None
) -> _Built:
    variables = _read_variables(reader)
    redactor = variables.redactor
    options = LogOptions(redactor=redactor)
    report, logs = _read_logs(reader, options, log_name)
    if status is None and report.failed_phase is not None:
        status = "failed"
    test_log = reader.first_of(TEST_LOG)
    tests = test_log and reader.attempt(partial(read_test_log, redactor=redactor), test_log)
    return _Built(
        status,
        report,
        logs,
        reader.parse(parse_install_times, "install_times.json"),
        reader.parse(
            partial(parse_host_environment, redactor=redactor), "install_environment.json"
        ),
        variables.allowed,
        reader.parse(partial(parse_configure_args, redactor=redactor), CONFIGURE_ARGS),
        tests or (),
    )


def _read_variables(reader: BuildFiles) -> _Variables:
    names = (ALL_VARIABLES, CHANGED_VARIABLES)
    dumps = {name: reader.parse(parse_variables, name) for name in names}
    told = [dump for dump in dumps.values() if dump]
    lost = [name for name, dump in dumps.items() if dump is None]
    values = {name: value for dump in told for name, value in dump.items()}
    redactor = redactor_of(*told, *(reader.parse(loose_variables, name) or {} for name in lost))
    return _Variables(allowed_variables(values, redactor), redactor)


def _read_logs(
    reader: BuildFiles, options: LogOptions, log_name: str | None
) -> tuple[LogReport, tuple[LogFile, ...]]:
    """Return what the log of the build tells, or else what the logs of its phases tell."""
    whole = reader.first_of(*LOG_FILES)
    names: list[tuple[str, str | None]] = [] if whole is None else [(whole, None)]
    if whole is None:
        own = sorted((phase_of_log(name) or (0, ""), name) for name in reader.names())
        names = [(name, phase) for (_, phase), name in own if phase]
    reports, logs = [], []
    for name, phase in names:
        shown = log_name or name
        read = partial(read_log, options=replace(options, phase=phase or STAGE, name=shown))
        report = reader.attempt(read, name)
        if report is not None:
            reports.append(report)
            logs.append(LogFile(shown, phase, report.lines, report.size, report.damage))
    return join_reports(reports), tuple(logs)


def _attempt(reader: BuildFiles, built: _Built, names: list[str]) -> BuildAttempt:
    report, times = built.report, built.times
    course = timeline_of(report, times, built.status)
    package = report.package or (times.package if times else None)
    spec = _first(lambda name: spec_of_path(name, package), names)
    return BuildAttempt(
        "stage",
        spec,
        built.status,
        course.phases,
        course.failed_phase,
        report.events,
        report.errors,
        report.warnings,
        report.omitted,
        host=built.host,
        variables=built.variables,
        configure_args=built.configure_args,
        tests=built.tests,
        package=package or (spec.name if spec else None),
        started=course.started,
        ended=course.ended,
        seconds=times.total if times else None,
        from_cache=times.from_cache if times else None,
        logs=built.logs,
        problems=tuple(reader.problems),
    )


def _first(look: Callable[[str], SpecName | None], names: list[str]) -> SpecName | None:
    return next((spec for name in names if (spec := look(name)) is not None), None)


def _repository(
    reader: BuildFiles, package: str | None, host: BuildHost | None
) -> PackageRepository | None:
    """Return where the recipe of the package came from, by the copy that Spack keeps of it."""
    own = {package, (package or "").replace("-", "_")}
    for name in reader.names():
        match = _RECIPE.fullmatch(name)
        if match is None or match["package"] not in own:
            continue
        was_in_spack = match["layout"] is None and match["namespace"] == "builtin"
        recipe = reader.parse(bytes, name)
        return PackageRepository(
            match["namespace"],
            host.spack_commit if host and was_in_spack else None,
            None if recipe is None else hashlib.sha256(recipe).hexdigest(),
        )
    return None
