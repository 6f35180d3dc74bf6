"""The errors of Caseledger.

CaseledgerError
├── UsageError                 a command is asked for what cannot be
├── SettingsError              the environment holds a setting that makes no sense
├── DatabaseError              MongoDB refuses a request
│   ├── DatabaseUnavailableError   it cannot be reached, or the connection broke
│   ├── DatabaseTimeoutError       an operation took longer than it may
│   ├── DuplicateError             a document with this identity is there already
│   ├── WriteConflictError         another writer changes the same document at the same time
│   ├── DamagedError               a stored document is not what it should be
│   ├── DocumentTooLargeError      a document exceeds the 16 MiB that MongoDB stores
│   ├── AggregationError           a pipeline cannot be run, or not on these documents
│   └── ServerError                the embedded mongod cannot be found, started or reached
│       └── MissingLibraryError        … because a system library is missing
├── NotFoundError              what is to be changed does not exist
├── ConflictError              something else is recorded under the same identity
├── NotOwnerError              what is to be changed belongs to somebody else
├── OutdatedError              what is to be changed has been changed meanwhile
├── RemoteError                another Caseledger refuses, or cannot be reached
├── SourceError                a source cannot be read at all: it does not exist, is no archive
├── ParseError                 one file is damaged or not what its name says
└── RejectedError              one execution directory cannot be recorded
"""


class CaseledgerError(Exception):
    """Root of every error that Caseledger raises on purpose; its text is for the user."""


class UsageError(CaseledgerError):
    """A command is asked for what cannot be."""


class SettingsError(CaseledgerError):
    """A setting has a value that cannot be used."""


class DatabaseError(CaseledgerError):
    """MongoDB does not answer or refuses the request."""


class DatabaseUnavailableError(DatabaseError):
    """MongoDB cannot be reached, or the connection broke."""


class DatabaseTimeoutError(DatabaseError):
    """An operation took longer than it may."""


class DuplicateError(DatabaseError):
    """A document with this identity is there already."""


class WriteConflictError(DatabaseError):
    """Another writer changes the same document at the same time."""


class DocumentTooLargeError(DatabaseError):
    """A document would exceed the 16 MiB that MongoDB stores, or a write one transaction."""


class DamagedError(DatabaseError):
    """A stored document is not what it should be, and nothing may be made of it.

    `kind` is one of the words that `caseledger verify` has for it.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class AggregationError(DatabaseError):
    """MongoDB cannot run a pipeline, or not on the documents that it meets; the text says why."""


class ServerError(DatabaseError):
    """The embedded mongod cannot be found, started or reached."""


class MissingLibraryError(ServerError):
    """The mongod program is there, but a system library that it needs is not."""


class NotFoundError(CaseledgerError):
    """What is to be changed does not exist."""


class ConflictError(CaseledgerError):
    """Something else is recorded under the same identity, or stands in the way."""


class NotOwnerError(CaseledgerError):
    """What is to be changed belongs to somebody else."""


class OutdatedError(CaseledgerError):
    """What is to be changed has been changed meanwhile."""


class RemoteError(CaseledgerError):
    """Another Caseledger refuses a request, or cannot be reached."""


class SourceError(CaseledgerError):
    """A source cannot be read at all."""


class ParseError(CaseledgerError):
    """One file is damaged or is not what its name says; `reason` is a stable, short word for it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["ParseError"], tuple[str, str]]:
        return type(self), (self.reason, self.detail)


class RejectedError(ParseError):
    """One execution directory cannot be recorded, for example because its machine is unknown."""
