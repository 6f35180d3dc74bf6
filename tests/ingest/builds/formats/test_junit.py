"""JUnit reports tell which nodes of a request were built, and with what outcome."""

import pytest
from hypothesis import given, settings

from ingest.builds.formats.junit import JUnitCase, parse_junit
from ingest.builds.formats.report_attempts import junit_attempts
from models.redaction.logs import Redactor, redactor_of
from tests.support.build_reports import FAILURE, HASH, LOG, OTHER, SAID, SKIPPED, case, junit
from tests.support.executions import mutations, reason_of

ERROR = FAILURE.replace("failure", "error")


def only(content: bytes) -> JUnitCase:
    (suite,) = parse_junit(content)
    (found,) = suite.cases
    return found


def test_a_suite_has_its_fields() -> None:
    (suite,) = parse_junit(junit())
    assert (suite.name, suite.timestamp, suite.seconds) == ("p", "2026-01-02T03:04:05", 1.5)
    assert suite.architecture == "linux-x-y"


def test_a_suite_may_be_the_root() -> None:
    (suite,) = parse_junit(b'<testsuite name="q" time="x" timestamp="2026-01-02T03:04:05"/>')
    assert (suite.name, suite.timestamp, suite.seconds) == ("q", "2026-01-02T03:04:05", None)


@pytest.mark.parametrize(
    ("inside", "outcome", "message"),
    [
        pytest.param("", "success", None, id="success"),
        pytest.param(FAILURE, "failed", "ProcessError: bad\nTraceback", id="failure"),
        pytest.param(ERROR, "failed", "ProcessError: bad\nTraceback", id="error"),
        pytest.param(SAID, "failed", "Installation of p failed; see log for details", id="new"),
        pytest.param(SKIPPED, "skipped", None, id="skipped"),
    ],
)  # fmt: skip
def test_a_node_has_an_outcome(inside: str, outcome: str, message: str | None) -> None:
    found = only(junit(case(inside)))
    assert (found.outcome, found.message, found.spec_hash) == (outcome, message, HASH)


def test_a_name_that_is_no_hash_is_none() -> None:
    assert only(junit(case(name="test_x"))).spec_hash is None


def test_the_log_stands_in_the_report() -> None:
    assert only(junit(case(log=LOG))).log == LOG.encode()


def test_a_failed_node_is_a_failed_attempt() -> None:
    (attempt,) = junit_attempts(parse_junit(junit(case(SAID, log=LOG))), Redactor())
    assert (attempt.status, attempt.failed_phase, attempt.seconds) == ("failed", "build", 0.5)
    assert attempt.spec is not None
    assert (attempt.spec.version, attempt.spec.hash) == ("1.2", HASH)
    assert [e.text for e in attempt.events] == ["b.c:3:7: error: no x", "make: *** [a] Error 1"]
    assert [(p.name, p.status) for p in attempt.phases] == [
        ("configure", "success"),
        ("build", "failed"),
    ]


def test_a_requested_node_that_could_not_start_was_not_run() -> None:
    content = junit(
        case(SKIPPED), case(FAILURE, "dep", OTHER), case(SKIPPED, "had", OTHER[::-1].lower())
    )
    attempts = junit_attempts(parse_junit(content), Redactor())
    assert [(a.package, a.status) for a in attempts] == [("p", "not_run"), ("dep", "failed")]


def test_what_was_installed_before_is_no_attempt() -> None:
    assert junit_attempts(parse_junit(junit(case(SKIPPED))), Redactor()) == ()


def test_credentials_are_masked_in_what_is_taken() -> None:
    log = "error: cannot log in with correct-horse\n"
    said = FAILURE.replace("bad", "correct-horse")
    redactor = redactor_of({"CI_TOKEN": "correct-horse"})
    (attempt,) = junit_attempts(parse_junit(junit(case(said, log=log))), redactor)
    assert "horse" not in f"{attempt.events} {attempt.message}"


@settings(deadline=None, max_examples=60)
@given(mutations(junit(case(FAILURE, log=LOG), case(SKIPPED, "q", OTHER))))
def test_a_mutated_report_gives_attempts_or_a_documented_error(content: bytes) -> None:
    reason = reason_of(lambda: junit_attempts(parse_junit(content), Redactor()))
    assert reason in {None, "not_xml", "wrong_root", "doctype", "too_large"}
