"""The experiments: every network on every problem on the same budget of computing time.

    python -m benchmarks.suite                        # every study, 5 seeds
    python -m benchmarks.suite helmholtz-2d-n2 --nets FNN RepFNN --seeds 2 --jobs 2
    python -m benchmarks.suite --tables --figures         # from what has been run
    python -m benchmarks.suite --steps                # cost of a training step
    python -m benchmarks.suite --tiny                 # everything once, for a moment

``studies`` says what is run, ``nets`` with which networks, ``cell`` how one network is trained for
a given time, ``runner`` how many of them are; ``store`` keeps what came out, one file for each
study, and ``tables`` and ``figures`` show it.
"""
