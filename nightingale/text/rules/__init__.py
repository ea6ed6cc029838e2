"""Rules that rewrite numbers, dates, units and abbreviations as words."""
