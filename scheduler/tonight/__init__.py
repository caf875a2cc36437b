"""What a night will bring: its runs, the reasons of schedules without one, and warnings."""
