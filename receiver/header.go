package receiver

import (
	"cmp"
	"strings"

	"dnseal/receiver/internal/authres"
	"dnseal/smime"
	"dnseal/smime/message"
)

// header is what the signature proves about the fields that readers show or act on. Under a bad
// signature it proves nothing.
func (sc *signatureCheck) header() finding {
	s := sc.sig
	if s.Integrity != smime.IntegrityGood || s.HeaderState == "" {
		return good
	}
	sc.out.HeaderState, sc.out.changes = s.HeaderState, s.HeaderChanges
	if s.HeaderState != smime.HeaderChanged {
		return good
	}
	if sc.receiver.opts.RestoreHeader {
		sc.out.restoring = s.RestoreHeader()
	}
	return finding{Policy, CodeHeaderChanged, "the header was changed since it was signed: " + strings.Join(s.HeaderChanges, ", ")}
}

// headerState concludes from the signatures that decide to the header of the message. Only
// signatures on the whole message are about that; one that is changed for one of them is changed.
func headerState(sigs []*SignatureReport) smime.HeaderState {
	state := smime.HeaderUnprotected
	for _, s := range sigs {
		switch {
		case s.Covers != smime.CoversMessage:
		case s.HeaderState == smime.HeaderChanged:
			return smime.HeaderChanged
		case s.HeaderState == smime.HeaderProtected:
			state = smime.HeaderProtected
		}
	}
	return state
}

// resentBy are the addresses of Resent-From, and of Resent-Sender where that is missing; a field
// that cannot be read as it stands.
// RFC 5322, Section 3.6.6.
func resentBy(m *message.Message) []string {
	fields := m.Fields("Resent-From")
	if len(fields) == 0 {
		fields = m.Fields("Resent-Sender")
	}
	var out []string
	for _, f := range fields[:min(len(fields), maxResent)] {
		as, err := message.ParseAddressList(f.Value())
		if err != nil || len(as) == 0 {
			out = append(out, authres.Shorten(f.Unfolded()))
			continue
		}
		for _, a := range as[:min(len(as), maxResent)] {
			out = append(out, a.String())
		}
	}
	return out
}

// maxResent is how many of them are reported.
const maxResent = 4

// headerText is the state for people, with who sent the message on.
func (r *Report) headerText() string {
	text := string(cmp.Or(r.HeaderState, smime.HeaderUnprotected))
	if len(r.HeaderRestored) > 0 {
		text += ", restored: " + strings.Join(r.HeaderRestored, ", ")
	}
	if len(r.ResentBy) > 0 {
		text += "; resent by " + strings.Join(r.ResentBy, ", ")
	}
	return text
}
