"""Executions and the specs that they ran on find each other, whichever comes first."""

from datetime import UTC, datetime

import pytest

from models.cases.edit_log import Author
from models.cases.execution import SoftwareLink, SoftwareRole
from models.cases.merge import merge
from models.cases.recording import write_case
from models.cases.software_links import state_link, withdraw_link
from models.cases.store import read_case, relist_case
from models.configuration.rules import DeltaRules
from models.database.client import Database
from models.errors import NotFoundError
from models.software.links import relink_specs, resolve_software
from models.verify.cases import verify_cases
from models.verify.difference import Difference
from models.verify.links import verify_links
from tests.support.cases import FIRST, SECOND, case_of, success
from tests.support.executions import KEY, RULES
from tests.support.software import LOADED, NETCDF, ZLIB, links, record, record_spec

TWIN = "a4hji6ezzzzzzzzzzzzzzzzzzzzzzzzz"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
AUTHOR = Author("jdoe")


def stated(
    spec_hash: str = ZLIB, role: SoftwareRole = "built_with", note: str = ""
) -> SoftwareLink:
    return SoftwareLink(
        spec_hash=spec_hash, role=role, note=note or None, stated_by="me", stated_at=NOW
    )


async def differences(database: Database, *, repair: bool = False) -> list[Difference]:
    return [found async for found in verify_links(database, repair=repair)]


async def test_the_spec_may_come_first_or_later(database: Database) -> None:
    await record_spec(database, NETCDF)
    first = await record(database, FIRST, LOADED)
    assert await links(database, first) == [(NETCDF, "loaded", 1)]
    await database.specs.delete({})
    assert await relink_specs(database, [NETCDF]) == 1
    assert await links(database, first) == []
    await record_spec(database, NETCDF)
    assert await relink_specs(database, [NETCDF]) == 1
    assert await relink_specs(database, [NETCDF]) == 0
    assert await links(database, first) == [(NETCDF, "loaded", 1)]


async def test_an_ambiguous_prefix_has_all_candidates_of_that_name_and_version(
    database: Database,
) -> None:
    own_id = await record(database, FIRST, LOADED)
    await record_spec(database, NETCDF)
    await record_spec(database, TWIN)
    await record_spec(database, TWIN[:-1] + "a", version="4.4.2")
    await record_spec(database, TWIN[:-1] + "b", name="netcdf-fortran")
    await record_spec(database, f"{NETCDF}~0123", tombstone={"reason": "x"})
    assert await relink_specs(database, [NETCDF, TWIN]) == 1
    assert await links(database, own_id) == [(NETCDF, "loaded", 2), (TWIN, "loaded", 2)]


async def test_an_old_hash_links_and_a_whole_one_is_not_ambiguous(database: Database) -> None:
    await record_spec(database, ZLIB, hashes=[ZLIB, NETCDF])
    await record_spec(database, TWIN)
    whole = LOADED.model_copy(update={"hash": NETCDF})
    own_id = await record(database, FIRST, whole)
    assert await links(database, own_id) == [(ZLIB, "loaded", 1)]


async def test_links_survive_what_is_written_after_them(database: Database) -> None:
    await record_spec(database, NETCDF)
    first = await record(database, FIRST, LOADED)
    await record(database, SECOND, LOADED)
    case = await read_case(database, KEY.case_id)
    assert case is not None
    await relist_case(database, KEY.case_id, case, case.record)
    assert await links(database, first) == [(NETCDF, "loaded", 1)]


async def test_what_is_wrong_is_found_and_mended(database: Database) -> None:
    own_id = await record(database, FIRST, LOADED)
    assert await differences(database) == []
    await record_spec(database, NETCDF)
    wrong = [Difference("executions", own_id, "specs")]
    assert await differences(database) == wrong
    assert await differences(database, repair=True) == wrong
    assert await differences(database) == []
    assert [found async for found in verify_cases(database, DeltaRules())] == []
    assert await resolve_software(database, [own_id]) == 0


async def test_stated_software_is_linked_and_stays(database: Database) -> None:
    own_id = await record(database, FIRST, LOADED)
    assert await state_link(database, KEY.case_id, FIRST, stated(), AUTHOR) is True
    assert await state_link(database, KEY.case_id, FIRST, stated(), AUTHOR) is False
    assert await links(database, own_id) == []
    await record_spec(database, ZLIB, "zlib", "1.3")
    await relink_specs(database, [ZLIB])
    assert await links(database, own_id) == [(ZLIB, "built_with", 1)]
    await write_case(database, KEY, [success(FIRST, software=[LOADED], file_count=99)], RULES)
    case = await read_case(database, KEY.case_id)
    assert case is not None
    (execution,) = case.record.executions
    assert (execution.file_count, execution.software_links) == (99, [stated()])
    assert await links(database, own_id) == [(ZLIB, "built_with", 1)]
    assert await withdraw_link(database, KEY.case_id, FIRST, ZLIB, "built_with", AUTHOR) is True
    assert await withdraw_link(database, KEY.case_id, FIRST, ZLIB, "built_with", AUTHOR) is False
    assert await links(database, own_id) == []


async def test_a_spec_has_a_role_once_and_may_have_several(database: Database) -> None:
    own_id = await record(database)
    await record_spec(database, ZLIB, "zlib", "1.3")
    for link in (stated(), stated(note="b"), stated(role="deployed_with")):
        assert await state_link(database, KEY.case_id, FIRST, link, AUTHOR)
    case = await read_case(database, KEY.case_id)
    assert case is not None
    assert [(k.role, k.note) for k in case.record.executions[0].software_links] == [
        ("built_with", "b"), ("deployed_with", None),
    ]  # fmt: skip
    assert [role for _, role, _ in await links(database, own_id)] == ["built_with", "deployed_with"]


async def test_nothing_is_stated_of_what_is_not_recorded(database: Database) -> None:
    with pytest.raises(NotFoundError):
        await state_link(database, "no case", FIRST, stated(), AUTHOR)
    await record(database)
    with pytest.raises(NotFoundError):
        await state_link(database, KEY.case_id, SECOND, stated(), AUTHOR)


async def test_what_is_stated_and_withdrawn_is_in_the_history(database: Database) -> None:
    await record(database)
    await state_link(database, KEY.case_id, FIRST, stated(), AUTHOR)
    await withdraw_link(database, KEY.case_id, FIRST, ZLIB, "built_with", AUTHOR)
    entries = await database.edits.find({"caseId": KEY.case_id}, sort=[("at", 1)])
    assert [(e["event"], e["executionId"], e["by"]) for e in entries] == [
        ("software_stated", FIRST, AUTHOR.name), ("software_withdrawn", FIRST, AUTHOR.name),
    ]  # fmt: skip
    before, after = (entry["changes"]["softwareLinks"] for entry in entries)
    assert before == {"previous": [], "current": [stated().stored()]}
    assert after == {"previous": before["current"], "current": []}


def test_a_fold_keeps_stated_software() -> None:
    case = case_of([success(FIRST)])
    case.executions[0] = case.executions[0].model_copy(update={"software_links": [stated()]})
    again = merge(case, KEY, [success(FIRST, file_count=99)], NOW, RULES).case
    assert again.executions[0].file_count == 99
    assert again.executions[0].software_links == [stated()]
