"""Filters of requests: from parameters and JSON to MongoDB queries, using the tables of fields.

    parse (parameters), tree (JSON)  ->  conditions  ->  compile  ->  MongoDB query

Only `api.filters.compile` produces MongoDB operators, and only from conditions whose fields are in
a table and whose values have been parsed to scalars.
"""
