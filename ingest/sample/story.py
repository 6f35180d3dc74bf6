"""The history of a case from one submission to the next."""

from dataclasses import dataclass
from datetime import datetime
from random import Random

from ingest.sample import state as keys
from ingest.sample.edits import (
    CONFIGURATION,
    EAMXX_CONFIGURATION,
    ROUTINE,
    Edit,
    EditContext,
    change_compiler,
    change_walltime,
    load_newer_modules,
)
from ingest.sample.history import History
from ingest.sample.identity import Identity
from ingest.sample.model_date import ModelDate
from ingest.sample.state import State, Value
from ingest.sample.truth import Status


@dataclass(frozen=True)
class Submission:
    """A submission that has an execution directory.

    `run_ended` is the end in CaseStatus; the timing profile is written when the submission has
    `ended`. `events` and `commands` are how many of these the history had then; `first_event` and
    `first_command` are how many it had when the case was created.
    """

    lid: str
    status: Status
    state: State
    starting: datetime
    run_ended: datetime
    ended: datetime
    segment: tuple[ModelDate, ModelDate]
    events: int
    commands: int
    first_event: int = 0
    first_command: int = 0

    @property
    def complete(self) -> bool:
        """Whether the run wrote its results."""
        return self.status == "completed"

    @property
    def job_id(self) -> str:
        """The job id in the LID."""
        return self.lid.partition(".")[0]


class Story:
    """Simulates the submissions of a case, one after the other."""

    def __init__(self, identity: Identity, rng: Random, executions: int) -> None:
        self.identity = identity
        self.rng = rng
        self.history = History(identity.created)
        self.state = _initial_state(identity, rng)
        self.date = identity.start
        self.submissions: list[Submission] = []
        first = identity.index * 5
        is_eamxx = identity.compset.atmosphere == "scream"
        choices = EAMXX_CONFIGURATION if is_eamxx else CONFIGURATION
        edits = [choices[(first + n) % len(choices)] for n in range(3)]
        gaps = rng.sample(range(1, executions), min(3, executions - 1)) if executions > 1 else []
        self.edits = dict(zip(gaps, edits, strict=False))
        stays = identity.machine.newer_modules and change_compiler not in edits
        self.upgrade = executions // 2 + 1 if stays else None
        self._created_at = (0, 0)  # events and commands before the case was created
        self._tests = 0
        if identity.is_tested:
            self._run_test()
        self._open()

    def submit(self, outcome: Status, *, resubmits: bool = True) -> None:
        """Simulate the next submission up to its outcome."""
        self._prepare()
        history = self.history
        job = self.identity.machine.job_id(history.clock)
        self.state["env_run.JOB_IDS"] = self._job_ids(job)
        history.submit(self._job_ids(job) if self.state["env_run.DOUT_S"] else str(job))
        history.wait(self.rng.uniform(300, 5 * 3600))
        lid = f"{job}.{history.clock:%y%m%d-%H%M%S}"
        if outcome == "completed":
            history.wait(self.rng.randint(1, 4))
        starting, state = history.clock, dict(self.state)
        history.event("case.run starting", str(job))
        history.wait(9)
        history.event("model execution starting", str(job))
        run_ended = self._run(outcome, job, lid)
        stop = self.date.advance(
            keys.text(state, "env_run.STOP_OPTION"), keys.number(state, "env_run.STOP_N")
        )
        self.submissions.append(
            Submission(
                lid=lid,
                status=outcome,
                state=state,
                starting=starting,
                run_ended=run_ended,
                ended=history.clock,
                segment=(self.date, stop),
                events=len(history.events),
                commands=len(history.commands),
                first_event=self._created_at[0],
                first_command=self._created_at[1],
            )
        )
        if outcome == "completed" and resubmits:
            self.date = stop
            self._resubmit()

    def _run_test(self) -> None:
        """Simulate the short test that E3SM's run script makes before production."""
        tasks = self.identity.machine.tasks_per_node * 2
        self.state |= {
            keys.CASE_HASH: self.identity.test_hash,
            keys.NTASKS: tasks,
            keys.NTASKS_PER_INST: tasks,
            "env_run.STOP_OPTION": "ndays",
            "env_run.STOP_N": 5,
            "env_run.REST_N": 5,
            "env_run.RESUBMIT": 0,
        }
        self._open()
        self.submit("completed", resubmits=False)
        self._tests = len(self.submissions)
        self.history.wait(7200)
        self._created_at = len(self.history.events), len(self.history.commands)
        distance = self.state[keys.GIT_DISTANCE]  # both are cases of the same source
        self.state = _initial_state(self.identity, self.rng) | {keys.GIT_DISTANCE: distance}

    def _open(self) -> None:
        history, scratch = self.history, self.identity.scratch
        history.wait(80)
        for arguments in (
            f"EXEROOT={scratch}/build",
            f"RUNDIR={scratch}/run",
            f"RUN_STARTDATE={self.identity.compset.start}",
            f"STOP_OPTION={self.state['env_run.STOP_OPTION']},STOP_N={self.state['env_run.STOP_N']}",
            f"REST_N={self.state['env_run.REST_N']},RESUBMIT={self.state['env_run.RESUBMIT']}",
        ):
            history.xmlchange(arguments)
        history.set_up()
        history.build(self.rng.uniform(600, 1500))
        history.wait(self.rng.uniform(60, 7200))

    def _prepare(self) -> None:
        """Simulate what the user does before a submission: a repair, an edit, or nothing."""
        submissions = self.submissions[self._tests :]
        if not submissions:
            return
        last = submissions[-1].status
        done = sum(submission.complete for submission in submissions)
        context = EditContext(self.state, self.identity.machine, self.rng)
        edits: list[Edit] = []
        if last == "timeout" and self.rng.random() < 0.5:
            edits.append(change_walltime(context))
        if last == "completed":
            if done in self.edits:
                edits.append(self.edits[done](context))
            if done == self.upgrade:
                edits.append(load_newer_modules(context))
            if self.rng.random() < 0.35:
                edits.append(self.rng.choice(ROUTINE)(context))
        if edits or last != "completed":
            self.history.wait(self.rng.uniform(1200, 4 * 3600))
        for edit in edits:
            self._apply(edit)
        self.history.wait(30)

    def _apply(self, edit: Edit) -> None:
        self.state.update(edit.settings)
        for arguments in edit.commands:
            self.history.xmlchange(arguments)
        if edit.set_up:
            self.history.set_up()
        if edit.build:
            self.history.build(self.rng.uniform(300, 1200), clean=True)

    def _run(self, outcome: Status, job: int, lid: str) -> datetime:
        """Simulate the run; return when it ended."""
        history = self.history
        limit = int(keys.text(self.state, keys.WALLTIME)[:2]) * 3600
        if outcome == "completed":
            history.wait(limit * self.rng.uniform(0.3, 0.8))
            history.event("model execution success", str(job))
            history.event("case.run success", str(job))
            ended = history.clock
            history.wait(self.rng.randint(5, 20))
            return ended
        if outcome == "failed":
            history.wait(limit * self.rng.uniform(0.01, 0.4))
            rundir = f"{self.identity.scratch}/run"
            command = f"srun {self.identity.scratch}/build/e3sm.exe   >> e3sm.log.$LID 2>&1 "
            history.fail(command, rundir, f"{rundir}/e3sm.log.{lid}")
        elif outcome != "running":
            history.wait(limit * (1 if outcome == "timeout" else self.rng.uniform(0.1, 0.6)))
        return history.clock

    def _resubmit(self) -> None:
        """Simulate the resubmission by a finished job, or by the user when none are left."""
        history, job = self.history, self.submissions[-1].job_id
        if self.state["env_run.DOUT_S"]:
            archiver = str(int(job) + 1)
            history.wait(30)
            history.event("st_archive starting", archiver)
            history.wait(200)
            history.event("st_archive success", archiver)
        left = keys.number(self.state, "env_run.RESUBMIT")
        if left:
            left -= 1
        else:
            left = self.rng.randint(1, 4)
            history.xmlchange(f"CONTINUE_RUN=TRUE,RESUBMIT={left}")
        self.state |= {"env_run.CONTINUE_RUN": True, "env_run.RESUBMIT": left}

    def _job_ids(self, job: int) -> str:
        archived = f", case.st_archive:{job + 1}" if self.state["env_run.DOUT_S"] else ""
        return f"case.run:{job}{archived}"


def _initial_state(identity: Identity, rng: Random) -> dict[str, Value]:
    option, count = identity.compset.stop
    tasks = identity.tasks
    return {
        "compiler": identity.machine.compilers[0],
        "git_tag": "v3.0.2",
        "git_commit_hash": identity.commit,
        "git_branch": "maint-3.0",
        keys.CASE_HASH: identity.case_hash,
        keys.SHOC: 0.001 if identity.compset.atmosphere == "scream" else None,
        **({keys.ATMCHANGES: ""} if identity.compset.atmosphere == "scream" else {}),
        keys.GIT_DISTANCE: rng.randint(1, 12),
        "env_build.DEBUG": False,
        keys.NTASKS: tasks,
        keys.NTASKS_PER_INST: tasks,
        keys.LOADED: list(identity.machine.modules),
        keys.MODULES: identity.machine.commands(identity.machine.modules),
        keys.PIO_TYPENAME: "pnetcdf",
        "env_run.OCN_NCPL": 48,
        "env_run.CONTINUE_RUN": False,
        "env_run.RESUBMIT": rng.randint(2, 8),
        "env_run.JOB_IDS": None,
        "env_run.STOP_OPTION": option,
        "env_run.STOP_N": count,
        "env_run.REST_N": count,
        "env_run.DOUT_S": rng.random() < 0.3,
        keys.QUEUE: identity.machine.queues[0],
        keys.WALLTIME: f"{rng.randint(4, 20):02d}:00:00",
        keys.KE: 5.0e-6,
        keys.C1: 2.4,
        keys.OROGRAPHIC_DRAG: None,
        keys.NHTFRQ: [0, -24, -6, -6],
        keys.MFILT: [1, 30, 120, 120],
        keys.FINCL2: ["FLUT", "PRECT", "U200", "V200", "U850", "V850", "Z500", "TREFHT", "PSL"],
        keys.ELM_NHTFRQ: [0, -24],
    }
