"""The observed state of cameras and hosts, as camera hosts write it to Redis."""
