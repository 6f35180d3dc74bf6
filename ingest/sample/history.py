"""The history of a case: the events in CaseStatus and the commands in replay.sh."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

RULE = " ---------------------------------------------------\n"


@dataclass
class History:
    """A clock, and the lines that are written as it advances."""

    clock: datetime
    events: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        """Advance the clock."""
        self.clock += timedelta(seconds=int(seconds))

    def event(self, phase: str, message: str = "") -> None:
        """Add an event at the current time."""
        self.events.append(f"{self.clock}: {phase} {message}\n{RULE}")

    def xmlchange(self, arguments: str) -> None:
        """Record that the user changed variables."""
        command = f"./xmlchange {arguments}"
        self.wait(2)
        self.event("xmlchange success", f"<command> {command}  </command>")
        self.commands.append(command)

    def set_up(self) -> None:
        """Record `case.setup`."""
        self.wait(3)
        self.event("case.setup starting")
        self.wait(4)
        self.event("case.setup success")
        self.commands.append("./case.setup --reset")

    def build(self, seconds: float, clean: bool = False) -> None:
        """Record `case.build`, after `--clean-all` when `clean` is set."""
        if clean:
            self.wait(5)
            self.event("build.clean starting")
            self.wait(2)
            self.event("build.clean success")
            self.commands.append("./case.build --clean-all")
        self.wait(5)
        self.event("case.build starting")
        self.wait(seconds)
        self.event("case.build success")
        self.commands.append("./case.build")

    def submit(self, jobs: str) -> None:
        """Record `case.submit` with the jobs that it started."""
        self.event("case.submit starting", jobs)
        self.event("case.submit success", jobs)
        self.commands.append("./case.submit")

    def fail(self, command: str, rundir: str, log: str) -> None:
        """Add the errors of a model that stopped; without a job id, as in CIME."""
        self.event(
            "model execution error",
            f"\nERROR: Command: '{command}' failed with error '' from dir '{rundir}'",
        )
        self.event(
            "case.run error",
            f"\nERROR: RUN FAIL: Command '{command}' failed\nSee log file for details: {log}",
        )
