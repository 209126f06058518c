"""Sweeps: a notebook with many parameters, side by side, on this machine or a cluster; stopped, resumed, compared."""
