#!/usr/bin/env bash
# add-backports.sh APT_DIR CODENAME adds the suite CODENAME-backports to apt's sources. It copies the entry that this
# machine uses for CODENAME, so that no host is named here. Does nothing if the suite is there already.
set -euo pipefail

apt=$1
codename=$2
suite=$codename-backports

# Debian's own files first: another vendor's entry may name the same suite.
deb822=("$apt"/sources.list.d/debian.sources "$apt"/sources.list.d/*.sources)
one_line=("$apt"/sources.list "$apt"/sources.list.d/*.list)

# Prints each enabled stanza that offers binary packages of a suite, with `to` in place of its suites.
from_deb822() { # from to file
  awk -v from="$1" -v to="$2" '
    function flush(   i, has, n, words) {
      n = split(suites, words, " ")
      for (i = 1; i <= n; i++) if (words[i] == from) has = 1
      if (has && binary && !disabled && !done) { printf "%s", stanza; done = 1 }
      stanza = suites = field = ""; binary = disabled = has = 0
    }
    /^[ \t]*$/ { flush(); next }
    /^#/ { next }
    /^[^ \t]/ { field = tolower($0); sub(/[ \t]*:.*/, "", field) }
    {
      value = $0
      sub(/^[^ \t:]+[ \t]*:/, "", value)
      if (field == "suites") {
        if (suites == "") stanza = stanza "Suites: " to "\n"
        suites = suites " " value
        next
      }
      if (field == "types" && (" " value " ") ~ /[ \t]deb[ \t]/) binary = 1
      if (field == "enabled" && tolower(value) ~ /no|false|0/) disabled = 1
      stanza = stanza $0 "\n"
    }
    END { flush() }
  ' "$3"
}

# Prints the first one-line entry for binary packages of a suite, with `to` as its suite.
from_one_line() { # from to file
  awk -v from="$1" -v to="$2" '
    $1 != "deb" { next }
    {
      at = 3 # deb URI SUITE …, or deb [option … option] URI SUITE …
      if ($2 ~ /^\[/) { for (at = 2; at <= NF && $at !~ /\]$/; at++); at += 2 }
      if ($at == from) { $at = to; print; exit }
    }
  ' "$3"
}

first_of() { # reader from to file…
  local reader=$1 from=$2 to=$3 file found
  shift 3
  for file in "$@"; do
    [ -f "$file" ] || continue
    found=$("$reader" "$from" "$to" "$file")
    [ -z "$found" ] || { printf '%s\n' "$found"; return; }
  done
}

if [ -n "$(first_of from_deb822 "$suite" "$suite" "${deb822[@]}")$(first_of from_one_line "$suite" "$suite" "${one_line[@]}")" ]; then
  echo "apt has $suite already"
  exit 0
fi

mkdir -p "$apt/sources.list.d"
entry=$(first_of from_deb822 "$codename" "$suite" "${deb822[@]}")
if [ -n "$entry" ]; then
  printf '%s\n' "$entry" >"$apt/sources.list.d/kvtab-backports.sources"
else
  entry=$(first_of from_one_line "$codename" "$suite" "${one_line[@]}")
  if [ -z "$entry" ]; then
    echo "apt has no entry for $codename to copy" >&2
    exit 1
  fi
  printf '%s\n' "$entry" >"$apt/sources.list.d/kvtab-backports.list"
fi
echo "added $suite to apt's sources"
