"""Budgets: how much may be spent on whom in which time. What is spent of them is the ledger's to say."""
