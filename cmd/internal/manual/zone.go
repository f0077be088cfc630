package manual

import (
	"fmt"
	"strings"

	"dnseal/lookup/zonecheck"
)

// zoneCodesPage is dnseal-zone-codes(7) in roff: what zone check can find.
func zoneCodesPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, `.TH DNSEAL-ZONE-CODES 7 %q dnseal
`+ragged+`.SH NAME
dnseal\-zone\-codes \- what dnseal zone check finds, why it matters, and what to do
.SH DESCRIPTION
.BR dnseal-zone-check (1)
with \-\-json prints one JSON object a finding:
.B code
and
.B severity
(stable words, below),
.B name
(the object: a zone, a name server or an owner name),
.BR zone ,
.BR what ,
.BR why ,
.B advice
and, where there are several objects,
.B names
(20 at most). Programs may compare codes and severities; the other texts are for people.
.SH SEVERITIES
.TP
.B wrong
verification fails, or a withdrawal does not show in the wished time.
.TP
.B undecided
it could not be told.
.TP
.B note
a choice with consequences that should be known.
.TP
.B ok
it was checked, and is right.
`, manDate)
	group := ""
	for _, k := range zonecheck.Kinds() {
		if k.Group != group {
			group = k.Group
			fmt.Fprintf(&b, ".SH %q\n", "CODES: "+strings.ToUpper(group))
		}
		fmt.Fprintf(&b, ".TP\n.BR %s \" [%s]\"\n%s\n", roff(string(k.Code)), k.Severity, roff(strings.Join(strings.Fields(k.Summary+" "+k.Why+" "+k.Advice), " ")))
	}
	b.WriteString(".SH SEE ALSO\n.BR dnseal-zone-check (1),\n.BR dnseal-identity-record (1),\n.BR dnseal-lookup (1)\n")
	return b.String()
}
