"""A small library that replaces the PixeLink SDK. The unmodified pixelinkWrapper runs with it."""
