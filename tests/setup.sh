#!/bin/sh
# Installs what is missing on Debian: `setup.sh build` what compiling and running needs, `setup.sh check DIR`
# what the tests need besides, with the CUDA toolkit from PyPI in DIR where there is no nvcc (`setup.sh cuda DIR`: that alone).
# Asks for root only to install packages; says nothing where nothing is missing.
# shellcheck disable=SC2086
set -eu

build_packages="gcc libc6-dev flex bison zlib1g-dev libutf8proc-dev libcjson-dev libopenblas-openmp-dev ca-certificates"
check_packages="check libsubunit-dev python3 python3-numpy python3-torch g++ clang libclang-rt-14-dev libomp-dev clang-format clang-tidy cppcheck shellcheck git"
cuda_packages="python3 python3-pip"
cuda_wheels="nvidia-cuda-nvcc nvidia-nvvm nvidia-cuda-crt nvidia-cuda-runtime nvidia-cublas nvidia-cuda-cccl"

installed() {
    test "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed
}

as_root() {
    if test "$(id -u)" = 0; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "setup: root is needed to install packages, and there is no sudo. Run as root:" >&2
        echo "  apt-get update && apt-get install --no-install-recommends -y $missing" >&2
        exit 3
    fi
}

install_packages() {
    missing=
    for package in "$@"; do
        installed "$package" || missing="$missing $package"
    done
    test -n "$missing" || return 0
    if ! command -v apt-get >/dev/null; then
        echo "setup: this is no Debian machine; install what these packages hold:$missing" >&2
        exit 3
    fi
    echo "setup: installing$missing" >&2
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --no-install-recommends -y -qq $missing >&2
}

# The toolkit is unpacked under a temporary name, so that a broken download leaves nothing behind.
install_cuda() {
    command -v nvcc >/dev/null && return 0
    test -x /usr/local/cuda/bin/nvcc && return 0
    test -x "$1/bin/nvcc" && return 0
    install_packages $cuda_packages
    echo "setup: no nvcc here; the CUDA toolkit (1.1 GB) goes into $1" >&2
    rm -rf "$1.part"
    python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --target "$1.part" $cuda_wheels
    # What a linker looks for by name,.
    for library in "$1.part/nvidia/cu13/lib/"lib*.so.*; do
        ln -sf "$(basename "$library")" "${library%.so.*}.so"
    done
    rm -rf "$1"
    mv "$1.part/nvidia/cu13" "$1"
    rm -rf "$1.part"
}

case "${1:-}" in
build) install_packages $build_packages ;;
check)
    install_packages $build_packages $check_packages
    install_cuda "$2"
    ;;
cuda) install_cuda "$2" ;;
*) echo "usage: setup.sh build | check DIR | cuda DIR" >&2; exit 2 ;;
esac
