"""Concretize random variants of a package, and write the specs to a directory for import.

Spack itself runs this file: `spack python concretize_variants.py hdf5 specs --count 20`. It needs
only Spack (0.20 and newer) on Python 3.9 and newer. See docs/spack.md.
"""

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MAX_VALUES = 50


def main(arguments: "list[str] | None" = None) -> int:
    """Concretize and write the specs; return 0 when at least one was written, else 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("package", help="name of a package, optionally with constraints: hdf5@1.14")
    parser.add_argument(
        "directory", type=Path, help="where to write the specs; created when missing"
    )
    parser.add_argument("--count", type=int, default=10, help="number of specs to try (10)")
    parser.add_argument("--seed", type=int, help="the same seed leads to the same choices")
    parser.add_argument("--vary", type=float, default=0.5, help="share of variants to set (0.5)")
    options = parser.parse_args(arguments)
    options.directory.mkdir(parents=True, exist_ok=True)
    chance = random.Random(options.seed)  # noqa: S311 - not for secrets
    written = failed = 0
    for text in variants(options.package, options.count, options.vary, chance):
        try:
            spec = concretized(text)
        except Exception as error:
            failed += 1
            _say(f"{text}: {str(error).strip().partition(chr(10))[0]}")
            continue
        path = options.directory / file_name(spec)
        path.write_text(spec.to_json(), encoding="utf-8")
        written += 1
        _say(f"{text}: {path}")
    _say(f"{written} specs written, {failed} could not be concretized")
    return 0 if written else 1


def variants(package: str, count: int, share: float, chance: random.Random) -> "Iterator[str]":
    """Yield distinct texts of specs: the package with some of its variants set at random."""
    import spack.spec  # type: ignore[import-not-found]

    choices = variant_choices(spack.spec.Spec(package).name)
    texts: set[str] = set()
    for _ in range(count * 10):
        chosen = {name: chance.choice(values) for name, values in choices.items()
                  if chance.random() < share}  # fmt: skip
        text = " ".join([package, *(_setting(name, chosen[name]) for name in sorted(chosen))])
        if text not in texts:
            texts.add(text)
            yield text
        if len(texts) == count:
            return


def variant_choices(name: str) -> "dict[str, list[Any]]":
    """Return the values of each variant of a package that has several."""
    import spack.repo  # type: ignore[import-not-found]

    repositories = getattr(spack.repo, "PATH", None) or spack.repo.path
    package = repositories.get_pkg_class(name)
    values_by_name = {
        variant: values_of(definition) for variant, definition in _definitions(package)
    }
    return {
        variant: values for variant, values in sorted(values_by_name.items()) if len(values) > 1
    }


def _definitions(package: Any) -> "Iterator[tuple[str, Any]]":
    """Yield the variants of a package, each with its first definition.

    Since Spack 0.23 a package class has methods for its variants, before it has a map of them.
    """
    if hasattr(package, "variant_names"):
        for name in package.variant_names():
            definitions = package.variant_definitions(name)
            yield name, definitions[0][1]
    else:
        for name, (definition, _) in package.variants.items():
            yield name, definition


def values_of(definition: Any) -> "list[Any]":
    """Return the possible values of a variant; none when it accepts any text."""
    values = getattr(definition, "values", None)
    if values is None or callable(values) or isinstance(values, str):
        return []
    try:
        choices = [value if isinstance(value, bool) else str(value) for value in values]
    except TypeError:
        return []
    return choices[:_MAX_VALUES]


def _setting(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"{'+' if value else '~'}{name}"
    if value in ("True", "False"):
        return f"{'+' if value == 'True' else '~'}{name}"
    return f"{name}={value}"


def concretized(text: str) -> Any:
    """Return the concrete spec of a text: with a function since Spack 1.0, before with a method."""
    import spack.spec

    try:
        from spack.concretize import concretize_one  # type: ignore[import-not-found]
    except ImportError:
        return spack.spec.Spec(text).concretized()
    return concretize_one(spack.spec.Spec(text))


def file_name(spec: Any) -> str:
    """Return the name of the file of a concrete spec, which an import recognizes by its suffix."""
    version = str(spec.version).replace("/", "_")
    return f"{spec.name}-{version}-{spec.dag_hash()}.spec.json"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
