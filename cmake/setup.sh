# Sourced by ./pagewright, ./test and ./bench: packages, versions, configure, build. Everything here
# talks on stderr: stdout belongs to the program that runs afterwards. Wants $top, the folder of the
# source tree.

release="$top/build/release"

say() { printf 'pagewright: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# The groups of cmake/packages.txt that are asked for, one line of alternatives each.
package_lines() {
  local group names
  while read -r group names; do
    [[ " $* " == *" $group "* ]] && printf '%s\n' "$names"
  done < <(grep -v -e '^#' -e '^$' "$top/cmake/packages.txt")
}

installed() {
  [[ "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null)" == "install ok installed" ]]
}

available() {
  local candidate
  candidate=$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p')
  [[ -n "$candidate" && "$candidate" != "(none)" ]]
}

explain_other_system() {
  say "this system has no apt-get, so nothing can be installed for you. What has to be there:"
  say "  GCC 12 or Clang 14, CMake 3.22, Ninja, pkg-config, Valgrind 3.19 with its tool headers,"
  say "  QEMU's qemu-x86_64, the libraries tl-expected, fmt, CLI11, nlohmann-json, zstd, xxHash,"
  say "  elfutils, TBB, robin-map (for tests also GoogleTest, Google Benchmark, python3, clang,"
  say "  lld, llvm, wasi-libc)."
  say "The list with Debian's names is in cmake/packages.txt."
}

# The packages of the lines on stdin that are missing, each line by its first available alternative.
missing_packages() {
  local line name found
  while IFS= read -r line; do
    found=
    for name in ${line//|/ }; do
      if installed "$name"; then found=yes; break; fi
    done
    [[ -n "$found" ]] && continue
    for name in ${line//|/ }; do
      if available "$name"; then found="$name"; break; fi
    done
    printf '%s\n' "${found:-?$line}"
  done
}

apt_get() {
  local log="$top/build/packages.log"
  local -a command=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q "$@")
  (( EUID == 0 )) || command=(sudo "${command[@]}")
  "${command[@]}" >"$log" 2>&1 && return
  grep -E '^([EW]|sudo):' "$log" | head -n 4 >&2 || tail -n 20 "$log" >&2
  return 1
}

# cannot_install WHY PACKAGE...: packages are missing, and this user cannot install them.
cannot_install() {
  local why=$1 name
  local -a names=()
  shift
  for name in "$@"; do
    name=${name#\?}
    names+=("${name%% *}")
  done
  say "packages are missing, and $why. To install them as root, and then start again:"
  printf '  apt-get update && apt-get install -y --no-install-recommends %s\n' "${names[*]}" >&2
  exit 1
}

# The package lists that there are, if any, do not have all; fetches them.
update_lists() {
  say "fetching the package lists (apt-get update)"
  apt_get update && return
  (( EUID == 0 )) || cannot_install "apt-get update failed" "$@"
  die "apt-get update failed: no package lists, nothing to install from"
}

install_packages() {
  local -a missing
  command -v apt-get >/dev/null || { explain_other_system; return; }
  mapfile -t missing < <(package_lines "$@" | missing_packages)
  (( ${#missing[@]} == 0 )) && return
  (( EUID == 0 )) || command -v sudo >/dev/null ||
    cannot_install "you are not root and there is no sudo" "${missing[@]}"
  if [[ "${missing[*]}" == *\?* ]]; then
    update_lists "${missing[@]}"
    mapfile -t missing < <(package_lines "$@" | missing_packages)
  fi
  local name
  for name in "${missing[@]}"; do
    [[ "$name" == \?* ]] || continue
    grep -q -e '^W: Failed to fetch' -e '^E:' "$top/build/packages.log" 2>/dev/null &&
      die "the package lists could not be fetched (is there a network?);" \
        "apt-get's messages are in $top/build/packages.log"
    die "this distribution has no package ${name#?};" \
      "Debian 12 or Ubuntu 24.04 or newer is needed"
  done
  # Nothing of the user's is removed to make room.
  local -a how=(--no-install-recommends --no-remove)
  say "installing ${#missing[@]} packages: ${missing[*]}"
  apt_get install -y "${how[@]}" "${missing[@]}" && return
  if grep -q 'remove is disabled' "$top/build/packages.log"; then
    say "some of these conflict with packages that you have, which are left alone. To let apt-get"
    say "remove them, run this as root, look at what it says, and start again:"
    printf '  apt-get install --no-install-recommends %s\n' "${missing[*]}" >&2
    exit 1
  fi
  say "trying again with fresh package lists"
  apt_get update && apt_get install -y "${how[@]}" "${missing[@]}" && return
  (( EUID == 0 )) || cannot_install "apt-get failed" "${missing[@]}"
  die "apt-get could not install: ${missing[*]}" \
    "(its messages are in $top/build/packages.log)"
}

# at_least WANTED FOUND
at_least() { [[ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" == "$1" ]]; }

# Chooses the compiler: $CXX where the user set it, else the newest GCC or Clang that is good
# enough.
choose_compiler() {
  [[ -n "${CXX:-}" ]] && return
  local name version
  for name in g++ g++-14 g++-13 g++-12; do
    version=$("$name" -dumpfullversion 2>/dev/null) || continue
    if at_least 12 "$version"; then export CXX="$name" CC="gcc${name#g++}"; return; fi
  done
  for name in clang++ clang++-19 clang++-18 clang++-14; do
    version=$("$name" -dumpversion 2>/dev/null) || continue
    if at_least 14 "$version"; then export CXX="$name" CC="clang${name#clang++}"; return; fi
  done
  die "no compiler that is new enough: GCC 12 or Clang 14 is needed (found: $(c++ --version 2>&1 |
    head -n 1)); on Debian and Ubuntu install g++-12, or set CXX"
}

check_versions() {
  local version
  for tool in cmake ninja; do
    command -v $tool >/dev/null || die "$tool is missing; see cmake/packages.txt"
  done
  version=$(cmake --version | sed -n '1s/.* //p')
  at_least 3.22 "$version" || die "CMake 3.22 or newer is needed; here is $version"
  if command -v valgrind >/dev/null; then
    version=$(valgrind --version | sed 's/^valgrind-//')
    at_least 3.19 "$version" || die "Valgrind 3.19 or newer is needed; here is $version"
  fi
  choose_compiler
}

# Configures a preset that is not yet, or that looked for a package in vain (it may be there now).
# All other reasons to configure again are Ninja's to see.
configure() {  # PRESET
  local folder="$top/build/$1"
  [[ -e "$folder/build.ninja" ]] && ! grep -q '_DIR:PATH=.*-NOTFOUND$' "$folder/CMakeCache.txt" &&
    return
  local log="$folder.configure.log"
  mkdir -p "$top/build"
  (cd "$top" && cmake --preset "$1") >"$log" 2>&1 && return
  cat "$log" >&2
  die "configuring failed; the messages above are also in $log"
}

build() {  # PRESET TARGET...
  local folder="$top/build/$1" quiet=--quiet
  shift
  [[ -t 2 ]] && quiet=
  ninja -C "$folder" $quiet "$@" >&2 || die "the build failed; see above"
}

# Everything below happens in one launcher at a time; a second one waits here.
with_lock() {
  { mkdir -p "$top/build" && exec 9>>"$top/build/.lock"; } 2>/dev/null ||
    die "$top/build cannot be written to, and that is where Pagewright is built:" \
      "make this folder yours (chown), or work in a copy of it"
  if ! flock -n 9; then
    say "waiting for another build in this folder"
    flock 9
  fi
  "$@"
  exec 9>&-
}

# A stamp is older than the build that made it, so that a file changed while the build ran counts as
# newer. Folders count too (their time changes when a file comes or goes): a git pull always shows.
up_to_date() {
  [[ -e "$1" ]] || return
  [[ -z "$(find "$top/CMakeLists.txt" "$top/CMakePresets.json" "$top/cmake" "$top/src" \
    "$top/ports" "$top/recorder" "$top/tools" "$top/data" "$top/web/build.mjs" "$top/web/core" \
    "$top/web/html" "$top/web/package-lock.json" "$top/web/src" -newer "$1" -print -quit 2>&1)" ]]
}

build_release() {
  local stamp="$release/.built"
  up_to_date "$stamp" && return
  install_packages run
  check_versions
  [[ -e "$release/pagewright" ]] || say "building in build/release (minutes, the first time)"
  touch "$top/build/.started"
  configure release
  build_with_or_without_pages all
  mv "$top/build/.started" "$stamp"
}

# Whether the release build is one with the pages.
has_pages() { grep -qs '^PW_PAGES:BOOL=ON$' "$release/CMakeCache.txt"; }

# Builds the release; where that fails with the pages (no network for npm, say), without them.
build_with_or_without_pages() {  # TARGET...
  if has_pages; then
    (build release "$@") && return
    say "trying again without the HTML pages"
    cmake -DPW_PAGES=OFF "$release" >/dev/null
  fi
  build release "$@"
}

# pages_wanted ARGUMENT...: whether this command line is for a verb or option that needs the pages.
pages_wanted() {
  local word
  [[ "${1:-}" == explore ]] && return
  for word in "$@"; do
    case "$word" in
      --) return 1 ;;
      --html | --html=*) return 0 ;;
    esac
  done
  return 1
}

# Node.js and npm: those that are there, else the distribution's.
node_group() { { command -v node && command -v npm; } >/dev/null || echo node; }

node_is_there() {
  local version
  command -v npm >/dev/null || { say "no npm: the HTML pages are not built"; return 1; }
  version=$(node --version 2>/dev/null)
  at_least 18 "${version#v}" && return
  say "the HTML pages need Node.js 18 or newer (found: ${version:-none}): they are not built"
  return 1
}

# Configures the release build to have the pages, where it can: OPTION...
configure_pages() {
  local log="$release.configure.log"
  cmake -DPW_PAGES=ON "$@" "$release" >"$log" 2>&1 && return
  grep -A 4 'CMake Error' "$log" >&2
  say "going on without the HTML pages"
  cmake -DPW_PAGES=OFF "$release" >"$log" 2>&1 || die "configuring failed; see $log"
  return 1
}

# The release build with the pages in it. Where that cannot be, the tool says so and goes on.
build_with_pages() {
  has_pages && up_to_date "$release/.built" && return
  if ! (install_packages run pages $(node_group)); then
    say "going on without the HTML pages"
    build_release
    return
  fi
  if ! has_pages && node_is_there; then
    check_versions
    configure release
    if configure_pages; then
      rm -f "$release/.built"
      say "building the HTML pages, which takes a few minutes once"
    fi
  fi
  build_release
}
