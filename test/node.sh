#!/bin/sh
# Installs the npm package oidc-provider, by name, under build/.
set -eu
cd "$(dirname "$0")/.."
version=8.8.1
installed=build/node/node_modules/oidc-provider/package.json
grep -qs "\"version\": \"$version\"" "$installed" && exit 0
mkdir -p build/node
cd build/node
[ -f package.json ] || echo '{"private": true, "type": "module"}' >package.json
npm install --no-audit --no-fund --no-package-lock --loglevel=error "oidc-provider@$version"
