"""Verified copies of the files of an experiment."""
