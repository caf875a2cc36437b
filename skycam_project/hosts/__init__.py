"""The hosts of a station: machines that are invited, join, are drained and retired."""
