"""The pages of schedules: their list, their form with a preview, and changes of single nights."""
