"""Software stacks: the packages of executions, and their differences within the graphs. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]
Package = tuple[str | None, str, str, str | None]  # version, hash, role, id of the spec
Stack = dict[str, set[Package]]
Packages = dict[str, set[tuple[str | None, str]]]


def stack_of(execution: Document) -> Stack:
    """Return the packages that an execution loaded, and those that are attached to it, by name.

    A package that resolves to specs is replaced by these, with their whole hashes; another package
    is included unchanged, without an id. The name of a stated spec that is not recorded is its
    hash.
    """
    specs = execution.get("specs") or ()
    stack: Stack = {}
    for spec in specs:
        package = (spec["version"], spec["hash"], spec["role"], spec["id"])
        stack.setdefault(spec["name"] or spec["hash"], set()).add(package)
    for software in unresolved(execution):
        package = (software["version"], software["hash"], "loaded", None)
        stack.setdefault(software["name"], set()).add(package)
    known = {(spec["hash"], spec["role"]) for spec in specs}
    for link in execution.get("softwareLinks") or ():
        if (link["specHash"], link["role"]) not in known:
            name = _name_of(link["specHash"], specs)
            stack.setdefault(name, set()).add((None, link["specHash"], link["role"], None))
    return stack


def unresolved(execution: Document) -> list[Document]:
    """Return the loaded software of an execution for which no spec is recorded."""
    return [
        software
        for software in execution.get("software") or ()
        if not any(_is_spec_of(software, spec) for spec in execution.get("specs") or ())
    ]


def _is_spec_of(software: Document, spec: Document) -> bool:
    is_same = (software["name"], software["version"]) == (spec["name"], spec["version"])
    return is_same and spec["role"] == "loaded"


def _name_of(spec_hash: str, specs: Iterable[Document]) -> str:
    names = (spec["name"] for spec in specs if spec["hash"] == spec_hash)
    return next((name for name in names if name), spec_hash)


def shown_stack(stack: Stack) -> list[dict[str, Any]]:
    """Return a stack as a list of packages, sorted by name."""
    return [package for name in sorted(stack) for package in _packages(name, stack[name])]


def _packages(name: str, packages: Iterable[Package]) -> list[dict[str, Any]]:
    return [
        {"name": name, "version": version, "hash": hash_, "role": role, "id": id_}
        for version, hash_, role, id_ in sorted(packages, key=lambda package: str(package))
    ]


def changed_packages(before: Stack, after: Stack) -> list[dict[str, Any]]:
    """Return the packages that were added, removed or changed, sorted by name."""
    return [
        {
            "name": name,
            "change": _change(before.get(name), after.get(name)),
            "before": _packages(name, before.get(name, ())),
            "after": _packages(name, after.get(name, ())),
        }
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _change(before: object, after: object) -> str:
    if not before:
        return "added"
    return "changed" if after else "removed"


def case_stacks(case: Document, listed: Sequence[Document]) -> dict[str, Any]:
    """Return the successive stacks of a case, from its listed executions in order.

    Consecutive executions with the same stack share an item. Executions without a configuration,
    whose software is unknown, are in `notRecorded` instead.
    """
    stacks: list[dict[str, Any]] = []
    not_recorded: list[str] = []
    last: Stack | None = None
    for execution in listed:
        stack = stack_of(execution)
        if not stack and not execution["recorded"]["hasConfiguration"]:
            not_recorded.append(execution["executionId"])
            continue
        if last is None or stack != last:
            changes = [] if last is None else changed_packages(last, stack)
            first = {"firstExecutionId": execution["executionId"], "since": execution["lidTime"]}
            software = shown_stack(stack)
            stacks.append({**first, "executions": [], "software": software, "changes": changes})
            last = stack
        stacks[-1]["executions"].append(execution["executionId"])
    return {
        "caseId": case["_id"],
        "caseName": case["name"],
        "stacks": stacks,
        "notRecorded": not_recorded,
    }


def compare_software(executions: Sequence[Document], specs: Sequence[Document]) -> dict[str, Any]:
    """Return the packages that differ between executions, including link and run dependencies.

    `specs` are the specs that the executions are linked with; their `dependencies` are transitive.
    """
    by_id = {spec["_id"]: spec for spec in specs}
    all_packages = [_run_packages(execution, by_id) for execution in executions]
    names = sorted({name for packages in all_packages for name in packages})
    different = [
        name
        for name in names
        if any(packages.get(name) != all_packages[0].get(name) for packages in all_packages)
    ]
    without_spec = {
        f"{software['name']}@{software['version']}"
        for execution in executions
        for software in unresolved(execution)
    }
    return {
        "packages": [
            _difference(name, [packages.get(name, set()) for packages in all_packages])
            for name in different
        ],
        "equal": len(names) - len(different),
        "unresolved": sorted(without_spec),
    }


def _run_packages(execution: Document, specs: Mapping[str, Document]) -> Packages:
    """Return what an execution ran on: its stack, without `built_with`, and the dependencies."""
    result: Packages = {}
    for name, packages in stack_of(execution).items():
        for version, hash_, role, id_ in packages:
            if role == "built_with":
                continue
            result.setdefault(name, set()).add((version, hash_))
            for other in (specs.get(id_ or "") or {}).get("dependencies") or ():
                if other["scope"] == "run":
                    result.setdefault(other["name"], set()).add((other["version"], other["hash"]))
    return result


def _difference(name: str, values: Sequence[set[tuple[str | None, str]]]) -> dict[str, Any]:
    different = next(value for value in values if value != values[0])
    return {
        "name": name,
        "change": _change(values[0], different),
        "values": [
            [{"version": version, "hash": hash_} for version, hash_ in sorted(value, key=str)]
            for value in values
        ],
    }
