"""The service on port 8001, for existing PixeLink clients."""
