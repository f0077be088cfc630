# Put in front of README's commands. What is the outside world in the README, and PID 1, stands in here:
# "after" is called after each command, whose output is in /tmp/out; "arrived" at the end.
set -o pipefail
export DEBIAN_FRONTEND=noninteractive
printf 'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n' >/etc/apt/apt.conf.d/99test
echo 127.0.0.1 example.com >>/etc/hosts
useradd -m bob
install -d /tmp/here
ln -s /packages/dnseal.deb /tmp/here/dnseal_1_amd64.deb
cd /tmp/here

wait_for() { # COMMAND...: until it succeeds; the test's own deadline ends it
	until "$@" >/dev/null 2>&1; do sleep 0.1; done
}

after() {
	cat /tmp/out
	# Postfix, which systemd starts when it is installed; bob's mail server is here too.
	if [ ! -e /tmp/postfix ] && command -v postfix; then
		postconf -e 'transport_maps=inline:{example.com=local:}' maillog_file=/var/log/postfix.log
		postfix start
		touch /tmp/postfix
	fi
	# The record comes into the zone.
	if [ ! -e /tmp/anchor ] && grep ' IN SMIMEA ' /tmp/out >/tmp/zone; then
		dnseal sandbox --zone example.org=/tmp/zone --listen 127.0.0.1:53 --anchor /tmp/anchor >/tmp/sandbox.log 2>&1 &
		wait_for test -s /tmp/anchor
		chmod 644 /tmp/anchor
		sed -i '/^\[dns\]/a resolvers = ["127.0.0.1:53"]\ntrust-anchor = "/tmp/anchor"' /etc/dnseal/dnseal.toml
		wait_for dnseal lookup billing@example.org --resolver 127.0.0.1:53 --trust-anchor /tmp/anchor
	fi
}

# By hand what systemd does as PID 1, by the lines of the unit.
systemctl() {
	test "$*" = 'enable --now dnseal-milter' || return 0
	unit=/usr/lib/systemd/system/dnseal-milter.service
	install -d -o dnseal -g dnseal -m 755 /run/dnseal
	eval "$(sed -n 's/^ExecStartPre=+//p' $unit)"
	runuser -u dnseal -- sh -c "umask 0077; exec $(sed -n 's/^ExecStart=//p' $unit)" >/tmp/milter.log 2>&1 &
	wait_for test -S /var/spool/postfix/dnseal/verify.sock
	test "$(stat -c %U:%G:%a /var/spool/postfix/dnseal/sign.sock)" = dnseal:postfix:660
}

arrived() {
	wait_for test -s /var/mail/bob || true
	cat /tmp/milter.log /var/log/postfix.log /var/mail/bob
	dnseal verify --resolver 127.0.0.1:53 --trust-anchor /tmp/anchor /var/mail/bob
	runuser -u dnseal -- dnseal check
	echo 'readme: done'
}
