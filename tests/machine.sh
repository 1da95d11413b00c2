#!/bin/sh
# What some tests need besides Python: a browser, Alertmanager, and libfaketime. As root on Debian they are fetched,
# once, with apt-get; anywhere else these tests are skipped and say why.
set -u
missing=
for program in chromium chromium-headless-shell prometheus-alertmanager faketime; do
  command -v $program >/dev/null || missing="$missing $program"
done
command -v google-chrome >/dev/null && missing=$(echo "$missing" | sed 's/ chromium[a-z-]*//g')
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Not there, so some tests are skipped or slow:$missing (root on Debian gets it with: sh tests/machine.sh)" >&2
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
echo "Fetching with apt-get, once:$missing ..." >&2
apt-get update -qq >/dev/null || echo "apt-get update failed" >&2
for browser in chromium chromium-headless-shell; do # a finger on a page needs the first, all else is faster in the second
  case "$missing " in
    *" $browser "*)
      apt-get install -y -qq --no-install-recommends $browser >/dev/null || echo "$browser could not be installed" >&2
      ;;
  esac
done
case $missing in
  *faketime*)
    apt-get install -y -qq --no-install-recommends faketime >/dev/null || echo "libfaketime could not be installed" >&2
    ;;
esac
case $missing in
  *alertmanager*)
    # Unpacked, not installed: its service is not wanted.
    unpacked=$(mktemp -d)
    chmod 755 "$unpacked" # apt fetches as a user of its own
    if (cd "$unpacked" && apt-get download -qq prometheus-alertmanager && dpkg -x ./*.deb .) >/dev/null 2>&1; then
      mkdir -p /usr/share/prometheus # where it looks for its templates
      cp -r "$unpacked/usr/share/prometheus/alertmanager" /usr/share/prometheus/
      cp "$unpacked/usr/bin/prometheus-alertmanager" /usr/local/bin/
    else
      echo "Alertmanager could not be fetched" >&2
    fi
    rm -rf "$unpacked"
    ;;
esac
