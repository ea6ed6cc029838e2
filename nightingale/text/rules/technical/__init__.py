"""What programs and formulas write: links, paths, identifiers, code, LaTeX, symbols, emoji."""
