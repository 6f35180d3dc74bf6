"""The files of an installation and of a stage, as Spack leaves them."""

import json

from tests.support.build_reports import HASH
from tests.support.executions import packed

NAME = f"p-1.2-{HASH}"
SECRET = "correct-horse+battery"
TIMES = b"""{"total":4.5,"phases":[{"name":"stage","seconds":0.5},
{"name":"configure","seconds":1.5},{"name":"build","seconds":2.5}],"name":"p","cache":false,"hash":"x"}"""
HOST = b'{"hostname":"h","spack_version":"0.23.0 (e8f8cf8543)"}'
MANIFEST = json.dumps(
    {f"/opt/{NAME}/.spack": {"mode": 0o40755}, f"/opt/{NAME}/lib/x": {"mode": 0o100644, "size": 1}}
).encode()
LOG = b"""==> No patches needed for p
==> p: Executing phase: 'configure'
==> [2026-01-02-03:04:05.5] ./configure
configure: WARNING: no MPI
==> p: Executing phase: 'build'
==> [2026-01-02-03:04:07.5] make
"""
FAILED = (
    LOG + b"b.c:1:2: error: no x\nmake: *** [a] Error 1\nCommand exited with status 2:\n    make\n"
)
SPEC = b'{"spec": {"nodes": [ {"name":"p"} ]}}\n'
INSTALLED = {
    "spec.json": SPEC,
    "install_manifest.json": MANIFEST,
    "install_environment.json": HOST,
    "install_times.json": TIMES,
    "spack-build-out.txt.gz": packed(LOG),
    "spack-build-env.txt": b"export CC=/x/gcc;\nexport HOME=/home/me;\nunset FC;\n",
    "spack-configure-args.txt": b"--with-x=y",
    "install-time-test-log.txt": b"PASS: check_a\n",
    "repos/builtin/packages/p/package.py": b"class P: pass\n",
    "repos/builtin/packages/dep/package.py": b"",
}
STAGE = {
    "spack-build-out.txt": FAILED,
    "spack-build-env.txt": f"export CC=/x/gcc;\nexport CI_TOKEN={SECRET};\n".encode(),
    "spack-build-env-mods.txt": b"export CC=/wrapped/gcc;\n",
}
