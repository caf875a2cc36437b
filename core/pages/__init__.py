"""The base of web pages and of the forms on them."""
