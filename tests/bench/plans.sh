#!/bin/sh
# Plans against what no plan can beat: for the tutorial's BERT and the 12-layer GPT (or the models
# given), peak, overhead and overhead's lower bound of every strategy, of `auto` at each one's peak,
# and of `auto` at ten budgets from the smallest to keeping everything:
#   tests/bench/plans.sh [FILE.net...]
# A gap of more than one point of step time is flagged; exits 1 where `auto` is worse than another.
set -u
rematc=${REMATC:-build/rematc}
test $# -gt 0 || set -- examples/bert/bert.net examples/gpt/gpt.net
status=0
for model in "$@"; do
    printf '%s\n%-22s %14s %10s %10s %8s\n' "$model" plan "peak bytes" "overhead %" "at least %" gap
    compared=$("$rematc" plan "$model" -q --compare | awk '$2 ~ /^[0-9]+$/ && $1 != "optimal"') || exit 1
    peaks=$(printf '%s\n' "$compared" | awk '$1 != "auto" {print $1 ":" $2}')
    {
        printf '%s\n' "$compared" | awk '$1 != "auto" {print $1, $2, $7, $9}'
        for peak in $peaks; do
            "$rematc" plan "$model" -q --budget "${peak#*:}" --format json |
                awk -v at="${peak%%:*}" '
                    function field(key) {
                        return match($0, "\"" key "\": [-0-9.e+]+") ? substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4) : ""
                    }
                    /"peak_bytes"/ && peak == "" {peak = field("peak_bytes")}
                    /"overhead"/ {over = field("overhead"); least = field("overhead_lower_bound")}
                    END {printf "auto-at-%s %s %.2f %.2f\n", at, peak, 100 * over, 100 * least}'
        done
        "$rematc" plan "$model" -q --pareto 10 | awk '$2 ~ /^[0-9]+$/ {print "auto-" $1 "-of-10", $2, $7, $9}'
    } | awk '
        {
            gap = $3 - $4
            printf "%-22s %14s %10.2f %10.2f %8.2f%s\n", $1, $2, $3, $4, gap, ($1 ~ /^auto/ && gap > 1 ? "  MORE THAN ONE POINT" : "")
            over[$1] = $3
        }
        END {
            for (name in over)
                if ("auto-at-" name in over && over["auto-at-" name] > over[name]) {
                    print "auto is worse than " name
                    bad = 1
                }
            exit bad
        }' || status=1
done
exit $status
