#!/bin/sh
# The raw packing instances against the best known heights of their SOURCE.txt files:
#   tests/bench/pack.sh [FOLDER-OF-INSTANCES [SEEDS]]      SEEDS: how many, 0 and up (default 5)
# A capacity of `-` asks for the lowest arena. Prints a line for each instance and seed; exits 1
# where an arena is higher than the best known or a time limit is passed.
set -u
folder=${1:-../shared/instances/dsa}
seeds=${2:-5}
rematc=${REMATC:-build/rematc}
if ! test -d "$folder"; then
    echo "pack.sh: skipped: there is no $folder"
    exit 0
fi
missed=0
printf '%-46s %8s %14s %14s %14s %5s %8s\n' instance capacity bound known arena seed seconds
while read -r name capacity known limit; do
    test -f "$folder/$name" || { echo "$name: skipped: not there"; continue; }
    seed=0
    while test "$seed" -lt "$seeds"; do
        set --
        test "$capacity" = - || set -- --capacity "$capacity"
        line=$("$rematc" pack "$folder/$name" "$@" --seed "$seed" -q) || line=""
        printf '%s\n' "$line" | awk -v name="$name" -v capacity="$capacity" -v known="$known" -v limit="$limit" -v seed="$seed" '
            function field(key) {
                return match($0, "\"" key "\": [-0-9.e+]+") ? substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4) : "none"
            }
            {
                arena = field("arena")
                seconds = field("seconds")
                good = arena != "none" && arena + 0 <= known + 0 && seconds + 0 <= limit + 0
                printf "%-46s %8s %14s %14s %14s %5d %8.3f%s%s\n", name, capacity, field("lower_bound"), known, arena, seed,
                    seconds, /"optimal": true/ ? "  optimal" : "", good ? "" : "  MISSED"
                exit !good
            }' || missed=1
        seed=$((seed + 1))
    done
done <<'TABLE'
minimalloc/A.1048576.csv 1048576 1048576 2
minimalloc/B.1048576.csv 1048576 1048576 2
minimalloc/C.1048576.csv 1048576 1048576 2
minimalloc/D.1048576.csv 1048576 1048576 2
minimalloc/E.1048576.csv 1048576 1048576 2
minimalloc/F.1048576.csv 1048576 1048576 2
minimalloc/G.1048576.csv 1048576 1048576 2
minimalloc/H.1048576.csv 1048576 1048576 2
minimalloc/I.1048576.csv 1048576 1048576 2
minimalloc/J.1048576.csv 1048576 1048576 2
minimalloc/K.1048576.csv 1048576 1048576 2
minimalloc/C.1048576.csv - 1039360 60
minimalloc/D.1048576.csv - 1030144 60
minimalloc/J.1048576.csv - 1036288 60
minimalloc/input.12.csv - 12 0.1
omnimalloc-small/a.6.csv - 6 0.1
omnimalloc-small/b.6.csv - 6 0.1
omnimalloc-small/c.8.csv - 8 0.1
omnimalloc-small/d.9.csv - 9 0.1
omnimalloc-small/e.12.csv - 12 0.1
omnimalloc-small/f.14.csv - 14 0.1
omnimalloc-small/g.7.csv - 7 0.1
synthetic/dag2000_keep30_s2.csv - 6304269568 0.1
synthetic/dag300_keep100_s2.csv - 1901576192 0.1
synthetic/dag300_keep10_s1.csv - 1329531392 0.1
synthetic/dag300_keep30_s1.csv - 1036753152 0.1
synthetic/transformer24_ckpt_end_flash_jit.csv - 962285312 0.1
synthetic/transformer24_ckpt_fused_naive.csv - 1327570944 0.1
synthetic/transformer24_selective_end_flash_jit.csv - 5779370240 0.1
synthetic/transformer24_selective_end_naive.csv - 12437102592 0.1
synthetic/transformer24_storeall_end_flash.csv - 7146045440 0.1
synthetic/transformer24_storeall_end_naive_jit.csv - 13620885504 0.1
synthetic/transformer24_storeall_fused_flash.csv - 7146045440 0.1
synthetic/pipe1f1b_8x16.csv 3068361216 3068361216 1
idealloc/G_1.csv - 3030937746 1
idealloc/resnet50.csv - 1515472556 1
idealloc/pangu_2.6B.csv - 5530099775 60
idealloc/S_1.csv - 1498635932 60
idealloc/Y_1.csv - 497261190115 1
iopddl/A_max.csv.gz - 13735016300 2
iopddl/B_max.csv.gz - 418691216 1
iopddl/C_max.csv.gz - 1432210873848 1
iopddl/D_max.csv.gz - 1561879458648 1
iopddl/L_max.csv.gz - 8748690568 1
iopddl/P_max.csv.gz - 2607551487230 1
iopddl/Q_max.csv.gz - 2015718203228 1
iopddl/R_max.csv.gz - 4041601361148 1
iopddl/T_max.csv.gz - 4287416774756 1
TABLE
# A training schedule of 120,000 buffers: weights, activations, gradients of both.
awk 'BEGIN {
    n = 30000
    for (i = 0; i < n; i++) {
        b = 2 * n - 1 - i
        printf "w%d,0,%d,%d\na%d,%d,%d,%d\ng%d,%d,%d,%d\nd%d,%d,%d,%d\n", i, 2 * n, 4096 * (1 + i % 9), i, i, b + 1,
            256 * (1 + i * 7 % 64), i, b, b + 2, 256 * (1 + i * 11 % 64), i, b, 2 * n, 256 * (1 + i % 16)
    }
}' | "$rematc" pack - -q
exit $missed
