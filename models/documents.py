"""The document classes, in the order in which their collections are created."""

from models.case import Case
from models.case_overflow import CaseOverflow
from models.ingestion import Ingestion
from models.listed_execution import ListedExecution

DOCUMENTS: tuple[type[Case] | type[CaseOverflow] | type[ListedExecution] | type[Ingestion], ...] = (
    Case,
    CaseOverflow,
    ListedExecution,
    Ingestion,
)
