package manual

import (
	"fmt"
	"strings"

	"dnseal/cmd/internal/logline"
)

// logText is the beginning of dnseal-log(5), after its name.
const logText = `.SH DESCRIPTION
.BR dnseal-relay (1)
and
.BR dnseal-milter (1)
write a line for each message, and one for each event that an operator should know, to standard error; under systemd
that is the journal. [log] format in
.BR dnseal.toml (5)
chooses between key=value (text) and an object in JSON a line (json). Values with a space, an equals sign, a quotation
mark or a control in them are in quotation marks, with escapes as in Go or JSON.
.PP
There are no bodies, no subjects and no secrets in it. What strangers wrote (addresses, message_id, replies of a next
hop) stays inside its value: it can make neither another field nor another line, and has no characters that a terminal
obeys. A value of more than 1,000 bytes is cut, and ends in "...". Fields are only added, and never twice in a line.
.BR dnseal-report (1)
counts the lines.
`

// logPage is dnseal-log(5) in roff.
func logPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH DNSEAL-LOG 5 %q dnseal\n"+ragged+".SH NAME\ndnseal\\-log \\- the log of dnseal relay and dnseal milter\n"+logText, manDate)
	for _, s := range logline.Sections {
		fmt.Fprintf(&b, ".SH \"FIELDS: %s\"\n", s.Title)
		for _, f := range s.Fields {
			text := f.Meaning
			if f.When != "" {
				text += " Present: " + f.When + "."
			}
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(f.Name), roff(text))
		}
	}
	b.WriteString(".SH LINES\nValues of msg. A word with \"...\" is the beginning of several.\n")
	for _, e := range logline.Events {
		msg := e.Msg
		if strings.HasSuffix(msg, " ") {
			msg += "..."
		}
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(msg), roff(e.Text))
	}
	b.WriteString(".SH EXAMPLES\n.nf\n" + roff("journalctl -u 'dnseal-*' -o cat | grep 'result=key-not-published'\n"+
		"dnseal report --message-id '<x@example.org>' journal") + "\n.fi\n" +
		".SH SEE ALSO\n.BR dnseal-report (1),\n.BR dnseal-metrics (7),\n.BR dnseal-verdicts (7),\n.BR dnseal.toml (5)\n")
	return b.String()
}
