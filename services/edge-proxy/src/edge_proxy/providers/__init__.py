"""Provider adapters: pure translation between our pipeline and a provider's wire format. No I/O happens here."""
