"""What a station does again and again: the entries of the table `skycam_project/periodic.py`, their threads and their
reports."""
