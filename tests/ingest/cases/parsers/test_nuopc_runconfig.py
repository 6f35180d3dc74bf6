"""nuopc.runconfig gives the values of its tables."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.nuopc_runconfig import parse_nuopc_runconfig
from models.errors import ParseError

CONFIG = b"""component_list: ATM OCN MED # the components
ALLCOMP_attributes::
     case_name = b.e30
     flds_co2a = .false.
     orb_eccen = 1.e36
     drv_restart_pointer = rpointer.cpl
     ocn2glc_levels = 1:10:19
     levels = 1, 2,
      3
     empty =
     letter = f
::

# a comment
ATM_attributes::
     case_name = 'other, name'
     Verbosity = off
::
"""


def test_values_belong_to_their_tables() -> None:
    found: list[str] = []
    values = parse_nuopc_runconfig(CONFIG, lambda _, text: found.append(text))
    assert values == {
        "nuopc_runconfig.component_list": "ATM OCN MED",
        "nuopc_runconfig.ALLCOMP_attributes.case_name": "b.e30",
        "nuopc_runconfig.ALLCOMP_attributes.flds_co2a": False,
        "nuopc_runconfig.ALLCOMP_attributes.orb_eccen": 1e36,
        "nuopc_runconfig.ALLCOMP_attributes.drv_restart_pointer": "rpointer.cpl",
        "nuopc_runconfig.ALLCOMP_attributes.ocn2glc_levels": "1:10:19",
        "nuopc_runconfig.ALLCOMP_attributes.levels": [1, 2, 3],
        "nuopc_runconfig.ALLCOMP_attributes.empty": None,
        "nuopc_runconfig.ALLCOMP_attributes.letter": "f",
        "nuopc_runconfig.ATM_attributes.case_name": "other, name",
        "nuopc_runconfig.ATM_attributes.Verbosity": "off",
    }
    assert found == []


def test_the_last_value_of_a_name_counts() -> None:
    assert parse_nuopc_runconfig(b"A::\n x = 1\n x = 2\n::\nA::\n x = 3\n::\n") == {
        "nuopc_runconfig.A.x": 3
    }


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"A: 1\nA::\n x = 1\n::\n", id="a label and a table"),
        pytest.param(b"A::\n" + b"".join(b"x%d = 1\n" % n for n in range(100_001)), id="too many"),
    ],
)
def test_what_cannot_be_stored_is_refused(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_nuopc_runconfig(content)


@given(st.one_of(st.binary(), st.text("Ab:=#,\n '.1").map(str.encode)))
def test_any_bytes_give_values_or_the_error_of_a_file(content: bytes) -> None:
    with suppress(ParseError):
        parse_nuopc_runconfig(content)
