# SPDX-License-Identifier: Apache-2.0
"""Waiting for what other processes do."""
import time


def wait_until(condition, timeout, step=0.02):
    """Polls; returns the seconds it took, or None."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > timeout:
            return None
        time.sleep(step)
    return time.monotonic() - start
