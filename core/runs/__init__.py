"""Runs: folder, metrics log and tail, worker, launcher, queue and stop signals. No model code."""
