"""What was delivered, kept by content: copying, database locks, corrections, what need not land again.

Nothing here reads a row; that is landing's. Taking rows out for who withdrew is `consent`.
"""
