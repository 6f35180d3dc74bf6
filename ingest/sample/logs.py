"""The files of a run that reached its end: timing, statistics and logs."""

from functools import lru_cache
from random import Random

from ingest.sample import state as keys
from ingest.sample.identity import GRID_LONG, Identity
from ingest.sample.story import Submission
from ingest.sample.truth import Payload

_PHASES = ("INIT", "RUN_LOOP", "ATM_RUN", "LND_RUN", "ICE_RUN", "OCNT_RUN", "ROF_RUN", "A2C", "L2C")


def e3sm_timing(identity: Identity, submission: Submission) -> str:
    """Return the timing summary; its `Curr Date` is the time at which the run ended."""
    start, stop = submission.segment
    days = stop.ordinal - start.ordinal
    seconds = (submission.ended - submission.starting).total_seconds()
    return (
        f"{_timing_head(identity, submission, days)}\n{_timing_layout(identity, submission)}\n"
        f"{_timing_costs(identity, seconds, days)}"
    )


def _timing_head(identity: Identity, submission: Submission, days: int) -> str:
    state, compset = submission.state, identity.compset
    continued = keys.flag(state, "env_run.CONTINUE_RUN")
    logicals = ("TRUE", "FALSE") if continued else ("FALSE", "TRUE")
    rows = [
        ("Case        ", identity.name),
        ("LID         ", submission.lid),
        ("Machine     ", identity.machine.name),
        ("Caseroot    ", identity.caseroot),
        ("Timeroot    ", f"{identity.caseroot}/Tools"),
        ("User        ", identity.user),
        ("Curr Date   ", submission.ended.ctime()),
        ("Driver      ", "CPL7"),
        ("grid        ", GRID_LONG),
        ("compset     ", compset.longname),
        (
            "run type    ",
            f"{compset.run_type}, continue_run = {logicals[0]} (inittype = {logicals[1]})",
        ),
        (
            "stop option ",
            f"{state['env_run.STOP_OPTION']}, stop_n = {state['env_run.STOP_N']}",
        ),
        (
            "run length  ",
            f"{days} days ({f'{days}.0' if continued else days - 1} for ocean)",
        ),
    ]
    if identity.vintage <= 2021:
        rows = [row for row in rows if row[0].strip() != "Driver"]
    body = "".join(f"  {label}: {value}\n" for label, value in rows)
    return f"---------------- TIMING PROFILE ---------------------\n{body}"


def _timing_layout(identity: Identity, submission: Submission) -> str:
    rows = []
    for component, name in identity.compset.components.items():
        tasks, root = identity.tasks, 0
        if component == "ATM":
            tasks = keys.number(submission.state, keys.NTASKS)
        elif component == "OCN" and identity.compset.coupled:
            tasks, root = identity.ocean_tasks, identity.tasks
        elif component in ("GLC", "WAV", "IAC", "ESP"):
            tasks = 1
        rows.append(
            f"  {component.lower()} = {name:<10} {tasks:<11} {root:<8} {tasks:<6} x 1       1"
            "      (1     ) \n"
        )
    per_node = "pes per node" if identity.vintage <= 2021 else "mpi tasks per node"
    return (
        "  component       comp_pes    root_pe   tasks  x threads instances (stride) \n"
        "  ---------        ------     -------   ------   ------  ---------  ------  \n"
        f"{''.join(rows)}\n"
        f"  total pes active           : {identity.total_pes} \n"
        f"  {per_node:<26} : {identity.machine.tasks_per_node} \n"
        f"  pe count for cost estimate : {identity.total_pes} \n"
    )


def _timing_costs(identity: Identity, seconds: float, days: int) -> str:
    years = days / 365
    run = seconds - 60
    cost = identity.total_pes * run / 3600 / years
    lines = [
        "  Overall Metrics: ",
        f"    Model Cost:         {cost:10.2f}   pe-hrs/simulated_year ",
        f"    Model Throughput:   {years * 86_400 / run:10.2f}   simulated_years/day ",
        "",
        "    Init Time   :      52.310 seconds ",
        f"    Run Time    :  {run:10.3f} seconds   {run / days:10.3f} seconds/day ",
        "    Final Time  :       0.412 seconds ",
        "",
        "    Actual Ocn Init Wait Time     :      10.782 seconds ",
        "    Estimated Ocn Init Run Time   :       0.000 seconds ",
        "    Estimated Run Time Correction :       0.000 seconds ",
        "",
        "",
    ]
    share = Random(identity.index)
    for component in ("TOT", *identity.compset.components):
        part = run if component == "TOT" else run * share.uniform(0.05, 0.9)
        lines.append(
            f"    {component} Run Time: {part:11.3f} seconds {part / days:12.3f} seconds/mday "
            f"{years * 86_400 / part:12.2f} myears/wday "
        )
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=64)
def timing_stats(tasks: int, payload: Payload) -> str:
    """Return GPTL's global statistics: long, and similar in all runs."""
    rng = Random(tasks)
    extremes = "wallmax (proc   thrd  )   wallmin (proc   thrd  )"
    rows = [
        f"***** GLOBAL STATISTICS ({tasks:6d} MPI TASKS) *****\n",
        f"{'name':<41}on  processes  threads        count      walltotal   {extremes}",
    ]
    for number in range(12 if payload == "light" else 400):
        name = f'"CPL:{_PHASES[number % len(_PHASES)]}_{number}"'
        high = rng.uniform(1, 900)
        rows.append(
            f"{name:<42}-   {tasks:8d} {tasks:8d} {rng.uniform(1, 9):.6f}e+05 "
            f"{high * tasks:14.6e} {high:9.3f} ({rng.randrange(tasks):6d}      0) "
            f"{high / 3:9.3f} ({rng.randrange(tasks):6d}      0)"
        )
    return "\n".join(rows) + "\n"


def cpl_log(identity: Identity, submission: Submission, payload: Payload) -> str:
    """Return the log of the coupler, which contains the first day of a continued run."""
    first, last = submission.segment
    clocks = []
    for number, name in enumerate(("drv", "atm", "lnd", "ocn", "ice", "rof"), start=1):
        clocks.append(f"(seq_timemgr_clockPrint)  Clock = seq_timemgr_clock_{name}{number:8d}")
        clocks += [
            f"(seq_timemgr_clockPrint)   {label}  =     {date.compact}   00000"
            for label, date in (
                ("Start Time", identity.start),
                ("Curr Time ", first),
                ("Ref Time  ", identity.start),
                ("Stop Time ", last),
            )
        ]
    steps = _steps(first.ordinal, 10 if payload == "light" else 300)
    end = "(seq_mct_drv): ===============       SUCCESSFUL TERMINATION OF CPL7-e3sm ==============="
    return "\n".join((*clocks, steps, end)) + "\n"


@lru_cache(maxsize=16)
def _steps(seed: int, count: int) -> str:
    rng = Random(seed)
    return "\n".join(
        f" tStamp_write: step = {n:6d} wall clock avg dt = {rng.uniform(1, 20):8.2f} dt = "
        f"{rng.uniform(1, 20):8.2f}"
        for n in range(count)
    )


@lru_cache(maxsize=64)
def e3sm_log(tasks: int, payload: Payload) -> str:
    """Return the output of the model."""
    rng = Random(f"{tasks}{payload}")
    return "".join(
        f"{rng.randrange(tasks):5d}: {rng.choice(_PHASES)} {rng.uniform(0, 1):.6e}\n"
        for _ in range(10 if payload == "light" else 400)
    )


def memory_log(submission: Submission, payload: Payload) -> str:
    """Return the memory use by model day."""
    first = submission.segment[0]
    rows = (
        f"{first.advance('ndays', n).compact}.00000,   125305.090,    25347.566\n"
        for n in range(3 if payload == "light" else 30)
    )
    return "#TOD, VSZ_CPL_N_0, RSS_CPL_N_0\n" + "".join(rows)
