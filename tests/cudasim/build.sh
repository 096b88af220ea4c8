#!/bin/sh
# build.sh BUILD FOLDER: compiles a program that rematc emitted for cuda, its text unchanged, with the simulator's
# headers; FOLDER/BUILD.sim is the program. Objects of files that programs have in common are kept by content.
set -e
build=$1 folder=$2
here=build/cudasim/$build
# shellcheck source=/dev/null
. "$here/flags" # TEXT, HOST, LINK: how emitted .cu and .c files are compiled and linked
shared=$(find "$folder" -maxdepth 1 -name '*.h' ! -name '*_tables.h' | sort) # a program's own tables: part of its text
# shellcheck disable=SC2086 # a list of files
headers=$(cat $shared tests/cudasim/include/*.h "$here/flags" | sha1sum | cut -c1-20)
mkdir -p "$here/cache"
objects=
for file in "$folder"/*.cu "$folder"/*.c; do
    key=$({ cat "$file"; ! grep -q '_tables\.h"' "$file" || cat "$folder"/*_tables.h; } | sha1sum | cut -c1-20)
    object=$here/cache/$key-$headers.o
    if [ ! -e "$object" ]; then
        case $file in
        *.cu) $TEXT -I"$folder" -x c++ -c "$file" -o "$object.$$" ;;
        *) $HOST -I"$folder" -c "$file" -o "$object.$$" ;;
        esac
        mv "$object.$$" "$object"
    fi
    objects="$objects $object"
done
# shellcheck disable=SC2086 # a list of files
$LINK $objects "$here"/lib/*.o -lz -lm -o "$folder/$build.sim"
