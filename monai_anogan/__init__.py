"""Unsupervised anomaly detection for medical volumes: a plugin for MONAI.

Research software, not a medical device.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
