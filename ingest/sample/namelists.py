"""The namelists of a case, in the styles of the three programs that write them."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from ingest.sample import state as keys
from ingest.sample.identity import Identity
from ingest.sample.state import State, Value

Groups = Mapping[str, Mapping[str, str | None]]
_DEFAULTS = Path(__file__).with_name("namelists.json")
_WIDTH = 110
RESTART_FLAGS = (
    "mpaso_in.time_management.config_do_restart",
    *(
        f"mpassi_in.restart.config_do_restart{what}"
        for what in ("", "_bgc", "_hbrine", "_snow_density", "_snow_grain_radius", "_zsalinity")
    ),
)
"""The options that a continuation turns on, which the scripts of MPAS list one by one."""


def render(name: str, inputdata: str, values: Mapping[str, str | None]) -> str:
    """Return a namelist file; `values` overrides defaults by delta key, None drops an entry."""
    write = _WRITERS[name]
    lines = []
    for group, entries in _defaults(name, inputdata).items():
        lines.append(f"&{group}")
        for entry, default in entries.items():
            value = values.get(f"{name}.{group}.{entry}", default)
            if value is not None:
                lines.append(write(entry, value))
        lines.append("/")
    return "\n".join(lines) + "\n"


@lru_cache
def _defaults(name: str, inputdata: str) -> Groups:
    text = _DEFAULTS.read_text().replace("%DIN%", inputdata)
    groups: dict[str, Groups] = json.loads(text)
    return groups[name]


def _eam(name: str, value: str) -> str:
    return f" {name}\t\t= {_wrap(value)}"


def _elm(name: str, value: str) -> str:
    return f" {name} = {value}"


def _cime(name: str, value: str) -> str:
    return f"  {name} = {value}"


def _mpas(name: str, value: str) -> str:
    return f"    {name} = {value}"


@lru_cache(maxsize=1024)
def _wrap(value: str) -> str:
    if len(value) < _WIDTH:
        return value
    lines = [""]
    for item in value.split(", "):
        if lines[-1] and len(lines[-1]) + len(item) > _WIDTH:
            lines.append("")
        lines[-1] += f"{', ' if lines[-1] else ''}{item}"
    return ",\n         ".join(lines)


_WRITERS: Mapping[str, Callable[[str, str], str]] = {
    "atm_in": _eam,
    "lnd_in": _elm,
    "drv_in": _cime,
    "mosart_in": _cime,
    "mpaso_in": _mpas,
    "mpassi_in": _mpas,
}


def of_case(identity: Identity) -> dict[str, str | None]:
    """Return the entries that are fixed for the life of the case."""
    infodata = "drv_in.seq_infodata_inparm"
    values: dict[str, str | None] = {
        f"{infodata}.case_name": f'"{identity.name}"',
        f"{infodata}.username": f'"{identity.user}"',
        f"{infodata}.hostname": f'"{identity.machine.name}"',
        f"{infodata}.model_version": f'"{identity.commit}"',
        "drv_in.seq_timemgr_inparm.start_ymd": identity.compset.start.replace("-", ""),
        "drv_in.cime_pes.ocn_ntasks": str(identity.ocean_tasks),
        "drv_in.cime_pes.ocn_rootpe": str(identity.tasks if identity.compset.coupled else 0),
    }
    for component in ("cpl", "ice", "lnd", "rof"):
        values[f"drv_in.cime_pes.{component}_ntasks"] = str(identity.tasks)
    return values


def of_submission(identity: Identity, state: State) -> dict[str, str | None]:
    """Return the entries of one submission: its settings, and those that repeat XML variables."""
    values: dict[str, str | None] = {
        key: fortran(value, separator="," if key.startswith("lnd_in") else ", ")
        for key, value in state.items()
        if key.startswith(("atm_in", "lnd_in"))
    }
    option = f'"{state["env_run.STOP_OPTION"]}"'
    clock = "drv_in.seq_timemgr_inparm"
    seconds = 86_400 // keys.number(state, "env_run.OCN_NCPL")
    values |= _restart(identity, keys.flag(state, "env_run.CONTINUE_RUN"))
    return values | {
        "drv_in.cime_pes.atm_ntasks": str(state[keys.NTASKS]),
        f"{clock}.stop_option": option,
        f"{clock}.stop_n": str(state["env_run.STOP_N"]),
        f"{clock}.restart_option": option,
        f"{clock}.restart_n": str(state["env_run.REST_N"]),
        f"{clock}.ocn_cpl_dt": str(seconds),
    }


def _restart(identity: Identity, continued: bool) -> Mapping[str, str | None]:
    compset, start = identity.compset, identity.start
    kind = "branch" if compset.run_type == "branch" else "startup"
    initial = f"'{identity.machine.inputdata}/lnd/clm2/initdata_map/{compset.reference[0]}.nc'"
    start_time = "'file'" if continued else f"'{start}_00:00:00'"
    flag = f".{str(continued).lower()}."
    values: dict[str, str | None] = {
        "drv_in.seq_infodata_inparm.start_type": f'"{"continue" if continued else kind}"',
        "lnd_in.elm_inparm.finidat": None if continued else initial,
    }
    for scope in ("mpaso_in.time_management", "mpassi_in.seaice_model"):
        values[f"{scope}.config_start_time"] = start_time
    return values | dict.fromkeys(RESTART_FLAGS, flag)


def fortran(value: Value, separator: str = ", ", exponent: str = "D") -> str | None:
    """Return a value as a namelist has it; None for an entry that is absent."""
    if value is None:
        return None
    if isinstance(value, bool):
        return f".{str(value).lower()}."
    if isinstance(value, float):
        mantissa, _, power = f"{value:.6g}".partition("e")
        mantissa += "" if "." in mantissa else ".0"
        return f"{mantissa}{exponent}{int(power or 0)}"
    if isinstance(value, list):
        return separator.join(f"'{item}'" if isinstance(item, str) else str(item) for item in value)
    return f"'{value}'" if isinstance(value, str) else str(value)


def elm_comment(identity: Identity) -> str:
    """Return the comment that ELM's build-namelist writes at the end of lnd_in."""
    start = identity.compset.start.replace("-", "")
    return (
        f"!#{'-' * 118}\n!# lnd_in:: Comment:\n"
        "!# This namelist was created using the following command-line:\n"
        f"!#     {identity.srcroot}/components/elm/bld/CLM build-namelist"
        f" -csmdata {identity.machine.inputdata} -namelist  &elm_inparm  start_ymd={start}  /"
        f" -use_case {identity.compset.label} -l_ncpl 48\n"
    )


def modelio(component: str, lid: str, rundir: str, typename: str, stride: int) -> str:
    """Return the `<component>_modelio.nml` of one submission."""
    return (
        f'&modelio\n  diri = "{rundir}"\n  diro = "{rundir}"\n'
        f'  logfile = "{component}.log.{lid}"\n/\n'
        '&pio_inparm\n  pio_netcdf_format = "64bit_data"\n  pio_numiotasks = -99\n'
        f"  pio_rearranger = 2\n  pio_root = 1\n  pio_stride = {stride}\n"
        f'  pio_typename = "{typename}"\n/\n'
    )


def docn_in(inputdata: str) -> str:
    """Return the namelist of the data ocean, for cases without an ocean model."""
    return (
        '&docn_nml\n  decomp = "1d"\n  restfilm = "undefined"\n/\n'
        "&shr_strdata_nml\n  datamode = 'SSTDATA'\n"
        f'  domainfile = "{inputdata}/ocn/docn7/domain.ocn.1x1.111007.nc"\n'
        '  streams = "docn.streams.txt.prescribed 1 1 1"\n  vectors = "null"\n/\n'
    )


def user_nl(state: State) -> dict[str, str]:
    """Return the `user_nl_*` files: the user's settings, which the namelists repeat."""
    eam = [
        f" {key.rpartition('.')[2]} = {fortran(state[key], ',', 'e')}"
        for key in (keys.NHTFRQ, keys.MFILT, keys.FINCL2)
    ]
    eam.insert(2, " avgflag_pertape = 'A','A','I','A'")
    eam += [
        f" {key.rpartition('.')[2]} = {fortran(state[key], ',', 'e')}"
        for key, usual in ((keys.KE, 5.0e-6), (keys.C1, 2.4), (keys.OROGRAPHIC_DRAG, None))
        if state[key] != usual
    ]
    elm = [" hist_mfilt = 1,365", f" hist_nhtfrq = {fortran(state[keys.ELM_NHTFRQ], ',')}"]
    bodies = {"eam": eam, "elm": elm, "cpl": [], "mosart": [], "mpaso": [], "mpassi": []}
    comment = "! One setting per line: name = value\n"
    return {
        f"user_nl_{name}": comment + "".join(f"{line}\n" for line in lines)
        for name, lines in bodies.items()
    }
