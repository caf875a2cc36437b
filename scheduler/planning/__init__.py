"""The planner: from schedules, sites and the time to runs, without a database. Django-free."""
