"""Parameters of EAMxx, in XML and YAML."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.inventory import FileEntry, take_inventory
from ingest.cases.parse import parse_execution
from ingest.cases.parsers.eamxx import parse_eamxx_xml, parse_eamxx_yaml
from ingest.cases.sources.base import Content
from models.configuration.delta import diff
from models.configuration.keys import check_keys
from models.configuration.rules import load_rules
from tests.support.executions import LID, execution_files, mutations, reason_of

XML = b"""<?xml version="1.0" ?>
<namelist>
  <!-- parameters -->
  <atmosphere_processes>
    <number_of_subcycles constraints="gt 0" doc="how many times">1</number_of_subcycles>
    <physics>
      <shoc inherit="atm_proc_base">
        <lambda_low type="real" doc="minimum">0.001</lambda_low>
        <do_more type="logical">False</do_more>
      </shoc>
    </physics>
  </atmosphere_processes>
  <scorpio>
    <output_yaml_files type="array(file)">/case/a.yaml, /case/b.yaml</output_yaml_files>
  </scorpio>
</namelist>
"""
STREAM = b"""%YAML 1.1
---
filename_prefix: case.h
averaging_type: instant
max_snapshots_per_file: 1 # one
fields:
  physics_pg2:
    field_names:
    - T_2m
    - qv_2m
output_control:
  frequency: 3
  skip_first: false
...
"""


def read(text: str, declared: str | None = None) -> Any:
    kind = "" if declared is None else f' type="{declared}"'
    content = f"<namelist><p{kind}>{text}</p></namelist>".encode()
    return parse_eamxx_xml(content, "namelist_scream")["namelist_scream.p"]


def test_a_parameter_is_known_by_the_groups_around_it() -> None:
    assert parse_eamxx_xml(XML, "namelist_scream") == {
        "namelist_scream.atmosphere_processes.number_of_subcycles": 1,
        "namelist_scream.atmosphere_processes.physics.shoc.lambda_low": 0.001,
        "namelist_scream.atmosphere_processes.physics.shoc.do_more": False,
        "namelist_scream.scorpio.output_yaml_files": ["/case/a.yaml", "/case/b.yaml"],
    }


# Values and types as `refine_type` of EAMxx's scripts reads them.
@pytest.mark.parametrize(
    ("text", "declared", "value"),
    [
        ("TRUE", None, True),
        ("falsE", None, False),
        ("1", None, 1),
        ("1", "real", 1.0),
        ("740.0e3", None, 740000.0),
        ("-0.7e-3", "real", -0.0007),
        ("a,b", None, "a,b"),
        ("(a,b)", None, "(a,b)"),
        ("a,b", "array(string)", ["a", "b"]),
        ("two", "array(string)", ["two"]),
        ("true, falsE", "array(logical)", [True, False]),
        ("2, 3", "array(integer)", [2, 3]),
        ("1,2.5", "array(real)", [1.0, 2.5]),
        ("5.0", "integer", 5),
        ("1e3", "integer", 1000),
        ("9007199254740993", "integer", 9007199254740993),
        ("1.0, 2", "array(integer)", [1, 2]),
        ("", "array(real)", None),
        ("", None, None),
        ("trace", "string", "trace"),
        ("12", "string", "12"),
        ("inf", None, "inf"),
        ("123456789012345678901", None, 1.2345678901234568e20),
        ("1_000", None, "1_000"),
    ],
)
def test_a_value_has_its_declared_type_or_that_of_its_notation(
    text: str, declared: str | None, value: Any
) -> None:
    found = read(text, declared)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("UNSET", "real"),
        ("yes", "logical"),
        ("1,x", "array(integer)"),
        ("1.5", "integer"),
        ("1e30", "integer"),
        ("inf", "integer"),
        ("1", "vector"),
        ("1,2", "array(double)"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_kept_and_reported(text: str, declared: str) -> None:
    reports: list[tuple[int, str]] = []
    content = f'<namelist>\n<p type="{declared}">{text}</p></namelist>'.encode()
    values = parse_eamxx_xml(content, "f", lambda line, what: reports.append((line, what)))
    assert values == {"f.p": text}
    ((line, what),) = reports
    assert line == 2
    assert declared in what


def test_elements_of_one_name_are_kept_apart() -> None:
    content = b"<namelist><g><a>1</a></g><g><a>2</a></g><g><a>3</a></g></namelist>"
    assert parse_eamxx_xml(content, "f") == {"f.g.a": 1, "f.g#2.a": 2, "f.g#3.a": 3}


def test_a_stream_is_known_by_its_keys() -> None:
    assert parse_eamxx_yaml(STREAM, "yaml_x") == {
        "yaml_x.filename_prefix": "case.h",
        "yaml_x.averaging_type": "instant",
        "yaml_x.max_snapshots_per_file": 1,
        "yaml_x.fields.physics_pg2.field_names": ["T_2m", "qv_2m"],
        "yaml_x.output_control.frequency": 3,
        "yaml_x.output_control.skip_first": False,
    }


def test_the_input_has_the_names_of_the_xml() -> None:
    content = b"Driver Options:\n  a: [1, 2]\n  b: []\n  c:\n  - {x: 1}\n"
    assert parse_eamxx_yaml(content, "scream_input") == {
        "scream_input.Driver__Options.a": [1, 2],
        "scream_input.Driver__Options.b": None,
        "scream_input.Driver__Options.c.0.x": 1,
    }


@pytest.mark.parametrize("content", [b"", b"---\n", b"# nothing\n"])
def test_an_empty_stream_has_no_values(content: bytes) -> None:
    assert parse_eamxx_yaml(content, "yaml_x") == {}


def test_fields_that_several_streams_share_by_an_alias_are_read() -> None:
    content = b"fields:\n  a: &names [T_mid, qv]\n  b: *names\n"
    assert parse_eamxx_yaml(content, "yaml_x") == {
        "yaml_x.fields.a": ["T_mid", "qv"],
        "yaml_x.fields.b": ["T_mid", "qv"],
    }


def test_what_is_no_map_is_reported() -> None:
    reports: list[str] = []
    assert parse_eamxx_yaml(b"- 1\n", "y", lambda _, what: reports.append(what)) == {}
    assert len(reports) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: [1", "not_yaml"),
        (b"a: &x [*x]\n", "not_yaml"),
        (b"a: !!python/object/apply:os.system ['x']", "not_yaml"),
        (b"a: 1\na: 2\n", "duplicate_key"),
        (b"".join(b" " * n + b"a:\n" for n in range(40)), "too_deep"),
    ],
)
def test_hostile_yaml_is_refused(content: bytes, reason: str) -> None:
    assert reason_of(lambda: parse_eamxx_yaml(content, "y")) == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<namelist><a>", "not_xml"),
        (b"<file/>", "wrong_root"),
        (b'<!DOCTYPE n [<!ENTITY a "b">]><namelist><p>&a;</p></namelist>', "doctype"),
        (b"<namelist>" + b"<a>" * 40 + b"</a>" * 40 + b"</namelist>", "too_deep"),
    ],
)
def test_hostile_xml_is_refused(content: bytes, reason: str) -> None:
    assert reason_of(lambda: parse_eamxx_xml(content, "f")) == reason


@pytest.mark.slow
@given(mutations(XML))
def test_damaged_xml_has_keys_that_can_be_stored_or_is_refused(content: bytes) -> None:
    values: dict[str, Any] = {}
    reason_of(lambda: values.update(parse_eamxx_xml(content, "f")))
    check_keys(values.keys())


@pytest.mark.slow
@given(st.one_of(mutations(STREAM), st.binary(max_size=200)))
def test_damaged_yaml_has_keys_that_can_be_stored_or_is_refused(content: bytes) -> None:
    values: dict[str, Any] = {}
    reason_of(lambda: values.update(parse_eamxx_yaml(content, "y")))
    check_keys(values.keys())


# From the files of an execution to what changed.


def variables(**more: bytes) -> Any:
    files = execution_files() | {
        f"CaseDocs.{LID}/{name.replace('__', '.')}.{LID}": data for name, data in more.items()
    }
    entries = [FileEntry(path, len(data)) for path, data in files.items()]
    parsed = parse_execution(take_inventory(entries, LID), Content(files=files), 2**20)
    assert parsed.problems == []
    return parsed.variables


def test_the_files_of_eamxx_are_configuration() -> None:
    found = variables(
        namelist_scream__xml=XML,
        scream_input__yaml=b"atmosphere_processes:\n  number_of_subcycles: 1\n",
        namelist__nl=b"&ctl_nl\n nu = 1.0e15\n/\n",
        monthly__yaml=STREAM,
    )
    files = {"namelist_scream", "scream_input", "namelist_nl", "yaml_monthly"}
    assert files <= found.files.keys()
    assert found["namelist_nl.ctl_nl.nu"] == 1e15


def test_a_change_of_a_parameter_is_told_once() -> None:
    buffered = "physics::shoc::lambda_low=0.004-ATMCHANGE_SEP-"
    path = "atmosphere_processes.physics.shoc.lambda_low"
    before: dict[str, Any] = {f"namelist_scream.{path}": 0.001, f"scream_input.{path}": 0.001}
    after: dict[str, Any] = dict.fromkeys(before, 0.004)
    before["env_run.SCREAM_ATMCHANGE_BUFFER"] = ""
    after["env_run.SCREAM_ATMCHANGE_BUFFER"] = buffered
    rules = load_rules(None, None)
    changes, _ = rules.derivation.split_repeats(diff(before, after))
    assert list(changes) == [f"namelist_scream.{path}"]
    assert changes[f"namelist_scream.{path}"]["alsoIn"] == [
        "env_run.SCREAM_ATMCHANGE_BUFFER",
        f"scream_input.{path}",
    ]
    assert rules.variation.classify(f"namelist_scream.{path}") == ("science", False)


def test_a_buffered_change_without_effect_is_told() -> None:
    delta = diff({"env_run.SCREAM_ATMCHANGE_BUFFER": "a"}, {"env_run.SCREAM_ATMCHANGE_BUFFER": "b"})
    changes, _ = load_rules(None, None).derivation.split_repeats(delta)
    assert list(changes) == ["env_run.SCREAM_ATMCHANGE_BUFFER"]


@pytest.mark.parametrize("key", ["yaml_monthly.filename_prefix", "namelist_scream.scorpio.x"])
def test_streams_are_output(key: str) -> None:
    assert load_rules(None, None).variation.classify(key) == ("output", False)
