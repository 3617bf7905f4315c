"""Device profiles: one YAML file per device and runtime; data only."""
