"""From what the files of an execution say to the execution itself. Pure: no file, no database."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.archives.paths import storable_path
from ingest.cases.inventory import FileEntry, is_namelist
from ingest.cases.layout import Location
from ingest.cases.modules import find_software
from ingest.cases.parse import Parsed
from ingest.cases.parsers import mach_specific
from ingest.cases.simulated_interval import simulated_interval
from models.cases.case_run import Attempt, own_attempt
from models.cases.execution import Execution, OtherFile, Paths, Status
from models.cases.identity import CaseKey, machine_systems, spell_machine, system_of
from models.cases.observation import Observation
from models.cases.scheduler import scheduler_status
from models.configuration.digest import digest_configuration
from models.configuration.values import Configuration
from models.errors import RejectedError
from models.problem import Problem
from models.redaction.text import masked_text, without_secrets

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


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an execution was found, and by which import."""

    path: str
    fingerprint: str
    ingestion_id: str
    file_count: int = 0
    files_modified: int = 0
    machine: str | None = None  # of executions that do not tell theirs


def assemble(
    location: Location, parsed: Parsed, origin: Origin, others: Sequence[FileEntry] = ()
) -> Observation:
    """Build the execution; RejectedError when it cannot be told which case it belongs to.

    `others` are the files that nobody has parsed.
    """
    lid, variables = location.lid, parsed.variables
    key = _case_key(location, parsed, origin.machine)
    attempt = own_attempt(parsed.case_status or (), lid)
    status, status_source = _status(attempt, location.state)
    interval = simulated_interval(variables, parsed.cpl_log)
    timing = parsed.e3sm_timing
    has_configuration = parsed.env_files >= _CONFIGURED_BY and not any(
        artefact.startswith("env_") for artefact in parsed.damaged
    )
    configuration = _configuration(parsed, key.name) if has_configuration else None
    unread = sorted(artefact for artefact in parsed.damaged if is_namelist(artefact))
    execution = Execution(
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
        run_start_local=attempt.start if attempt else lid.local_time,
        run_end_local=_run_end(parsed, attempt),
        simulation_start=interval.start,
        simulation_end=interval.end,
        simulation_dates_source=interval.source,
        git_describe=_git_describe(parsed),
        timing=timing.timing if timing else None,
        paths=_paths(variables),
        software=find_software(parsed.parts.get(mach_specific.FILE, {})),
        launch=parsed.preview_run,
        other_files=_other_files(others),
        has_configuration=has_configuration,
        configuration_digest=_digest(configuration, unread),
        unread_files=unread,
        fingerprint=origin.fingerprint,
        file_count=origin.file_count,
        files_modified=origin.files_modified,
        source_path=storable_path(origin.path),
        ingestion_id=origin.ingestion_id,
    )
    return Observation(
        key, execution, configuration, tuple(parsed.case_status or ()), parsed.replay_sh or ()
    )


def _status(attempt: Attempt | None, state: str | None) -> tuple[Status, str | None]:
    """Return the status and what tells it: the run's own end, else the scheduler's word on it."""
    if attempt is not None and attempt.outcome in {"completed", "failed"}:
        return attempt.outcome, "CaseStatus"
    if state is not None:
        return scheduler_status(state), "scheduler"
    return ("unknown", None) if attempt is None else (attempt.outcome, "CaseStatus")


def _case_key(location: Location, parsed: Parsed, fallback_machine: str | None) -> CaseKey:
    timing = parsed.e3sm_timing
    told_user = _text(parsed, "env_case.REALUSER") or (timing.user if timing else None)
    told_case = _text(parsed, "env_case.CASE") or (timing.case if timing else None)
    placed = location.user, location.case
    user, case = (
        placed if location.is_anchored else (told_user or placed[0], told_case or placed[1])
    )
    machine = _machine(location, _told_machine(parsed)) or spell_machine(fallback_machine or "")
    for what, name in (("machine", machine), ("user", user), ("case", case)):
        if not name:
            hint = "; say which with --machine" if what == "machine" else ""
            raise RejectedError("no_identity", f"its {what} is not known{hint}")
        if not _is_storable(name):
            raise RejectedError("bad_name", f"the name of its {what} is not valid UTF-8: {name!a}")
    return CaseKey(machine, str(user), str(case))


def _told_machine(parsed: Parsed) -> str | None:
    told = _text(parsed, "env_case.MACH") or (
        parsed.e3sm_timing.machine if parsed.e3sm_timing else None
    )
    told = told or (parsed.readme_case.machine if parsed.readme_case else None)
    return spell_machine(told) if told else None


def _machine(location: Location, told: str | None) -> str | None:
    """Choose between the directory above the archive and what the files tell.

    The directory wins when it is that of a machine. One that is called like the whole system
    (`perlmutter`) leaves it to the files which part of it (`pm-cpu`); one that has some other
    name, while the files tell a machine of E3SM's, is not that of a machine.
    """
    placed = location.machine
    if placed is None or told is None:
        return placed or told
    told_is_known = told in machine_systems()
    if placed == system_of(told) or (told_is_known and not location.machine_is_known):
        return told
    return placed


def _disagreements(location: Location, parsed: Parsed, key: CaseKey) -> Iterator[Problem]:
    told_case = _text(parsed, "env_case.CASE")
    told_user = _text(parsed, "env_case.REALUSER")
    placed, system = location.machine_directory, system_of(key.machine)
    if placed and location.machine != system and key.machine not in placed.lower():
        detail = f"the directory says {placed!r}, the file {key.machine!r}, which counts"
        yield Problem(file="env_case.xml", reason="machine_disagrees", detail=detail)
    told_lid = parsed.e3sm_timing.lid if parsed.e3sm_timing else None
    for what, told, counts, file in (
        ("machine", _told_machine(parsed), key.machine, "env_case.xml"),
        ("user", told_user, key.user, "env_case.xml"),
        ("case", told_case, key.name, "env_case.xml"),
        ("lid", told_lid, location.lid.text, "e3sm_timing"),
    ):
        if told is not None and told != counts:
            detail = f"the file says {told!r}, the directory {counts!r}, which counts"
            yield Problem(file=file, reason=f"{what}_disagrees", detail=detail)


def without_credentials(problem: Problem) -> Problem:
    """Return a problem as it may be stored and shown."""
    told = {"file": masked_text(problem.file), "detail": masked_text(problem.detail)}
    return problem.model_copy(update=told)


def _other_files(entries: Sequence[FileEntry]) -> list[OtherFile]:
    return [
        OtherFile(name=masked_text(storable_path(entry.path)), size=entry.size) for entry in entries
    ]


def _configuration(parsed: Parsed, case_name: str) -> Configuration:
    """Return all variables and the metadata fields whose sources are there.

    A metadata field has the value of its variable wherever that is set:
    `models.configuration.delta` relies on it.
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
    own = {key: {key: value} for key, value in without_secrets(metadata | _git(parsed)).items()}
    return parsed.variables.with_files(own.items())


def _digest(configuration: Configuration | None, unread: Sequence[str]) -> str | None:
    return None if configuration is None else digest_configuration(configuration, unread)


def _git(parsed: Parsed) -> dict[str, Any]:
    """Return the metadata fields of the git files that are there."""
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
    """Return the campaign and the experiment type that E3SM's naming of cases tells.

    `v3.LR.historical_0121` is of the campaign `v3.LR.historical`, type `historical`.
    """
    if "." not in case_name:
        return None, None
    campaign = _ENSEMBLE_MEMBER.sub("", case_name)
    last = campaign.rpartition(".")[2]
    return campaign, last if last in _EXPERIMENT_TYPES else None


def _git_describe(parsed: Parsed) -> str | None:
    text = parsed.git_describe.text if parsed.git_describe else None
    return None if text is None else masked_text(text)


def _run_end(parsed: Parsed, attempt: Attempt | None) -> str | None:
    profile_end = parsed.e3sm_timing.end_local if parsed.e3sm_timing else None
    return profile_end or (attempt.end if attempt else None)


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
    """Replace `$VAR` and `${VAR}` by the values of the case's variables, as CIME does.

    `$ENV{…}` and what is not known stays as it is; so does a reference that leads to itself.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        for file in ("env_case", "env_build", "env_run"):
            known = variables.get(f"{file}.{name}")
            if isinstance(known, str | int) and 0 < len(str(known)) <= _MAX_PATH:
                return str(known)
        return match[0]

    for _ in range(_MAX_EXPANSIONS if len(text) <= _MAX_PATH else 0):
        expanded = _REFERENCE.sub(value, text)
        if expanded == text or len(expanded) > _MAX_PATH:
            break
        text = expanded
    return text


def _text(parsed: Parsed, key: str) -> str | None:
    """Return the value of a variable as text, or None when it is not set."""
    value = parsed.variables.get(key)
    return None if value is None or value == "" else str(value)


def _is_storable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name
