"""Reports for people and programs; they read the report and nothing else."""
