# Sourced by run, test, demo and bench: what each needs is installed when it is missing, and only then.
# Every function is safe to call again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"

say() { printf '%s\n' "$*" >&2; }

# need_apt PACKAGE...: installs those that are not there. Waits for another apt rather than collide with it.
need_apt() {
  local missing=() p
  for p in "$@"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok installed' || missing+=("$p")
  done
  [ "${#missing[@]}" -eq 0 ] && return 0
  say "installing: ${missing[*]}"
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  "${sudo[@]}" apt-get -o DPkg::Lock::Timeout=300 -qq update >/dev/null
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_tools() {
  command -v go >/dev/null || { say "Go 1.26 or newer is needed: see https://go.dev/doc/install"; exit 1; }
  command -v npm >/dev/null || { say "Node 20 or newer with npm is needed: see https://nodejs.org"; exit 1; }
}

# frontend: the built pages in frontend/dist, made again only where a source is newer.
frontend() {
  local stamp=frontend/node_modules/.installed built=frontend/dist/index.html
  if [ ! -e "$stamp" ] || [ frontend/package-lock.json -nt "$stamp" ]; then
    (cd frontend && npm ci --no-audit --no-fund --loglevel=error >&2)
    touch "$stamp"
  fi
  if [ ! -e "$built" ] || [ -n "$(find frontend/src frontend/index.html frontend/vite.config.ts frontend/package-lock.json -newer "$built" -print -quit)" ]; then
    (cd frontend && npm run --silent build >&2)
  fi
}

window_packages=(pkg-config gcc libgtk-3-dev libwebkit2gtk-4.1-dev fonts-noto-color-emoji)

# node: the headless node and command line, pure Go.
node() { CGO_ENABLED=0 go build -ldflags '-s -w' -o build/bin/hallway ./app/hallway; }

# window: the desktop app.
window() {
  go build -tags desktop,production,webkit2_41 -ldflags '-s -w' -o build/bin/hallway-desktop ./app/hallway-desktop
}
