"""The fields of a spec in a list; what its graph is asked for is asked in Spack's syntax."""

from models.fields import Field, FieldTable

SPECS = FieldTable(
    resource="specs",
    order=("_id",),
    default_sort="name,version",
    fields=(
        Field(
            "id", "text", "The DAG hash; with a digest behind it where the hash does not tell all.",
            "a4hji6eqs4xwpfczsaj4vjhvdxvgoc7q", path="_id", sortable=False,
        ),
        Field(
            "hash", "text", "The DAG hash, or, of old formats, the full or the build hash.",
            "a4hji6eqs4xwpfczsaj4vjhvdxvgoc7q", path="hashes", sortable=False, served_by="hashes",
        ),
        Field("name", "text", "The name of the package.", "hdf5"),
        Field(
            "version", "version", "The version: one, a range or a list as behind Spack's `@`.",
            "1.12:1.14", path="versionKey", served_by="version",
        ),
        Field(
            "namespace", "text", "The repository of the package.", "builtin",
            sortable=False, served_by="namespace",
        ),
        Field(
            "platform", "text", "The platform.", "linux", sortable=False, served_by="platform"
        ),
        Field("os", "text", "The operating system.", "debian12", sortable=False, served_by="os"),
        Field(
            "target", "target", "The microarchitecture: one, or a range such as `x86_64_v3:`.",
            "zen3", sortable=False, served_by="target",
        ),
        Field(
            "targetFamily", "text", "What the target descends from.", "x86_64",
            sortable=False, served_by=None,
        ),
        Field(
            "compilers.name", "list of text", "A compiler, by its name alone.", "gcc",
            sortable=False, served_by="compiler",
        ),
        Field(
            "dependencies.name", "list of text", "A package that it stands on, at any distance.",
            "zlib", sortable=False, served_by="dependency", listed=False,
        ),
        Field(
            "dependencies.hash", "list of text", "A node that it stands on, by its DAG hash.",
            "a4hji6eqs4xwpfczsaj4vjhvdxvgoc7q",
            sortable=False, served_by="dependency hash", listed=False,
        ),
        Field("variants", "map", "The variants.", filterable=False, sortable=False),
        Field("flags", "map", "Compiler flags.", filterable=False, sortable=False),
        Field(
            "format", "integer", "The version of the format it came in.",
            filterable=False, sortable=False,
        ),
        Field(
            "hashVerified", "boolean", "Whether the content gives the hash; null: cannot be told.",
            "true", sortable=False, served_by=None,
        ),
        Field(
            "isExternal", "boolean", "Whether Spack did not build it.", "false",
            sortable=False, served_by=None,
        ),
        Field(
            "isSpliced", "boolean", "Whether it runs with others than it was built with.", "false",
            sortable=False, served_by=None,
        ),
        Field(
            "isRoot", "boolean", "Whether it came itself, and not only below another.", "true",
            sortable=False, served_by=None,
        ),
        Field(
            "isExplicit", "boolean", "Whether any source says that it was asked for.", "true",
            sortable=False, served_by=None,
        ),
        Field(
            "dependencyCount", "integer", "How many nodes it stands on.", "12",
            sortable=False, served_by=None,
        ),
        Field(
            "provenance.origin", "list of text",
            "`file`, `environment`, `install_tree`, `mirror`, `listing` or `upload`.",
            "environment", sortable=False, served_by="origin",
        ),
        Field(
            "provenance.environment", "list of text", "The environment it came from.", "e3sm",
            sortable=False, served_by="environment",
        ),
        Field(
            "provenance.installationTime", "real", "When it was installed, seconds since 1970.",
            "1744963943", sortable=False, served_by=None,
        ),
        Field("extra", "map", "What callers have added.", filterable=False, sortable=False),
        Field("ingestionId", "text", "The import.", filterable=False, sortable=False),
        Field("createdAt", "date-time", "When it was first recorded.", "2026-01-02T03:04:05Z"),
        Field(
            "updatedAt", "date-time", "When it was last changed.", "2026-01-02T03:04:05Z",
            sortable=False, served_by=None,
        ),
    ),
)  # fmt: skip
