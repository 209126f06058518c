"""Monitoring: is the model that is serving still right, and if not, what does retraining on new data give?"""

from mlops_nb.monitoring.drift import Limits
from mlops_nb.monitoring.live import LiveDrift
from mlops_nb.monitoring.monitor import monitor
from mlops_nb.monitoring.report import ColumnFinding, Report
from mlops_nb.monitoring.retraining import Retraining, retrain
from mlops_nb.monitoring.watching import Watch

__all__ = ["ColumnFinding", "Limits", "LiveDrift", "Report", "Retraining", "Watch", "monitor", "retrain"]
