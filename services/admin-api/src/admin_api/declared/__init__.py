"""What the YAML file declares: models that are kept as it says (block `model_catalog`), and the bootstrap it begins with."""
