"""The allow-list: what a pipeline may be made of. What does not stand here is refused.

The operators of expressions are told apart by what their result holds, because that decides how
large a document can become while a pipeline runs.
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
"""What a `$lookup` can join; docker-compose.yml lets its reading user see the same."""

LOGIC = frozenset({"$and", "$or", "$nor"})
"""Operators of `$match` that stand in place of a field and hold filters; `$expr` is another one."""

CONDITIONS = frozenset(
    {
        "$all", "$elemMatch", "$eq", "$exists", "$gt", "$gte", "$in", "$lt", "$lte", "$mod", "$ne",
        "$nin", "$not", "$options", "$regex", "$size", "$type",
    }
)  # fmt: skip
"""Operators of `$match` on a field."""

MEASURING = frozenset(
    {
        "$abs", "$add", "$allElementsTrue", "$and", "$anyElementTrue", "$avg", "$bsonSize", "$ceil",
        "$cmp", "$dateAdd", "$dateDiff", "$dateFromParts", "$dateSubtract", "$dateToParts",
        "$dateTrunc", "$dayOfMonth", "$dayOfWeek", "$dayOfYear", "$divide", "$eq", "$exp", "$floor",
        "$gt", "$gte", "$hour", "$in", "$indexOfArray", "$indexOfBytes", "$indexOfCP", "$isArray",
        "$isNumber", "$isoDayOfWeek", "$isoWeek", "$isoWeekYear", "$ln", "$log", "$log10", "$lt",
        "$lte", "$millisecond", "$minute", "$mod", "$month", "$multiply", "$ne", "$not", "$or",
        "$pow", "$round", "$second", "$setEquals", "$setIsSubset", "$size", "$sqrt", "$stdDevPop",
        "$stdDevSamp", "$strLenBytes", "$strLenCP", "$strcasecmp", "$subtract", "$sum", "$toBool",
        "$toDate", "$toDouble", "$toInt", "$toLong", "$trunc", "$type", "$week", "$year",
    }
)  # fmt: skip
"""Their result is small, whatever they are given: a number, a date, a logical value."""

HOLDING = frozenset(
    {
        "$arrayElemAt", "$arrayToObject", "$concat", "$concatArrays", "$dateFromString",
        "$dateToString", "$first", "$firstN", "$last", "$lastN", "$ltrim", "$max", "$maxN",
        "$mergeObjects", "$min", "$minN", "$objectToArray", "$replaceOne", "$reverseArray",
        "$rtrim", "$setDifference", "$setIntersection", "$setUnion", "$slice", "$split", "$substr",
        "$substrBytes", "$substrCP", "$toLower", "$toString", "$toUpper", "$trim", "$zip",
    }
)  # fmt: skip
"""Their result is made of what they are given, each part of it once."""

RULED = frozenset(
    {
        "$cond", "$convert", "$filter", "$getField", "$ifNull", "$let", "$literal", "$map",
        "$range", "$reduce", "$regexMatch", "$replaceAll", "$sortArray", "$switch",
    }
)  # fmt: skip
"""Each has a rule of its own."""

EXPRESSIONS = MEASURING | HOLDING | RULED

SYSTEM_VARIABLES = frozenset({"CURRENT", "NOW", "REMOVE", "ROOT"})

MEASURING_ACCUMULATORS = frozenset({"$avg", "$count", "$stdDevPop", "$stdDevSamp", "$sum"})
HOLDING_ACCUMULATORS = frozenset(
    {
        "$addToSet", "$bottom", "$bottomN", "$first", "$firstN", "$last", "$lastN", "$max", "$maxN",
        "$mergeObjects", "$min", "$minN", "$push", "$top", "$topN",
    }
)  # fmt: skip
ACCUMULATORS = MEASURING_ACCUMULATORS | HOLDING_ACCUMULATORS

CONVERTED = frozenset({"bool", "date", "double", "int", "long", "string"})
"""The types that `$convert` may make."""
