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
[ -x $tool ] || g++ -std=c++17 -O1 -w -I"$cuda/include" tests/cudasim/occupancy.cpp -o $tool
: > "$folder/usage.txt"
for arch in "$@"; do
    for file in "$folder"/*.cu; do
        nvcc -std=c++17 -O3 -arch="sm_$arch" -Werror all-warnings -Xptxas -warn-spills,-warn-lmem-usage --resource-usage \
            -cubin -o "$folder/static.cubin" "$file" 2>> "$folder/usage.txt" || { cat "$folder/usage.txt"; exit 1; }
    done
done
$tool 50 < "$folder/usage.txt" > "$folder/static.txt" || { grep -- '<--\|kernels' "$folder/static.txt"; exit 1; }
tail -1 "$folder/static.txt"

# Kernels whose vectors are 16 bytes long, by the text: NAME loads stores.
awk '/^RT_GLOBAL / { name = $2; sub(/\(.*/, "", name); vector = 1; loads = 0; stores = 0; f32 = "" }
     match($0, /VECTOR = [0-9]+/) { vector = substr($0, RSTART + 9, RLENGTH - 9) }
     /const rt_f32 \*x|rt_f32 \*y/ { split($0, part, "*"); split(part[2], word, " "); wide[name, word[1]] = 1 }
     /VECTOR_LOAD\(x/ { split($0, part, /[(,]/); loads += wide[name, part[2]] }
     /VECTOR_STORE\(y/ { split($0, part, /[(,]/); stores += wide[name, part[2]] }
     /^}/ && name { if (vector >= 4) print name, (loads > 0), (stores > 0); name = "" }' "$folder"/*.cu > "$folder/wanted.txt"
main=$(grep -l '^RT_GLOBAL .*_kernel(' "$folder"/*.cu | head -1)
nvcc -std=c++17 -O3 -arch="sm_$1" -ptx -o "$folder/static.ptx" "$main"
awk '/\.entry / { name = $NF; sub(/\(.*/, "", name) }
     /ld\.global[a-z.]*\.v4\.(f32|u32|b32|s32)/ { loads[name] = 1 }
     /st\.global[a-z.]*\.v4\.(f32|u32|b32|s32)/ { stores[name] = 1 }
     END { for (name in loads) print name, "loads"; for (name in stores) print name, "stores" }' \
    "$folder/static.ptx" > "$folder/found.txt"
bad=0 n=0
while read -r name loads stores; do
    n=$((n + 1))
    [ "$loads" = 0 ] || grep -q "$name.* loads\$" "$folder/found.txt" || { echo "$name: no load of 16 bytes"; bad=1; }
    [ "$stores" = 0 ] || grep -q "$name.* stores\$" "$folder/found.txt" || { echo "$name: no store of 16 bytes"; bad=1; }
done < "$folder/wanted.txt"
echo "$n kernels with vectors of 16 bytes"
exit $bad
