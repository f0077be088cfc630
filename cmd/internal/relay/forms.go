package relay

import (
	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// part is one form of the message and the recipients that get it, by their place.
type part struct {
	at   []int
	edit *message.Edit
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

func allTaken(replies []wire.Reply, at []int) bool {
	for _, i := range at {
		if !replies[i].OK() {
			return false
		}
	}
	return true
}

// merge makes one answer of those for several recipients: 250 only when all were taken, and 451
// when some were, because duplicates are better than loss. Nothing was taken: then a temporary
// refusal goes before a permanent one, so that the client tries again.
func merge(replies []wire.Reply) wire.Reply {
	var taken, temporary, permanent *wire.Reply
	for i := range replies {
		switch r := &replies[i]; {
		case r.OK():
			taken = r
		case r.Temporary():
			temporary = orFirst(temporary, r)
		case r.Code != 0:
			permanent = orFirst(permanent, r)
		}
	}
	refused := temporary != nil || permanent != nil
	switch {
	case taken != nil && !refused:
		return *taken
	case taken != nil:
		return replyPartly
	case temporary != nil:
		return *temporary
	case permanent != nil:
		return *permanent
	}
	return replyLocal
}

func orFirst(a, b *wire.Reply) *wire.Reply {
	if a != nil {
		return a
	}
	return b
}
