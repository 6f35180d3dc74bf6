"""The attempt to build that an installation, a build stage or the log of a failed build describes.

Source of the layout: Spack's directory_layout.py, installer.py and package_base.py. The metadata
of an installation are in `<prefix>/.spack/`; a failed build leaves its stage, or only a log.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ingest.builds.file_names import phase_of_log
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
from ingest.builds.formats.spec_name import spec_of_path
from ingest.builds.formats.suite_results import TEST_LOG, TestResult, read_test_log
from ingest.builds.logs.phases import STAGE, InstallTimes, parse_install_times
from ingest.builds.logs.report import LogOptions, LogReport, join_reports, read_log
from models.builds.build import BuildHost, BuildStatus
from models.redaction.logs import Redactor, redactor_of

LOG_FILES = ("spack-build-out.txt", "spack-build.out", "build.out", "spack-build.txt")
ALL_VARIABLES = "spack-build-env.txt"
CHANGED_VARIABLES = "spack-build-env-mods.txt"
CONFIGURE_ARGS = "spack-configure-args.txt"

_RECIPE = re.compile(
    r"repos/(?P<layout>spack_repo/)?(?P<namespace>[^/]{1,200})/packages/(?P<package>[^/]{1,200})/package\.py"
)


def redactor_for(files: Files) -> Redactor:
    """Return a redactor that masks the credentials in the environment of the build.

    A caller that stores the logs of the attempt must pass them through its `log`.
    """
    return _read_variables(BuildFiles(files)).redactor


def read_install_tree(files: Files, directory: str) -> BuildAttempt:
    """Return the attempt that installed a prefix, from the files of its `.spack`.

    `directory` is the last part of the prefix. An archived log or a manifest means that the
    installation succeeded, because Spack writes neither when it fails.
    """
    reader = BuildFiles(files)
    manifest = reader.parse(parse_manifest, "install_manifest.json")
    is_done = manifest is not None or reader.first_of(*LOG_FILES) is not None
    status: BuildStatus | None = "success" if is_done else None
    facts = _read_build(reader, status)
    names = [directory] if manifest is None else [directory, manifest.directory]
    attempt = _attempt(reader, facts, names)
    return replace(
        attempt,
        source="install_tree",
        manifest=manifest,
        repository=_repository(reader, attempt.package, facts.host),
        problems=tuple(reader.problems),
    )


def read_stage(files: Files, directory: str) -> BuildAttempt:
    """Return the attempt that a stage belongs to; `directory` is the name of the stage."""
    reader = BuildFiles(files)
    attempt = _attempt(reader, _read_build(reader, None), [directory])
    return replace(attempt, problems=tuple(reader.problems))


def read_failed_log(chunks: Iterable[bytes], name: str) -> BuildAttempt:
    """Return the attempt that a log describes on its own; `name` is the name of its file.

    The attempt failed if its last phase contains a fatal message; otherwise its status is
    unknown.
    """
    files = {LOG_FILES[0]: lambda: chunks}
    reader = BuildFiles(files)
    attempt = _attempt(reader, _read_build(reader, None, name), [name])
    return replace(attempt, source="log")


class _BuildFacts(NamedTuple):
    """The information that installations, stages and logs have in common."""

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
) -> _BuildFacts:
    variables = _read_variables(reader)
    redactor = variables.redactor
    options = LogOptions(redactor=redactor)
    report, logs = _read_logs(reader, options, log_name)
    if status is None and report.failed_phase is not None:
        status = "failed"
    test_log = reader.first_of(TEST_LOG)
    tests = test_log and reader.read(partial(read_test_log, redactor=redactor), test_log)
    return _BuildFacts(
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
    parsed = [dump for dump in dumps.values() if dump]
    values = {name: value for dump in parsed for name, value in dump.items()}
    # A dump that cannot be parsed still has values to mask in the logs.
    damaged = [name for name, dump in dumps.items() if dump is None]
    guesses = [reader.parse(loose_variables, name) or {} for name in damaged]
    redactor = redactor_of(*parsed, *guesses)
    return _Variables(allowed_variables(values, redactor), redactor)


def _read_logs(
    reader: BuildFiles, options: LogOptions, log_name: str | None
) -> tuple[LogReport, tuple[LogFile, ...]]:
    """Return the report of the log of the build, or else of the logs of its phases."""
    whole = reader.first_of(*LOG_FILES)
    names: list[tuple[str, str | None]] = [] if whole is None else [(whole, None)]
    if whole is None:
        in_order = sorted((phase_of_log(name) or (0, ""), name) for name in reader.names())
        names = [(name, phase) for (_, phase), name in in_order if phase]
    reports, logs = [], []
    for name, phase in names:
        file_name = log_name or name
        read = partial(read_log, options=replace(options, phase=phase or STAGE, name=file_name))
        report = reader.read(read, name)
        if report is not None:
            reports.append(report)
            logs.append(LogFile(file_name, phase, report.lines, report.size, report.damage))
    return join_reports(reports), tuple(logs)


def _attempt(reader: BuildFiles, facts: _BuildFacts, names: list[str]) -> BuildAttempt:
    """Return the attempt; `names` are path parts, the first of which names a spec counts."""
    report, times = facts.report, facts.times
    timeline = timeline_of(report, times, facts.status)
    package = report.package or (times.package if times else None)
    specs = (spec_of_path(name, package) for name in names)
    spec = next((spec for spec in specs if spec is not None), None)
    return BuildAttempt(
        "stage",
        spec,
        facts.status,
        timeline.phases,
        timeline.failed_phase,
        report.events,
        report.errors,
        report.warnings,
        report.omitted,
        host=facts.host,
        variables=facts.variables,
        configure_args=facts.configure_args,
        tests=facts.tests,
        package=package or (spec.name if spec else None),
        started=timeline.started,
        ended=timeline.ended,
        seconds=times.total if times else None,
        from_cache=times.from_cache if times else None,
        logs=facts.logs,
        problems=tuple(reader.problems),
    )


def _repository(
    reader: BuildFiles, package: str | None, host: BuildHost | None
) -> PackageRepository | None:
    """Return where the recipe of the package came from, according to the copy that Spack keeps."""
    spellings = {package, (package or "").replace("-", "_")}
    for name in reader.names():
        match = _RECIPE.fullmatch(name)
        if match is None or match["package"] not in spellings:
            continue
        was_in_spack = match["layout"] is None and match["namespace"] == "builtin"
        recipe = reader.parse(bytes, name)
        return PackageRepository(
            match["namespace"],
            host.spack_commit if host and was_in_spack else None,
            None if recipe is None else hashlib.sha256(recipe).hexdigest(),
        )
    return None
