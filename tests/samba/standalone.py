# SPDX-License-Identifier: Apache-2.0
"""A standalone file server in a sandbox: smbd, which starts samba-dcerpcd and its servers when they are asked for."""
from sambahost import CONFIGURATION, STATE, SambaHost, listens, must, write

USER, PASSWORD = 'root', 'F1le.Pass!'
LOGON = f'{USER}%{PASSWORD}'


class FileServer(SambaHost):
    LOGON = LOGON
    # No pipe: the first call to each is the tests'.
    PROBES = ()

    def __init__(self):
        super().__init__()
        write('/etc/hosts', '127.0.0.1 localhost')
        write(CONFIGURATION / 'smb.conf', '[global]', 'workgroup = RPCFW', 'server role = standalone server',
              'interfaces = lo', 'bind interfaces only = yes', 'panic action =', 'load printers = no',
              '[share]', f'path = {STATE}/share', 'read only = no')
        for folder in ('share', 'private', 'printers'):
            (STATE / folder).mkdir()
        must('smbpasswd', '-a', '-s', USER, stdin=f'{PASSWORD}\n{PASSWORD}\n')

    def start(self, **environment):
        self.start_command('smbd', '--foreground', '--no-process-group', **environment)

    def answers(self):
        """Whether smbd takes connections; nothing of RPC runs before the first pipe is opened."""
        return super().answers() and listens(445)
