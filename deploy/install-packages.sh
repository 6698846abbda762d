#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing, for ./run or for ./check. Debian 12 and 13.
# usage: deploy/install-packages.sh run|check
#
# Nothing missing: returns at once and touches nothing. Otherwise it uses apt-get, through sudo
# where the user is not root.
#
# Debian 12 lacks llhttp and yyjson. They come from Debian 13 (they need nothing newer than what 12
# has): a second apt source, derived from the system's own, and a pin that lets these four packages
# in and nothing else. Both files are named payment-platform-trixie below /etc/apt; removing them
# undoes it. Where apt already offers the packages, no file is written.
set -eu

apt_dir=/etc/apt
imported='libllhttp-dev libllhttp9.2 libyyjson-dev libyyjson0'

die() {
    echo "install-packages: $*" >&2
    exit 1
}

# -- what is needed --------------------------------------------------------------------------------

[ -r /etc/os-release ] && . /etc/os-release
case "${ID:-unknown} ${VERSION_ID:-}" in
'debian 13') msgpack=libmsgpack-c-dev clang_rt=libclang-rt-19-dev ;;
*) msgpack=libmsgpack-dev clang_rt=libclang-rt-14-dev ;;
esac

needed="gcc libc6-dev meson ninja-build pkg-config python3 curl libuv1-dev libnng-dev $msgpack
    libmbedtls-dev libsqlite3-dev libssl-dev libjwt-dev libcurl4-openssl-dev libllhttp-dev
    libyyjson-dev libcmocka-dev"
case "${1:-}" in
run) ;;
check)
    needed="$needed clang $clang_rt fish git sqlite3 strace wrk zsh"
    # Only where absent: many machines have node from elsewhere.
    command -v node >/dev/null || needed="$needed nodejs"
    command -v npm >/dev/null || needed="$needed npm"
    ;;
*) die 'usage: deploy/install-packages.sh run|check' ;;
esac

command -v dpkg-query >/dev/null ||
    die "this is not Debian; install by hand what gives: $(echo $needed)"

# A name is installed if a package has it or provides it (pkg-config is pkgconf on Debian 13).
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
    sed -n 's/^installed //p' | sed 's/([^)]*)//g; s/,/ /g' | tr -s ' ' '\n')
missing=$(printf '%s\n' $needed | grep -vxF "$installed") || exit 0

case "${ID:-unknown} ${VERSION_ID:-}" in
'debian 12' | 'debian 13') ;;
*) die "packages are known for Debian 12 and 13, this is ${PRETTY_NAME:-unknown};" \
    "missing here: $(echo $missing)" ;;
esac

# -- apt -------------------------------------------------------------------------------------------

sudo=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "run as root or install sudo; missing: $(echo $missing)"
    sudo='sudo'
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT

apt() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@" \
        >"$log" 2>&1
}

# The line of the log that says why.
reason() {
    grep -m1 '^E: ' "$log" || grep -m1 '^W: ' "$log" || tail -n1 "$log"
}

# One source that fails need not matter: whether the packages are there is seen on install.
update() {
    apt update || echo "install-packages: apt-get update: $(reason)" >&2
}

offered() {
    [ -z "$(LC_ALL=C apt-cache policy "$@" | grep 'Candidate: (none)')" ] &&
        [ "$(LC_ALL=C apt-cache policy "$@" | grep -c Candidate:)" = $# ]
}

# -- llhttp and yyjson on Debian 12 ----------------------------------------------------------------

# Prints the stanza of a .sources file that gives bookworm main, for trixie. Comments are dropped:
# they may stand inside a stanza and even inside a field. Security is another archive.
trixie_stanza() {
    awk '
    function flush_stanza(   i, key, value) {
        if (n > 0 && (" " field["types"] " ") ~ / deb / && field["enabled"] !~ /^ *no/ &&
            (" " field["suites"] " ") ~ / bookworm\/? / &&
            (" " field["components"] " ") ~ / main / &&
            field["uris"] !~ /security|cdrom:/ && (!strict || field["uris"] ~ /debian/) && !found) {
            found = 1
            for (i = 1; i <= n; i++) {
                if (owner[i] == "types") value = "Types: deb"
                else if (owner[i] == "suites") value = "Suites: trixie"
                else if (owner[i] == "components") value = "Components: main"
                else { print line[i]; continue }
                if (line[i] !~ /^[ \t]/) print value
            }
        }
        n = 0
        split("", field)
    }
    /^[ \t]*#/ { next }
    /^[ \t]*$/ { flush_stanza(); next }
    {
        text = $0
        if (text !~ /^[ \t]/) {
            key = tolower(text)
            sub(/:.*/, "", key)
            sub(/^[^:]*:/, "", text)
        }
        gsub(/[ \t]+/, " ", text)
        n++
        line[n] = $0
        owner[n] = key
        field[key] = field[key] " " text
    }
    END { flush_stanza(); exit !found }' strict="$2" "$1"
}

# The same for one-line entries: deb [options] URI bookworm main ...
trixie_line() {
    awk '
    {
        sub(/#.*/, "")
        if ($1 != "deb" || found) next
        options = ""
        rest = $0
        sub(/^[ \t]*deb[ \t]+/, "", rest)
        if (match(rest, /^\[[^]]*\][ \t]+/)) {
            options = substr(rest, 1, RLENGTH)
            rest = substr(rest, RLENGTH + 1)
        }
        count = split(rest, word, /[ \t]+/)
        main = 0
        for (i = 3; i <= count; i++) if (word[i] == "main") main = 1
        if (main && word[2] ~ /^bookworm\/?$/ && word[1] !~ /security|cdrom:/ &&
            (!strict || word[1] ~ /debian/)) {
            found = 1
            print "deb " options word[1] " trixie main"
        }
    }
    END { exit !found }' strict="$2" "$1"
}

add_trixie() {
    # First entries that name Debian: other archives also have a bookworm main.
    for strict in 1 0; do
        for file in "$apt_dir"/sources.list.d/*.sources; do
            [ -r "$file" ] && entry=$(trixie_stanza "$file" $strict) && kind=sources && break 2
        done
        for file in "$apt_dir"/sources.list "$apt_dir"/sources.list.d/*.list; do
            [ -r "$file" ] && entry=$(trixie_line "$file" $strict) && kind=list && break 2
        done
    done
    [ -n "${kind:-}" ] || die "no apt source of bookworm main found below $apt_dir"

    comment='# llhttp and yyjson; the pin is preferences.d/payment-platform-trixie'
    printf '%s\n%s\n' "$comment" "$entry" |
        $sudo tee "$apt_dir/sources.list.d/payment-platform-trixie.$kind" >/dev/null
    $sudo tee "$apt_dir/preferences.d/payment-platform-trixie" >/dev/null <<EOF
Package: *
Pin: release n=trixie
Pin-Priority: -1

Package: $imported
Pin: release n=trixie
Pin-Priority: 500
EOF
    # Older images of Debian 12 do not know Debian 13's signing key.
    apt install -y --no-install-recommends --only-upgrade debian-archive-keyring || true
    update
}

# -- install ---------------------------------------------------------------------------------------

echo "installing $(echo $missing)" >&2
update
if [ "$VERSION_ID" = 12 ] && ! offered libllhttp-dev libyyjson-dev; then
    add_trixie
    offered libllhttp-dev libyyjson-dev ||
        die "Debian 13's llhttp and yyjson are not offered by apt: $(reason)"
fi
apt install -y --no-install-recommends $missing ||
    die "apt-get install $(echo $missing) failed: $(reason)"
