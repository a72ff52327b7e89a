"""The use of CPU, memory and GPU of this machine, in a few words for the top bar."""

from __future__ import annotations

import ctypes
from typing import Any

NVML = "libnvidia-ml.so.1"
"""NVIDIA's library of measurements, which comes with the driver."""


class Resources:
    """Measures what is used. The first reading of the CPU counts from when the object was made.

    Raises:
        ModuleNotFoundError: psutil, of the extra ``resources``, is not installed.
    """

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._gpus = _Gpus()
        psutil.cpu_percent(None)

    def text(self) -> str:
        """``cpu  43%  mem  61%  gpu  87%``, always as long; of several GPUs the busiest."""
        parts = [
            f"cpu {self._psutil.cpu_percent(None):3.0f}%",
            f"mem {self._psutil.virtual_memory().percent:3.0f}%",
        ]
        busiest = self._gpus.busiest()
        return "  ".join([*parts, f"gpu {busiest:3}%"] if busiest is not None else parts)


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class _Gpus:
    """The NVIDIA GPUs of the machine; none if there is no driver."""

    def __init__(self) -> None:
        self._library: Any = None
        self._devices: list[ctypes.c_void_p] = []
        try:
            library = ctypes.CDLL(NVML)
            count = ctypes.c_uint()
            if library.nvmlInit_v2() or library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
                return
            for index in range(count.value):
                device = ctypes.c_void_p()
                if not library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(device)):
                    self._devices.append(device)
            self._library = library
        except (OSError, AttributeError):
            return

    def busiest(self) -> int | None:
        """Percent of the last moment in which the busiest GPU had work; ``None`` if none can be read."""
        found = []
        for device in self._devices if self._library else []:
            used = _Utilization()
            if not self._library.nvmlDeviceGetUtilizationRates(device, ctypes.byref(used)):
                found.append(int(used.gpu))
        return max(found, default=None)
