"""Microcontrollers that write lines to a serial port. Django-free."""
