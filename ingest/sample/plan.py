"""A case with its whole history, derived from the seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from ingest.sample.identity import SHOWCASE, Identity, identify
from ingest.sample.story import Story, Submission
from ingest.sample.truth import SampleOptions, Status

JOB_ID_GROWS = 1_000_000
"""One case of an archive with SHOWCASE cases has job ids on both sides of this number."""


@dataclass(frozen=True)
class Plan:
    """A case and all its submissions."""

    identity: Identity
    submissions: tuple[Submission, ...]
    events: Sequence[str]
    commands: Sequence[str]

    @property
    def canonical(self) -> Submission | None:
        """The first completed submission."""
        return next((submission for submission in self.submissions if submission.complete), None)


def plan_case(options: SampleOptions, index: int) -> Plan:
    """Return case `index`, derived from the seed alone."""
    identity = identify(options.seed, options.cases, options.failures, index)
    plan = _run_story(identity, options)
    if index == 4 and options.cases >= SHOWCASE and len(plan.submissions) > 1:
        machine = identity.machine
        before, after = (machine.moment_of(int(job.job_id)) for job in plan.submissions[:2])
        shift = machine.moment_of(JOB_ID_GROWS) - before - (after - before) / 2
        created = identity.created + timedelta(seconds=int(shift.total_seconds()))
        plan = _run_story(replace(identity, created=created), options)
    return plan


def _run_story(identity: Identity, options: SampleOptions) -> Plan:
    story = Story(identity, Random(f"{options.seed}:{identity.index}"), options.executions)
    for outcome in _outcomes(identity, options, story.rng):
        story.submit(outcome)
    return Plan(
        identity,
        tuple(story.submissions),
        tuple(story.history.events),
        tuple(story.history.commands),
    )


def _outcomes(identity: Identity, options: SampleOptions, rng: Random) -> list[Status]:
    successes: list[Status] = ["completed"] * options.executions
    if not options.failures:
        return successes
    unsuccessful: list[Status] = ["failed", "timeout", "cancelled"]
    if not identity.succeeds:
        return ["failed", *rng.choices(unsuccessful, k=rng.randint(1, 3))]
    position = identity.index % 4
    outcomes: list[Status] = []
    for number, success in enumerate(successes):
        if number == position or rng.random() < 0.12:
            outcomes.append(unsuccessful[(position + number) % 3])
        outcomes.append(success)
    if identity.index == 2 or rng.random() < 0.1:
        outcomes.append("running")
    return outcomes
