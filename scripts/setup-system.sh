#!/usr/bin/env bash
# What the tests need from the system: a Chromium, a Vulkan loader, and a Vulkan driver that Dawn accepts
# (a GPU's own, or Mesa's software driver lavapipe, version 24 or newer). Installs what is missing on Debian
# and names it exactly elsewhere. Debian 12's own Mesa is too old, so lavapipe comes from its backports suite;
# the suite is used for this one installation and is not added to the system's sources.
set -euo pipefail
cd "$(dirname "$0")/.."

have_chromium() {
  [ -n "${CHROMIUM:-}" ] && [ -x "$CHROMIUM" ] && return 0
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null
}
have_adapter() { node scripts/check-gpu.mjs >/dev/null 2>&1; }

need=()
have_chromium || need+=(chromium)
have_adapter || need+=(mesa)
[ ${#need[@]} -eq 0 ] && exit 0

give_up() {
  echo "Missing: ${need[*]}. $1" >&2
  echo "The tests need: a Chromium (set CHROMIUM=/path if it is not on PATH), libvulkan1, and a Vulkan driver that" >&2
  echo "Dawn accepts: your GPU's, or mesa-vulkan-drivers >= 24 (Debian 12: from the suite bookworm-backports)." >&2
  exit 1
}

. /etc/os-release 2>/dev/null || true
command -v apt-get >/dev/null || give_up "This is not a Debian-like system, so nothing was installed."
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  sudo -n true 2>/dev/null || give_up "Installing them needs root."
  as_root=(sudo -n)
fi
export DEBIAN_FRONTEND=noninteractive
apt() { "${as_root[@]}" apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }

echo "Installing ${need[*]} …"
apt update
[[ " ${need[*]} " != *" chromium "* ]] || apt install -y --no-install-recommends chromium >/dev/null
if [[ " ${need[*]} " == *" mesa "* ]]; then
  apt install -y --no-install-recommends libvulkan1 >/dev/null
  if [ "${ID:-}" = debian ] && [ "${VERSION_CODENAME:-}" = bookworm ]; then
    # The mirror that this machine already uses for Debian's main suite.
    # Either file may be missing (grep then fails): what counts is whether a mirror was found.
    mirror=$(grep -rhoE 'https?://[^ ]+' /etc/apt/sources.list /etc/apt/sources.list.d/ 2>/dev/null |
      grep -E '/debian/?$' | head -n 1) || true
    [ -n "$mirror" ] || give_up "No Debian mirror found in /etc/apt, so the backports suite is out of reach."
    lists=$(mktemp -d)
    mkdir -p "$lists/parts" "$lists/state/partial"
    signed="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    for suite in bookworm bookworm-updates bookworm-backports; do
      echo "deb $signed $mirror $suite main"
    done >"$lists/sources.list"
    chmod -R a+rX "$lists"
    with=(-o "Dir::Etc::sourcelist=$lists/sources.list" -o "Dir::Etc::sourceparts=$lists/parts" -o "Dir::State::lists=$lists/state")
    apt "${with[@]}" update
    apt "${with[@]}" install -y --no-install-recommends -t bookworm-backports mesa-vulkan-drivers >/dev/null
  else
    apt install -y --no-install-recommends mesa-vulkan-drivers >/dev/null
  fi
fi
need=()
have_chromium || need+=(chromium)
have_adapter || need+=("a Vulkan driver that Dawn accepts")
[ ${#need[@]} -eq 0 ] || give_up "The installation did not bring them."
