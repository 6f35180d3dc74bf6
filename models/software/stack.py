"""The software of executions: what each ran on, and how that differs down to the graph. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]
Package = tuple[str | None, str, str, str | None]  # version, hash, role, id of the spec
Stack = dict[str, set[Package]]
Packages = dict[str, set[tuple[str | None, str]]]


def stack_of(execution: Document) -> Stack:
    """Return what an execution loaded, and what is stated of it, by name.

    A package that resolves to specs stands as these, with their whole hashes; another one as it
    is told, without an id. A stated spec that is not recorded goes by its hash.
    """
    specs = execution.get("specs") or ()
    stack: Stack = {}
    for spec in specs:
        package = (spec["version"], spec["hash"], spec["role"], spec["id"])
        stack.setdefault(spec["name"] or spec["hash"], set()).add(package)
    for told in unresolved(execution):
        stack.setdefault(told["name"], set()).add((told["version"], told["hash"], "loaded", None))
    known = {(spec["hash"], spec["role"]) for spec in specs}
    for link in execution.get("softwareLinks") or ():
        if (link["specHash"], link["role"]) not in known:
            name = _name_of(link["specHash"], specs)
            stack.setdefault(name, set()).add((None, link["specHash"], link["role"], None))
    return stack


def unresolved(execution: Document) -> list[Document]:
    """Return the software of which no spec is recorded."""
    return [
        told
        for told in execution.get("software") or ()
        if not any(_is_spec_of(told, spec) for spec in execution.get("specs") or ())
    ]


def _is_spec_of(told: Document, spec: Document) -> bool:
    same = (told["name"], told["version"]) == (spec["name"], spec["version"])
    return same and spec["role"] == "loaded"


def _name_of(spec_hash: str, specs: Iterable[Document]) -> str:
    names = (spec["name"] for spec in specs if spec["hash"] == spec_hash)
    return next((name for name in names if name), spec_hash)


def shown_stack(stack: Stack) -> list[dict[str, Any]]:
    """Return a stack as a list, in the order of the names."""
    return [package for name in sorted(stack) for package in _packages(name, stack[name])]


def _packages(name: str, packages: Iterable[Package]) -> list[dict[str, Any]]:
    return [
        {"name": name, "version": version, "hash": own, "role": role, "id": id_}
        for version, own, role, id_ in sorted(packages, key=lambda package: str(package))
    ]


def changed_packages(before: Stack, after: Stack) -> list[dict[str, Any]]:
    """Return what came, went, or is another one, by name."""
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
    """Return the stacks of a case one after the other, given its executions in order.

    Executions without configuration, of which no software is told, are in none of them.
    """
    runs: list[dict[str, Any]] = []
    silent: list[str] = []
    last: Stack | None = None
    for execution in listed:
        stack = stack_of(execution)
        if not stack and not execution["recorded"]["hasConfiguration"]:
            silent.append(execution["executionId"])
            continue
        if last is None or stack != last:
            changes = [] if last is None else changed_packages(last, stack)
            first = {"firstExecutionId": execution["executionId"], "since": execution["lidTime"]}
            software = shown_stack(stack)
            runs.append({**first, "executions": [], "software": software, "changes": changes})
            last = stack
        runs[-1]["executions"].append(execution["executionId"])
    return {
        "caseId": case["_id"],
        "caseName": case["name"],
        "stacks": runs,
        "notRecorded": silent,
    }


def compare_software(executions: Sequence[Document], specs: Sequence[Document]) -> dict[str, Any]:
    """Return which packages are not the same below executions, along link and run dependencies.

    `specs` are those that the executions are linked with, with their closures.
    """
    by_id = {spec["_id"]: spec for spec in specs}
    below = [_below(execution, by_id) for execution in executions]
    names = sorted({name for packages in below for name in packages})
    different = [name for name in names if any(p.get(name) != below[0].get(name) for p in below)]
    untold = {
        f"{told['name']}@{told['version']}" for each in executions for told in unresolved(each)
    }
    return {
        "packages": [_difference(name, [p.get(name, set()) for p in below]) for name in different],
        "equal": len(names) - len(different),
        "unresolved": sorted(untold),
    }


def _below(execution: Document, specs: Mapping[str, Document]) -> Packages:
    found: Packages = {}
    for name, packages in stack_of(execution).items():
        for version, own, role, id_ in packages:
            if role == "built_with":
                continue
            found.setdefault(name, set()).add((version, own))
            for each in (specs.get(id_ or "") or {}).get("dependencies") or ():
                if each["scope"] == "run":
                    found.setdefault(each["name"], set()).add((each["version"], each["hash"]))
    return found


def _difference(name: str, values: Sequence[set[tuple[str | None, str]]]) -> dict[str, Any]:
    others = next(value for value in values if value != values[0])
    return {
        "name": name,
        "change": _change(values[0], others),
        "values": [
            [{"version": version, "hash": own} for version, own in sorted(value, key=str)]
            for value in values
        ],
    }
