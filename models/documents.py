"""The document classes, in the order in which their collections are created."""

from beanie import Document

from models.build import Build, BuildEvents
from models.case import Case
from models.case_overflow import CaseOverflow
from models.edit import Edit
from models.execution_source import ExecutionSource
from models.ingestion import Ingestion
from models.listed_execution import ListedExecution
from models.manifest import ManifestPart
from models.spec import Spec
from models.spec_file import SpecFile
from models.spec_source import SpecSource
from models.token import Token

DOCUMENTS: tuple[type[Document], ...] = (
    Case,
    CaseOverflow,
    ListedExecution,
    ExecutionSource,
    Ingestion,
    Edit,
    Spec,
    SpecFile,
    SpecSource,
    Build,
    BuildEvents,
    ManifestPart,
    Token,
)
