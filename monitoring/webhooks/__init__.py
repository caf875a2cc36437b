"""Signed requests to addresses outside of the station, for events of some kinds."""
