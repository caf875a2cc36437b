"""Live pictures: published by camera processes, passed on by web processes, and reduced while a machine is busy."""
