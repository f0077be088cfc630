#!/bin/sh
# Installs dnseal from the folder that this file is in: sh install.sh, as root. PREFIX (/usr/local) is
# where it goes, DESTDIR a folder to put in front of everything. An /etc/dnseal/dnseal.toml that exists
# stays as it is. "sh install.sh uninstall" removes what was installed; /etc/dnseal and /var/lib/dnseal stay.
set -eu
from=$(cd "$(dirname "$0")" && pwd)
prefix=${PREFIX:-/usr/local}
to=${DESTDIR:-}$prefix
config=${DESTDIR:-}/etc/dnseal/dnseal.toml
umask 022

# put calls $1 for each file: source, destination, mode.
put() {
	"$1" "$from/dnseal" "$to/bin/dnseal" 755
	for page in "$from"/man/man?/*; do
		"$1" "$page" "$to/share/man/${page#"$from"/man/}" 644
	done
	"$1" "$from/completions/dnseal.bash" "$to/share/bash-completion/completions/dnseal" 644
	"$1" "$from/completions/_dnseal" "$to/share/zsh/${ZSH_FUNCTIONS:-site-functions}/_dnseal" 644
	"$1" "$from/completions/dnseal.fish" "$to/share/fish/vendor_completions.d/dnseal.fish" 644
	for unit in "$from"/systemd/*; do
		"$1" "$unit" "$to/lib/systemd/system/${unit##*/}" 644
	done
	"$1" "$from/dnseal.sysusers" "$to/lib/sysusers.d/dnseal.conf" 644
	for file in "$from"/doc/*; do
		[ -d "$file" ] || "$1" "$file" "$to/share/doc/dnseal/${file##*/}" 644
	done
	for file in "$from"/doc/examples/*; do
		"$1" "$file" "$to/share/doc/dnseal/examples/${file##*/}" 644
	done
}

# A file is replaced by a new one of its own, so that a program that runs goes on with its old one.
write() {
	[ -d "${2%/*}" ] || mkdir -p "${2%/*}"
	case $1 in
	*/systemd/*) sed "s,/usr/local/bin/,$prefix/bin/," "$1" >"$2.new" ;;
	*) cp "$1" "$2.new" ;;
	esac
	chmod "$3" "$2.new"
	mv "$2.new" "$2"
}

remove() { rm -f "$2"; }

case ${1:-install} in
install)
	put write
	if [ ! -e "$config" ]; then
		mkdir -p "${config%/*}"
		cp "$from/dnseal.toml" "$config"
		chmod 640 "$config"
	fi
	[ -n "${DESTDIR:-}" ] || cat <<-END
		dnseal is in $prefix. Where it was not installed before:
		  systemd-sysusers && install -d -o dnseal -g dnseal -m 700 /var/lib/dnseal
		  chgrp dnseal /etc/dnseal/dnseal.toml
		  systemctl daemon-reload
	END
	;;
uninstall)
	put remove
	rmdir "$to/share/doc/dnseal/examples" "$to/share/doc/dnseal" 2>/dev/null || true
	;;
*)
	echo "usage: sh install.sh [install|uninstall]" >&2
	exit 2
	;;
esac
