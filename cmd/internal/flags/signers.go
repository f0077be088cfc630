package flags

import (
	"errors"
	"fmt"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// Signers loads by l the identities to sign with: the named ones, else the identity of From.
func Signers(l identity.Loader, dir string, names []string, m *message.Message) ([]*identity.Identity, error) {
	if len(names) == 0 {
		from, err := m.From()
		switch {
		case err != nil:
			return nil, fmt.Errorf("the From field cannot be read: %w", err)
		case len(from) == 0 && m.Stray() != "":
			return nil, cli.Hint(fmt.Errorf("the message has no From address before the line %+q, which is no header field and so ends the header", m.Stray()),
				"repair the header, or choose a signer with --identity NAME")
		case len(from) == 0:
			return nil, cli.Hint(errors.New("the message has no From address"), "add a From field, or choose a signer with --identity NAME")
		case len(from) > 1:
			return nil, cli.Hint(errors.New("the message has more than one From address"), "a signature speaks for one sender: choose with --identity NAME")
		}
		names = []string{from[0].String()}
	}
	var ids []*identity.Identity
	for _, name := range names {
		id, err := l.Load(dir, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
