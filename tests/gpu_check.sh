#!/bin/sh
# gpu_check.sh: what only a GPU can show; tests/GPU.md says what each part proves. Every part runs, whatever failed before it;
# exits 1 where one failed. Where there is no GPU, no driver or no nvcc, it says so and exits 0.
set -u
skip() {
    echo "gpu-check: skipped, $1"
    exit 0
}
command -v nvidia-smi > /dev/null || skip "there is no NVIDIA driver here (no nvidia-smi)"
nvidia-smi -L > "${TMPDIR:-/tmp}/gpu-check.$$" 2>&1 || skip "nvidia-smi finds no GPU: $(head -1 "${TMPDIR:-/tmp}/gpu-check.$$")"
rm -f "${TMPDIR:-/tmp}/gpu-check.$$"
command -v nvcc > /dev/null || skip "there is no nvcc (CUDA 12 or later) in PATH"

work=$(mktemp -d "${TMPDIR:-/tmp}/rematc-gpu-XXXXXX")
watcher=
trap '[ -z "$watcher" ] || kill "$watcher"; rm -rf "$work"' EXIT
nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader
nvcc --version | tail -2
failed=0

say() { # STATUS NAME: a line; the end of what it said where it failed
    if [ "$1" = 0 ]; then
        echo "ok      $2"
    else
        echo "FAILED  $2"
        tail -8 "$work/said.txt" | sed 's/^/        /'
        failed=1
    fi
}

check() { # NAME COMMANDS: run in the program's folder
    status=0
    (cd "$work/$1" && eval "$3") > "$work/said.txt" 2>&1 || status=1
    say $status "$1: $2"
}

program() { # NAME MODEL OPTIONS...: $work/NAME/NAME is the model's cuda program, on synthetic data
    name=$1 model=$2
    shift 2
    rm -rf "${work:?}/$name"
    sed 's/^ *data *=.*/    data = synthetic(seed = 1)/' "$model" > "$work/$name.net"
    build/rematc emit -q "$work/$name.net" "$@" --target cuda -o "$work/$name" > "$work/said.txt" 2>&1 &&
        make -s -C "$work/$name" ARCH=-arch=native >> "$work/said.txt" 2>&1 && return 0
    say 1 "$name: built"
    return 1
}

check_program() { # NAME
    check "$1" "a step replayed as a graph has the bits of one launched row by row" \
        "./$1 --quiet --steps 5 --save g.st && ./$1 --quiet --steps 5 --dump d.st --save r.st && cmp g.st r.st"
    check "$1" "two runs have the same bits" "./$1 --quiet --steps 5 --save again.st && cmp g.st again.st"
    check "$1" "recomputes have the bits of what was dropped" "./$1 --quiet --steps 2 --verify"
}

check_sanitizers() { # NAME
    if ! command -v compute-sanitizer > /dev/null; then
        echo "skipped $1: there is no compute-sanitizer"
        return
    fi
    for tool in memcheck racecheck synccheck initcheck; do
        check "$1" "compute-sanitizer $tool" "compute-sanitizer --tool $tool --error-exitcode 9 ./$1 --quiet --steps 2 --dump d.st"
    done
}

for suite in cuda programs inputs; do
    status=0
    GPU=1 LONG=1 CK_RUN_SUITE=$suite build/check > "$work/said.txt" 2>&1 || status=1
    grep 'CUDA against CPU\|losses of' "$work/said.txt" || true
    say $status "the suite '$suite' on this GPU"
done

for model in examples/*/*.net; do
    name=$(basename "$(dirname "$model")")_$(basename "$model" .net)
    # shellcheck disable=SC2046 # a list of options
    program "$name" "$model" --strategy marked $(sed -n 's/^# small: //p' "$model") || continue
    check_program "$name"
    case $name in tutorial_mlp | bert_bert) check_sanitizers "$name" ;; esac
done

# ---- times, and memory as the driver counts it: all that the process takes, its context and the library too
nvcc -o "$work/free_memory" tests/support/free_memory.cu > "$work/said.txt" 2>&1 || say 1 "free_memory: built"
watch_start() {
    rm -f "$work/free.txt"
    "$work/free_memory" "$work/free.txt" &
    watcher=$!
    sleep 2
    before=$(cat "$work/free.txt" 2> /dev/null || echo 0)
}
watch_end() {
    kill "$watcher" 2> /dev/null
    wait "$watcher" 2> /dev/null
    watcher=
    after=$(cat "$work/free.txt" 2> /dev/null || echo 0)
}

number() { # KEY: its last value in the metrics
    sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" "$work/timed/m.jsonl" | tail -1
}

echo "model, strategy: ms a step (median of steps 4 to 20); MiB planned; MiB used of the arena; MiB that the driver says the process took"
for layers in 4 8; do
    for strategy in none marked; do
        what="bert layers=$layers batch=8 $strategy"
        program timed examples/bert/bert.net --strategy $strategy -D layers=$layers -D batch=8 || continue
        watch_start
        if (cd "$work/timed" && ./timed --quiet --steps 20 --metrics m.jsonl) > "$work/said.txt" 2>&1; then
            watch_end
            ms=$(sed -n 's/.*"step_ms":\([0-9.]*\).*/\1/p' "$work/timed/m.jsonl" | tail -17 | sort -n | sed -n 9p)
            peak=$(number peak_bytes) high=$(number arena_high_water_bytes) planned=$(sed -n 's/.*"peak_bytes": *\([0-9]*\).*/\1/p' "$work/timed/timed.plan.json" | head -1)
            echo "$what: $ms ms; $((planned >> 20)); $((high >> 20)); $(((before - after) >> 20))"
            status=0
            [ "$peak" = "$planned" ] && [ "$high" -le "$planned" ] && [ $((before - after)) -ge "$planned" ] || status=1
            say $status "$what: memory as planned"
        else
            watch_end
            say 1 "$what"
        fi
    done
done
exit $failed
