"""The robotic telescope: the driver of its mosaic camera, its simulator, field lists, its night and its pages."""
