"""The progress bar of an import."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from models.ingestions.ingestion import Counts


@contextmanager
def progress_bar() -> Iterator[Callable[[Counts], None]]:
    """Show the counters on stderr; the bar disappears when the import is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Importing executions", total=None)

        def advance(counts: Counts) -> None:
            settled = (
                counts.created
                + counts.updated
                + counts.unchanged
                + counts.incomplete
                + counts.rejected
            )
            bar.update(task, total=counts.discovered, completed=settled)

        yield advance
