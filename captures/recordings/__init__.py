"""Recordings: the process that writes clips, the rows of clips, and what starts and stops a recording."""
