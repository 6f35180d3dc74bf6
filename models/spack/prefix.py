"""Installation prefixes: directories whose `.spack` contains the spec of the installed package.

A `.spack` without a spec is something else, such as Spack's configuration in a home directory.
"""

from pathlib import Path

METADATA = ".spack"
SPEC_FILES = ("spec.json", "spec.yaml")


def is_prefix(directory: Path) -> bool:
    """Return whether a package is installed in a directory.

    False when `.spack` is a symbolic link or cannot be read.
    """
    metadata = directory / METADATA
    paths = (metadata / f"{name}{suffix}" for name in SPEC_FILES for suffix in ("", ".gz"))
    try:
        return not metadata.is_symlink() and any(path.is_file() for path in paths)
    except OSError:
        return False
