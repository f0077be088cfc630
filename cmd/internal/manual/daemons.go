package manual

import (
	"fmt"
	"strings"
)

// example is a whole dnseal.toml for one purpose.
type example struct{ purpose, text string }

// configExamples are those of dnseal.toml(5). A test loads each.
var configExamples = []example{
	{"A milter signs what the users of a mail server send, each as himself, and another verifies what arrives:", `identities  = "/var/lib/dnseal/identities"
authserv-id = "mx.example.org"

[[sign.rule]]
who  = ["user:*"]
from = ["{user}@example.org"]

[[milter]]
role   = "sign"
listen = "unix:/var/spool/postfix/dnseal/sign.sock"

[[milter]]
role   = "verify"
listen = "unix:/var/spool/postfix/dnseal/verify.sock"
`},
	{"A relay takes mail of the machines of one network and signs it:", `identities = "/var/lib/dnseal/identities"

[[sign.rule]]
who  = ["net:192.0.2.0/24"]
from = ["*@reports.example.org"]

[[relay]]
role     = "submission"
listen   = "192.0.2.1:2525"
next-hop = ["mail.example.org:25"]
`},
	{"A relay before the mail server refuses forged mail of a bank:", `authserv-id = "mx.example.org"

[[domain]]
names   = ["bank.example", "*.bank.example"]
require = "signature"
on      = { bad-signature = "reject", no-signature = "reject", dns-error = "defer", bogus = "defer" }

[[relay]]
role       = "inbound"
listen     = ":25"
recipients = ["example.org"]
next-hop   = ["127.0.0.1:10025"]
`},
}

// examples is the section EXAMPLES in roff.
func examples() string {
	var b strings.Builder
	b.WriteString(".SH EXAMPLES\n")
	for _, e := range configExamples {
		fmt.Fprintf(&b, ".PP\n%s\n.PP\n.nf\n%s\n.fi\n", roff(e.purpose), roff(e.text))
	}
	return b.String()
}

// daemonText is what the pages of the daemons and of their configuration say of files and signals.
const daemonText = `.SH FILES
.TP
.I /etc/dnseal/dnseal.toml
the configuration, where \-\-config names no other.
.TP
.I /var/lib/dnseal/identities
an example of identities: a folder for each, with key.pem and cert.pem. Keys that change are read again within a
second, without a signal.
.TP
.I /var/spool/postfix/dnseal, /run/dnseal
directories of sockets, which the units make; Postfix under its usual chroot sees the first alone. What systemd passes in a socket unit is used for the listener of the same
address.
.TP
.I $TMPDIR, /tmp
messages of more than 256 KiB while they are handled, in files without a name.
.SH SIGNALS
.TP
.B SIGHUP
reads the configuration and all files that it names again. When there is a mistake the old configuration stays, and
the log says which. Messages in progress keep the old one.
.TP
.BR SIGTERM ", " SIGINT
end: balancers are told for the time of service.drain, then no connection is accepted, messages in progress are
finished, and the exit status is 0.
.SH EXIT STATUS
0 ended by a signal; 2 the configuration is not usable, or a listener cannot be opened or fails.
`
