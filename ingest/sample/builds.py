"""The files that Spack left when it built the site's packages: installations, and a failed build.

The packages were built on one day, and those that depend on the new zlib on another day; on that
day the first build of hdf5 failed, of which there is a report. One package was installed again
elsewhere, and one of its files differs there. The environment of the newer packages has a lockfile.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from ingest.sample.site import FIRST_STACK, SECOND_STACK, SPECFILE_VERSION
from ingest.sample.specs import SampleNode, document
from ingest.sample.truth import SampleFile

_ROOT = "opt/linux-centos8-zen2/intel-20.0.4"
_ELSEWHERE = "mirror/linux-centos8-zen2/intel-20.0.4"
_FIRST_DAY = datetime(2024, 11, 4, 9, 0, 0, 125000)
_SECOND_DAY = datetime(2025, 1, 3, 9, 0, 0, 125000)
_INTERVAL = timedelta(minutes=4)  # between two builds
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
    """Yield all files, with paths below the directory to import."""
    first_hashes = {node.hash for node in FIRST_STACK.nodes}
    started = _FIRST_DAY
    for node in FIRST_STACK.nodes:
        yield from _installation(_ROOT, node, started := started + _INTERVAL, "login01")
    started = _SECOND_DAY
    nodes = [node for node in SECOND_STACK.nodes if node.hash not in first_hashes]
    yield _report(nodes)
    for node in nodes:
        if node.name == _FAILED:
            yield _failed_log(node, started := started + _INTERVAL)
        yield from _installation(_ROOT, node, started := started + _INTERVAL, "login02")
        if node.name == _REBUILT:
            yield from _installation(_ELSEWHERE, node, started + timedelta(days=3), "login03")
    yield _lockfile(_SECOND_DAY)


def _lockfile(written: datetime) -> SampleFile:
    roots = [node for node in SECOND_STACK.nodes if node.name in _ROOTS]
    content = {
        "_meta": {
            "file-type": "spack-lockfile",
            "lockfile-version": 5,
            "specfile-version": SPECFILE_VERSION,
        },
        "roots": [{"hash": node.hash, "spec": node.name} for node in roots],
        "concrete_specs": {node.hash: node.native for node in SECOND_STACK.nodes},
    }
    return SampleFile("environments/e3sm/spack.lock", json.dumps(content).encode(), _epoch(written))


def _installation(
    root: str, node: SampleNode, started: datetime, host: str
) -> Iterator[SampleFile]:
    prefix = f"{root}/{_directory(node)}"
    files = {
        "spec.json": json.dumps(document(node, SPECFILE_VERSION)),
        "install_manifest.json": json.dumps(_manifest(node, f"/site/{prefix}", root)),
        "install_environment.json": json.dumps(_host(host)),
        "install_times.json": json.dumps(_times(node)),
        "spack-build-out.txt.gz": _log(node, started),
        "spack-build-env.txt": "export CC=/site/bin/icc;\nexport OMP_NUM_THREADS=16;\n",
        "spack-configure-args.txt": "'--enable-shared' '--with-pic'",
    }
    for name, text in files.items():
        data = text.encode()
        packed = gzip.compress(data, mtime=0) if name.endswith(".gz") else data
        yield SampleFile(f"{prefix}/.spack/{name}", packed, _epoch(started))


def _failed_log(node: SampleNode, started: datetime) -> SampleFile:
    text = _log(node, started, "build") + _ERROR
    return SampleFile(
        f"spack-stage-{_directory(node)}-k2f6x0qz.log", text.encode(), _epoch(started)
    )


def _report(nodes: Sequence[SampleNode]) -> SampleFile:
    """Return the JUnit report of the run in which a build failed, as Spack writes it."""
    cases, started = "", _SECOND_DAY
    failed = next(number for number, node in enumerate(nodes) if node.name == _FAILED)
    for number, node in enumerate(nodes):
        started += _INTERVAL
        text = ""
        if number < failed:
            text = f"<system-out>{escape(_log(node, started))}</system-out>"
        elif number == failed:
            output = escape(_log(node, started, "build") + _ERROR)
            message = "Command exited with status 2: 'make' '-j16' 'V=1'"
            text = (
                f'<failure message="ProcessError: {escape(message)}"></failure>'
                f"<system-out>{output}</system-out>"
            )
        else:
            text = "<skipped />"
        cases += (
            f'<testcase classname="{node.name}" name="{node.hash}" time="1.5">{text}</testcase>'
        )
    requested = next(node for node in nodes if node.name == _ROOTS[0])
    suite = (
        f'<testsuite name="{requested.name}" errors="0" tests="{len(nodes)}" failures="1"'
        f' time="960" timestamp="{_SECOND_DAY:%a, %d %b %Y %H:%M:%S}">'
        '<properties><property name="architecture" value="linux-centos8-zen2" /></properties>'
        f"{cases}</testsuite>"
    )
    content = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>{suite}</testsuites>\n'
    return SampleFile("reports/nightly.xml", content.encode(), _epoch(_SECOND_DAY))


def _directory(node: SampleNode) -> str:
    return f"{node.name}-{node.native['version']}-{node.hash}"


def _epoch(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


def _log(node: SampleNode, started: datetime, last: str = "install") -> str:
    """Return the log of a build that ends with the phase `last`."""
    text, moment = f"==> No patches needed for {node.name}\n", started
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


def _times(node: SampleNode) -> Mapping[str, Any]:
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


def _manifest(node: SampleNode, prefix: str, root: str) -> Mapping[str, Any]:
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
    encoded = base64.b32encode(digest).decode().lower()
    return {"mode": 0o100644, "owner": 1000, "group": 1000, "size": size, "hash": encoded}
