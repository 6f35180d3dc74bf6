"""The allow-list: what a pipeline may contain. Everything else is refused.

The operators of expressions are grouped by what their result holds, because that decides how large
a document can become while a pipeline runs (see `api.aggregation.growth`).
"""

STAGES = frozenset(
    {
        "$addFields", "$bucket", "$bucketAuto", "$count", "$facet", "$group", "$limit", "$lookup",
        "$match", "$project", "$replaceRoot", "$replaceWith", "$set", "$skip", "$sort",
        "$sortByCount", "$unset", "$unwind",
    }
)  # fmt: skip

PUBLIC_COLLECTIONS = frozenset(
    {"builds", "caseOverflows", "cases", "executions", "ingestions", "specs"}
)
"""The collections that `$lookup` can join.

The read-only database user of docker-compose.yml can see the same ones.
"""

LOGIC = frozenset({"$and", "$or", "$nor"})
"""Operators of `$match` in place of a field name, with filters as operands; also `$expr`."""

CONDITIONS = frozenset(
    {
        "$all", "$elemMatch", "$eq", "$exists", "$gt", "$gte", "$in", "$lt", "$lte", "$mod", "$ne",
        "$nin", "$not", "$options", "$regex", "$size", "$type",
    }
)  # fmt: skip
"""Operators of `$match` for the value of a field."""

SCALAR = frozenset(
    {
        "$abs", "$add", "$allElementsTrue", "$and", "$anyElementTrue", "$avg", "$bsonSize", "$ceil",
        "$cmp", "$dateAdd", "$dateDiff", "$dateFromParts", "$dateSubtract", "$dateToParts",
        "$dateTrunc", "$dayOfMonth", "$dayOfWeek", "$dayOfYear", "$divide", "$eq", "$exp", "$floor",
        "$gt", "$gte", "$hour", "$in", "$indexOfArray", "$isArray",
        "$isNumber", "$isoDayOfWeek", "$isoWeek", "$isoWeekYear", "$ln", "$log", "$log10", "$lt",
        "$lte", "$millisecond", "$minute", "$mod", "$month", "$multiply", "$ne", "$not", "$or",
        "$pow", "$round", "$second", "$setEquals", "$setIsSubset", "$size", "$sqrt", "$stdDevPop",
        "$stdDevSamp", "$strLenBytes", "$strLenCP", "$strcasecmp", "$subtract", "$sum", "$toBool",
        "$toDate", "$toDouble", "$toInt", "$toLong", "$trunc", "$type", "$week", "$year",
    }
)  # fmt: skip
"""The result is small whatever the operands are: a number, a date, a boolean."""

COPYING = frozenset(
    {
        "$arrayElemAt", "$arrayToObject", "$concat", "$concatArrays", "$dateFromString",
        "$dateToString", "$first", "$firstN", "$last", "$lastN", "$max", "$maxN",
        "$mergeObjects", "$min", "$minN", "$objectToArray", "$reverseArray",
        "$setDifference", "$setIntersection", "$setUnion", "$slice", "$substr",
        "$substrBytes", "$substrCP", "$toLower", "$toString", "$toUpper",
    }
)  # fmt: skip
"""The result is made of the operands and holds each part of them once."""

SPECIAL = frozenset(
    {
        "$cond", "$convert", "$filter", "$getField", "$ifNull", "$indexOfBytes", "$indexOfCP",
        "$let", "$literal", "$ltrim", "$map", "$range", "$reduce", "$regexMatch", "$replaceAll",
        "$replaceOne", "$rtrim", "$sortArray", "$split", "$switch", "$trim", "$zip",
    }
)  # fmt: skip
"""Each has its own rule in `api.aggregation.special_operators`."""

EXPRESSIONS = SCALAR | COPYING | SPECIAL

SYSTEM_VARIABLES = frozenset({"CURRENT", "NOW", "REMOVE", "ROOT"})

SCALAR_ACCUMULATORS = frozenset({"$avg", "$count", "$stdDevPop", "$stdDevSamp", "$sum"})
COPYING_ACCUMULATORS = frozenset(
    {
        "$addToSet", "$bottom", "$bottomN", "$first", "$firstN", "$last", "$lastN", "$max", "$maxN",
        "$mergeObjects", "$min", "$minN", "$push", "$top", "$topN",
    }
)  # fmt: skip
ACCUMULATORS = SCALAR_ACCUMULATORS | COPYING_ACCUMULATORS

CONVERSION_TARGETS = frozenset({"bool", "date", "double", "int", "long", "string"})
"""The types that `$convert` may convert to."""
