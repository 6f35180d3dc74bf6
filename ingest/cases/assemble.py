"""Assemble an execution from the values in its files. Pure: no file, no database."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingest.archives.paths import storable_path
from ingest.cases.inventory import FileEntry, is_part_of_configuration
from ingest.cases.layout import Location
from ingest.cases.modules import find_software
from ingest.cases.origin import Origin
from ingest.cases.parse import ParsedFiles
from ingest.cases.parsers import mach_specific
from ingest.cases.simulated_interval import simulated_interval
from models.cases.case_run import CaseRun, find_own_run
from models.cases.execution import Execution, OtherFile, Paths
from models.cases.identity import CaseKey, spell_machine, system_of
from models.cases.observation import Observation
from models.cases.outcome import CASE_STATUS, ENDS, SCHEDULER
from models.cases.scheduler import Status, scheduler_status
from models.configuration.digest import digest_configuration
from models.configuration.values import Configuration
from models.errors import RejectedError
from models.problem import Problem
from models.redaction.text import masked_text, without_secrets
from models.version import READER_VERSION

_ENSEMBLE_MEMBER = re.compile(r"_[0-9]+$")
_EXPERIMENT_TYPES = frozenset(
    {
        "piControl", "historical", "amip", "abrupt-4xCO2", "1pctCO2", "ssp119", "ssp126",
        "ssp245", "ssp370", "ssp585", "esm-hist", "esm-piControl",
    }
)  # fmt: skip
_CONFIGURED_BY = frozenset({"env_case", "env_build", "env_run"})
_REFERENCE = re.compile(r"\$(?:\{([A-Z][A-Z0-9_]*)\}|([A-Z][A-Z0-9_]*))")
_MAX_EXPANSIONS = 16
_MAX_PATH = 4096


def assemble(
    location: Location, parsed: ParsedFiles, origin: Origin, others: Sequence[FileEntry] = ()
) -> Observation:
    """Return the execution; RejectedError when its user or case is unknown or not text.

    `others` are the files that were not parsed.
    """
    key = _case_key(location, parsed)
    configuration = _configuration(parsed, key.name) if _has_configuration(parsed) else None
    execution = _execution(location, parsed, origin, key, configuration, others)
    return Observation(
        key,
        execution,
        configuration,
        runs=tuple(parsed.case_status or ()),
        commands=parsed.replay_sh or (),
        changes=parsed.changes,
        failed_builds=parsed.failed_builds,
        directory_machine=location.machine,
    )


def _execution(
    location: Location,
    parsed: ParsedFiles,
    origin: Origin,
    key: CaseKey,
    configuration: Configuration | None,
    others: Sequence[FileEntry],
) -> Execution:
    lid, variables, timing = location.lid, parsed.variables, parsed.e3sm_timing
    run = find_own_run(parsed.case_status or (), lid)
    status, status_source = _status(run, location.state)
    run_end, run_end_source = _run_end(parsed, run, status)
    interval = simulated_interval(variables, parsed.cpl_log)
    unread = sorted(filter(is_part_of_configuration, parsed.damaged))
    return Execution(
        execution_id=lid.text,
        job_id=lid.job_id,
        job_number=lid.job_number if lid.job_id else None,
        lid_time=lid.local_time,
        order_key=lid.order_key,
        status=status,
        status_source=status_source,
        scheduler_state=location.state,
        complete=parsed.is_complete,
        missing=parsed.missing,
        problems=[
            without_credentials(problem)
            for problem in (*parsed.problems, *_disagreements(location, parsed, key))
        ],
        case_hash=_text(parsed, "env_case.CASE_HASH"),
        case_group=_text(parsed, "env_case.CASE_GROUP"),
        run_start_local=run.start if run else lid.local_time,
        run_end_local=run_end,
        run_end_source=run_end_source,
        failed_phase=run.failed_phase if run else None,
        failure_reason=run.failure if run else None,
        failure_log=run.failure_log if run else None,
        simulation_start=interval.start,
        simulation_end=interval.end,
        simulation_dates_source=interval.source,
        git_describe=_git_describe(parsed),
        timing=timing.timing if timing else None,
        paths=_paths(variables),
        software=find_software(parsed.parts.get(mach_specific.FILE, {})),
        launch=parsed.preview_run,
        other_files=_other_files(others),
        has_configuration=configuration is not None,
        configuration_digest=_digest(configuration, unread),
        unread_files=unread,
        reader=READER_VERSION,
        fingerprint=origin.fingerprint,
        file_count=origin.file_count,
        files_modified=origin.files_modified,
        source_path=storable_path(origin.path),
        ingestion_id=origin.ingestion_id,
    )


def _has_configuration(parsed: ParsedFiles) -> bool:
    """Return whether env_case, env_build and env_run are present and no env file is damaged."""
    is_damaged = any(artefact.startswith("env_") for artefact in parsed.damaged)
    return parsed.env_files >= _CONFIGURED_BY and not is_damaged


def _status(run: CaseRun | None, state: str | None) -> tuple[Status, str | None]:
    """Return the status and its source: the end of the run, or else the scheduler's state."""
    if run is not None and run.outcome in ENDS:
        return run.outcome, CASE_STATUS
    if state is not None:
        return scheduler_status(state), SCHEDULER
    return ("unknown", None) if run is None else (run.outcome, CASE_STATUS)


def _case_key(location: Location, parsed: ParsedFiles) -> CaseKey:
    """Return the key of the case; user and case are those of the path where it is certain.

    The machine is empty when no file names it: other executions of the case, or a directory, may.
    """
    timing = parsed.e3sm_timing
    user, case = location.user, location.case
    if not location.is_anchored:
        file_user = _text(parsed, "env_case.REALUSER") or (timing.user if timing else None)
        file_case = _text(parsed, "env_case.CASE") or (timing.case if timing else None)
        user, case = file_user or user, file_case or case
    machine = _file_machine(parsed) or ""
    for what, name in (("user", user), ("case", case)):
        if not name:
            raise RejectedError("no_identity", f"its {what} is not known")
    for what, name in (("machine", machine), ("user", user), ("case", case)):
        if not _is_storable(str(name)):
            raise RejectedError("bad_name", f"the name of its {what} is not valid UTF-8: {name!a}")
    return CaseKey(machine, str(user), str(case))


def _file_machine(parsed: ParsedFiles) -> str | None:
    """Return the machine that the files name, or None."""
    name = _text(parsed, "env_case.MACH") or (
        parsed.e3sm_timing.machine if parsed.e3sm_timing else None
    )
    name = name or (parsed.readme_case.machine if parsed.readme_case else None)
    return spell_machine(name) if name else None


def _disagreements(location: Location, parsed: ParsedFiles, key: CaseKey) -> Iterator[Problem]:
    """Yield a problem for each part of the identity on which path and files disagree."""
    directory = location.machine
    if directory and key.machine and directory not in (key.machine, system_of(key.machine)):
        detail = f"the file says {key.machine!r}, which counts, the directory {directory!r}"
        yield Problem(file="env_case.xml", reason="machine_disagrees", detail=detail)
    for what, stated, used, file in (
        ("user", _text(parsed, "env_case.REALUSER"), key.user, "env_case.xml"),
        ("case", _text(parsed, "env_case.CASE"), key.name, "env_case.xml"),
        ("lid", parsed.e3sm_timing and parsed.e3sm_timing.lid, location.lid.text, "e3sm_timing"),
    ):
        if stated is not None and stated != used:
            detail = f"the file says {stated!r}, the directory {used!r}, which counts"
            yield Problem(file=file, reason=f"{what}_disagrees", detail=detail)


def without_credentials(problem: Problem) -> Problem:
    """Return a problem with credentials in its texts masked, as it may be stored and shown."""
    texts = {"file": masked_text(problem.file), "detail": masked_text(problem.detail)}
    return problem.model_copy(update=texts)


def _other_files(entries: Sequence[FileEntry]) -> list[OtherFile]:
    return [
        OtherFile(name=masked_text(storable_path(entry.path)), size=entry.size) for entry in entries
    ]


def _configuration(parsed: ParsedFiles, case_name: str) -> Configuration:
    """Return all variables, and the metadata fields whose sources are present.

    A metadata field that comes from a variable has its value wherever that is set:
    `models.configuration.delta` relies on this.
    """
    timing, readme = parsed.e3sm_timing, parsed.readme_case
    campaign, experiment_type = campaign_of(case_name)
    metadata: dict[str, Any] = {
        "compset_alias": _text(parsed, "env_case.COMPSET") or (timing.compset if timing else None),
        "grid_resolution": _text(parsed, "env_build.GRID") or (timing.grid if timing else None),
        "initialization_type": _text(parsed, "env_run.RUN_TYPE")
        or (timing.run_type if timing else None),
        "compiler": _text(parsed, "env_build.COMPILER") or (readme.compiler if readme else None),
        "campaign": campaign,
        "experiment_type": experiment_type,
        "simulation_type": "unknown",
    }
    if readme is not None:
        metadata |= {"compset": readme.compset, "grid_name": readme.grid}
    fields = without_secrets(metadata | _git(parsed))
    return parsed.variables.with_files((key, {key: value}) for key, value in fields.items())


def _digest(configuration: Configuration | None, unread: Sequence[str]) -> str | None:
    return None if configuration is None else digest_configuration(configuration, unread)


def _git(parsed: ParsedFiles) -> dict[str, Any]:
    """Return the metadata fields of the git files that are present."""
    fields: dict[str, Any] = {}
    if parsed.git_describe is not None:
        fields |= {
            "git_tag": parsed.git_describe.tag,
            "git_commit_hash": parsed.git_describe.commit_hash,
        }
    if parsed.git_status is not None:
        fields["git_branch"] = parsed.git_status.branch
    if parsed.git_config is not None:
        fields["git_repository_url"] = parsed.git_config.url
    return fields


def campaign_of(case_name: str) -> tuple[str | None, str | None]:
    """Return the campaign and the experiment type that a case name in E3SM's convention contains.

    For `v3.LR.historical_0121` they are `v3.LR.historical` and `historical`.
    """
    if "." not in case_name:
        return None, None
    campaign = _ENSEMBLE_MEMBER.sub("", case_name)
    last = campaign.rpartition(".")[2]
    return campaign, last if last in _EXPERIMENT_TYPES else None


def _git_describe(parsed: ParsedFiles) -> str | None:
    text = parsed.git_describe.text if parsed.git_describe else None
    return None if text is None else masked_text(text)


def _run_end(
    parsed: ParsedFiles, run: CaseRun | None, status: Status
) -> tuple[str | None, str | None]:
    """Return the end of the run and its source; none while it runs.

    CaseStatus has the end itself, the timing profile the time at which it was written, some seconds
    later.
    """
    if run is not None and run.end is not None:
        return run.end, CASE_STATUS
    profile_end = parsed.e3sm_timing.end_local if parsed.e3sm_timing else None
    if profile_end is None or status == "running":
        return None, None
    return profile_end, "e3sm_timing"


def _paths(variables: Configuration) -> Paths:
    def path(key: str) -> str | None:
        value = variables.get(key)
        return expand_references(value, variables) if isinstance(value, str) and value else None

    return Paths(
        case_root=path("env_case.CASEROOT"),
        run_directory=path("env_run.RUNDIR"),
        archive_root=path("env_run.DOUT_S_ROOT"),
        postrun_script=path("env_run.POSTRUN_SCRIPT"),
    )


def expand_references(text: str, variables: Mapping[str, Any]) -> str:
    """Replace `$VAR` and `${VAR}` with the values of the case's variables, as CIME does.

    `$ENV{…}`, unknown variables and references that lead to themselves remain unchanged.
    """

    def expand(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        for file in ("env_case", "env_build", "env_run"):
            value = variables.get(f"{file}.{name}")
            if isinstance(value, str | int) and 0 < len(str(value)) <= _MAX_PATH:
                return str(value)
        return match[0]

    for _ in range(_MAX_EXPANSIONS if len(text) <= _MAX_PATH else 0):
        expanded = _REFERENCE.sub(expand, text)
        if expanded == text or len(expanded) > _MAX_PATH:
            break
        text = expanded
    return text


def _text(parsed: ParsedFiles, key: str) -> str | None:
    """Return the value of a variable as text, or None when it is not set."""
    value = parsed.variables.get(key)
    return None if value is None or value == "" else str(value)


def _is_storable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name
