# SPDX-License-Identifier: Apache-2.0
"""What the demonstrations print, and how they hold it to what really happens."""
import sys

COLOUR = sys.stdout.isatty()


def paint(text, code):
    return f'\033[{code}m{text}\033[0m' if COLOUR else text


class Mismatch(Exception):
    """Something did not happen as the transcript would say."""


def check(what, seen, expected):
    if seen != expected:
        raise Mismatch(f'{what}: expected {expected!r}, saw {seen!r}')


class Transcript:
    def __init__(self):
        self.step_number = 0

    def step(self, title):
        self.step_number += 1
        print('\n' + paint(f'{self.step_number}. {title}', '1'), flush=True)

    @staticmethod
    def say(text):
        print('   ' + text, flush=True)

    @staticmethod
    def command(*words):
        print('   ' + paint('> ' + ' '.join(map(str, words)), '36'), flush=True)
