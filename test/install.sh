#!/bin/sh
# Installs the system packages that are missing for the named targets:
#   test/install.sh build run
# Says which and why. As root directly, else through sudo.
set -eu
list=$(dirname "$0")/packages.txt

present() { # package, commands
	if [ "$2" != - ]; then
		for c in $(echo "$2" | tr , ' '); do
			command -v "$c" >/dev/null 2>&1 && return 0
		done
	fi
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
while read -r who package commands why; do
	case " $* " in *" $who "*) ;; *) continue ;; esac
	case " $missing " in *" $package "*) continue ;; esac
	command -v dpkg-query >/dev/null 2>&1 || [ "$commands" != - ] || continue
	present "$package" "$commands" && continue
	echo "missing: $package ($why)"
	missing="$missing $package"
done <<LIST
$(grep -v '^#' "$list")
LIST
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "This is neither Debian nor Ubuntu: install what is missing and run make again." >&2
	exit 1
fi
case "$missing " in *' chromium '*)
	if grep -qs '^ID=ubuntu' /etc/os-release && [ ! -e /run/snapd.socket ]; then
		echo "Ubuntu's Chromium is a snap, and snaps do not run here: install Google Chrome and run make again." >&2
		exit 1
	fi
	;;
esac
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null 2>&1 || {
		echo "There is no sudo: run as root:  apt-get update && apt-get install --no-install-recommends$missing" >&2
		exit 1
	}
	echo "installing them through sudo"
fi
$sudo env DEBIAN_FRONTEND=noninteractive apt-get update -q
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
