"""The desired settings of a camera: set, adopted from its body and read back."""
