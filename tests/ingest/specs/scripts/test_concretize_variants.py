"""The script for `spack python`, run with a stand-in for Spack."""

import ast
import random
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from ingest.specs.formats.detect import read
from ingest.specs.scripts import concretize_variants
from models.specs.document import SpecDocument
from tests.support.spec_documents import document, package, packed


class FakeSpec:
    """A spec that concretizes to a made one, unless it is asked for `+broken`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = text.partition("@")[0].split()[0]
        self.version = "git.a/b=1.0"
        self._made = package(self.name, extra={"text": text})

    def dag_hash(self) -> str:
        return self._made.hash

    def to_json(self) -> str:
        return packed(document(self._made)).decode()

    def concretized(self) -> "FakeSpec":
        return concretize_one(self)


def concretize_one(spec: FakeSpec) -> FakeSpec:
    if "+broken" in spec.text:
        raise ValueError("no solution\nlong story")
    return spec


def _definition(values: Any) -> Any:
    return types.SimpleNamespace(values=values)


_VARIANTS = {
    "mpi": _definition((True, False)),
    "api": _definition(("v1", "v2")),
    "any": _definition(lambda _: True),
    "one": _definition(("x",)),
}


class NewPackage:
    @staticmethod
    def variant_names() -> list[str]:
        return list(_VARIANTS)

    @staticmethod
    def variant_definitions(name: str) -> list[Any]:
        return [(None, _VARIANTS[name])]


class OldPackage:
    variants: dict[str, Any] = {name: (definition, []) for name, definition in _VARIANTS.items()}  # noqa: RUF012


@pytest.fixture(params=["new", "old"])
def _spack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    is_new = request.param == "new"
    package_class = NewPackage if is_new else OldPackage
    repositories = types.SimpleNamespace(get_pkg_class=lambda _name: package_class)
    modules: dict[str, Any] = {
        "spack": types.ModuleType("spack"),
        "spack.spec": types.SimpleNamespace(Spec=FakeSpec),
        "spack.repo": types.SimpleNamespace(**{"PATH" if is_new else "path": repositories}),
        "spack.concretize": types.SimpleNamespace(),
    }
    if is_new:
        modules["spack.concretize"].concretize_one = concretize_one
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
        if "." in name:
            setattr(modules["spack"], name.partition(".")[2], module)


@pytest.mark.usefixtures("_spack")
def test_specs_are_written_that_can_be_imported(tmp_path: Path) -> None:
    code = concretize_variants.main(
        ["hdf5@1.14", str(tmp_path / "specs"), "--count", "5", "--seed", "1"]
    )
    assert code == 0
    files = sorted((tmp_path / "specs").iterdir())
    assert len(files) == 5
    for file in files:
        assert file.name.startswith("hdf5-git.a_b=1.0-")
        (found,) = read(file.read_bytes(), str(file))
        assert isinstance(found, SpecDocument)


@pytest.mark.usefixtures("_spack")
def test_variants_are_set_at_random_each_choice_once(tmp_path: Path) -> None:
    found = list(concretize_variants.variants("hdf5", 100, 0.9, random.Random(2)))
    assert len(found) == len(set(found)) == 9
    assert "hdf5 api=v2 ~mpi" in found
    assert not any("any" in text or "one" in text for text in found)


@pytest.mark.usefixtures("_spack")
def test_one_that_cannot_be_concretized_costs_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert concretize_variants.main(["hdf5+broken", str(tmp_path), "--count", "2"]) == 1
    said = capsys.readouterr().err
    assert "no solution" in said
    assert "long story" not in said


def test_the_script_needs_no_newer_python_than_spack_has() -> None:
    text = Path(concretize_variants.__file__).read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 9))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= {"argparse", "random", "sys", "spack.spec", "spack.repo"}
