"""Recorded clips: time-lines, pages, pins and holds, deletion."""
