"""The HTTP service on port 8001 for existing PixeLink clients: the routes, keys and units of the service it replaces.

Its captures go through `CameraService` like all others; nothing here opens a camera.
"""
