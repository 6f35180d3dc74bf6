"""What Spack saved for the monitor."""

import hashlib
import json
from typing import Any

FULL, DAG = "f" * 32, "d" * 32
METADATA = {
    "host_os": "ubuntu20.04", "platform": "linux", "host_target": "skylake", "hostname": "h",
    "spack_version": "0.17.0", "kernel_version": "#73", "full_hash": FULL, "tags": "a, b,a",
}  # fmt: skip
CONFIG = {
    "spec": {"_meta": {"version": 2},
             "nodes": [{"name": "p", "version": "1.2", "hash": DAG, "full_hash": FULL}]},
    "spack_version": "0.17.0",
}  # fmt: skip


def build_id(metadata: dict[str, Any]) -> str:
    return hashlib.md5(str(metadata).encode()).hexdigest()


def saved(metadata: dict[str, Any] = METADATA, name: str | None = None) -> dict[str, bytes]:
    build = build_id(metadata)
    documents: dict[str, Any] = {
        "spec-p-1.2-config.json": CONFIG,
        f"build-metadata-{name or metadata['full_hash']}.json": metadata,
        f"build-{build}-phase-build.json": {
            "build_id": build, "status": "ERROR", "phase_name": "build",
            "output": "==> p: Executing phase: 'build'\nb.c:1: error: x",
        },
        f"build-{build}-phase-autoreconf.json": {
            "build_id": build, "status": "SUCCESS", "phase_name": "autoreconf", "output": "x\ny\n",
        },
        f"build-{build}-status.json": {"build_id": build, "status": "FAILED"},
    }  # fmt: skip
    return {name: json.dumps(document).encode() for name, document in documents.items()}
