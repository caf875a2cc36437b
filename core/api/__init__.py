"""Requests and answers of the API: the base of input models, queries of lists and their pages, and errors as
problems."""
