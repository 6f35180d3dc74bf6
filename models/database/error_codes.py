"""The codes of the server's errors, by what they mean for a request.

They are those of https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml, and
older ones that have no names. Categories of that list are named where a whole one is meant.
"""

TOO_LARGE = frozenset({10334, 17419})

TRANSACTION_TOO_LARGE = frozenset({290, 388})
"""It exceeds the time limit of transactions, or the cache."""

TOO_MUCH_MEMORY = frozenset({146, 292, 4568, 40099})

DUPLICATE = frozenset({11000, 11001})

CONFLICT = frozenset({112})

TIMEOUT = frozenset({50, 64})

NO_SPACE = frozenset({14031})

NO_ACCESS = frozenset({13, 18})

PASSING = frozenset(
    {
        # NetworkError, NetworkTimeoutError: between the servers of a cluster
        6,  # HostUnreachable
        7,  # HostNotFound
        89,  # NetworkTimeout
        202,  # NetworkInterfaceExceededTimeLimit
        9001,  # SocketException
        # NotPrimaryError
        189,  # PrimarySteppedDown
        10058,  # LegacyNotPrimary
        10107,  # NotWritablePrimary
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        # ShutdownError, CancellationError, CloseConnectionError
        90,  # CallbackCanceled
        91,  # ShutdownInProgress
        303,  # SplitHorizonChange
        310,  # PeriodicJobIsStopped
        354,  # LoadBalancerSupportMismatch
        355,  # InterruptedDueToStorageChange
        398,  # StreamTerminated
        11600,  # InterruptedAtShutdown
        46841,  # ClientMarkedKilled
        # Interruption, except by time limits
        24,  # LockTimeout
        237,  # CursorKilled
        279,  # ClientDisconnect
        281,  # TransactionCoordinatorSteppingDown
        282,  # TransactionCoordinatorReachedAbortDecision
        11601,  # Interrupted
        # CursorInvalidatedError
        43,  # CursorNotFound
        96,  # OperationFailed
        175,  # QueryPlanKilled
        314,  # ObjectIsBusy
        # SnapshotError, and transactions that the server has given up
        225,  # TransactionTooOld
        239,  # SnapshotTooOld
        246,  # SnapshotUnavailable
        250,  # StaleChunkHistory
        251,  # NoSuchTransaction
        267,  # PreparedTransactionInProgress
        272,  # MigrationConflict
        356,  # TxnRetryCounterTooOld
        363,  # RetryableTransactionInProgress
        # StaleShardVersionError, and others of a sharded cluster that is being changed
        149,  # NoConfigPrimary
        150,  # StaleEpoch
        199,  # ReplicaSetMonitorRemoved
        203,  # ShardingStateNotInitialized
        249,  # StaleDbVersion
        319,  # MovePrimaryInProgress
        342,  # ReshardingCriticalSectionTimeout
        343,  # ShardCannotRefreshDueToLocksHeld
        13388,  # StaleConfig
        56846,  # ConfigServerUnreachable
        # SystemOverloadedError, and others of a server that lacks something for a while
        208,  # TooManyLocks
        261,  # TooManyLogicalSessions
        264,  # TooManyFilesOpen
        365,  # TemporarilyUnavailable
        402,  # ResourceExhausted
        433,  # AdmissionQueueOverflow
        449,  # RateLimitExceeded
        450,  # PooledConnectionAcquisitionRejected
        462,  # IngressRequestRateLimitExceeded
        # RetriableError, as far as not named above
        134,  # ReadConcernMajorityNotAvailableYet
        262,  # ExceededTimeLimit
        358,  # InternalTransactionNotSupported
        406,  # MigrationBlockingOperationCoordinatorCleaningUp
        407,  # PooledConnectionAcquisitionExceededTimeLimit
        412,  # UpdatesStillPending
        453,  # InterruptedDueToReshardingCriticalSection
        50915,  # BackupCursorOpenConflictWithCheckpoint
        91331,  # RetriableRemoteCommandFailure
        10045600,  # InterruptedDueToFCVChange
        # A server that has just been started, or is being configured or maintained
        46,  # LockBusy
        94,  # NotYetInitialized
        107,  # LockFailed
        109,  # ConfigurationInProgress
        117,  # ConflictingOperationInProgress
        133,  # FailedToSatisfyReadPreference
        143,  # CursorInUse
        145,  # PooledConnectionsDropped
        211,  # KeyNotFound: the keys that sign cluster times are not read yet
        215,  # DatabaseDropPending
        216,  # ElectionInProgress
        276,  # IndexBuildAborted
        285,  # IndexBuildAlreadyInProgress
        371,  # UserWritesBlocked
        12586,  # BackgroundOperationInProgressForDatabase
        12587,  # BackgroundOperationInProgressForNamespace
    }
)
"""Faults of a server that stops, steps down, has just started or has too much to do.

The same command works later.
"""
