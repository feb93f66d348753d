#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the service costs while nothing happens: its share of a core with two hundred processes."""
import os
import sys
import time
import unittest
from pathlib import Path

import winebox
from firewall import Firewall
from test_service import service_process

PROCESSES = 200
SETTLE_SECONDS = 25     # new processes are looked at more often at first
SECONDS = 40
MOST = 0.002            # of a core


def processor_seconds(pid):
    """User and system time: proc(5), fields 14 and 15, of which the name may hold blanks."""
    fields = Path('/proc', str(pid), 'stat').read_text(encoding='ascii', errors='replace').rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Idle(unittest.TestCase):
    def test_share_of_a_core(self):
        with winebox.Box() as box:
            firewall = Firewall(box)
            firewall.must('start')
            for _ in range(PROCESSES):
                box.start_test_program('idle')
            time.sleep(SETTLE_SECONDS)
            service = service_process(box)
            rounds, begin, used = firewall.status()['service']['rounds'], time.monotonic(), processor_seconds(service)
            time.sleep(SECONDS)
            share = (processor_seconds(service) - used) / (time.monotonic() - begin)
            status = firewall.status()['service']
            print(f'{status["processes"]} processes: {share:.2%} of a core, {status["rounds"] - rounds} looks '
                  f'of {status["round_us"]} us', file=sys.stderr, flush=True)
            self.assertGreaterEqual(status['processes'], PROCESSES)
            self.assertGreater(status['rounds'], rounds)    # it did look
            self.assertLess(share, MOST, status)


if __name__ == '__main__':
    winebox.main()
