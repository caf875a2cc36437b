"""The second application: the PixeLink service on a port of its own, beside the web part's."""
