"""Pages of the whole station: dashboard, status, readings, settings; and what every page has around it."""
