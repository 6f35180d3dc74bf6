"""Software that people and workflows state of an execution, where modules do not tell.

It stands in the case, with the execution, and no import touches it.
"""

from collections.abc import Callable, Sequence

from models.cases.case import CaseRecord
from models.cases.edit import Change
from models.cases.edit_log import Author, edit_entry
from models.cases.execution import Execution, SoftwareLink
from models.cases.store import Rewritten, rewrite_case
from models.database.client import Database
from models.database.retry import REQUEST_RETRY_SECONDS
from models.errors import NotFoundError

Links = list[SoftwareLink]


async def state_link(
    database: Database, case_id: str, execution_id: str, link: SoftwareLink, author: Author
) -> bool:
    """State a spec of an execution; False when just that is stated. NotFoundError without it.

    A spec has a role once: who states it again with other words replaces what was said.
    """

    def add(links: Links) -> Links:
        same = [known for known in links if _key(known) == _key(link)]
        if same and same[0].note == link.note:
            return links
        others = [known for known in links if _key(known) != _key(link)]
        return sorted([*others, link], key=_key)

    return await _change_links(database, case_id, execution_id, add, author, "software_stated")


async def withdraw_link(
    database: Database, case_id: str, execution_id: str, spec_hash: str, role: str, author: Author
) -> bool:
    """Take back what was stated; False when it is not. NotFoundError without the execution."""

    def remove(links: Links) -> Links:
        return [link for link in links if _key(link) != (role, spec_hash)]

    return await _change_links(
        database, case_id, execution_id, remove, author, "software_withdrawn"
    )


def _key(link: SoftwareLink) -> tuple[str, str]:
    return link.role, link.spec_hash


async def _change_links(
    database: Database,
    case_id: str,
    execution_id: str,
    change: Callable[[Links], Links],
    author: Author,
    event: str,
) -> bool:
    def changed(case: CaseRecord | None) -> Rewritten[bool] | None:
        executions = list(case.executions) if case else []
        place = _place(executions, execution_id)
        if case is None or place is None:
            raise NotFoundError(f"there is no execution {execution_id}")
        known = executions[place].software_links
        links = change(list(known))
        if links == known:
            return None
        executions[place] = executions[place].model_copy(update={"software_links": links})
        changes = {"softwareLinks": Change(previous=_stored(known), current=_stored(links))}
        entry = edit_entry(database, case_id, author, event, execution_id, changes)
        return Rewritten(case.model_copy(update={"executions": executions}), True, (entry,))

    return await rewrite_case(database, case_id, changed, REQUEST_RETRY_SECONDS) or False


def _stored(links: Sequence[SoftwareLink]) -> list[dict[str, object]]:
    return [link.stored() for link in links]


def _place(executions: list[Execution], execution_id: str) -> int | None:
    places = (n for n, each in enumerate(executions) if each.execution_id == execution_id)
    return next(places, None)
