"""CDash reports: one file for each step of a package, one attempt for all of them."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.builds.formats.cdash import CDashReport, parse_cdash
from ingest.builds.formats.report_attempts import cdash_attempts
from models.redaction.logs import Redactor
from tests.support.build_reports import (
    BUILD_ERROR,
    BUILD_WARNING,
    HASH,
    LOG,
    TESTS,
    UPDATE,
    cdash,
    configure_step,
)
from tests.support.executions import mutations, reason_of


def parsed(content: bytes) -> CDashReport:
    return parse_cdash(content, Redactor())


def test_a_step_has_the_fields_of_its_site() -> None:
    report = parsed(configure_step())
    assert (report.step, report.package, report.site) == ("configure", "p", "h")
    assert (report.generator, report.spack_commit) == ("1.3.0.dev0 (5817ab9613f2)", "5817ab9613f2")
    assert (report.os_name, report.os_release, report.target) == ("Linux", "6.1", "icelake")
    assert report.started is not None
    assert datetime.fromisoformat(report.started).timestamp() == 1767323045


def test_the_hash_is_found_in_what_the_build_printed() -> None:
    report = parsed(configure_step())
    assert report.spec is not None
    assert (report.spec.version, report.spec.hash) == ("1.2", HASH)
    assert report.log.decode() == LOG.rstrip("\n")


@pytest.mark.parametrize(("status", "has_failed"), [(0, False), (1, True)])
def test_configure_tells_its_status(status: int, has_failed: bool) -> None:
    assert parsed(configure_step(status)).has_failed is has_failed


def test_an_event_has_place_and_context() -> None:
    report = parsed(cdash("Build", BUILD_ERROR + BUILD_WARNING))
    error, warning = report.events
    assert report.has_failed
    assert (error.log_line, error.kind, error.phase) == (21, "compiler", "build")
    assert (error.source_file, error.source_line, error.source_column) == ("a/m.F90", 6, 5)
    assert (len(error.before), error.after) == (4, ("after", "more"))
    assert (warning.severity, warning.source_file, warning.source_line) == ("warning", "b.c", 7)
    assert (warning.before, warning.after) == ((), ())


def test_a_build_without_errors_has_not_failed() -> None:
    assert parsed(cdash("Build", BUILD_WARNING)).has_failed is False


@pytest.mark.parametrize("none", ["None", "(None,)"])
def test_what_python_shows_for_nothing_is_nothing(none: str) -> None:
    text = BUILD_WARNING.replace(">b.c<", f">{none}<").replace(">7<", f">{none}<")
    (event,) = parsed(cdash("Build", text)).events
    assert (event.source_file, event.source_line) == ("b.c", 7)


def test_the_tests_of_a_package_have_outcomes() -> None:
    report = parsed(cdash("Test", TESTS))
    assert [(t.name, t.outcome, t.seconds) for t in report.tests] == [
        ("P::test_x", "passed", 0.5), ("P::test_y", "failed", None),
    ]  # fmt: skip
    assert (report.step, report.has_failed) == ("test", True)
    assert report.started is not None


def test_the_tests_of_older_spacks_have_events() -> None:
    event = BUILD_ERROR.replace("BuildLogLine", "TestLogLine")
    report = parsed(cdash("Test", event))
    assert [e.log_line for e in report.events] == [21]


def test_an_update_is_of_a_package() -> None:
    report = parsed(UPDATE)
    assert (report.step, report.package) == ("update", "p")


def test_older_spacks_put_the_request_before_the_package() -> None:
    assert parsed(cdash("Build", "", build="hdf5@1.2%gcc@9:zlib")).package == "zlib"


def test_the_steps_of_a_package_are_one_attempt() -> None:
    files = [cdash("Build", BUILD_ERROR), UPDATE, configure_step(), cdash("Build", "", "q")]
    attempt, other = cdash_attempts(map(parsed, files))
    assert (attempt.package, attempt.status, attempt.failed_phase) == ("p", "failed", "build")
    assert [(p.name, p.status) for p in attempt.phases] == [
        ("configure", "success"), ("build", "failed"),
    ]  # fmt: skip
    assert attempt.spec is not None
    assert attempt.spec.hash == HASH
    assert attempt.host is not None
    assert (attempt.host.hostname, attempt.host.spack_commit) == ("h", "5817ab9613f2")
    assert attempt.log_content is not None
    assert (other.package, other.status) == ("q", "success")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"<Site/>", "no_step", id="no step"),
        pytest.param(b"<Site><Notes/></Site>", "no_step", id="another step"),
        pytest.param(b"<testsuites/>", "wrong_root", id="another report"),
    ],
)
def test_what_is_no_report_is_refused(content: bytes, reason: str) -> None:
    assert reason_of(lambda: parsed(content)) == reason


VALID = [UPDATE, configure_step(), cdash("Build", BUILD_ERROR), cdash("Test", TESTS)]
REASONS = {None, "not_xml", "wrong_root", "doctype", "too_large", "no_step"}


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(VALID).flatmap(mutations))
def test_a_mutated_report_gives_attempts_or_a_documented_error(content: bytes) -> None:
    assert reason_of(lambda: cdash_attempts([parsed(content)])) in REASONS
