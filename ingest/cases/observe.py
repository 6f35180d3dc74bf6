"""Observing an execution: read, parse and assemble its files. This runs in the workers."""

from collections.abc import Sequence

from ingest.cases.assemble import assemble
from ingest.cases.inventory import other_files, take_inventory
from ingest.cases.parse import parse_execution
from ingest.cases.task import Result, Task
from ingest.concurrency.limits import Limits, TookTooLongError, limited_time
from models.errors import ParseError


def observe(task: Task) -> Result:
    """Read and parse one execution directory. This runs in the workers."""
    path = task.origin.path
    try:
        lid = task.location.lid.text
        inventory = take_inventory(task.entries, lid)
        parsed = parse_execution(inventory, task.content, task.limit)
        others = other_files(task.entries, inventory, lid)
        return Result(path, assemble(task.location, parsed, task.origin, others))
    except TookTooLongError:
        raise
    except ParseError as error:
        return Result(path, reason=error.reason, detail=error.detail)
    except OSError as error:
        return Result(path, reason="unreadable", detail=str(error))
    except MemoryError:
        return Result(path, reason="out_of_memory", detail="it needs more memory than it may have")
    except Exception as error:
        return Result(path, reason="internal_error", detail=f"{type(error).__name__}: {error}")


def observe_each(tasks: Sequence[Task], limits: Limits) -> list[Result]:
    """Read and parse several directories, if possible of one case: they share most content."""
    return [_observe_limited(task, limits) for task in tasks]


def _observe_limited(task: Task, limits: Limits) -> Result:
    try:
        with limited_time(limits):
            return observe(task)
    except TookTooLongError as error:
        return Result(task.origin.path, reason="took_too_long", detail=str(error))
