"""The log of events, and alerts: what happened, and what needs a person's attention."""
