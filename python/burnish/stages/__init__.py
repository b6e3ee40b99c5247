"""The steps that optimizers are made of: functions from values to values."""
