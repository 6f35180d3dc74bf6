"""A tree with builds in every form, and its import."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest.archives.budgets import Budgets
from ingest.builds.importing import import_builds, open_build_source
from models.database.client import Database
from models.ingestions.audit import Audit
from tests.support import build_reports as reports
from tests.support.build_reports import HASH, OTHER
from tests.support.install_trees import FAILED, INSTALLED, NAME, STAGE
from tests.support.monitor_files import saved

LOG_NAME = f"spack-stage-{NAME}-abcdefgh.log"
TEST_ID = f"p-1.2-{HASH[:7]}"
TREE: dict[str, bytes] = {
    **{f"opt/x/{NAME}/.spack/{name}": content for name, content in INSTALLED.items()},
    f"opt/x/{NAME}/.spack/archived-files/config.log": b"no",
    f"opt/x/{NAME}/lib/deep/spack-build-out.txt": b"no",
    **{
        f"stage/spack-stage-{NAME}/{name}": content.replace(b"03:04", b"05:06")
        for name, content in STAGE.items()
    },
    f"stage/spack-stage-{NAME}/spack-src/test.xml": b"<testsuite/>",
    f"logs/{LOG_NAME}": FAILED.replace(b"03:04", b"07:08"),
    "reports/junit.xml": reports.junit(
        reports.case(reports.SKIPPED, name=OTHER),
        reports.case(reports.FAILURE, "dep", HASH, reports.LOG.replace("03:04", "09:10")),
    ),
    "reports/other.xml": b"<html></html>",
    "cdash/Build.xml": reports.cdash("Build", reports.BUILD_ERROR),
    "cdash/Configure.xml": reports.configure_step(),
    "test/suite/results.txt": f"{TEST_ID} FAILED\n".encode(),
    f"test/suite/{TEST_ID}-test-out.txt": b"==> Testing p\nFAILED: P::test_x: bad\n",
    **{f"monitor/{name}": content for name, content in saved().items()},
}


def write_tree(root: Path, files: Mapping[str, bytes] = TREE) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


async def imported(database: Database, path: Path, **options: Any) -> Audit:
    audit = Audit(database.ingestions, [path], "builds", lambda _: None)
    place = open_build_source(path, Budgets())
    await import_builds(database, place, audit, **options)
    audit.unreadable += bool(place.damages)
    await audit.finish(audit.final_status())
    return audit
