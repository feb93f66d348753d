# SPDX-License-Identifier: Apache-2.0
"""valgrind around a server of Samba's, and what of its reports concerns the agent."""
import re
import shutil
from pathlib import Path

import sandbox

LOGS = Path('/run/valgrind')
# A frame of the agent, with or without debug information.
OURS = r'rpcfirewall|/src/(samba|core|agent)/'


def need():
    if not shutil.which('valgrind'):
        sandbox.skip('no valgrind here; scripts/install-packages test installs it')


def command(*options):
    """What stands in front of the server's own command line."""
    LOGS.mkdir(exist_ok=True)
    return ['valgrind', '--num-callers=40', '--fullpath-after=', f'--log-file={LOGS}/%p', *options]


def check(case):
    """Each report that was finished, of which there must be one at least."""
    finished = 0
    for log in LOGS.iterdir():
        text = re.sub(r'(?m)^==\d+== ?', '', log.read_text(encoding='utf-8', errors='replace'))
        with case.subTest(log.name):
            case.assertNotIn('Process terminating with default action of signal 11', text)
            for report in re.split(r'\n\s*\n', text):
                # What Samba allocates for itself has the agent on its stack where that stands in Samba's way.
                frames = report.splitlines()[:3] if ' lost in loss record ' in report else report.splitlines()
                case.assertNotRegex('\n'.join(frames), OURS)
        finished += 'HEAP SUMMARY' in text
    case.assertGreater(finished, 0, 'valgrind finished no report')
