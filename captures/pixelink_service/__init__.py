"""The HTTP service on port 8001 that stands in for a PixeLink camera service of old: the same routes, keys and units.

A capture goes the way of all captures; nothing here opens a camera.
"""
