"""Made documents of the collection `executions`, with awkward values."""

import random
from typing import Any

from models.fields import words_of

TEXTS = ["gnu", "intel", "Gnu", "gnu+", "(a+)+$", "a.b", "a*b", "=cmd|' /C calc'!A0", "@x", "50%",
         "ümlaut", "zoë", "a,b", "a\nb", 'a"b', "$where", ".*", "^", "\\", ""]  # fmt: skip
KEYS = ["env_run.STOP_N", "env_run.ATM_NCPL", "compiler", "atm_in.zmconv_nl.zmconv_alfa"]
VALUES = [5, 5.0, 0.14, "5", "TRUE", True, False, "x", None, ["a", "b"]]
DATES = ["1850-01-01", "0001-01-01", "2000-02-29"]


def execution_documents(chance: random.Random, count: int) -> list[dict[str, Any]]:
    return [execution_document(chance, number) for number in range(count)]


def execution_document(chance: random.Random, number: int) -> dict[str, Any]:
    lid_time = f"20{chance.randrange(20, 26)}-0{chance.randrange(1, 4)}-01T00:00:00"
    changed = sorted(chance.sample(KEYS, chance.randrange(3)))
    case = number % 20
    document: dict[str, Any] = {
        "_id": f"case{case}/{number}.250101-000000",
        "caseId": f"case{case}",
        "caseName": f"v3.LR.case_{case:04}",
        "executionId": f"{number}.250101-000000",
        "jobId": str(number),
        "orderKey": f"{lid_time}/{number:018}",
        "lidTime": lid_time,
        "caseGroup": _maybe(chance, chance.choice(["g1", "g2"])),
        "machine": chance.choice(["pm-cpu", "chrysalis"]),
        "system": "perlmutter",
        "user": chance.choice(["jdoe", "asmith"]),
        "status": chance.choice(["completed", "failed", "unknown"]),
        "statusSource": None,
        "complete": chance.random() < 0.5,
        "isCanonical": number % 20 == number,
        "caseHash": _maybe(chance, chance.choice(TEXTS)),
        "runStartLocal": _maybe(chance, lid_time),
        "runEndLocal": None,
        "simulationStart": _maybe(chance, _date(chance)),
        "simulationEnd": _maybe(chance, _date(chance)),
        "changed": changed,
        "changeCount": _maybe(chance, len(changed)),
        "runConfigDeltas": _deltas(chance, changed),
        "timing": _maybe(chance, {"modelCost": _maybe(chance, chance.choice([0.5, 1.0, -3.25]))}),
        "software": [
            {"name": name, "version": "4.9", "hash": "a4hji6e", "source": "module"}
            for name in chance.sample(["netcdf-c", "hdf5"], chance.randrange(3))
        ],
        "compiler": _maybe(chance, chance.choice(TEXTS)),
        "gitTag": chance.choice(TEXTS),
        "searchWords": words_of(f"v3.LR.case_{case:04}", str(number)),
        "overrides": {},
        "unset": [],
        "recorded": {"hasConfiguration": True},
        "ingestionId": "i",
    }
    for name in ("caseHash", "changeCount", "timing", "compiler"):
        if chance.random() < 0.1:
            del document[name]
    return document


def _maybe(chance: random.Random, value: Any) -> Any:
    return None if chance.random() < 0.25 else value


def _date(chance: random.Random) -> dict[str, Any]:
    date = chance.choice(DATES)
    key = int(date.replace("-", "")) * 100_000
    return {"date": date, "calendar": "NO_LEAP", "sortKey": key}


def _deltas(chance: random.Random, changed: list[str]) -> dict[str, Any] | None:
    root: dict[str, Any] = {}
    for key in changed:
        *path, last = key.split(".")
        node = root
        for part in path:
            node = node.setdefault(part, {})
        node[last] = {"canonical": 1, "current": chance.choice(VALUES), "class": "science"}
    return root or None
