"""Software that people and workflows state of an execution, where modules do not tell.

It stands in the case, with the execution, and no import touches it.
"""

from collections.abc import Callable

from ingest.case_store import read_case, store_case
from ingest.patience import Patience
from models.database import Database
from models.errors import WriteConflictError
from models.execution import Execution, SoftwareLink

_PATIENCE_SECONDS = 30

Change = Callable[[list[SoftwareLink]], list[SoftwareLink]]


async def state_link(
    database: Database, case_id: str, execution_id: str, link: SoftwareLink
) -> bool | None:
    """State a spec of an execution; False when just that is stated, None without the execution.

    A spec has a role once: who states it again with other words replaces what was said.
    """

    def add(links: list[SoftwareLink]) -> list[SoftwareLink]:
        same = [known for known in links if _key(known) == _key(link)]
        if same and same[0].note == link.note:
            return links
        others = [known for known in links if _key(known) != _key(link)]
        return sorted([*others, link], key=_key)

    return await _change_links(database, case_id, execution_id, add)


async def withdraw_link(
    database: Database, case_id: str, execution_id: str, spec_hash: str, role: str
) -> bool | None:
    """Take back what was stated; False when it is not, None without the execution."""

    def remove(links: list[SoftwareLink]) -> list[SoftwareLink]:
        return [link for link in links if _key(link) != (role, spec_hash)]

    return await _change_links(database, case_id, execution_id, remove)


def _key(link: SoftwareLink) -> tuple[str, str]:
    return link.role, link.spec_hash


async def _change_links(
    database: Database, case_id: str, execution_id: str, change: Change
) -> bool | None:
    patience = Patience(_PATIENCE_SECONDS)
    while await patience.lasts():
        before = await read_case(database, case_id)
        if before is None:
            return None
        executions = list(before.record.executions)
        place = _place(executions, execution_id)
        if place is None:
            return None
        known = executions[place].software_links
        links = change(list(known))
        if links == known:
            return False
        executions[place] = executions[place].model_copy(update={"software_links": links})
        after = before.record.model_copy(update={"executions": executions})
        if await store_case(database, case_id, before, after):
            return True
    raise WriteConflictError(f"case {case_id}: others kept writing it; try again")


def _place(executions: list[Execution], execution_id: str) -> int | None:
    places = (n for n, each in enumerate(executions) if each.execution_id == execution_id)
    return next(places, None)
