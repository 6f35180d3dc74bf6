"""The document classes, in the order in which their collections are created."""

from beanie import Document

from models.builds.build import Build, BuildEvents
from models.builds.manifest import ManifestPart
from models.cases.case import Case
from models.cases.edit import Edit
from models.cases.execution_source import ExecutionSource
from models.cases.listed_execution import ListedExecution
from models.cases.overflow import CaseOverflow
from models.ingestions.ingestion import Ingestion
from models.specs.spec import Spec
from models.specs.spec_file import SpecFile
from models.specs.spec_source import SpecSource
from models.tokens.token import Token

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
