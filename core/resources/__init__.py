"""A resource: its fields as pydantic models and its operations as a table. Derived of them are the views of the API,
the forms of pages and, above this package, commands and the lists of the configuration file."""
