"""Withdrawal of consent: its tombstone in the ledger, and taking a participant out of what is kept."""
