package receiver

import (
	"fmt"
	"strings"

	"dnseal/smime"
	"dnseal/smime/message"
)

// restore returns the changes that put the header back as it was signed, and makes the report say
// so: only where that is all that stands between the message and a pass, for every signature that
// counts.
func (r *Receiver) restore(report *Report) []message.Change {
	if !r.opts.RestoreHeader || r.opts.Observe || r.opts.AuthservID == "" || report.Code != CodeHeaderChanged {
		return nil
	}
	for _, s := range report.deciding {
		if s.Verdict != Pass && (s.otherwise.verdict != Pass || len(s.restoring) == 0) {
			return nil
		}
	}
	var changes []message.Change
	for _, s := range report.deciding {
		if s.Verdict != Pass {
			// What several signatures protect is the same header: they stand around the
			// same content.
			changes, report.HeaderRestored = s.restoring, s.changes
			s.restored()
		}
	}
	report.HeaderState = smime.HeaderProtected
	report.conclude(finding{Pass, CodeHeaderRestored, fmt.Sprintf("the header was changed, and is put back as it was signed: %s", strings.Join(report.HeaderRestored, ", "))})
	return changes
}

func (s *SignatureReport) restored() {
	s.Verdict, s.Code, s.Reason = s.otherwise.verdict, s.otherwise.code, s.otherwise.reason
	s.HeaderState, s.headerWord = smime.HeaderProtected, message.HeaderRestored
}
