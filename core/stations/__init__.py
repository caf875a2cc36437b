"""The station to which a database belongs, and the work that one of its processes does for all."""
