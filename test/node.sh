#!/bin/sh
# Installs the npm packages of the tests, by name, under build/: an OpenID
# provider and an MCP server that none of us wrote.
set -eu
cd "$(dirname "$0")/.."
packages='oidc-provider@8.8.1 @modelcontextprotocol/sdk@1.32.2'
done=build/node/installed
[ "$(cat "$done" 2>/dev/null)" = "$packages" ] && exit 0
mkdir -p build/node
cd build/node
[ -f package.json ] || echo '{"private": true, "type": "module"}' >package.json
# shellcheck disable=SC2086 # two packages
npm install --no-audit --no-fund --no-package-lock --loglevel=error $packages
cd ../..
printf %s "$packages" >"$done"
