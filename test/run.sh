#!/bin/sh
# make run: Dancecard on a throw-away home, with the demo provider beside it.
set -eu
cd "$(dirname "$0")/.."
top=$(pwd)

if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
	echo "There is no display here (DISPLAY and WAYLAND_DISPLAY are not set): taking the tour instead."
	exec make --no-print-directory tour
fi
test/install.sh build run
make -s build

home=$(mktemp -d /tmp/dancecard-XXXXXX)
provider=
app=
cleanup() {
	trap - EXIT INT TERM HUP
	[ -z "$app" ] || { kill "$app" 2>/dev/null && wait "$app" || :; }
	forget
	[ -z "$provider" ] || kill "$provider" 2>/dev/null || :
	rm -rf "$home"
}

# The profile's item in your own keyring goes with the throw-away home: logging
# out deletes it, and only a running Dancecard can.
forget() {
	[ -n "$(find "$home/data" -name profile.json 2>/dev/null)" ] || return 0
	"$top/build/dancecard" --hidden >>"$home/log" 2>&1 &
	again=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$top/build/dancectl" logout >/dev/null 2>&1 && break
		sleep 0.5
	done
	kill "$again" 2>/dev/null || :
	wait "$again" 2>/dev/null || :
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The screen, the session bus and the browser stay yours; all else is new.
runtime=${XDG_RUNTIME_DIR:-}
case "${WAYLAND_DISPLAY:-/}" in
/*) ;;
*) export WAYLAND_DISPLAY="$runtime/$WAYLAND_DISPLAY" ;;
esac
[ -n "${DBUS_SESSION_BUS_ADDRESS:-}" ] || [ ! -S "$runtime/bus" ] || export DBUS_SESSION_BUS_ADDRESS="unix:path=$runtime/bus"
[ -n "${XAUTHORITY:-}" ] || [ ! -f "$HOME/.Xauthority" ] || export XAUTHORITY="$HOME/.Xauthority"

mkdir -m 700 "$home/run" "$home/bin"
mkdir -p "$home/config/dancecard/providers" "$home/data" "$home/state" "$home/cache"
{
	echo '#!/bin/sh'
	echo 'unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR'
	for name in HOME PATH XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR; do
		value=$(printenv "$name") || continue
		printf "export %s='%s'\n" "$name" "$(printf %s "$value" | sed "s/'/'\\\\''/g")"
	done
	echo 'exec xdg-open "$@"'
} >"$home/bin/xdg-open"
chmod 700 "$home/bin/xdg-open"
export PATH="$home/bin:$PATH" HOME="$home" XDG_RUNTIME_DIR="$home/run"
export XDG_CONFIG_HOME="$home/config" XDG_DATA_HOME="$home/data" XDG_STATE_HOME="$home/state" XDG_CACHE_HOME="$home/cache"

build/demo-provider -addr 127.0.0.1:0 -provider-file "$XDG_CONFIG_HOME/dancecard/providers/demo.toml" &
provider=$!
echo "Dancecard runs on $home, which is deleted at the end."
echo "Connect Demo; sign in as mira (password mira) or jo (password jo)."
echo "Ask for a token:  curl --unix-socket $home/run/dancecard/app/dancecard.sock http://dancecard/v1/accounts"
build/dancecard &
app=$!
code=0
wait "$app" || code=$?
app=
[ "$code" = 0 ] || echo "Dancecard ended with exit code $code."
