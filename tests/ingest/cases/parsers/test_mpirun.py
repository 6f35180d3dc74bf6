"""The choice among launchers; the elements are of the form that E3SM's config_machines.xml has."""

from typing import Any

import pytest

from ingest.cases.parsers.case_variables import CaseVariables
from ingest.cases.parsers.env_xml import parse_xml
from ingest.cases.parsers.mpirun import choose_mpirun, parse_mpirun
from ingest.cases.parsers.not_understood import NotUnderstood

_FILE = b"""<file>
  <mpirun mpilib="default">
    <executable>srun</executable>
    <arguments>
      <arg name="label"> --label</arg>
      <arg name="num_tasks" > -n {{ total_tasks }}
          -N {{ num_nodes }}</arg>
      <arg name="none"> </arg>
    </arguments>
  </mpirun>
  <mpirun mpilib="openmpi"><executable>mpirun</executable></mpirun>
  <mpirun mpilib="openmpi" compiler="gnu"><executable>mpirun-gnu</executable></mpirun>
  <mpirun mpilib="openmpi" threaded="true"><executable>mpirun-smp</executable></mpirun>
  <mpirun mpilib="openmpi" queue="debug"><executable>mpirun-debug</executable></mpirun>
  <mpirun mpilib="openmpi" unit_testing="true" compiler="gnu" threaded="true">
    <executable>mpirun-tests</executable>
  </mpirun>
</file>"""


def chosen(content: bytes, threads: int = 1, **variables: Any) -> tuple[list[str], NotUnderstood]:
    unknown = NotUnderstood()
    values = {f"env_build.{name}": value for name, value in variables.items()}
    case = CaseVariables(values | {"env_mach_pes.NTHRDS.OCN": threads})
    launchers = list(parse_mpirun(parse_xml(content), unknown.add))
    return choose_mpirun(launchers, case, unknown.add), unknown


@pytest.mark.parametrize(
    ("case", "command"),
    [
        ({"MPILIB": "mpich", "COMPILER": "gnu"}, "srun"),
        ({"MPILIB": "openmpi", "COMPILER": "intel"}, "mpirun"),
        ({"MPILIB": "openmpi", "COMPILER": "gnu"}, "mpirun-gnu"),
        ({"MPILIB": "openmpi", "COMPILER": "intel", "threads": 2}, "mpirun-smp"),
        ({"MPILIB": "openmpi", "COMPILER": "intel", "FORCE_BUILD_SMP": True}, "mpirun-smp"),
        ({"MPILIB": "openmpi", "COMPILER": "intel", "JOB_QUEUE": "debug"}, "mpirun-debug"),
        # Two that are equally good: the first counts.
        ({"MPILIB": "openmpi", "COMPILER": "gnu", "threads": 2}, "mpirun-gnu"),
    ],
)
def test_the_launcher_with_most_attributes_of_the_case_counts(
    case: dict[str, Any], command: str
) -> None:
    found, unknown = chosen(_FILE, **case)
    assert (found[0], unknown.count) == (command, 0)


def test_arguments_are_kept_in_their_order_as_one_line_each() -> None:
    found, _ = chosen(_FILE, MPILIB="mpich", COMPILER="gnu")
    assert found == ["srun", "--label", "-n {{ total_tasks }} -N {{ num_nodes }}"]


def test_mpi_serial_needs_no_launcher() -> None:
    assert chosen(_FILE, MPILIB="mpi-serial")[0] == []
    assert chosen(_FILE, MPILIB="mpi-serial")[1].count == 0
    serial = b'<file><mpirun mpilib="mpi-serial"><executable> </executable></mpirun></file>'
    assert chosen(serial, MPILIB="mpi-serial")[0] == []


def test_a_case_that_no_launcher_is_for_is_reported() -> None:
    content = b'<file><mpirun mpilib="mpt"><executable>x</executable></mpirun></file>'
    found, unknown = chosen(content, MPILIB="openmpi", COMPILER="gnu")
    assert (found, unknown.detail) == (
        [],
        "not understood: line 1: no <mpirun> is for gnu and openmpi",
    )
