# Run in a copy of a Debian, which has /packages with dnseal.deb and old.deb (an older version, whose
# dnseal.toml is another one).
export DEBIAN_FRONTEND=noninteractive
conf=/etc/dnseal/dnseal.toml
apt="apt-get -q -y --no-install-recommends"

$apt install /packages/old.deb
test "$(stat -c %U:%G:%a $conf)" = root:dnseal:640
test "$(stat -c %U:%G:%a /var/lib/dnseal)" = dnseal:dnseal:700
test "$(getent passwd dnseal | cut -d: -f6)" = /var/lib/dnseal
test "$(stat -c %a /usr/bin/dnseal)" = 755
runuser -u dnseal -- cat $conf >/dev/null
runuser -u dnseal -- dnseal identity new billing@example.net --identities /var/lib/dnseal/identities
cp -a /var/lib/dnseal/identities /tmp/identities

# An upgrade over a changed configuration: dpkg asks, and its default keeps the administrator's.
echo '# ours' >>$conf
cp -a $conf /tmp/ours
$apt install /packages/dnseal.deb </dev/null || { dpkg --configure -a --force-confdef --force-confold; }
cmp $conf /tmp/ours
test "$(stat -c %U:%G:%a $conf)" = root:dnseal:640
test -e $conf.dpkg-dist
! grep -q '^# ours' $conf.dpkg-dist
dpkg -s dnseal | grep -q '^Status: install ok installed'
diff -r /var/lib/dnseal/identities /tmp/identities

# The same again, and the scripts once more by hand: nothing changes.
$apt reinstall /packages/dnseal.deb
/var/lib/dpkg/info/dnseal.postinst configure ''
cmp $conf /tmp/ours

# What a program needs is there, and reads well.
dnseal --version | grep -q "^dnseal $(dpkg-query -W -f '${Version}' dnseal | sed 's/-1$//'), commit [0-9a-f]\{40\}"
pages=0
for page in $(dpkg -L dnseal | grep /man/man./); do
	warnings=$(MANROFFSEQ='' LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null)
	test -z "$warnings" || { echo "$page: $warnings"; exit 1; }
	pages=$((pages + 1))
done
test "$pages" -gt 40
man -w 5 dnseal.toml
bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader dnseal || [ $? = 124 ]; complete -p dnseal'
fish -c 'complete -C"dnseal ver"' | grep -q verify
zsh -fc 'autoload -U compinit; compinit -u -d /tmp/zcompdump; test "$_comps[dnseal]" = _dnseal'
systemd-analyze verify /usr/lib/systemd/system/dnseal-milter.service /usr/lib/systemd/system/dnseal-relay.service
runuser -u dnseal -- dnseal check --table >/tmp/table || test $? != 2
test -e /usr/share/man/man5/dnseal-log.5.gz
test -e /usr/share/man/man7/dnseal-metrics.7.gz
test -e /usr/share/doc/dnseal/examples/dnseal-alerts.yml
test -e /usr/share/doc/dnseal/examples/dnseal-grafana.json
lintian --allow-root --fail-on error,warning /packages/dnseal.deb

# Nothing was enabled: without names of the administrator's own there is nothing to do.
for unit in dnseal-milter.service dnseal-relay.service dnseal-relay.socket; do
	test "$(systemctl is-enabled $unit)" = disabled
done

# Removed: configuration and keys are there. Installed again: all as before.
$apt remove dnseal
test ! -e /usr/bin/dnseal
cmp $conf /tmp/ours
$apt install /packages/dnseal.deb
cmp $conf /tmp/ours
test "$(stat -c %U:%G:%a $conf)" = root:dnseal:640

# Purged: what the package made is gone, and every key is still there, and it says so.
$apt purge dnseal >/tmp/purge
grep -q 'dnseal: /var/lib/dnseal/identities is not empty (keys?) and stays; to remove it: rm -r /var/lib/dnseal/identities' /tmp/purge
test ! -e $conf
test ! -e $conf.dpkg-dist
test ! -e /etc/dnseal
diff -r /var/lib/dnseal/identities /tmp/identities
$apt install /packages/dnseal.deb
runuser -u dnseal -- dnseal identity show billing@example.net --identities /var/lib/dnseal/identities
rm -r /var/lib/dnseal/identities
$apt purge dnseal
test ! -e /var/lib/dnseal
echo 'life: done'
