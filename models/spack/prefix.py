"""Installation prefixes: directories whose own `.spack` holds the spec of what is installed there.

A `.spack` without a spec is something else, as that of a home directory, where Spack is configured.
"""

from pathlib import Path

METADATA = ".spack"
SPEC_FILES = ("spec.json", "spec.yaml")


def is_prefix(directory: Path) -> bool:
    """Tell whether a package is installed in a directory.

    A `.spack` that is a link, or that cannot be looked into, tells nothing.
    """
    metadata = directory / METADATA
    named = (metadata / f"{name}{packed}" for name in SPEC_FILES for packed in ("", ".gz"))
    try:
        return not metadata.is_symlink() and any(path.is_file() for path in named)
    except OSError:
        return False
