# Put in front of README's commands. What is the outside world in the README stands in here:
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
		postconf -e 'transport_maps=inline:{example.com=local:}'
		if [ -d /run/systemd/system ]; then
			systemctl restart postfix
		else
			postconf -e maillog_file=/var/log/postfix.log
			postfix start
		fi
		touch /tmp/postfix
	fi
	# The record comes into the zone.
	if [ ! -e /etc/dnseal/anchor ] && grep ' IN SMIMEA ' /tmp/out >/tmp/zone; then
		dnseal sandbox --zone example.org=/tmp/zone --listen 127.0.0.1:53 --anchor /etc/dnseal/anchor >/tmp/sandbox.log 2>&1 &
		wait_for test -s /etc/dnseal/anchor
		chmod 644 /etc/dnseal/anchor
		sed -i '/^\[dns\]/a resolvers = ["127.0.0.1:53"]\ntrust-anchor = "/etc/dnseal/anchor"' /etc/dnseal/dnseal.toml
		wait_for dnseal lookup billing@example.org --resolver 127.0.0.1:53 --trust-anchor /etc/dnseal/anchor
	fi
}

arrived() {
	wait_for test -s /var/mail/bob || true
	cat /var/mail/bob || cat /tmp/milter.log /var/log/postfix.log || journalctl --no-pager -n 50
	dnseal verify --resolver 127.0.0.1:53 --trust-anchor /etc/dnseal/anchor /var/mail/bob
	runuser -u dnseal -- dnseal check
	echo 'readme: done'
}
