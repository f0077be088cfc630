package receiver

import (
	"fmt"
	"slices"
	"time"

	"dnseal/smime"
)

// farFromDate is how far a signing time may be from Date without a remark. Thunderbird calls a
// signature invalid whose time is further away.
const farFromDate = time.Hour

// remarks are what a person wants to know about the message and what decides nothing.
func (v *verification) remarks(found *smime.Report) []string {
	var out []string
	for _, s := range found.Sealed {
		out = append(out, s+": a signature inside cannot be seen")
	}
	date := v.message.Date()
	for _, sc := range v.judged {
		text := sc.dateRemark(date)
		if text != "" && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// dateRemark compares the signing time (RFC 5652, Section 11.3) with Date (RFC 5322, Section
// 3.6.1). Both are claims; mail that waited, or was written for later, has two true ones.
func (sc *signatureCheck) dateRemark(date time.Time) string {
	at := sc.sig.SigningTime
	if sc.sig.Integrity != smime.IntegrityGood || sc.out.Covers != smime.CoversMessage || at.IsZero() || date.IsZero() {
		return ""
	}
	switch off := at.Sub(date); {
	case off > farFromDate:
		return fmt.Sprintf("the signing time is %s after Date; some readers refuse that", span(off))
	case off < -farFromDate:
		return fmt.Sprintf("the signing time is %s before Date; some readers refuse that", span(-off))
	}
	return ""
}

// span is a length of time for people.
func span(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}
