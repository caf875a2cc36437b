"""The sensors part of a host: a process for each sensor, and the way of the readings to the database and the broker."""
