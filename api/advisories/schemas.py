"""The response documents about advisories."""

from api.http.schemas import Answer


class AffectedSpec(Answer):
    """A spec that has an affected version, or that stands on one."""

    id: str
    hash: str
    name: str
    version: str | None


class AffectedBuild(Answer):
    """A build of such a spec."""

    id: str
    name: str
    version: str | None
    status: str
    spec_hash: str | None


class AffectedExecution(Answer):
    """An execution that ran on such a spec."""

    id: str
    case_id: str
    case_name: str
    machine: str
    user: str
    execution_id: str
    status: str


class AffectedCase(Answer):
    """A case with such executions, and how many."""

    id: str
    name: str
    machine: str
    user: str
    execution_count: int


class _Found(Answer):
    """How many there are; `link` lists all, and is null when no list can."""

    count: int
    link: str | None


class AffectedSpecs(_Found):
    """Affected specs."""

    items: list[AffectedSpec]


class AffectedBuilds(_Found):
    """Affected builds."""

    items: list[AffectedBuild]


class AffectedExecutions(_Found):
    """Affected executions."""

    items: list[AffectedExecution]


class AffectedCases(_Found):
    """Affected cases."""

    items: list[AffectedCase]


class AffectedByAdvisory(Answer):
    """What has a version that an advisory is about.

    `versions` are the affected ones among those that are recorded. `roots` need one of the `specs`
    to run; `builtWith` are roots that need one only to build. `builds` are of the specs, or of
    specs that need one to run; `executions` ran on these. `problems` say what could not be decided.
    """

    id: str
    aliases: list[str]
    summary: str | None
    package: str | None
    versions: list[str]
    problems: list[str]
    specs: AffectedSpecs
    roots: AffectedSpecs
    built_with: AffectedSpecs
    builds: AffectedBuilds
    executions: AffectedExecutions
    cases: AffectedCases


class Affected(Answer):
    """What each advisory affects, in their order."""

    items: list[AffectedByAdvisory]
