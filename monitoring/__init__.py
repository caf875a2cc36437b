"""Events, alerts and their rules, sensors with their readings, health and metrics; who is told of them: web-hooks and
notifications."""
