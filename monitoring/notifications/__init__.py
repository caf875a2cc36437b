"""Messages to people about alerts and nights, over channels, by routes."""
