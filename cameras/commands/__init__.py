"""Commands to camera hosts: their arguments, their answers, and how they are sent."""
