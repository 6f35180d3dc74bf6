"""CaseOverflow: further executions of a case that has more than one document should hold.

MongoDB rewrites a document and all its index entries whenever something is pushed to it, and limits
it to 16 MiB. In the order of their submission, the first executions of a case are in the case
document itself, and the others in its overflow documents with `number` 1, 2 and so on.
"""

MAX_EXECUTIONS = 1000
MAX_BYTES = 8 * 2**20


def overflow_id(case_id: str, number: int) -> str:
    """Return the `_id` of the overflow document `number` of a case."""
    return f"{case_id}/{number}"
