package relay

import (
	"cmp"

	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// part is one form of the message and the recipients that get it, by their place.
type part struct {
	at   []int
	edit *message.Edit
	// outcome is that of the message.
	outcome *message.Outcome
}

// split finds the recipients of each form; those in none get the outcome's own edit.
func split(rcpts []recipient, out *message.Outcome) []part {
	parts := make([]part, len(out.Forms)+1)
	formOf := map[string]int{}
	for i, f := range out.Forms {
		parts[i].edit = f.Edit
		for _, r := range f.Rcpt {
			formOf[r] = i + 1
		}
	}
	rest := len(out.Forms)
	parts[rest].edit = out.Edit
	for i, r := range rcpts {
		n := rest
		if f := formOf[r.path]; f > 0 {
			n = f - 1
		}
		parts[n].at = append(parts[n].at, i)
	}
	used := parts[:0]
	for _, p := range parts {
		if len(p.at) > 0 {
			used = append(used, p)
		}
	}
	return used
}

func allAccepted(replies []wire.Reply, at []int) bool {
	for _, i := range at {
		if !replies[i].OK() {
			return false
		}
	}
	return true
}

// merge makes one reply of the replies for several recipients: 250 only when all accepted, and 451
// when some did, because duplicates are better than loss (RFC 5321, Section 6.1). When none did, a
// temporary refusal comes before a permanent one, so that the client tries again.
func merge(replies []wire.Reply) wire.Reply {
	var accepted, temporary, permanent *wire.Reply
	for i := range replies {
		switch r := &replies[i]; {
		case r.OK():
			accepted = r
		case r.Temporary():
			temporary = cmp.Or(temporary, r)
		case r.Code != 0:
			permanent = cmp.Or(permanent, r)
		}
	}
	refused := temporary != nil || permanent != nil
	switch {
	case accepted != nil && !refused:
		return *accepted
	case accepted != nil:
		return replyPartly
	case temporary != nil:
		return *temporary
	case permanent != nil:
		return *permanent
	}
	return replyLocal
}
