"""The formats of files that contain specs: parsing, and recognition by content."""
