package smime

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// route is the way of a message according to the trace fields that systems added (RFC 5321, Section
// 4.4). All of them can be forged.
type route struct {
	hops []routeHop // in the order of the way
	body []byte     // of the message; nil when it is too large
	off  int64      // where it begins
	// lists are the values of the fields of RFC 2369 and RFC 2919; converter is the host that
	// claims to have encoded the message for transfer.
	lists, converter string
}

// routeHop is a system that received the message.
type routeHop struct {
	message.Received
	bodyHashes []bodyHash // body hashes of the signatures it added
}

// maxRoute bounds the fields that are read.
const maxRoute = 100

func readRoute(ctx context.Context, m *message.Message) (*route, error) {
	r := &route{off: m.BodyOffset()}
	fields := m.Header()
	var hops []routeHop
	var above []bodyHash // of the system that added the next Received field below
	for _, f := range fields {
		switch {
		case len(hops) == maxRoute:
		case f.Is("Received"):
			hops = append(hops, routeHop{message.ParseReceived(f.Unfolded()), above})
			above = nil
		// RFC 2919, Section 3; RFC 2369, Sections 3.2 and 3.4.
		case f.Is("List-Id", "List-Post", "List-Unsubscribe"):
			r.lists += strings.ToLower(f.Unfolded()) + " "
		case f.Is("X-MIME-Autoconverted"):
			// Sendmail: "from 8bit to quoted-printable by mx.example.net id …".
			r.converter = message.ParseReceived(f.Unfolded()).By
		// RFC 6376, Section 3.5; RFC 8617, Section 4.1.2.
		case f.Is("DKIM-Signature", "ARC-Message-Signature"):
			if s, ok := parseBodyHash(f.Unfolded()); ok && len(above) < maxRoute {
				above = append(above, s)
			}
		}
	}
	r.hops = append(hops, routeHop{bodyHashes: above}) // the origin
	slices.Reverse(r.hops)
	if size := m.Size() - m.BodyOffset(); size <= maxExplained && ctx.Err() == nil {
		r.body = make([]byte, size)
		if _, err := io.ReadFull(m.Body(), r.body); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return r, ctx.Err()
}

// place adds between which systems the change happened, and what shows it.
func (r *route) place(e *Explanation, s *Signature, original []byte) {
	last := len(r.hops) - 1
	if last < 1 {
		return // no Received field
	}
	after, before := 0, last+1
	if r.body != nil && original != nil && s.off >= r.off {
		after, before = r.sealed(s, original)
	}
	what, grounds := " It happened ", "a DKIM signature on the way"
	if len(e.Also) > 0 {
		what = " The first of these happened "
	}
	if after == 0 && before > last {
		after, before, grounds = r.likely(e.Change)
		what = strings.Replace(what, "happened", "probably happened", 1)
	}
	e.After, e.Before = r.name(after), r.name(before)
	switch {
	case e.After != "" && e.Before != "" && after < before:
		e.Sentence += what + "after " + e.After + " received the message and before " + e.Before + " passed it on (according to " + grounds + ")."
	case e.After != "":
		e.Sentence += what + "after " + e.After + " received the message (according to " + grounds + ")."
	case e.Before != "":
		e.Sentence += what + "before " + e.Before + " passed the message on (according to " + grounds + ")."
	case r.name(last) != "":
		// Programs that fetch and store mail add no Received field.
		e.Sentence += " Nothing shows where: before or after " + r.name(last) + " received the message, or in a program that leaves no trace."
	}
}

// name is printable, whatever the field contains.
func (r *route) name(hop int) string {
	if hop < 1 || hop >= len(r.hops) {
		return ""
	}
	return strings.Trim(entity.Quoted(r.hops[hop].By), `"`)
}

// sealed compares the body hashes of signatures on the way with the body as it is, and as it would
// be with the original content: the first fits what was changed before, the second what was changed
// later.
func (r *route) sealed(s *Signature, original []byte) (after, before int) {
	at := s.off - r.off
	restored := slices.Concat(r.body[:at], original, r.body[at+s.size:])
	before = len(r.hops)
	for i, hop := range r.hops {
		for _, h := range hop.bodyHashes {
			switch {
			case h.matches(restored):
				after = i
			case h.matches(r.body):
				before = min(before, i)
			}
		}
	}
	return after, before
}

// likely decides by the kind of system that makes such a change; where nothing does, it returns all
// of the way.
func (r *route) likely(change Change) (after, before int, grounds string) {
	last := len(r.hops) - 1
	switch change {
	case ChangeFrom:
		return last, last + 1, "the kind of change, which is made when a message is stored"
	case ChangeFooter, ChangeWrapped:
		for i := last; i > 0; i-- {
			if r.isList(r.hops[i].By) {
				return i, i + 1, "the header fields of the list"
			}
		}
	case ChangeReencoded:
		for i := 1; i <= last; i++ {
			if r.converter != "" && strings.EqualFold(r.hops[i].By, r.converter) {
				return i, i + 1, "its X-MIME-Autoconverted field"
			}
		}
		// RFC 3848: a host that receives by SMTP and not ESMTP offers no 8BITMIME, so that the one
		// before it has to re-encode.
		for i := 2; i <= last; i++ {
			if r.hops[i].With == "SMTP" {
				return i - 1, i, "the protocol, which has no 8BITMIME"
			}
		}
	default:
	}
	return 0, last + 1, ""
}

// isList reports whether the fields of a list name the host or its domain.
func (r *route) isList(by string) bool {
	by = strings.ToLower(strings.TrimSuffix(by, "."))
	_, domain, ok := strings.Cut(by, ".")
	return r.lists != "" && ok && (strings.Contains(r.lists, by) || strings.Contains(domain, ".") && strings.Contains(r.lists, domain))
}
