#!/usr/bin/env python3
"""How far is the predicted step from the measured one? For every example (at its `# small:` sizes, or with --medium
larger ones) and the strategies none, marked or sqrt, and auto at the middle budget: by the device cpu, by the device
native, and by a profile of the strategy none and of the strategy itself.

    predicted.py REMATC [--threads N] [--rounds R] [--medium] [--limit RATIO] [EXAMPLE.net ...]

All runs of a model are interleaved in rounds, and the round that the machine disturbed least counts: a program's
median step in it, a profile's sum in it. There are more rounds, up to four times R, while the two least of either
differ by over 3 %. --limit: exit status 1 where a prediction by a profile is further off."""
import argparse, glob, json, os, pathlib, re, subprocess, sys, tempfile

MEDIUM = {"bert": "-D layers=2 -D hidden=128 -D heads=4 -D ffn=512 -D vocab=1024 -D seq=64 -D batch=4",
          "gpt": "-D layers=2 -D hidden=128 -D heads=4 -D vocab=1024 -D seq=64 -D batch=4 -D drop=0.1",
          "deep": "-D batch=64 -D width=128 -D blocks=6 -D layers=3", "mlp": "-D batch=256"}


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr}")
    return done


class Model:
    def __init__(self, rematc, path, work, medium):
        text = pathlib.Path(path).read_text()
        self.rematc, self.work, self.count = rematc, work, 0
        self.name = f"{pathlib.Path(path).parent.name}/{pathlib.Path(path).stem}"
        self.net = work / "model.net"
        self.net.write_text(re.sub(r"(?m)^( *data *=).*", r"\1 synthetic(seed = 1)", text))
        small = re.search(r"(?m)^# small: (.*)", text).group(1)
        self.defines = (MEDIUM[pathlib.Path(path).stem] if medium else small).split()

    def plan(self, *options):
        done = run(self.rematc, "plan", self.net, *self.defines, "--target", "cpu", "-q", "--format", "json", *options)
        return json.loads(done.stdout)

    def build(self, *options):
        """One folder for all, so that kernels are compiled once; each program gets a name of its own."""
        self.count += 1
        folder = self.work / "program"
        run(self.rematc, "build", self.net, *self.defines, "--target", "cpu", "-q", "-o", folder, *options)
        program = self.work / f"program{self.count}"
        (folder / "model").replace(program)
        return program

    def strategies(self):
        marked = "checkpoint" in re.sub("#.*", "", self.net.read_text())
        smallest = subprocess.run([self.rematc, "plan", self.net, *self.defines, "--target", "cpu", "--budget", "1"],
                                  capture_output=True, text=True).stderr
        least = int(re.search(r"smallest possible budget is (\d+) bytes", smallest).group(1))
        most = self.plan("--strategy", "none")["memory"]["peak_bytes"]
        return {"none": ["--strategy", "none"], "marked" if marked else "sqrt": ["--strategy", "marked" if marked else "sqrt"],
                "auto": ["--strategy", "auto", "--budget", (least + most) // 2]}


def measure(program, steps):
    """The median step of a run, in ms."""
    metrics = program.with_suffix(".jsonl")
    run(program, "--quiet", "--steps", steps, "--metrics", metrics)
    return json.loads(metrics.read_text().splitlines()[-1])["step_ms_median"]


def total_ms(path):
    return 1000 * sum(row["seconds"] for row in json.loads(path.read_text())["rows"])


def profile(program, steps, path):
    """Keeps the profile with the least sum; returns this one's."""
    fresh = path.with_suffix(".new")
    run(program, "--quiet", "--steps", steps, "--profile", fresh)
    total = total_ms(fresh)
    if not path.exists() or total < total_ms(path):
        fresh.replace(path)
    return total


def is_settled(times):
    return len(times) > 1 and sorted(times)[1] < 1.03 * min(times)


def compare(model, rounds):
    """For each strategy: ms measured, and predicted by each kind of times."""
    strategies = model.strategies()
    profiles = {name: model.work / f"{name}.json" for name in strategies}
    programs = {name: model.build(*options) for name, options in strategies.items()}
    steps = max(20, min(2000, int(200 / measure(programs["none"], 20))))
    for name, program in programs.items():
        profile(program, steps, profiles[name])
    # Times decide what auto keeps: it is measured as planned by a profile.
    programs["auto"] = model.build(*strategies["auto"], "--profile", profiles["none"])
    plain, profiled = {name: [] for name in programs}, {name: [] for name in programs}
    for number in range(4 * rounds):
        for name, program in programs.items():
            if number < rounds or not is_settled(plain[name]):
                plain[name].append(measure(program, steps))
            if number < rounds or not is_settled(profiled[name]):
                profiled[name].append(profile(program, steps, profiles[name]))
    rows = {}
    for name, options in strategies.items():
        times = {"cpu": ["--device", "cpu"], "native": ["--device", "native"],
                 "profile of none": ["--profile", profiles["none"]], "own profile": ["--profile", profiles[name]]}
        predicted = {kind: 1000 * model.plan(*options, *time)["time"]["step_seconds"] for kind, time in times.items()}
        rows[name] = min(plain[name]), predicted
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rematc", type=os.path.abspath)
    parser.add_argument("--threads", default=str(os.cpu_count()))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--medium", action="store_true")
    parser.add_argument("--limit", type=float)
    parser.add_argument("examples", nargs="*", default=sorted(glob.glob("examples/*/*.net")))
    arguments = parser.parse_intermixed_args()
    os.environ["OMP_NUM_THREADS"] = arguments.threads
    worst = 0
    print(f"predicted / measured step, {arguments.threads} threads\n{'':30}{'ms':>9}  cpu   native  profile of none  own profile")
    for path in arguments.examples:
        with tempfile.TemporaryDirectory() as work:
            model = Model(arguments.rematc, path, pathlib.Path(work), arguments.medium)
            for name, (ms, predicted) in compare(model, arguments.rounds).items():
                ratio = {kind: predicted[kind] / ms for kind in predicted}
                print(f"{model.name:20}{name:10}{ms:9.3f}  {ratio['cpu']:.2f}  {ratio['native']:.2f}    "
                      f"{ratio['profile of none']:.2f}             {ratio['own profile']:.2f}", flush=True)
                worst = max([worst] + [abs(ratio[kind] - 1) for kind in ratio if "profile" in kind])
    print(f"furthest by a profile: {100 * worst:.1f} %")
    return arguments.limit is not None and worst > arguments.limit


if __name__ == "__main__":
    sys.exit(main())
