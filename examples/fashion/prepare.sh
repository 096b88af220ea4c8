#!/bin/sh
# prepare.sh FOLDER: Fashion-MNIST for mlp.net, as the four files of the data set in FOLDER.
#
# They come from Debian's package dataset-fashion-mnist (MIT), which is downloaded and unpacked in FOLDER,
# not installed. Needs no root, and no network once the files are there.
set -eu

folder=${1:?usage: prepare.sh FOLDER}
package=dataset-fashion-mnist

fail() {
    echo "prepare.sh: error: $1" >&2
    exit "${2:-3}"
}

# The sha256 of each file, as the package of Debian 12 has it.
check_files() {
    (cd "$folder" && sha256sum --quiet -c) << 'END'
cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa  t10k-images-idx3-ubyte.gz
8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05  t10k-labels-idx1-ubyte.gz
b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7  train-images-idx3-ubyte.gz
0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056  train-labels-idx1-ubyte.gz
END
}

mkdir -p "$folder" || fail "cannot make $folder"
if check_files > /dev/null 2>&1; then
    echo "$folder has the files already"
    exit 0
fi
set -- "$folder/$package"_*.deb
if [ ! -e "$1" ]; then
    command -v apt-get > /dev/null || fail "this is no Debian system: put ${package}_*.deb into $folder"
    (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download "$package") ||
        fail "cannot download the package $package: run \`apt-get update\` as root and try again, or put
${package}_*.deb from another machine into $folder"
    set -- "$folder/$package"_*.deb
fi
dpkg -x "$1" "$folder/files"
mv "$folder/files/usr/share/datasets/fashion-mnist"/*.gz "$folder"
rm -r "$folder/files"
check_files || fail "the files in $folder are not those that are expected" 1
rm "$1"
echo "$folder: 60000 images to train on, 10000 to test"
