"""Kinds of notification channels: what each sends, and the settings that it needs."""
