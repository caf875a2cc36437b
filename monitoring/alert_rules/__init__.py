"""Rules that open alerts by themselves: evaluated on each host over signals, or with an event, and previewed over
stored values."""
