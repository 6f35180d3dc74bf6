"""The document classes, in the order in which their collections are created."""

from models.case import Case
from models.ingestion import Ingestion

DOCUMENTS: tuple[type[Case] | type[Ingestion], ...] = (Case, Ingestion)
