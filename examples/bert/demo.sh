#!/bin/sh
# The tutorial's experiment on real text: a small BERT, compiled and trained twice, with its marks ignored
# and with its marks obeyed, and the tutorial's own table at the end.
# usage: demo.sh REMATC FOLDER [STEPS]
set -eu

rematc=$1
folder=$2
steps=${3:-120}
here=$(dirname "$0")
sizes="-D layers=4 -D hidden=256 -D heads=4 -D ffn=1024 -D seq=128 -D batch=8"

"$here/prepare.sh" "$folder/text"
vocabulary=$(wc -l <"$folder/text/vocab.txt")

# Builds the model under a strategy and trains it; prints nothing but the progress line.
train() {
    name=$1
    strategy=$2
    # shellcheck disable=SC2086
    "$rematc" build "$here/bert.net" -o "$folder/$name" --target cpu --strategy "$strategy" $sizes \
        -D vocab="$(((vocabulary + 127) / 128 * 128))"
    "$folder/$name/bert" --data "$folder/text/corpus" --steps "$steps" --metrics "$folder/$name.jsonl"
}

field() {
    sed -n "s/.*\"$2\": *\([0-9.e+-]*\).*/\1/p" "$folder/$1.jsonl" | tail -n 1
}

planned() {
    sed -n 's/.*"peak_bytes": *\([0-9]*\).*/\1/p' "$folder/$1/bert.plan.json" | head -n 1
}

losses() {
    sed -n 's/.*"event": *"step".*"loss": *\([^,]*\),.*/\1/p' "$folder/$1.jsonl"
}

row() {
    printf '%-14s %15s %15s %10s %11s\n' "$@"
}

echo "Training without and with activation checkpointing, $steps steps each."
train no none
train yes marked

echo
row checkpointing "planned bytes" "measured bytes" "seconds" "last loss"
for name in no yes; do
    row "$name" "$(planned "$name")" "$(field "$name" peak_bytes)" "$(field "$name" wall_s)" "$(losses "$name" | tail -n 1)"
done
losses no >"$folder/no.losses"
losses yes >"$folder/yes.losses"
test -s "$folder/no.losses"
if cmp -s "$folder/no.losses" "$folder/yes.losses"; then
    echo "All $(wc -l <"$folder/no.losses") losses are the same to the bit."
else
    echo "The losses differ: this is a bug." >&2
    exit 1
fi
