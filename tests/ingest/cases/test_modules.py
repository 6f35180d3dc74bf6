from typing import Any

import pytest

from ingest.cases.modules import find_software


def found(**variables: Any) -> list[tuple[str, str, str, str]]:
    named = {f"env_mach_specific.{key}": value for key, value in variables.items()}
    return [(s.name, s.version, s.hash, s.source) for s in find_software(named)]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(
            "load netcdf-c/4.4.1-a4hji6e", ("netcdf-c", "4.4.1", "a4hji6e"), id="hash of seven"
        ),
        pytest.param(
            "switch hdf5/1.14.3 hdf5/1.14.3-" + "abcdefghijklmnopqrstuvwxyz234567",
            ("hdf5", "1.14.3", "abcdefghijklmnopqrstuvwxyz234567"),
            id="whole hash",
        ),
        pytest.param(
            "load netcdf-c/4.9.3-rc1-a4hji6e", ("netcdf-c", "4.9.3-rc1", "a4hji6e"), id="hyphen"
        ),
        pytest.param("load e3sm/develop-a4hji6e", ("e3sm", "develop", "a4hji6e"), id="branch"),
    ],
)
def test_a_module_with_a_hash_names_its_spec(command: str, expected: tuple[str, str, str]) -> None:
    assert found(modules=["purge", command]) == [(*expected, "module")]


@pytest.mark.parametrize(
    "command",
    [
        "load cmake/3.24.3",
        "load openmpi/4.1.6-release",
        "load gcc/11.2.0-GNU",
        "purge",
        "load a/b-c",
    ],
)
def test_a_module_without_a_hash_names_nothing(command: str) -> None:
    assert found(modules=[command]) == []


def test_a_prefix_names_its_spec_and_the_variable() -> None:
    path = "/soft/linux/gcc-11/netcdf-c-4.4.1-a4hji6e/lib:/usr/lib"
    variables = {"environment_variables.NETCDF_PATH": path}
    assert found(**variables) == [("netcdf-c", "4.4.1", "a4hji6e", "NETCDF_PATH")]


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ("netcdf-c-4.9.3-rc1-a4hji6e", ("netcdf-c", "4.9.3-rc1", "a4hji6e")),
        ("py-3to2-1.1.1-a4hji6e", ("py-3to2", "1.1.1", "a4hji6e")),
    ],
)
def test_hyphens_of_names_and_versions_are_told_apart(
    directory: str, expected: tuple[str, str, str]
) -> None:
    assert found(**{"environment_variables.X": f"/soft/{directory}"}) == [(*expected, "X")]


def test_software_that_is_named_twice_is_told_once() -> None:
    variables = {
        "modules": ["load netcdf-c/4.4.1-a4hji6e"],
        "environment_variables.NETCDF_PATH": "/soft/netcdf-c-4.4.1-a4hji6e",
    }
    assert len(found(**variables)) == 1


@pytest.mark.parametrize(
    "command",
    ["unload netcdf-c/4.4.1-a4hji6e", "rm netcdf-c", "switch netcdf-c intel", "purge", "reset"],
)
def test_a_module_that_is_unloaded_names_nothing(command: str) -> None:
    zlib = ("zlib", "1.3", "bbbbbbb", "module")
    assert found(modules=["load netcdf-c/4.4.1-a4hji6e", command, "load zlib/1.3-bbbbbbb"]) == [
        zlib
    ]


def test_the_module_that_is_switched_to_names_its_spec() -> None:
    command = "swap netcdf-c/4.4.1-a4hji6e netcdf-c/4.9.2-bbbbbbb"
    assert found(modules=[command]) == [("netcdf-c", "4.9.2", "bbbbbbb", "module")]


def test_a_command_without_words_names_nothing() -> None:
    assert found(modules=["", "load"]) == []
