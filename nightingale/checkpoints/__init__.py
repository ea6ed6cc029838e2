"""Files to models: finds, reads and checks model folders and voice files."""
