"""The audit log: who changed what, when, from where. Entries are added in the transaction of the change, and never changed."""
