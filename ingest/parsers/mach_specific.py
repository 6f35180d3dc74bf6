"""env_mach_specific.xml: the modules and the environment that a case runs with.

Source of the format: CIME/XML/env_mach_specific.py. Blocks of modules and of environment variables
carry attributes (`compiler="gnu"`, `mpilib="!mpi-serial"`) that say for which builds they count.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from ingest.parsers.env_xml import parse_xml
from ingest.parsers.sheet import Variables
from models.keys import join_key

FILE = "env_mach_specific"
MODULES_KEY = f"{FILE}.modules"


def parse_mach_specific(content: bytes, variables: Mapping[str, Any]) -> Variables:
    """Return the modules, a list of commands in order, and the environment variables, by delta key.

    `variables` are those of the case: its compiler, MPI library and so on choose the blocks.
    """
    root = parse_xml(content)
    modules = [
        " ".join((command.get("name", ""), (command.text or "").strip())).strip()
        for block in root.iterfind("module_system/modules")
        if _counts(block, variables)
        for command in block.iterfind("command")
    ]
    found: Variables = dict(_environment(root, variables))
    if modules:
        found[MODULES_KEY] = modules
    return found


def _environment(
    root: "etree._Element", variables: Mapping[str, Any]
) -> Iterator[tuple[str, str | None]]:
    for block in root.iterfind("environment_variables"):
        if _counts(block, variables):
            for variable in block.iterfind("env"):
                name = variable.get("name")
                if name:
                    yield join_key(FILE, "environment_variables", name), variable.text


def _counts(block: "etree._Element", variables: Mapping[str, Any]) -> bool:
    """Tell whether a block is for this case: all its attributes are those of the case's build."""
    return all(
        _matches(str(wanted), _setting(str(name), variables))
        for name, wanted in block.attrib.items()
    )


def _matches(wanted: str, actual: str) -> bool:
    if wanted.startswith("!"):
        return actual != wanted[1:]
    try:
        return re.fullmatch(wanted, actual) is not None
    except re.error:
        return wanted == actual


def _setting(name: str, variables: Mapping[str, Any]) -> str:
    value = variables.get(f"env_build.{name.upper()}")
    return str(value).upper() if isinstance(value, bool) else str(value or "")
