"""The fields by which lists of specs are filtered, sorted and shown.

Conditions on the graph of a spec are written in Spack's syntax instead.
"""

from models.fields import Field, FieldTable

SPECS = FieldTable(
    resource="specs",
    order=("_id",),
    default_sort="name,version",
    fields=(
        Field(
            "id", "text",
            "The DAG hash, followed by a digest if the content does not follow from the hash.",
            "a4hji6eqs4xwpfczsaj4vjhvdxvgoc7q", path="_id", sortable=False,
        ),
        Field(
            "hash", "text", "The DAG hash, or, in old formats, the full or the build hash.",
            "a4hji6eqs4xwpfczsaj4vjhvdxvgoc7q", path="hashes", sortable=False, served_by="hashes",
        ),
        Field("name", "text", "The name of the package.", "hdf5"),
        Field(
            "version", "version", "A version, a range or a list, written as after Spack's `@`.",
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
            "target", "target", "A microarchitecture, or a range such as `x86_64_v3:`.",
            "zen3", sortable=False, served_by="target",
        ),
        Field(
            "targetFamily", "text", "The root ancestor of the target.", "x86_64",
            sortable=False, served_by=None,
        ),
        Field(
            "compilers.name", "list of text", "The name of a compiler.", "gcc",
            sortable=False, served_by="compiler",
        ),
        Field(
            "dependencies.name", "list of text", "The name of a dependency, at any distance.",
            "zlib", sortable=False, served_by="dependency", listed=False,
        ),
        Field(
            "dependencies.hash", "list of text", "The DAG hash of a dependency, at any distance.",
            "a4hji6eqs4xwpfczsaj4vjhvdxvgoc7q",
            sortable=False, served_by="dependency hash", listed=False,
        ),
        Field("variants", "map", "The variants.", filterable=False, sortable=False),
        Field("flags", "map", "Compiler flags.", filterable=False, sortable=False),
        Field(
            "format", "integer", "The version of the format in which it was submitted.",
            filterable=False, sortable=False,
        ),
        Field(
            "hashVerified", "boolean", "Whether the hash is that of the content; null if unknown.",
            "true", sortable=False, served_by=None,
        ),
        Field(
            "isExternal", "boolean", "Whether it is a package that Spack did not build.", "false",
            sortable=False, served_by=None,
        ),
        Field(
            "isSpliced", "boolean",
            "Whether it runs with other packages than it was built with.", "false",
            sortable=False, served_by=None,
        ),
        Field(
            "isRoot", "boolean",
            "Whether it was submitted itself, not only as a dependency.", "true",
            sortable=False, served_by=None,
        ),
        Field(
            "isExplicit", "boolean",
            "Whether any source says that it was requested explicitly.", "true",
            sortable=False, served_by=None,
        ),
        Field(
            "dependencyCount", "integer", "The number of its dependencies, at any distance.", "12",
            sortable=False, served_by=None,
        ),
        Field(
            "provenance.origin", "list of text",
            "`file`, `environment`, `install_tree`, `mirror`, `listing` or `upload`.",
            "environment", sortable=False, served_by="origin",
        ),
        Field(
            "provenance.environment", "list of text", "The environment that it comes from.", "e3sm",
            sortable=False, served_by="environment",
        ),
        Field(
            "provenance.installationTime", "real", "When it was installed, seconds since 1970.",
            "1744963943", sortable=False, served_by=None,
        ),
        Field("extra", "map", "Additions by clients.", filterable=False, sortable=False),
        Field(
            "ingestionId", "text", "The import that recorded it.", filterable=False, sortable=False,
        ),
        Field("createdAt", "date-time", "When it was first recorded.", "2026-01-02T03:04:05Z"),
        Field(
            "updatedAt", "date-time", "When it was last changed.", "2026-01-02T03:04:05Z",
            sortable=False, served_by=None,
        ),
    ),
)  # fmt: skip
