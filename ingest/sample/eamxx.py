"""The files of EAMxx: its parameters in XML, the input that is made of them, an output stream."""

from typing import Any
from xml.sax.saxutils import escape

from ingest.sample import state as keys
from ingest.sample.identity import Identity
from ingest.sample.state import State

_HEAD = "# Made from namelist_scream.xml, which atmchange changes.\n"
_TYPES = {bool: "logical", int: "integer", float: "real", str: "string"}


def documents(identity: Identity, state: State) -> dict[str, str]:
    """Return the files by name."""
    parameters = _parameters(identity, state)
    xml = f"<namelist>\n{_xml(parameters)}</namelist>\n"
    return {
        "namelist_scream.xml": f'<?xml version="1.0" ?>\n{xml}',
        "scream_input.yaml": _HEAD + _yaml(parameters),
        "scream_output.yaml": _stream(identity),
    }


def _parameters(identity: Identity, state: State) -> dict[str, Any]:
    inputdata = f"{identity.machine.inputdata}/atm/scream"
    return {
        "atmosphere_processes": {
            "number_of_subcycles": 1,
            "atm_procs_list": ["sc_import", "homme", "physics", "sc_export"],
            "homme": {"moisture": "moist", "bfb_hash": 18},
            "physics": {
                "schedule_type": "sequential",
                "mac_aero_mic": {
                    "number_of_subcycles": 24,
                    "shoc": {"lambda_low": state[keys.SHOC], "length_fac": 0.5, "extra": False},
                    "p3": {
                        "max_total_ni": 740000.0,
                        "tables": [f"{inputdata}/tables/ice.dat", f"{inputdata}/tables/rain.dat"],
                    },
                },
                "rrtmgp": {"rad_frequency": 3, "column_chunk_size": 123},
            },
        },
        "initial_conditions": {"filename": f"{inputdata}/init/screami_ne30.nc", "topography": None},
        "driver_options": {"atmosphere_dag_verbosity_level": 0, "check_all_fields": True},
        "scorpio": {"output_yaml_files": [f"{identity.scratch}/run/data/scream_output.yaml"]},
    }


def _xml(group: dict[str, Any], depth: int = 1) -> str:
    blanks = "  " * depth
    parts = []
    for name, value in group.items():
        if isinstance(value, dict):
            parts.append(f"{blanks}<{name}>\n{_xml(value, depth + 1)}{blanks}</{name}>\n")
            continue
        kind = "array(string)" if isinstance(value, list) else _TYPES.get(type(value), "string")
        text = ",".join(value) if isinstance(value, list) else _text(value)
        parts.append(f'{blanks}<{name} type="{kind}" doc="sets {name}">{escape(text)}</{name}>\n')
    return "".join(parts)


def _yaml(group: dict[str, Any], depth: int = 0) -> str:
    blanks = "  " * depth
    parts = []
    for name, value in group.items():
        if isinstance(value, dict):
            parts.append(f"{blanks}{name}:\n{_yaml(value, depth + 1)}")
        elif isinstance(value, list):
            parts.append(f"{blanks}{name}: [{', '.join(value)}]\n")
        else:
            parts.append(f"{blanks}{name}: {_text(value)}\n".replace(": \n", ":\n"))
    return "".join(parts)


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _stream(identity: Identity) -> str:
    return (
        f"%YAML 1.1\n---\nfilename_prefix: {identity.name}.scream.h\n"
        "averaging_type: average\nmax_snapshots_per_file: 24\n"
        "fields:\n  physics_pg2:\n    field_names:\n    - T_2m\n    - qv_2m\n    - ps\n"
        "output_control:\n  frequency: 1\n  frequency_units: nhours\n...\n"
    )
