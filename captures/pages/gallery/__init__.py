"""The gallery: pages of captures by day, camera and session."""
