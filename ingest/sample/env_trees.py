"""The parts of env_*.xml files that have a structure of their own: batch, modules, archiving."""

from collections.abc import Sequence

from ingest.sample.identity import Identity
from ingest.sample.machines import Machine

_HISTORY = {
    "eam": r"h\d*.*\.nc$",
    "elm": r"h\d*.*\.nc$",
    "mosart": r"h\d*.*\.nc$",
    "mpaso": r"hist.*\.nc$",
    "mpassi": r"hist.*\.nc$",
    "cpl": r"h[ai].*\.nc$",
}


def batch_system(machine: Machine) -> str:
    """Return the part of env_batch.xml after its groups."""
    queues = "".join(
        f'      <queue walltimemax="{hours}:00:00" nodemin="1" nodemax="{nodes}">{queue}</queue>\n'
        for queue, hours, nodes in zip(machine.queues, (48, 4), (492, 20), strict=True)
    )
    return f"""  <batch_system type="slurm">
    <batch_query per_job_arg="-j">squeue</batch_query>
    <batch_submit>sbatch</batch_submit>
    <batch_cancel>scancel</batch_cancel>
    <batch_directive>#SBATCH</batch_directive>
    <jobid_pattern>(\\d+)$</jobid_pattern>
    <depend_string>--dependency=afterok:jobid</depend_string>
    <walltime_format>%H:%M:%S</walltime_format>
    <submit_args>
      <arg flag="--time" name="$JOB_WALLCLOCK_TIME"/>
      <arg flag="-p" name="$JOB_QUEUE"/>
      <arg flag="--account" name="$PROJECT"/>
    </submit_args>
    <directives>
      <directive> --job-name={{{{ job_id }}}}</directive>
      <directive> --nodes={{{{ num_nodes }}}}</directive>
      <directive> --exclusive </directive>
    </directives>
  </batch_system>
  <batch_system MACH="{machine.name}" type="slurm">
    <queues>
{queues}    </queues>
  </batch_system>
"""


def environment(machine: Machine) -> dict[str, str]:
    """Return the variables that env_mach_specific.xml sets on this machine."""
    return {
        "HDF5_USE_FILE_LOCKING": "FALSE",
        "MPICH_ENV_DISPLAY": "1",
        "OMP_STACKSIZE": "128M",
        "OMP_PROC_BIND": "spread",
        "FI_MR_CACHE_MONITOR": "kdreg2" if machine.mpilib == "mpich" else "disabled",
    }


def env_mach_specific(machine: Machine, modules: Sequence[str]) -> str:
    """Return env_mach_specific.xml, with the alternatives from which it selects."""
    loads = "".join(f'      <command name="load">{module}</command>\n' for module in modules[1:])
    compilers = "".join(
        f'    <modules compiler="{compiler}">\n'
        f'      <command name="load">{compiler}/2024.{n}.0</command>\n    </modules>\n'
        for n, compiler in enumerate(machine.compilers)
    )
    variables = "".join(
        f'    <env name="{name}">{value}</env>\n' for name, value in environment(machine).items()
    )
    return f"""<?xml version="1.0"?>
<file id="env_mach_specific.xml" version="2.0">
  <header>
    The environment of this machine.
    </header>
  <group id="compliant_values">
    <entry id="run_exe" value="${{EXEROOT}}/e3sm.exe ">
      <type>char</type>
      <desc>The executable.</desc>
    </entry>
    <entry id="run_misc_suffix" value=" &gt;&gt; e3sm.log.$LID 2&gt;&amp;1 ">
      <type>char</type>
      <desc>Where its output goes.</desc>
    </entry>
  </group>
  <module_system type="module" allow_error="true">
    <init_path lang="sh">/usr/share/lmod/lmod/init/sh</init_path>
    <cmd_path lang="sh">module</cmd_path>
    <modules>
      <command name="purge"/>
      <command name="load">{modules[0]}</command>
    </modules>
{compilers}    <modules mpilib="{machine.mpilib}">
{loads}    </modules>
  </module_system>
  <environment_variables>
{variables}  </environment_variables>
  <environment_variables compiler="{machine.compilers[0]}">
    <env name="KMP_AFFINITY">compact</env>
  </environment_variables>
  <mpirun mpilib="default">
    <executable>srun</executable>
    <arguments>
      <arg name="num_tasks"> -n {{{{ total_tasks }}}} -N {{{{ num_nodes }}}} -K</arg>
      <arg name="thread_count"> -c {machine.tasks_per_node}</arg>
    </arguments>
  </mpirun>
</file>
"""


def env_archive(identity: Identity) -> str:
    """Return env_archive.xml."""
    specs = []
    for component, name in identity.compset.components.items():
        if name not in _HISTORY:
            continue
        specs.append(
            f'    <comp_archive_spec compname="{name}" compclass="{component.lower()}">\n'
            "      <rest_file_extension>r</rest_file_extension>\n"
            "      <rest_file_extension>rh\\d?</rest_file_extension>\n"
            f"      <hist_file_extension>{_HISTORY[name]}</hist_file_extension>\n"
            "      <rest_history_varname>unset</rest_history_varname>\n"
            "      <rpointer>\n"
            f"        <rpointer_file>rpointer.{component.lower()}$NINST_STRING</rpointer_file>\n"
            f"        <rpointer_content>./$CASE.{name}$NINST_STRING.r.$DATENAME.nc"
            "</rpointer_content>\n"
            "      </rpointer>\n    </comp_archive_spec>\n"
        )
    body = "".join(specs)
    return (
        '<?xml version="1.0"?>\n<file id="env_archive.xml" version="2.0">\n'
        f'  <components version="2.0">\n{body}  </components>\n</file>\n'
    )
