#!/bin/sh
# static.sh FOLDER ARCH...: what nvcc says of an emitted program without a GPU: no warning, no spill, no local memory,
# occupancy of 50 % or more, and loads and stores of 16 bytes wherever the text asks for vectors of 4 or 8 elements.
# The table of kernels goes to FOLDER/static.txt.
set -e
folder=$1
shift
tool=build/cudasim/occupancy
cuda=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")
mkdir -p build/cudasim
[ -n "$(find $tool -newer tests/cudasim/occupancy.cpp 2> /dev/null)" ] ||
    g++ -std=c++17 -O1 -w -I"$cuda/include" tests/cudasim/occupancy.cpp -o $tool
: > "$folder/usage.txt"
for arch in "$@"; do
    for file in "$folder"/*.cu; do
        nvcc -std=c++17 -O3 -arch="sm_$arch" -Werror all-warnings -Xptxas -warn-spills,-warn-lmem-usage --resource-usage \
            -cubin -o "$folder/static.cubin" "$file" 2>> "$folder/usage.txt" || { cat "$folder/usage.txt"; exit 1; }
    done
done
$tool 50 < "$folder/usage.txt" > "$folder/static.txt" || { grep -- '<--\|kernels' "$folder/static.txt"; exit 1; }
grep ' kernels, ' "$folder/static.txt"

# Kernels whose vectors may be 16 bytes long, by the text: NAME loads stores. A vector has as many elements as the last
# number of the kernel's Rt... type says, where the length of rows is a multiple of 4.
awk '/^template .* RT_GLOBAL / { name = $0; sub(/.*RT_GLOBAL /, "", name); sub(/\(.*/, "", name); vector = 0; loads = 0; stores = 0 }
     match($0, /Rt(Elements|Rows|SumDown|SumAlong)<.*, [0-9]+(, PARTS)?>/) {
         n = split(substr($0, RSTART, RLENGTH), part, ", "); vector = part[n] ~ /PARTS/ ? part[n - 1] + 0 : part[n] + 0 }
     name { text = $0; while (match(text, /rt_f32 \*[xy][0-9]+/)) {
         wide[name, substr(text, RSTART + 8, RLENGTH - 8)] = 1; text = substr(text, RSTART + RLENGTH) } }
     name { text = $0; while (match(text, /VECTOR_(LOAD|STORE)\([xy][0-9]+/)) {
         split(substr(text, RSTART, RLENGTH), part, /\(/); text = substr(text, RSTART + RLENGTH)
         if (part[1] == "VECTOR_LOAD") loads += wide[name, part[2]]; else stores += wide[name, part[2]] } }
     /^}/ && name { if (vector >= 4) print name, (loads > 0), (stores > 0); name = "" }' "$folder"/*.cu > "$folder/wanted.txt"
main=$(grep -l '^template .* RT_GLOBAL .*_kernel(' "$folder"/*.cu | head -1)
nvcc -std=c++17 -O3 -arch="sm_$1" -ptx -o "$folder/static.ptx" "$main"
# Kernels compiled: NAME<SIZES> vectors loads stores; the last size (but the parts of a sum) is the length of rows.
c++filt < "$folder/static.ptx" | awk '
     /\.entry void / { if (name) print name, vectors, loads, stores
         name = $0; sub(/.*\.entry void /, "", name); sub(/\(.*/, "", name); gsub(/ /, "", name); loads = stores = 0
         size = name; gsub(/.*<|>/, "", size); n = split(size, part, ","); columns = part[part[n] ~ /u/ ? n : n - 1] + 0
         vectors = columns % 4 == 0 }
     /ld\.global[a-z.]*\.v4\.(f32|u32|b32|s32)/ { loads = 1 }
     /st\.global[a-z.]*\.v4\.(f32|u32|b32|s32)/ { stores = 1 }
     END { if (name) print name, vectors, loads, stores }' > "$folder/found.txt"
awk 'NR == FNR { loads[$1] = $2; stores[$1] = $3; next }
     { base = $1; sub(/<.*/, "", base) }
     !(base in loads) || !$2 { next }
     { n++ }
     loads[base] && !$3 { print $1 ": no load of 16 bytes"; bad = 1 }
     stores[base] && !$4 { print $1 ": no store of 16 bytes"; bad = 1 }
     END { print n " kernels with vectors of 16 bytes"; exit bad || !n }' "$folder/wanted.txt" "$folder/found.txt"
