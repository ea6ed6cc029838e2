"""Rules for dates, times of day and spans of time."""
