#!/bin/sh
# The raw recompute instances against the published or asked extra cost:
#   tests/bench/solve.sh [FOLDER-OF-INSTANCES [SEEDS]]      SEEDS: how many, 0 and up (default 5)
# Prints a line for each instance, budget and seed; exits 1 where one misses what is asked.
set -u
folder=${1:-../shared/instances/remat}
seeds=${2:-5}
rematc=${REMATC:-build/rematc}
if ! test -d "$folder"; then
    echo "solve.sh: skipped: there is no $folder"
    exit 0
fi
missed=0
printf '%-22s %7s %8s %10s %10s %5s %8s\n' instance budget asked reached bound seed seconds
while read -r name budget asked; do
    seed=0
    while test "$seed" -lt "$seeds"; do
        line=$("$rematc" solve "$folder/$name.g" --budget "$budget" --seed "$seed" -q) || line=""
        printf '%s\n' "$line" | awk -v name="$name" -v budget="$budget" -v asked="$asked" -v seed="$seed" '
            function field(key) {
                return match($0, "\"" key "\": [-0-9.e+]+") ? substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4) : "none"
            }
            {
                reached = field("tdi_percent")
                printf "%-22s %7s %8s %10.4f %10.4f %5d %8.2f%s\n", name, budget, asked, reached,
                    field("lower_bound_tdi_percent"), seed, field("seconds"), /"optimal": true/ ? "  optimal" : ""
                # What is asked has three decimals at most.
                exit !(reached != "none" && sprintf("%.3f", reached) + 0 <= asked + 0)
            }' || missed=1
        seed=$((seed + 1))
    done
done <<'TABLE'
VGG16 90% 1.968
VGG16 85% 1.968
VGG19 90% 0.104
VGG19 80% 2.756
fcn_8_vgg 90% 0.029
fcn_8_vgg 80% 0.136
fcn_8_vgg 70% 0.892
vgg_unet 60% 4.451
vgg_unet 50% 6.97
ResNet50 80% 0.31
ResNet50 50% 1.68
ResNet50 30% 4.19
ResNet50 20% 7.1
random_layered_n100 90% 1.35
TABLE
exit $missed
