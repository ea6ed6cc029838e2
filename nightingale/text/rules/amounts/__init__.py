"""Rules for amounts: money, degrees and powers, all other units, rates."""
