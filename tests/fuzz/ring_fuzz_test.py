#!/usr/bin/env python3
"""Runs the fuzzer for a fixed number of inputs, from seeds that it makes itself. usage: ring_fuzz_test.py FUZZER [RUNS]"""
import sys

import fuzzing

if __name__ == "__main__":
    runs = sys.argv[2] if len(sys.argv) > 2 else "20000"
    sys.exit(fuzzing.run(sys.argv[1], lambda count: count == 6, [f"-runs={runs}", "-max_len=70000"], timeout=300))
