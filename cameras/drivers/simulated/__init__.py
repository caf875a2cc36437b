"""The simulated camera: a driver like the others, and the only one whose frames can each be verified."""
