"""The desired settings of a camera: set, adopted from its body and read back; and settings saved as presets."""
