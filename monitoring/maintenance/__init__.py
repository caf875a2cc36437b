"""Maintenance windows: times in which alert rules open no alerts for what is being worked on."""
