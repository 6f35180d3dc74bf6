"""What a request asks for: from parameters and JSON, by the tables of fields, to MongoDB queries.

Only `api.filters.compile` makes an operator of MongoDB, and only of conditions whose fields are
in a table and whose values have been read to scalars.
"""
