"""The errors of Caseledger.

CaseledgerError
├── UsageError                 a command is asked to do something impossible
├── SettingsError              a setting has a value that cannot be used
├── DatabaseError              MongoDB does not answer, or refuses a request
│   ├── DatabaseUnavailableError   it cannot be reached, or the connection broke
│   ├── DatabaseTimeoutError       an operation exceeded its time limit
│   ├── DuplicateError             a document with this identity exists already
│   ├── WriteConflictError         another writer changes the same document at the same time
│   ├── DocumentTooLargeError      a document exceeds the 16 MiB that MongoDB stores
│   ├── DamagedError               a stored document is damaged
│   ├── AggregationError           a pipeline cannot be run, or not on these documents
│   ├── DatabaseFullError          MongoDB has no space for what is to be written
│   └── ServerError                the embedded mongod cannot be found, started or reached
│       ├── MissingLibraryError        … because a system library is missing
│       └── ServerFullError            … because its disk is full
├── OverloadError              too much is asked at the same time
├── NotFoundError              the item to be changed does not exist
├── ConflictError              something else is recorded under the same identity
├── NotOwnerError              the item to be changed belongs to somebody else
├── OutdatedError              the item to be changed has changed since the caller read it
├── RemoteError                another Caseledger refuses a request, or cannot be reached
├── SourceError                a source cannot be read at all: it is missing, or not an archive
└── ParseError                 one file is damaged, or is not what its name says
    └── RejectedError              one execution directory cannot be recorded
"""


class CaseledgerError(Exception):
    """Root of every error that Caseledger raises on purpose; its text is for the user."""


class UsageError(CaseledgerError):
    """A command is asked to do something impossible."""


class SettingsError(CaseledgerError):
    """A setting has a value that cannot be used."""


class DatabaseError(CaseledgerError):
    """MongoDB does not answer, or refuses the request."""


class DatabaseUnavailableError(DatabaseError):
    """MongoDB cannot be reached or used at the moment, or the connection broke.

    `reason` says why, in words that clients may see, if that is known.
    """

    def __init__(self, text: str, reason: str | None = None) -> None:
        super().__init__(text)
        self.reason = reason


class DatabaseTimeoutError(DatabaseError):
    """An operation exceeded its time limit."""


class DuplicateError(DatabaseError):
    """A document with this identity exists already."""


class WriteConflictError(DatabaseError):
    """Another writer changes the same document at the same time."""


class DocumentTooLargeError(DatabaseError):
    """A document would exceed the 16 MiB that MongoDB stores, or a write exceeds a transaction."""


class DamagedError(DatabaseError):
    """A stored document is damaged, so that nothing may be derived from it.

    `kind` is a word that `caseledger verify` uses: see `models.verify.difference`.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class AggregationError(DatabaseError):
    """MongoDB cannot run a pipeline, or not on the documents that it reads; the text says why."""


class DatabaseFullError(DatabaseError):
    """MongoDB has no space for what is to be written."""


class ServerError(DatabaseError):
    """The embedded mongod cannot be found, started or reached."""


class MissingLibraryError(ServerError):
    """The mongod program exists, but a system library that it needs does not."""


class ServerFullError(ServerError):
    """The embedded mongod has ended, or cannot be started, because its disk is full."""


class OverloadError(CaseledgerError):
    """Too much is asked at the same time; the same request works later."""


class NotFoundError(CaseledgerError):
    """The item to be changed does not exist."""


class ConflictError(CaseledgerError):
    """Something else is recorded under the same identity, or prevents the change."""


class NotOwnerError(CaseledgerError):
    """The item to be changed belongs to somebody else."""


class OutdatedError(CaseledgerError):
    """The item to be changed has changed since the caller read it."""


class RemoteError(CaseledgerError):
    """Another Caseledger refuses a request, or cannot be reached."""


class SourceError(CaseledgerError):
    """A source cannot be read at all."""


class ParseError(CaseledgerError):
    """One file is damaged, or is not what its name says; `reason` is a short, stable word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["ParseError"], tuple[str, str]]:
        return type(self), (self.reason, self.detail)


class RejectedError(ParseError):
    """One execution directory cannot be recorded, for example because its machine is unknown."""
