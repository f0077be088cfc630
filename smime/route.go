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

// route is the way of a message as the fields tell that systems put on top of it (RFC 5321, Section
// 4.4). All of them can be made up.
type route struct {
	hops []routeHop // in the order of the way
	body []byte     // of the message; nil when it is too big to look at
	off  int64      // where it begins
	// lists is what the fields of RFC 2369 and RFC 2919 say, converter who says to have encoded the
	// message for transfer.
	lists, converter string
}

// routeHop is a system that took the message.
type routeHop struct {
	message.Received
	bodyHashes []bodyHash // body hashes of the signatures it added
}

// maxRoute bounds how many fields are looked at.
const maxRoute = 100

func readRoute(ctx context.Context, m *message.Message) (*route, error) {
	r := &route{off: m.BodyOffset()}
	fields := m.Header()
	var hops []routeHop
	var above []bodyHash // of whoever adds the next Received field below
	for _, f := range fields {
		switch {
		case len(hops) == maxRoute:
		case f.Is("Received"):
			hops = append(hops, routeHop{message.ParseReceived(f.Unfolded()), above})
			above = nil
		case f.Is("List-Id"), f.Is("List-Post"), f.Is("List-Unsubscribe"):
			r.lists += strings.ToLower(f.Unfolded()) + " "
		case f.Is("X-MIME-Autoconverted"):
			// Sendmail: "from 8bit to quoted-printable by mx.example.net id …".
			r.converter = message.ParseReceived(f.Unfolded()).By
		case f.Is("DKIM-Signature") || f.Is("ARC-Message-Signature"):
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

// place says between which systems the change happened, and on what grounds.
func (r *route) place(e *Explanation, s *Signature, original []byte) {
	last := len(r.hops) - 1
	if last < 1 {
		return // no Received field
	}
	after, before := 0, last+1
	if r.body != nil && original != nil && s.off >= r.off {
		after, before = r.sealed(s, original)
	}
	grounds := "a DKIM signature on the way"
	if after == 0 && before > last {
		after, before, grounds = r.likely(e.Change)
	}
	e.After, e.Before = r.name(after), r.name(before)
	what := " It happened "
	if len(e.Also) > 0 {
		what = " The first of these happened "
	}
	switch {
	case e.After != "" && e.Before != "" && after < before:
		e.Sentence += what + "after " + e.After + " took the message and before " + e.Before + " had passed it on (by " + grounds + ")."
	case e.After != "":
		e.Sentence += what + "after " + e.After + " took the message (by " + grounds + ")."
	case e.Before != "":
		e.Sentence += what + "before " + e.Before + " had passed the message on (by " + grounds + ")."
	}
}

// name is printable whatever the field said.
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

// likely falls back on what kind of system does such a thing.
func (r *route) likely(change Change) (after, before int, grounds string) {
	last := len(r.hops) - 1
	switch change {
	case ChangeFrom:
		return last, last + 1, "the kind of change: it is made when a message is stored"
	case ChangeFooter, ChangeWrapped:
		for i := last; i > 0; i-- {
			if r.isList(r.hops[i].By) {
				return i, i + 1, "the fields of the list"
			}
		}
	case ChangeReencoded:
		for i := 1; i <= last; i++ {
			if r.converter != "" && strings.EqualFold(r.hops[i].By, r.converter) {
				return i, i + 1, "its field X-MIME-Autoconverted"
			}
		}
		// RFC 3848: who takes a message by SMTP and not ESMTP offers no 8BITMIME, so that the one
		// before has to re-encode it.
		for i := 2; i <= last; i++ {
			if r.hops[i].With == "SMTP" {
				return i - 1, i, "the protocol, which has no 8BITMIME"
			}
		}
	default:
	}
	if last < 2 {
		return 0, last, "the Received fields"
	}
	return 1, last, "the Received fields"
}

// isList reports whether the fields of a list speak of the system, or of the domain it is in.
func (r *route) isList(by string) bool {
	by = strings.ToLower(strings.TrimSuffix(by, "."))
	_, domain, ok := strings.Cut(by, ".")
	return r.lists != "" && ok && (strings.Contains(r.lists, by) || strings.Contains(domain, ".") && strings.Contains(r.lists, domain))
}
