#!/bin/sh
# prepare.sh FOLDER [PIECES]: real English prose for bert.net, as FOLDER/corpus.bin, .idx and .vocab.txt.
#
# The text is the King James Bible of Debian's packages bible-kjv and bible-kjv-text (public domain; the
# program that unpacks it is GPL-2+). The packages are downloaded and unpacked in FOLDER, not installed.
# A verse is a sentence, a chapter a document; the vocabulary is learnt from it (8192 pieces). Needs no
# root, and no network once FOLDER/text.txt is there. REMATC names the command (build/rematc).
set -eu

usage="usage: prepare.sh FOLDER [PIECES]"
folder=${1:?$usage}
pieces=${2:-8192}
here=$(cd "$(dirname "$0")" && pwd)
rematc=${REMATC:-$here/../../build/rematc}
text_sha256=82a24e4e23c644fe579ed387b20e54eb529cc0a87a25e0810064edb2216780c2

fail() {
    echo "prepare.sh: error: $1" >&2
    exit "${2:-3}"
}

sha256_of() {
    sha256sum "$1" | cut -d ' ' -f 1
}

# Puts the files of a package into FOLDER/packages; a .deb that is there already is used.
unpack() {
    set -- "$1" "$folder/packages/$1"_*.deb
    if [ ! -e "$2" ]; then
        command -v apt-get > /dev/null ||
            fail "this is no Debian system: put $1_*.deb into $folder/packages"
        (cd "$folder/packages" && apt-get -qq -o APT::Sandbox::User=root download "$1") ||
            fail "cannot download the package $1: run \`apt-get update\` as root and try again, or put
$1_*.deb from another machine into $folder/packages"
        set -- "$1" "$folder/packages/$1"_*.deb
    fi
    dpkg -x "$2" "$folder/packages/files"
}

# Prints the Bible, a verse a line: `Ge1:1 In the beginning ...`.
print_bible() {
    bible=$folder/packages/files/usr/bin/bible
    # Where the machine lacks the program's libreadline, the package of that is unpacked beside it.
    "$bible" -h > /dev/null 2>&1 < /dev/null || [ $? -ne 127 ] || unpack libreadline8
    libraries=$(find "$folder/packages/files" -name 'libreadline.so.8' -exec dirname {} \;)
    # It finds its data in the folder where it runs; its option -p takes no path with a space.
    (cd "$folder/packages/files/usr/lib" &&
        LD_LIBRARY_PATH=$libraries "$bible" -f Gen1:1-Rev22:21 < /dev/null)
}

# Takes the references off, and puts an empty line between chapters.
cut_chapters() {
    awk '{ split($1, place, ":")
           if (NR > 1 && place[1] != chapter) print ""
           chapter = place[1]
           sub(/^[^ ]+ +/, "")
           print }'
}

check_text() {
    [ "$(sha256_of "$1")" = "$text_sha256" ] ||
        fail "$1 is not the text that is expected: its sha256 is $(sha256_of "$1")" 1
}

[ -x "$rematc" ] || fail "there is no $rematc: run \`make\` first, or set REMATC"
mkdir -p "$folder/packages" || fail "cannot make $folder/packages"
folder=$(cd "$folder" && pwd)
text=$folder/text.txt
if [ ! -e "$text" ]; then
    echo "preparing the text"
    unpack bible-kjv
    unpack bible-kjv-text
    print_bible | cut_chapters > "$text.tmp"
    check_text "$text.tmp"
    mv "$text.tmp" "$text"
fi
check_text "$text"

stamp="$text_sha256 $pieces"
if [ -e "$folder/corpus.idx" ] && [ "$(cat "$folder/stamp" 2> /dev/null)" = "$stamp" ]; then
    echo "$folder/corpus is there already"
    exit 0
fi
rm -f "$folder/stamp"
"$rematc" data vocab --size "$pieces" -o "$folder/vocab.txt" "$text"
"$rematc" data encode --lines --vocab "$folder/vocab.txt" -o "$folder/corpus" "$text"
echo "$stamp" > "$folder/stamp"
