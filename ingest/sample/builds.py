"""What Spack left of building the site's packages: installations, and a build that failed.

The packages were built on one day; those on the new zlib on another, and there hdf5 only at the
second try. One of them was installed once more elsewhere, and a file of it came out otherwise. The
environment that the newer ones were built for has left its lockfile.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.sample.site import FIRST_STACK, FORM, SECOND_STACK
from ingest.sample.specs import MadeNode, document
from ingest.sample.truth import SampleFile

_ROOT = "opt/linux-centos8-zen2/intel-20.0.4"
_ELSEWHERE = "mirror/linux-centos8-zen2/intel-20.0.4"
_FIRST_DAY = datetime(2024, 11, 4, 9, 0, 0, 125000)
_SECOND_DAY = datetime(2025, 1, 3, 9, 0, 0, 125000)
_APART = timedelta(minutes=4)
_PHASES = {"stage": 1.5, "autoreconf": 0.5, "configure": 12.25, "build": 40.75, "install": 3.0}
_ROOTS = ("netcdf-fortran", "parallel-netcdf")
_FAILED, _REBUILT = "hdf5", "netcdf-c"
_WARNING = "H5detect.c:412:9: warning: variable 'align_mask' set but not used [-Wunused]\n"
_ERROR = """\
libtool: link: mpicc -o .libs/h5import h5import.o -lz
h5import.o: in function `process':
h5import.c:(.text+0x1f3): undefined reference to `inflateValidate'
make[3]: *** [Makefile:1107: h5import] Error 1
make: *** [Makefile:1254: all-recursive] Error 1
==> Error: ProcessError: Command exited with status 2:
    'make' '-j16' 'V=1'
"""


def build_files() -> Iterator[SampleFile]:
    """Give the files below the directory that `caseledger import` is given."""
    known = {node.hash for node in FIRST_STACK.nodes}
    begun = _FIRST_DAY
    for node in FIRST_STACK.nodes:
        yield from _installation(_ROOT, node, begun := begun + _APART, "login01")
    begun = _SECOND_DAY
    for node in (node for node in SECOND_STACK.nodes if node.hash not in known):
        if node.name == _FAILED:
            yield _failed_log(node, begun := begun + _APART)
        yield from _installation(_ROOT, node, begun := begun + _APART, "login02")
        if node.name == _REBUILT:
            yield from _installation(_ELSEWHERE, node, begun + timedelta(days=3), "login03")
    yield _lockfile(_SECOND_DAY)


def _lockfile(written: datetime) -> SampleFile:
    roots = [node for node in SECOND_STACK.nodes if node.name in _ROOTS]
    content = {
        "_meta": {"file-type": "spack-lockfile", "lockfile-version": 5, "specfile-version": FORM},
        "roots": [{"hash": node.hash, "spec": node.name} for node in roots],
        "concrete_specs": {node.hash: node.native for node in SECOND_STACK.nodes},
    }
    return SampleFile("environments/e3sm/spack.lock", json.dumps(content).encode(), _epoch(written))


def _installation(root: str, node: MadeNode, begun: datetime, host: str) -> Iterator[SampleFile]:
    prefix = f"{root}/{_directory(node)}"
    files = {
        "spec.json": json.dumps(document(node, FORM)),
        "install_manifest.json": json.dumps(_manifest(node, f"/site/{prefix}", root)),
        "install_environment.json": json.dumps(_host(host)),
        "install_times.json": json.dumps(_times(node)),
        "spack-build-out.txt.gz": _log(node, begun),
        "spack-build-env.txt": "export CC=/site/bin/icc;\nexport OMP_NUM_THREADS=16;\n",
        "spack-configure-args.txt": "'--enable-shared' '--with-pic'",
    }
    for name, text in files.items():
        data = text.encode()
        packed = gzip.compress(data, mtime=0) if name.endswith(".gz") else data
        yield SampleFile(f"{prefix}/.spack/{name}", packed, _epoch(begun))


def _failed_log(node: MadeNode, begun: datetime) -> SampleFile:
    text = _log(node, begun, "build") + _ERROR
    return SampleFile(f"spack-stage-{_directory(node)}-k2f6x0qz.log", text.encode(), _epoch(begun))


def _directory(node: MadeNode) -> str:
    return f"{node.name}-{node.native['version']}-{node.hash}"


def _epoch(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


def _log(node: MadeNode, begun: datetime, last: str = "install") -> str:
    """Return what the build wrote, up to one of its phases."""
    text, moment = f"==> No patches needed for {node.name}\n", begun
    for phase, seconds in _PHASES.items():
        if phase == "stage":
            continue
        text += f"==> {node.name}: Executing phase: '{phase}'\n"
        text += f"==> [{moment:%Y-%m-%d-%H:%M:%S.%f}] '{phase}' '--prefix=/site/{node.name}'\n"
        text += f"checking for {node.name} ... yes\n" * 8 if phase == "configure" else ""
        text += _WARNING if (node.name, phase) == (_FAILED, "build") else ""
        moment += timedelta(seconds=seconds)
        if phase == last:
            break
    return text


def _times(node: MadeNode) -> Mapping[str, Any]:
    phases = [
        {"name": name, "seconds": seconds, "path": name, "count": 1, "parents": []}
        for name, seconds in _PHASES.items()
    ]
    total = sum(_PHASES.values())
    named = {"name": node.name, "cache": False, "hash": node.hash}
    return {"total": total, "phases": phases, **named}


def _host(name: str) -> Mapping[str, str]:
    return {
        "host_os": "centos8",
        "platform": "linux",
        "host_target": "zen2",
        "hostname": name,
        "spack_version": "0.19.2",
        "kernel_version": "#1 SMP Thu Feb 29 12:00:00 UTC 2024",
    }


def _manifest(node: MadeNode, prefix: str, root: str) -> Mapping[str, Any]:
    directory = {"mode": 0o40755, "owner": 1000, "group": 1000}
    header, library = f"include/{node.name}.h", f"lib/lib{node.name}.so"
    return {
        prefix: directory,
        f"{prefix}/.spack": directory,
        f"{prefix}/include": directory,
        f"{prefix}/{header}": _file(f"{node.hash} {header}", 4096),
        f"{prefix}/lib": directory,
        f"{prefix}/{library}": {"mode": 0o120777, "dest": f"lib{node.name}.so.1"},
        f"{prefix}/{library}.1": _file(f"{node.hash} {library} {root}", 262_144),
    }


def _file(text: str, size: int) -> Mapping[str, Any]:
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).digest()
    own = base64.b32encode(digest).decode().lower()
    return {"mode": 0o100644, "owner": 1000, "group": 1000, "size": size, "hash": own}
