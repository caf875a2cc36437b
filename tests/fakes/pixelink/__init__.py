"""The PixeLink SDK, played by a small library; the unmodified pixelinkWrapper runs over it."""
