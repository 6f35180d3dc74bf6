"""The rules of imports that hold for the whole code; `pyproject.toml` has those of the layers."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.paths import ROOT

LAYERS = ("models", "ingest", "api")
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for layer in LAYERS for path in (ROOT / layer).rglob("*.py")}


def imports_of(path: Path) -> Iterator[str]:
    """Yield all modules that a file imports, inside functions and for types as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in MODULES else node.module


@pytest.mark.slow
def test_there_is_no_circle_of_imports_not_even_inside_functions() -> None:
    graph = {
        name: {imported for imported in imports_of(path) if imported in MODULES} - {name}
        for name, path in MODULES.items()
    }
    assert sum(map(len, graph.values())) > 1000  # the graph was read
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


@pytest.mark.slow
def test_no_test_module_is_imported_by_another() -> None:
    imported = {
        (module_name(path), name)
        for path in TESTS
        for name in imports_of(path)
        if name.startswith("tests.") and not name.startswith("tests.support")
    }
    assert imported == set()


def test_no_module_of_the_product_looks_like_a_test() -> None:
    assert [name for name in MODULES if "test" in name.rpartition(".")[2].split("_")] == []


@pytest.mark.slow
def test_every_package_and_module_says_what_is_in_it() -> None:
    silent = [
        name
        for name, path in MODULES.items()
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []
