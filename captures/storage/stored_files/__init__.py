"""Every file that has a row, by storage class."""
