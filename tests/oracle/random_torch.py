#!/usr/bin/env python3
"""Random models against PyTorch, and every strategy against keeping all.

usage: random_torch.py REMATC FIRST LAST

For each seed from FIRST up to LAST - 1 a model (random_net.py) is built for the CPU under `none` and under two other
strategies at a random budget. One step of each must give the same file of weights, gradients and outputs, byte
for byte, at a peak that is the plan's and within the budget; where the model is in double precision without
dropout, losses, every gradient, outputs and the updated weights are those of PyTorch on the same start. Two
seeds of three are such; the others are in f32 or bf16, with dropout.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tensors  # noqa: E402
from random_net import random_model  # noqa: E402

STRATEGIES = ["marked", "sqrt", "chen", "recursive", "chain", "selective", "auto", "auto", "auto"]
CLOSE = 1e-7


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "CFLAGS": "-O0"})
    if result.returncode:
        raise AssertionError(f"{' '.join(command)}: exit status {result.returncode}\n{result.stderr}")


def bounds(rematc, net, strategy):
    """The smallest budget of the strategy, after trying one byte less, and the peak of keeping all."""
    def plan(budget):
        return subprocess.run([rematc, "plan", net, "--strategy", strategy, "--budget", str(budget), "--target", "cpu",
                               "--format", "json", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    least = int(re.search(r"the smallest possible budget is (\d+) bytes", plan(1).stderr).group(1))
    assert plan(least - 1).returncode == 1, f"{strategy}: {least - 1} is accepted, {least} said to be the least"
    result = plan(least)
    assert result.returncode == 0, f"{strategy}: {least}, said to be the least, is refused"
    return least, json.loads(result.stdout)["memory"]["keep_all_peak_bytes"]


def train_once(rematc, net, folder, name, options):
    """The dump of one step, its metrics, and the weights at the start."""
    run(rematc, "build", net, "-o", f"{folder}/{name}", "--target", "cpu", "-q", *options)
    program, out = f"{folder}/{name}/random", f"{folder}/{name}."
    run(program, "--steps", "1", "--dump", out + "dump", "--metrics", out + "metrics", "--quiet", "--threads", "1",
        "--verify")
    run(program, "--steps", "0", "--save", out + "start", "--quiet")
    with open(out + "metrics") as file:
        start, step, done = [json.loads(line) for line in file]
    with open(f"{folder}/{name}/random.plan.json") as file:
        peak = json.load(file)["memory"]["peak_bytes"]
    assert start["peak_bytes"] == done["peak_bytes"] == peak, f"{name}: peak {done['peak_bytes']}, planned {peak}"
    assert done["arena_high_water_bytes"] <= peak
    return out, step, peak


def compare_strategies(rematc, net, folder, rng):
    base, step, _ = train_once(rematc, net, folder, "none", ["--strategy", "none", "--budget", "none"])
    for i in range(2):
        strategy = rng.choice(STRATEGIES)
        least, most = bounds(rematc, net, strategy)
        budget = rng.choice([least, rng.randint(least, most)])
        name = f"{strategy}{i}"
        other, other_step, peak = train_once(rematc, net, folder, name, ["--strategy", strategy, "--budget", str(budget)])
        assert peak <= budget, f"{strategy}: peak {peak} above the budget {budget}"
        for key in ("loss", "losses", "grad_norm"):
            assert step.get(key) == other_step.get(key), f"{strategy} at {budget}: {key} differs"
        for kind in ("dump", "start"):
            with open(base + kind, "rb") as a, open(other + kind, "rb") as b:
                assert a.read() == b.read(), f"{strategy} at {budget}: {kind} differs from keeping all"
    return base, step


def close(name, ours, theirs, scale):
    if not theirs.numel():
        return
    difference = float((torch.as_tensor(ours.copy()).double() - theirs).abs().max())
    limit = CLOSE * max(scale, float(theirs.abs().max()))
    assert difference <= limit, f"{name}: off by {difference:.3g}, limit {limit:.3g}"


def compare_torch(python, inputs, base, step, optimizer):
    dump, start = tensors.load(base + "dump"), tensors.load(base + "start")
    weights = {n: torch.as_tensor(a.copy()).double().requires_grad_() for n, a in start.items()}
    fields = {n: torch.as_tensor(dump[n].copy()) for n in inputs}
    fields = {n: t.long() if t.dtype == torch.int32 else t.double() if t.dtype == torch.float32 else t
              for n, t in fields.items()}
    scope = {"torch": torch, "F": F}
    exec(python, scope)
    losses, logits = scope["model"](fields, lambda n: weights[n])
    sum(losses.values()).backward()
    for n, loss in losses.items():
        close(f"loss {n}", torch.tensor(step["losses"][n]).double().numpy(), loss.detach(), 1e-2)
    norm = float(torch.sqrt(sum((w.grad ** 2).sum() for w in weights.values())))
    for n, w in weights.items():
        close(f"{n}.grad", dump[n + ".grad"], w.grad, norm)
    close("logits", dump["logits"], logits.detach(), 1e-2)
    name, options, clip = optimizer
    if clip:
        for w in weights.values():
            w.grad *= min(1, clip / (norm + 1e-6))
    # Adam turns the rounding of a gradient that should be zero into a whole step: those are left out.
    sure = {n: w.grad.abs() > 1e-9 * norm for n, w in weights.items()} if name != "sgd" else {}
    {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name](
        list(weights.values()), **options).step()
    for n, w in weights.items():
        there = sure.get(n, torch.ones(w.shape, dtype=torch.bool))
        close(n, torch.as_tensor(dump[n].copy()).masked_select(there).numpy(), w.detach().masked_select(there), 1e-2)


def main():
    rematc, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_default_dtype(torch.float64)
    failures = 0
    for seed in range(first, last):
        precision, drop = ("f64", 0.0) if seed % 3 else (("bf16", "f32")[seed // 3 % 2], 0.25)
        net, python, inputs, optimizer = random_model(seed, precision, drop)
        folder = tempfile.mkdtemp(prefix="rematc-random-")
        with open(f"{folder}/random.net", "w") as file:
            file.write(net)
        try:
            base, step = compare_strategies(rematc, f"{folder}/random.net", folder, random.Random(seed))
            if precision == "f64":
                compare_torch(python, inputs, base, step, optimizer)
        except AssertionError as error:
            print(f"seed {seed}: {error}\n--- the model\n{net}---", flush=True)
            failures += 1
        shutil.rmtree(folder)
    print(f"random models {first} to {last - 1} against PyTorch and each other: {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
