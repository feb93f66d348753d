# SPDX-License-Identifier: Apache-2.0
"""Reads the audit of either agent, JSON lines, more strictly than most readers would."""
import json


def _unique(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f'duplicate key in {keys}')
    return dict(pairs)


def _no_constant(name):
    raise ValueError(f'{name} is not JSON')


def _refuse_lone_surrogates(value):
    if isinstance(value, str):
        value.encode('utf-8')
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_lone_surrogates(key)
            _refuse_lone_surrogates(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_lone_surrogates(inner)


def read_event(line):
    """One line of the audit, strictly: one object, UTF-8, no duplicate key, nothing that RFC 8259 lacks."""
    event = json.loads(line.decode('utf-8', 'strict'), object_pairs_hook=_unique, parse_constant=_no_constant)
    if not isinstance(event, dict):
        raise ValueError('not an object')
    _refuse_lone_surrogates(event)
    return event


def field(event, path):
    """The value of source.ip and the like, or None where the event lacks it."""
    value = event
    for name in path.split('.'):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value
