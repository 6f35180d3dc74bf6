"""Software links: specs that people and workflows attach to an execution, beside its modules.

They are stored with the execution in its case, and no import changes them.
"""

from collections.abc import Callable, Sequence

from models.cases.case import CaseRecord
from models.cases.edit import Change
from models.cases.edit_log import Author, edit_entry
from models.cases.execution import Execution, SoftwareLink
from models.cases.store import CaseRewrite, rewrite_case
from models.database.client import Database
from models.database.retry import REQUEST_RETRY_SECONDS
from models.errors import NotFoundError

Links = list[SoftwareLink]


async def state_link(
    database: Database, case_id: str, execution_id: str, link: SoftwareLink, author: Author
) -> bool:
    """State a spec of an execution; return False when it was stated with the same note before.

    An execution has a spec at most once in each role: stating it again with another note replaces
    the link. Raise NotFoundError when the execution does not exist.
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
    """Remove a stated spec; return False when it was not stated.

    Raise NotFoundError when the execution does not exist.
    """

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
    def rewrite(case: CaseRecord | None) -> CaseRewrite[bool] | None:
        executions = list(case.executions) if case else []
        index = _index_of(executions, execution_id)
        if case is None or index is None:
            raise NotFoundError(f"there is no execution {execution_id}")
        known = executions[index].software_links
        links = change(list(known))
        if links == known:
            return None
        executions[index] = executions[index].model_copy(update={"software_links": links})
        changes = {"softwareLinks": Change(previous=_stored(known), current=_stored(links))}
        entry = edit_entry(database, case_id, author, event, execution_id, changes)
        return CaseRewrite(case.model_copy(update={"executions": executions}), True, (entry,))

    return await rewrite_case(database, case_id, rewrite, REQUEST_RETRY_SECONDS) or False


def _stored(links: Sequence[SoftwareLink]) -> list[dict[str, object]]:
    return [link.stored() for link in links]


def _index_of(executions: list[Execution], execution_id: str) -> int | None:
    indexes = (n for n, known in enumerate(executions) if known.execution_id == execution_id)
    return next(indexes, None)
