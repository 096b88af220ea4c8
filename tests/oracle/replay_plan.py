#!/usr/bin/env python3
"""Replays plans from their JSON alone, as anybody could: every read finds what was written, no two tensors that are
live together share bytes, and what the plan says of memory follows from its rows.

usage: replay_plan.py PLAN.json ...
"""
import json
import math
import sys

SIZES = {"f64": 8, "f32": 4, "bf16": 2, "i32": 4, "bool": 1}


def root(tensors, i):
    while "alias_of" in tensors[i]:
        i = tensors[i]["alias_of"]
    return i


def check_row(plan, i, say):
    row, memory = plan["tensors"][i], plan["memory"]
    if row["bytes"] != math.prod(row["shape"]) * SIZES[row["dtype"]]:
        say(f"tensor {i} {row['name']}: {row['bytes']} bytes are not its shape's")
    if row["offset"] % memory["alignment"] or row["offset"] + row["bytes"] > memory["peak_bytes"]:
        say(f"tensor {i} {row['name']}: offset {row['offset']}")
    if not 0 <= row["first_step"] <= row["last_step"] < len(plan["steps"]):
        say(f"tensor {i} {row['name']}: steps {row['first_step']} to {row['last_step']}")


def classes_of(plan):
    """For each alias class, by its root: first and last step, and the bytes it occupies from where."""
    tensors, classes = plan["tensors"], {}
    for i, row in enumerate(tensors):
        r = root(tensors, i)
        first, last, start, end = classes.get(r, (math.inf, -1, math.inf, 0))
        classes[r] = (min(first, row["first_step"]), max(last, row["last_step"]), min(start, row["offset"]),
                      max(end, row["offset"] + row["bytes"]))
    return classes


def check_overlaps(plan, classes, say):
    ranges = sorted(classes.items(), key=lambda item: item[1][2])
    for n, (a, (first, last, _, end)) in enumerate(ranges):
        for b, (other_first, other_last, start, _) in ranges[n + 1:]:
            if start >= end:
                break
            if first <= other_last and other_first <= last:
                say(f"{plan['tensors'][a]['name']} and {plan['tensors'][b]['name']} share bytes at one time")


def check_steps(plan, say):
    tensors = plan["tensors"]
    written = {i for i, row in enumerate(tensors) if row["class"] in ("parameter", "optimizer", "input")
               and "alias_of" not in row}
    for n, step in enumerate(plan["steps"]):
        for i in step["reads"] + step["writes"]:
            if not tensors[i]["first_step"] <= n <= tensors[i]["last_step"]:
                say(f"step {n} {step['name']} touches {tensors[i]['name']}, which is not live")
        for i in step["reads"]:
            if i not in written:
                say(f"step {n} {step['name']} reads {tensors[i]['name']}, which nothing has written")
        written.update(step["writes"])


def check_memory(plan, classes, say):
    memory, up = plan["memory"], lambda n: -(-n // plan["memory"]["alignment"]) * plan["memory"]["alignment"]
    for n, step in enumerate(plan["steps"]):
        live = sum(up(end - start) for first, last, start, end in classes.values() if first <= n <= last)
        if live != step["live_bytes"]:
            say(f"step {n} {step['name']}: {live} bytes live, it says {step['live_bytes']}")
    most = max(step["live_bytes"] for step in plan["steps"])
    order = [memory[k] for k in ("lower_bound_bytes", "max_live_bytes", "peak_bytes", "keep_all_peak_bytes")]
    if memory["max_live_bytes"] != most or order != sorted(order):
        say(f"memory: {order}, most live {most}")
    peak = plan["peak"]["step"]
    live = {row["name"] for row in plan["tensors"] if row["first_step"] <= peak <= row["last_step"]}
    if plan["steps"][peak]["live_bytes"] != most or live != set(plan["peak"]["live"]):
        say(f"peak: step {peak}, {live ^ set(plan['peak']['live'])}")
    if memory["parameters_bytes"] != sum(up(row["bytes"]) for row in plan["tensors"]
                                         if row["class"] == "parameter" and "alias_of" not in row):
        say("parameters_bytes")
    if plan["budget_bytes"] is not None and memory["peak_bytes"] > plan["budget_bytes"]:
        say("the peak is above the budget")


def check_time(plan, say):
    time = plan["time"]
    if abs(time["step_seconds"] / time["keep_all_seconds"] - 1 - time["overhead"]) > 1e-9:
        say(f"overhead {time['overhead']} is not what the seconds say")
    if not 0 <= time["overhead_lower_bound"] <= time["overhead"] + 1e-12:
        say(f"overhead {time['overhead']}, its bound {time['overhead_lower_bound']}")


def main():
    failures = 0
    for path in sys.argv[1:]:
        with open(path) as file:
            plan = json.load(file)
        said = []
        for i in range(len(plan["tensors"])):
            check_row(plan, i, said.append)
        classes = classes_of(plan)
        check_overlaps(plan, classes, said.append)
        check_steps(plan, said.append)
        check_memory(plan, classes, said.append)
        check_time(plan, said.append)
        failures += len(said)
        for text in said[:10]:
            print(f"{path}: {text}")
    print(f"replayed {len(sys.argv) - 1} plans: {failures} faults")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
