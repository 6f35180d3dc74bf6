"""The fields by which lists of builds are filtered, sorted and shown."""

from models.fields import Field, FieldTable

_LOCAL = "ISO 8601, local time of the host, or UTC with a Z"

BUILDS = FieldTable(
    resource="builds",
    order=("orderKey", "_id"),
    default_sort="-orderKey",
    words="searchWords",
    fields=(
        Field(
            "id", "text", "The id of the build.", "0b3a4c8e-5d2f-5e61-9a7c-1d2e3f405162",
            path="_id", sortable=False,
        ),
        Field(
            "orderKey", "local time",
            "When its first command ran, without a time zone; empty when unknown.", "2026-01-02",
        ),
        Field("specHash", "text", "The DAG hash of the spec.", "a4hji6eqs4xwpfczsaj4vjhvdxvgoc7q"),
        Field("name", "text", "The name of the package.", "netcdf-c"),
        Field("version", "text", "The version of the package.", "4.9.2"),
        Field(
            "kind", "text", "`build`, or `test` for a test run.", "build",
            choices=("build", "test"),
        ),
        Field(
            "status", "text", "`success`, `failed`, `cancelled`, `running` or `not_run`.", "failed",
            choices=("success", "failed", "cancelled", "running", "not_run"),
        ),
        Field("failedPhase", "text", "The phase that failed.", "configure"),
        Field(
            "cancelledBy.specHash", "text", "The spec whose failure cancelled it.",
            "z2345672345672345672345672345672",
        ),
        Field("startedLocal", "local time", f"When its first command ran: {_LOCAL}.", "2026-01-02"),
        Field("endedLocal", "local time", f"When its last command ran: {_LOCAL}.", "2026-01-02"),
        Field("seconds", "real", "How long it took, in seconds.", "61.5"),
        Field("fromCache", "boolean", "Whether a binary package was unpacked, not built.", "false"),
        Field("errorCount", "integer", "How many errors its logs show.", "2"),
        Field("warningCount", "integer", "How many warnings its logs show.", "10"),
        Field("host.hostname", "text", "The host that it ran on.", "login03"),
        Field("host.hostOs", "text", "The operating system of the host.", "sles15"),
        Field("host.platform", "text", "The platform of the host.", "linux"),
        Field("host.hostTarget", "text", "The microarchitecture of the host.", "zen3"),
        Field("host.kernelVersion", "text", "The kernel of the host.", "5.14.21"),
        Field("host.spackVersion", "text", "The version of Spack.", "1.0.0"),
        Field("host.spackCommit", "text", "The commit of Spack.", "5817ab9613f2"),
        Field("repository.namespace", "text", "The package repository.", "builtin"),
        Field(
            "repository.commit", "text", "The commit of the package repository.", "9c1f2a7b3d4e",
        ),
        Field(
            "events.kind", "list of text",
            "What reported an error or warning; shown only when requested.",
            "linker", sortable=False, listed=False,
        ),
        Field(
            "manifest.digest", "text",
            "The digest of what was installed; the same for the same files.",
            "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
        ),
        Field("manifest.fileCount", "integer", "How many files were installed.", "155"),
        Field("tags", "list of text", "Tags.", "nightly", sortable=False),
        Field("owner", "text", "Who reported it.", "nightly"),
        Field(
            "session", "text", "The run of Spack that it belongs to.", "pipeline 4711",
            sortable=False,
        ),
        Field(
            "sources", "list of text", "The kinds of source that reported it.", "install_tree",
            sortable=False,
        ),
        Field(
            "testCounts", "map", "The number of tests by outcome.",
            filterable=False, sortable=False,
        ),
        Field(
            "ingestionId", "text", "The import that recorded it.",
            "6fa20d82-3c1e-4b0e-9d6a-0c8f6d1b2a3e", sortable=False,
        ),
        Field("updatedAt", "date-time", "When it was last changed.", "2026-01-02T03:04:05Z"),
    ),
)  # fmt: skip
