# Run after README's commands, with systemd as PID 1: the daemons are used by its commands.
conf=/etc/dnseal/dnseal.toml

pid() { systemctl show -P MainPID "$1"; }
logged() { journalctl -q -o cat -u "$1" | grep -e "$2"; } # UNIT PATTERN
smtp() { # COMMAND... on descriptor 3: each is answered by 2xx or 3xx
	local reply
	for line; do
		[ -z "$line" ] || printf '%s\r\n' "$line" >&3
		while read -r reply <&3 && [ "${reply:3:1}" = - ]; do :; done
		[[ $reply == [23]* ]]
	done
}

systemctl is-active dnseal-milter
systemctl is-enabled dnseal-milter
test "$(stat -c %U:%G:%a /var/spool/postfix/dnseal/sign.sock)" = dnseal:postfix:660
logged dnseal-milter 'identity=billing@example.org'

# A changed file is read by the same process; one with a mistake changes nothing, and the cause is in the journal.
milter=$(pid dnseal-milter)
sed -i 's/^# authserv-id .*/authserv-id = "other.example.org"/' $conf
systemctl reload dnseal-milter
wait_for logged dnseal-milter msg=reloaded
cp $conf /tmp/good
echo 'mistake = 1' >>$conf
systemctl reload dnseal-milter
wait_for logged dnseal-milter 'not reloaded'
cp /tmp/good $conf
test "$(pid dnseal-milter)" = "$milter"

# The relay is started by the first client of its socket, and again by the next one after it was stopped.
cat >>$conf <<'END'

[[relay]]
role     = "submission"
listen   = ":587"
next-hop = ["127.0.0.1:25"]
END
systemctl enable --now dnseal-relay.socket
! systemctl is-active dnseal-relay.service
exec 3<>/dev/tcp/127.0.0.1/587
smtp '' 'EHLO client.example.org' 'MAIL FROM:<billing@example.org>' 'RCPT TO:<bob@example.com>' DATA \
	$'From: billing@example.org\r\nSubject: Tables\r\n\r\nFour, please.\r\n.' QUIT
systemctl is-active dnseal-relay.service
wait_for grep '^Subject: Tables' /var/mail/bob
systemctl stop dnseal-relay.service
exec 3<>/dev/tcp/127.0.0.1/587
smtp '' QUIT
systemctl is-active dnseal-relay.service

# The journal has it all, and report reads it there.
dnseal report journal
dnseal report --json journal >/tmp/report
grep -q '"signed":2' /tmp/report

# Hardening, as systemd counts what is open (0 nothing, 10 everything).
for unit in dnseal-milter dnseal-relay; do
	systemd-analyze --no-pager security $unit.service
	systemd-analyze --no-pager security --threshold=25 $unit.service >/dev/null
done

# An upgrade starts anew what runs, and nothing else.
relay=$(pid dnseal-relay)
apt-get -q -y reinstall /packages/dnseal.deb
systemctl is-active dnseal-milter dnseal-relay.service dnseal-relay.socket
test "$(pid dnseal-milter)" != "$milter"
test "$(pid dnseal-relay)" != "$relay"

# Removed: nothing runs. What runs for an identity is asked for again by hand.
apt-get -q -y remove dnseal
! systemctl is-active dnseal-milter
! systemctl is-active dnseal-relay.service
! systemctl is-active dnseal-relay.socket
test -z "$(systemctl list-units --failed --no-legend 'dnseal-*')"
echo 'systemd: done'
