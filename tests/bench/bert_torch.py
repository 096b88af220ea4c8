#!/usr/bin/env python3
"""A training step of a small BERT against PyTorch's eager mode, on the CPU.

usage: bert_torch.py REMATC [ROUNDS] [THREADS]

Both train the same model (4 layers, hidden 256, sequence 128, batch 8, vocabulary 8192, dropout 0.1, AdamW)
with the same number of threads, in turns; OpenMP's threads wait passively on both sides. Prints the median
wall and CPU time of a step and the ratios.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
THREADS = int((sys.argv + ["", "", "2"])[3] if len(sys.argv) > 3 else 2)
os.environ["OMP_NUM_THREADS"] = str(THREADS)

import torch  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "oracle"))
import tensors  # noqa: E402
from bert_model import losses  # noqa: E402

SIZES = dict(layers=4, hidden=256, heads=4, ffn=1024, vocab=8192, seq=128, batch=8)
STEPS = 10


def build(rematc, folder):
    with open(os.path.join(HERE, "../../examples/bert/bert.net")) as file:
        text = file.read().replace('data      = bert_pairs("corpus", seq = seq)', "data = synthetic(seed = 3)")
    with open(f"{folder}/bert.net", "w") as file:
        file.write(text)
    defines = [f"-D{k}={v}" for k, v in SIZES.items()]
    for strategy in ("none", "marked"):
        subprocess.run([rematc, "build", f"{folder}/bert.net", "-o", f"{folder}/{strategy}", "--target", "cpu", "-q",
                        "--strategy", strategy, *defines], check=True)
    subprocess.run([f"{folder}/none/bert", "--steps", "1", "--quiet", "--dump", f"{folder}/dump.safetensors"], check=True)


def time_ours(folder, strategy):
    """(wall, CPU) seconds a step: a long run less a short one, so that start-up is in neither."""
    times = []
    for steps in (2, 2 + STEPS):
        before = os.times()
        wall = time.perf_counter()
        subprocess.run([f"{folder}/{strategy}/bert", "--steps", str(steps), "--quiet", "--threads", str(THREADS)], check=True)
        after = os.times()
        times.append((time.perf_counter() - wall, after.children_user + after.children_system
                      - before.children_user - before.children_system))
    return [(b - a) / STEPS for a, b in zip(*times)]


class Peer:
    def __init__(self, folder):
        dump = tensors.load(f"{folder}/dump.safetensors")
        fields = ("tokens", "types", "mask", "labels", "loss_mask", "is_swapped")
        self.batch = {n: torch.as_tensor(dump[n].copy()) for n in fields}
        self.weights = {n: torch.as_tensor(a.copy()).requires_grad_() for n, a in dump.items()
                        if n + ".grad" in dump}
        self.optimizer = torch.optim.AdamW(list(self.weights.values()), lr=1e-4, weight_decay=0.01)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        mlm, order = losses(self.weights, self.batch, SIZES, 0.1)
        (mlm + order).backward()
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), 1.0)
        self.optimizer.step()
        return float(mlm)

    def time(self):
        self.step()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(STEPS):
            self.step()
        return (time.perf_counter() - wall) / STEPS, (time.process_time() - cpu) / STEPS


def main():
    rematc, rounds = sys.argv[1], int((sys.argv + ["5"])[2])
    torch.set_num_threads(THREADS)
    rows = {"rematc none": [], "rematc marked": [], f"PyTorch {torch.__version__} eager": []}
    with tempfile.TemporaryDirectory() as folder:
        build(rematc, folder)
        peer = Peer(folder)
        for _ in range(rounds):
            for row, timing in zip(rows.values(), (lambda: time_ours(folder, "none"),
                                                   lambda: time_ours(folder, "marked"), peer.time)):
                row.append(timing())
    print(f"{'ms a step, median of ' + str(rounds):32} {'wall':>8} {'CPU':>8}   ({THREADS} threads)")
    medians = {name: [1e3 * statistics.median(t[i] for t in times) for i in (0, 1)] for name, times in rows.items()}
    for name, (wall, cpu) in medians.items():
        print(f"{name:32} {wall:8.1f} {cpu:8.1f}")
    ours, theirs = list(medians.values())[0], list(medians.values())[2]
    print(f"rematc none / PyTorch: wall {ours[0] / theirs[0]:.2f}, CPU {ours[1] / theirs[1]:.2f}")


if __name__ == "__main__":
    main()
