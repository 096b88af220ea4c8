# A folder includes only headers of folders below it. usage: awk -f ranks.awk FILES
BEGIN {
    may["base"] = "base"
    may["ast"] = "ast base"
    may["graph"] = "graph base"
    may["place"] = "place base"
    may["data"] = "data base"
    may["grammar"] = "grammar ast base"
    may["elaborate"] = "elaborate ast graph base"
    may["strategies"] = "plan place base"
    may["plan"] = "plan place base"
    may["emit"] = "emit plan place graph base"
    may["report"] = "report plan place graph base"
    only["compiler/plan/measure.c"] = only["compiler/plan/measure.h"] = "graph"
}
FNR == 1 {
    n = split(FILENAME, part, "/")
    folder = part[n - 1]
}
folder in may && match($0, /^#include "[a-z_]+\//) {
    used = substr($0, RSTART + 10, RLENGTH - 11)
    if (index(" " may[folder] " ", " " used " ") == 0 && only[FILENAME] != used) {
        printf "%s:%d: error: %s/ may not use %s/\n", FILENAME, FNR, folder, used
        bad = 1
    }
}
FILENAME ~ /^(runtime|templates)\// && /#include "(base|graph|plan|emit|place|report|ast|elaborate)\// {
    printf "%s:%d: error: what is emitted never uses the compiler\n", FILENAME, FNR
    bad = 1
}
END { exit bad }
