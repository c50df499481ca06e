"""HTTP in: one module per API surface, each thin: parse, call the pipeline or the snapshot, shape the reply."""
