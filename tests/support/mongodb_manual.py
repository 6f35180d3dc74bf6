"""The operators of MongoDB's manual, up to 8.2, that pipelines may not hold, by what they are.

Those that may stand in `api.aggregation.operators`; the tests compare both with a real server.
"""


def names(text: str) -> list[str]:
    return text.split()


STAGES = names("""
$changeStream $changeStreamSplitLargeEvent $collStats $currentOp $densify $documents $fill $geoNear
$graphLookup $indexStats $listClusterCatalog $listLocalSessions $listSampledQueries
$listSearchIndexes $listSessions $merge $out $planCacheStats $querySettings $queryStats $rankFusion
$redact $sample $score $scoreFusion $search $searchMeta $setWindowFields $shardedDataDistribution
$unionWith $vectorSearch
$listCachedAndActiveUsers $listCatalog $mergeCursors $operationMetrics $queue
$setVariableFromSubPipeline $backupCursor $backupCursorExtend
""")

QUERIES = names("""
$alwaysFalse $alwaysTrue $bitsAllClear $bitsAllSet $bitsAnyClear $bitsAnySet $box $center
$centerSphere $comment $geoIntersects $geoWithin $geometry $jsonSchema $maxDistance $minDistance
$near $nearSphere $polygon $rand $sampleRate $text $uniqueDocs $where
""")

EXPRESSIONS = names("""
$acos $acosh $asin $asinh $atan $atan2 $atanh $binarySize $bitAnd $bitNot $bitOr $bitXor $const $cos
$cosh $createObjectId $currentDate $degreesToRadians $deserializeEJSON $encStrContains
$encStrEndsWith $encStrNormalizedEq $encStrStartsWith $function $hash $hexHash $isoDate $median
$meta $minMaxScaler $percentile $radiansToDegrees $rand $regexFind $regexFindAll $sampleRate
$serializeEJSON $setField $sigmoid $sin $sinh $subtype $tan $tanh $toArray $toDecimal
$toHashedIndexKey $toObject $toObjectId $toUUID $tsIncrement $tsSecond $unsetField $similarityCosine
$similarityDotProduct $similarityEuclidean $binData $accumulator
""")

ACCUMULATORS = names("""
$accumulator $concatArrays $covariancePop $covarianceSamp $denseRank $derivative $documentNumber
$expMovingAvg $function $integral $linearFill $locf $median $minMaxScaler $percentile $rank
$setUnion $shift
""")

VARIABLES = names("CLUSTER_TIME DESCEND IDENTITY JS_SCOPE KEEP PRUNE SEARCH_META USER_ROLES")
