"""Run by hl7apy's own environment: the median seconds of parsing a message of stdin, groups included.

The messages are separated by NUL; each is parsed once, after the first ten.
"""

import statistics
import sys
import time

from hl7apy.parser import parse_message

WARM_UP = 10

messages = sys.stdin.buffer.read().decode().split("\0")
rounds = []
for message in messages[:WARM_UP] + messages:
    start = time.perf_counter()
    parse_message(message, find_groups=True)
    rounds.append(time.perf_counter() - start)
print(statistics.median(rounds[WARM_UP:]))
