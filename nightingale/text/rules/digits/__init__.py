"""Rules for numbers: codes, telephone numbers, ranges, fractions, names with numbers, and plain numbers."""
