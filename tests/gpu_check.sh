#!/bin/sh
# gpu_check.sh: what only a GPU can show; tests/GPU.md says what each part proves. Where there is no GPU, or no nvcc, it says so and exits 0.
set -e
if ! command -v nvcc > /dev/null || ! nvidia-smi -L > /dev/null 2>&1; then
    echo "gpu-check: skipped, there is no GPU with a driver and nvcc here"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/rematc-gpu-XXXXXX")
trap 'rm -rf "$work"' EXIT
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
failed=0

say() { # STATUS NAME
    if [ "$1" = 0 ]; then echo "ok      $2"; else echo "FAILED  $2"; failed=1; fi
}

program() { # NAME MODEL OPTIONS...: the cuda program of a model, in $work/NAME
    name=$1 model=$2
    shift 2
    sed 's/^ *data *=.*/    data = synthetic(seed = 1)/' "$model" > "$work/$name.net"
    build/rematc emit -q "$work/$name.net" "$@" --target cuda -o "$work/$name" 2> /dev/null
    make -s -C "$work/$name" ARCH=-arch=native
}

# A step that is launched row by row (--dump) and one that is replayed as a graph.
check_graph() {
    status=0
    (cd "$work/$1" && "./$1" --quiet --steps 5 --save graph.st && "./$1" --quiet --steps 5 --dump d.st --save rows.st &&
        cmp graph.st rows.st) || status=1
    say $status "$1: replayed as a graph, the same bits"
}

check_verify() {
    status=0
    (cd "$work/$1" && "./$1" --quiet --steps 2 --verify) || status=1
    say $status "$1: recomputes have the bits of what was dropped"
}

check_sanitizer() {
    if ! command -v compute-sanitizer > /dev/null; then
        echo "skipped compute-sanitizer is not installed"
        return
    fi
    for tool in memcheck racecheck synccheck initcheck; do
        status=0
        (cd "$work/$1" && compute-sanitizer --tool $tool --error-exitcode 9 "./$1" --quiet --steps 2 --dump d.st) \
            > "$work/sanitizer.txt" 2>&1 || status=1
        [ $status = 0 ] || tail -5 "$work/sanitizer.txt"
        say $status "$1: compute-sanitizer $tool"
    done
}

status=0
GPU=1 LONG=1 CK_RUN_SUITE=cuda build/check || status=1
say $status "every operator, examples, strategies, resume: as on the CPU, and bit for bit between strategies"

program mlp examples/tutorial/mlp.net
program bert examples/bert/bert.net --strategy marked -D layers=3 -D hidden=64 -D heads=4 -D ffn=128 -D vocab=512 -D seq=64 -D batch=4
for name in mlp bert; do
    check_graph $name
    check_verify $name
    check_sanitizer $name
done

echo "ms a step, median of steps 4 to 20; bytes of the arena as planned, and as the driver counts them"
for layers in 4 8; do
    for strategy in none marked; do
        program timed examples/bert/bert.net --strategy $strategy -D layers=$layers -D batch=8
        (cd "$work/timed" && ./timed --quiet --steps 20 --metrics m.jsonl)
        ms=$(sed -n 's/.*"step_ms":\([0-9.]*\).*/\1/p' "$work/timed/m.jsonl" | tail -17 | sort -n | sed -n 9p)
        peak=$(sed -n 's/.*"peak_bytes":\([0-9]*\).*/\1/p' "$work/timed/m.jsonl" | tail -1)
        echo "bert layers=$layers batch=8 $strategy: $ms ms, $peak bytes"
    done
done
exit $failed
