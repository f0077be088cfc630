package milter

import (
	"fmt"
	"strings"
)

// PostfixSettings are the lines of main.cf for a milter at this address. Others
// that are there already go before it in the same list, DKIM signers after it.
func (a Address) PostfixSettings() string {
	var b strings.Builder
	fmt.Fprintf(&b, "smtpd_milters = %s\n", a)
	b.WriteString("non_smtpd_milters = $smtpd_milters\n")
	b.WriteString("milter_protocol = 6\n")
	b.WriteString("milter_default_action = tempfail\n")
	if a.Network == "unix" {
		b.WriteString("# An smtpd that runs chrooted (master.cf) looks for the path below queue_directory.\n")
	}
	return b.String()
}

// SendmailSettings are the lines of sendmail.mc for a milter at this address,
// under a name without white space. F=T defers mail while it does not answer.
func (a Address) SendmailSettings(name string) string {
	return fmt.Sprintf("INPUT_MAIL_FILTER(`%s', `S=%s, F=T, T=C:30s;S:1m;R:5m;E:10m')dnl\n", name, a.Sendmail())
}
