"""The passing faults in MongoDB's own list of error codes, by its categories.

The list is src/mongo/base/error_codes.yml of MongoDB; codes that never reach a client, which are
`InternalOnly`, are left out.
"""

PASSING: dict[str, dict[int, str]] = {
    "NetworkError": {
        6: "HostUnreachable", 7: "HostNotFound", 89: "NetworkTimeout", 9001: "SocketException",
    },
    "NetworkTimeoutError": {89: "NetworkTimeout", 202: "NetworkInterfaceExceededTimeLimit"},
    "NotPrimaryError": {
        189: "PrimarySteppedDown", 10107: "NotWritablePrimary",
        11602: "InterruptedDueToReplStateChange", 13435: "NotPrimaryNoSecondaryOk",
        13436: "NotPrimaryOrSecondary",
    },
    "ShutdownError": {91: "ShutdownInProgress", 11600: "InterruptedAtShutdown"},
    "CancellationError": {
        90: "CallbackCanceled", 91: "ShutdownInProgress", 310: "PeriodicJobIsStopped",
        355: "InterruptedDueToStorageChange", 11600: "InterruptedAtShutdown",
        46841: "ClientMarkedKilled",
    },
    "CloseConnectionError": {
        303: "SplitHorizonChange", 354: "LoadBalancerSupportMismatch", 398: "StreamTerminated",
    },
    "Interruption": {  # without those that are in ExceededTimeLimitError, too
        24: "LockTimeout", 237: "CursorKilled", 279: "ClientDisconnect",
        281: "TransactionCoordinatorSteppingDown",
        282: "TransactionCoordinatorReachedAbortDecision", 355: "InterruptedDueToStorageChange",
        453: "InterruptedDueToReshardingCriticalSection", 11600: "InterruptedAtShutdown",
        11601: "Interrupted", 11602: "InterruptedDueToReplStateChange",
        46841: "ClientMarkedKilled", 91331: "RetriableRemoteCommandFailure",
        10045600: "InterruptedDueToFCVChange",
    },
    "SnapshotError": {
        239: "SnapshotTooOld", 246: "SnapshotUnavailable", 250: "StaleChunkHistory",
        272: "MigrationConflict",
    },
    "StaleShardVersionError": {150: "StaleEpoch", 13388: "StaleConfig"},
    "TwoPhaseDecisionAckError": {
        225: "TransactionTooOld", 251: "NoSuchTransaction", 356: "TxnRetryCounterTooOld",
    },
    "CursorInvalidatedError": {
        43: "CursorNotFound", 96: "OperationFailed", 175: "QueryPlanKilled", 237: "CursorKilled",
        314: "ObjectIsBusy",
    },
    "SystemOverloadedError": {
        433: "AdmissionQueueOverflow", 449: "RateLimitExceeded",
        450: "PooledConnectionAcquisitionRejected", 462: "IngressRequestRateLimitExceeded",
    },
    "RetriableError": {
        6: "HostUnreachable", 7: "HostNotFound", 89: "NetworkTimeout", 91: "ShutdownInProgress",
        134: "ReadConcernMajorityNotAvailableYet", 189: "PrimarySteppedDown",
        262: "ExceededTimeLimit", 358: "InternalTransactionNotSupported", 402: "ResourceExhausted",
        406: "MigrationBlockingOperationCoordinatorCleaningUp",
        407: "PooledConnectionAcquisitionExceededTimeLimit", 412: "UpdatesStillPending",
        453: "InterruptedDueToReshardingCriticalSection", 462: "IngressRequestRateLimitExceeded",
        9001: "SocketException", 10107: "NotWritablePrimary", 11600: "InterruptedAtShutdown",
        11602: "InterruptedDueToReplStateChange", 13435: "NotPrimaryNoSecondaryOk",
        13436: "NotPrimaryOrSecondary", 50915: "BackupCursorOpenConflictWithCheckpoint",
        91331: "RetriableRemoteCommandFailure", 10045600: "InterruptedDueToFCVChange",
    },
}  # fmt: skip

LASTING = {
    2: "BadValue", 9: "FailedToParse", 13: "Unauthorized", 14: "TypeMismatch",
    18: "AuthenticationFailed", 26: "NamespaceNotFound", 59: "CommandNotFound",
    66: "ImmutableField", 72: "InvalidOptions", 121: "DocumentValidationFailure",
    148: "ReadConcernMajorityNotEnabled", 263: "OperationNotSupportedInTransaction",
    323: "APIStrictError", 40415: "IDLUnknownField",
}  # fmt: skip
"""Faults that the same request has each time."""
